"""Images of programs out of Debian's packages: unpacked, not configured, which takes seconds."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.build.archives import Image, pack_image, write_system_files
from lab.command import run
from lab.layout import WORKERS, Node
from lab.paths import CACHE

SUITE = "bookworm"  # Debian 12: its Python is 3.11
UNNEEDED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "usr/share/info", "usr/share/lintian", "var/cache", "var/log", "var/lib")


@dataclass(frozen=True)
class DebianRecipe:
    """An image of some packages and what they need; its entry point is one of their programs."""

    image: Image
    packages: tuple[str, ...]
    nodes: Sequence[Node] = tuple(WORKERS)


def unpack(root: Path, packages: Sequence[str]) -> None:
    """Packages and what they need, as a root file system."""
    run("mmdebstrap", "--quiet", "--mode=root", "--variant=extract", f"--include={','.join(packages)}", SUITE, root)
    for each in UNNEEDED:
        shutil.rmtree(root / each, ignore_errors=True)
    for each in ("tmp", "proc", "sys", "dev", "var/lib", "etc/ssl/certs"):
        (root / each).mkdir(parents=True, exist_ok=True)
    write_system_files(root)


def archive(recipe: DebianRecipe) -> Path:
    """The packed image in the cache, named after all that goes into it."""
    digest = hashlib.sha256(repr((SUITE, UNNEEDED, recipe.image, recipe.packages)).encode()).hexdigest()[:16]
    found = CACHE / "images" / f"{recipe.image.name.replace('/', '_').replace(':', '_')}-{digest}.tar"
    if not found.exists():
        found.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="packing-", dir=CACHE) as folder:
            root = Path(folder) / "root"
            root.mkdir()
            unpack(root, recipe.packages)
            pack_image(recipe.image, root, found)
    return found
