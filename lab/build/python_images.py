"""Images with Python in them, in three layers: Debian with its Python, the pinned packages of PyPI, and the lab's own sources.

Nothing but the sources differs between most images, so the layers are packed once each, under the digest of all that goes
into them, and the images share them. Debian's packages are unpacked, not configured: Python needs no more, and it takes
seconds. pip and whatever prepares the sources run in the image's own root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.build.archives import Image, write_archive
from lab.build.debian import SUITE, UNNEEDED, unpack
from lab.build.go import locked
from lab.command import ENVIRONMENT, run
from lab.layout import WORKERS, Node
from lab.paths import CACHE

SERVICES = Path(__file__).parents[1] / "services"  # the sources, a folder an image
# greenlet and pandas are linked with libstdc++.
DEBIAN_PACKAGES = ("python3", "python3-venv", "ca-certificates", "dash", "bash", "coreutils", "libc-bin", "libstdc++6")
SITE = "/opt/python"  # where the packages lie, so that a layer is one folder
APPLICATION = "/opt/app"  # where the sources lie
_ENVIRONMENT = (
    f"PATH={SITE}/bin:/usr/local/bin:/usr/bin:/bin",
    f"PYTHONPATH={APPLICATION}:{SITE}",
    "PYTHONUNBUFFERED=1",
    "PYTHONDONTWRITEBYTECODE=1",
    "LANG=C.UTF-8",
)


@dataclass(frozen=True)
class PythonRecipe:
    """An image of Python sources: a folder of the lab's with a requirements.txt in it, where every package is pinned.

    `prepare` runs in the image's root when it is built, in the sources' folder: to train a model, say. What it writes
    there is in the image.
    """

    image: Image
    sources: Path
    prepare: tuple[str, ...] = ()
    nodes: Sequence[Node] = field(default_factory=lambda: tuple(WORKERS))

    @property
    def requirements(self) -> Path:
        return self.sources / "requirements.txt"


def archive(recipe: PythonRecipe) -> Path:
    """The packed image in the cache, named after all that goes into it."""
    keys = _keys(recipe)
    found = CACHE / "images" / f"{recipe.image.name.replace('/', '_').replace(':', '_')}-{keys[-1]}.tar"
    if not found.exists():
        found.parent.mkdir(parents=True, exist_ok=True)
        write_archive(recipe.image, _layers(recipe, keys), found, _ENVIRONMENT)
    return found


def _keys(recipe: PythonRecipe) -> list[str]:
    """What names each layer: the digest of its ingredients and of the layers below it."""
    files = sorted(path for path in recipe.sources.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    sources = [(str(path.relative_to(recipe.sources)), path.read_bytes()) for path in files]
    ingredients = [(SUITE, DEBIAN_PACKAGES, UNNEEDED), recipe.requirements.read_bytes(), (recipe.image, sources, recipe.prepare)]
    keys: list[str] = []
    for each in ingredients:
        keys.append(hashlib.sha256(repr((keys, _ENVIRONMENT, each)).encode()).hexdigest()[:16])
    return keys


def _layers(recipe: PythonRecipe, keys: Sequence[str]) -> list[Path]:
    """The layers' tar files, the lowest first; what is not packed yet is made on top of those below it."""
    makers: Mapping[str, Callable[[Path], str]] = {
        "debian": _install_debian,
        "packages": lambda root: _install_packages(root, recipe.requirements),
        "sources": lambda root: _install_sources(root, recipe),
    }
    layers: list[Path] = []
    for (name, make), key in zip(makers.items(), keys, strict=True):
        layer = CACHE / "layers" / f"{name}-{key}.tar"
        layer.parent.mkdir(parents=True, exist_ok=True)
        with locked(layer.with_suffix(".lock")):
            if not layer.exists():
                _make_layer(layer, layers, make)
        layers.append(layer)
    return layers


def _make_layer(layer: Path, below: Sequence[Path], make: Callable[[Path], str]) -> None:
    """`make` changes the root and says which folder of it is the layer."""
    print(f"packing {layer.name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="packing-", dir=CACHE) as folder:
        root = Path(folder) / "root"
        root.mkdir()
        for each in below:
            with tarfile.open(each) as tar:
                tar.extractall(root, filter="fully_trusted")
        part = make(root)
        unfinished = layer.with_suffix(".unfinished")
        with tarfile.open(unfinished, "w") as tar:
            for entry in sorted((root / part).iterdir()) if not part else [root / part]:
                tar.add(entry, arcname=str(entry.relative_to(root)))
        unfinished.rename(layer)


def _install_debian(root: Path) -> str:
    unpack(root, DEBIAN_PACKAGES)
    # Debian compiles it when it configures the packages; a root that nothing writes to would compile it at every start.
    _in_root(root, "/", "/usr/bin/python3", "-m", "compileall", "-q", "/usr/lib/python3.11")
    return ""


def _install_packages(root: Path, requirements: Path) -> str:
    shutil.copyfile(requirements, root / "tmp/requirements.txt")
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    bundle = Path(os.environ.get("PIP_CERT", ""))
    if bundle.is_file():
        (root / bundle.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle, root / bundle.relative_to("/"))
    pip = next((root / "usr/share/python-wheels").glob("pip-*.whl")).relative_to(root)
    options = ("--quiet", "--no-cache-dir", "--disable-pip-version-check", "--root-user-action=ignore", "--target", SITE)
    _in_root(root, "/", "/usr/bin/python3", f"/{pip}/pip", "install", *options, "-r", "/tmp/requirements.txt")
    return SITE.lstrip("/")


def _install_sources(root: Path, recipe: PythonRecipe) -> str:
    application = root / APPLICATION.lstrip("/")
    shutil.copytree(recipe.sources, application, ignore=shutil.ignore_patterns("__pycache__"))
    if recipe.prepare:
        _in_root(root, APPLICATION, *recipe.prepare)
    _in_root(root, APPLICATION, "/usr/bin/python3", "-m", "compileall", "-q", APPLICATION)
    return APPLICATION.lstrip("/")


def _in_root(root: Path, folder: str, *command: str) -> None:
    """Run a program of the image in the image's root."""
    kept = {name: value for name, value in ENVIRONMENT.items() if name.lower().endswith("_proxy") or name.startswith("PIP_")}
    kept.pop("PIP_FIND_LINKS", None)  # a folder of this machine, which the root does not have
    settings = [each for each in _ENVIRONMENT if "DONTWRITE" not in each]
    for device, minor in (("null", 3), ("urandom", 9)):
        if not (root / "dev" / device).exists():
            os.mknod(root / "dev" / device, 0o20666, os.makedev(1, minor))
    script = f'cd {folder} && exec "$@"'
    inside = ("/usr/bin/env", "-i", "HOME=/tmp", *settings, *(f"{name}={value}" for name, value in kept.items()))
    run("chroot", root, *inside, "/bin/sh", "-c", script, "sh", *command)
