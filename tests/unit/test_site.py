"""The site of the documents: every page is in its navigation, once, and links lead to pages of the site."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterprobe.cli import app

ROOT = Path(__file__).parents[2]


def hooks() -> Any:
    spec = importlib.util.spec_from_file_location("mkdocs_hooks", ROOT / "mkdocs_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOKS = hooks()


def pages(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for one in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []:
        yield from pages(one)


def test_every_page_is_in_the_navigation_once() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    found = list(pages(HOOKS.filled(config["nav"])))
    there = {one.relative_to(ROOT / "docs").as_posix() for one in (ROOT / "docs").rglob("*.md")}
    assert set(found) == there | {f"project/{name}" for name in HOOKS.BESIDE}
    assert len(found) == len(set(found))
    assert config["strict"] is True


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda one: one.stem)
def test_the_commands_that_a_page_names_are_there(page: Path) -> None:
    known = {
        *(one.name or one.callback.__name__.replace("_", "-") for one in app.registered_commands if one.callback),
        *(one.name or one.typer_instance.info.name for one in app.registered_groups if one.typer_instance),
    }
    code = re.findall(r"```sh\n(.*?)```|`(clusterprobe [^`]*)`", page.read_text(), re.DOTALL)
    named = {name for one in code for name in re.findall(r"(?<![\w/.-])clusterprobe ([a-z][a-z-]*)(?![\w./:-])", "".join(one))}
    assert named - known == set()


@pytest.mark.parametrize(
    ("source", "address", "text", "shown"),
    [
        ("docs/ci.md", "ci.md", "[a](deploy.md#x)", "[a](deploy.md#x)"),
        ("docs/ci.md", "ci.md", "[a](../SECURITY.md#x)", "[a](project/SECURITY.md#x)"),
        ("SECURITY.md", "project/SECURITY.md", "[a](docs/ci.md), [b](CHANGELOG.md)", "[a](../ci.md), [b](CHANGELOG.md)"),
        ("docs/probes/loki-ready.md", "probes/loki-ready.md", "[a](../ci.md)", "[a](../ci.md)"),
        ("docs/ci.md", "ci.md", "[home](../README.md)", "[home](index.md)"),
        ("docs/ci.md", "ci.md", "[the chart](../deploy/chart)", "the chart (`deploy/chart`)"),
        ("docs/ci.md", "ci.md", "[`role.yaml`](../deploy/rollback/role.yaml)", "`deploy/rollback/role.yaml`"),
        ("docs/ci.md", "ci.md", "[a](https://example.org/x), ![b](report.png)", "[a](https://example.org/x), ![b](report.png)"),
        ("docs/ci.md", "ci.md", "```md\n[a](../deploy)\n```", "```md\n[a](../deploy)\n```"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(source: str, address: str, text: str, shown: str) -> None:
    assert HOOKS.with_links(text, ROOT / source, address) == shown
