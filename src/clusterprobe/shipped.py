"""Where the probes, profiles and the demo bundle are: in the checkout, else in the installed package."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """The folder `probes`, `profiles` or `demo`. An editable install has copies that grow stale, so the checkout goes first."""
    package = Path(__file__).parent
    checkout = package.parent.parent / name
    if checkout.is_dir() and (package.parent.parent / "pyproject.toml").is_file():
        return checkout
    return package / "_shipped" / name
