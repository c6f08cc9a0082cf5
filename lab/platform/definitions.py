"""Custom resource definitions, as the modules of the programs bring them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from lab import api
from lab.build.modules import Module
from lab.command import wait_until

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install_definitions(*files: Path) -> None:
    """Apply them, and wait until the API server takes objects of each."""
    api.apply("\n---\n".join(file.read_text() for file in files))
    names = _names(files)
    wait_until(f"the API server to take {', '.join(names)}", lambda: all(_established(name) for name in names), 30)


def are_installed(*files: Path) -> bool:
    """Whether all of them are there."""
    return all(api.find(f"{_PATH}/{name}") is not None for name in _names(files))


def remove_definitions(*files: Path) -> None:
    """Delete them, and with them every object of theirs."""
    for name in _names(files):
        api.delete(f"{_PATH}/{name}")


def definitions_of(module: Module) -> list[Path]:
    return [file for file in sorted(module.definitions_folder.glob("*.yaml")) if file.name != "kustomization.yaml"]


def _names(files: Sequence[Path]) -> list[str]:
    """Read as plain text throughout: the Operator's definitions have an `=` in them, for which YAML 1.1 has a type of its own."""
    return [one["metadata"]["name"] for file in files for one in yaml.load_all(file.read_text(), yaml.CBaseLoader) if one]


def _established(name: str) -> bool:
    conditions = api.get(f"{_PATH}/{name}").get("status", {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
