"""The product's own image: the same contents as deploy/image/Dockerfile puts into it, packed without Docker.

What belongs into it stands in two places that both read: the wheel's tables in pyproject.toml, and deploy/image/requirements.txt.
"""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from pathlib import Path

from lab.build.archives import Image
from lab.build.python_images import PythonRecipe
from lab.paths import CACHE

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "deploy/image/requirements.txt"
ENTRY_POINT = ("python3", "-m", "clusterprobe")


def recipe() -> PythonRecipe:
    """The image of the sources as they are now, under the tag that the chart asks for."""
    return PythonRecipe(Image(f"lab/clusterprobe:{_version()}", ENTRY_POINT), _sources())


def contents() -> dict[str, Path]:
    """What the wheel holds: the path in it, and the file that lies there."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    folders = [(ROOT / package, Path(package).name) for package in wheel["packages"]]
    folders += [(ROOT / folder, inside) for folder, inside in wheel["force-include"].items()]
    return {
        f"{inside}/{file.relative_to(folder)}": file
        for folder, inside in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


def _version() -> str:
    namespace: dict[str, str] = {}
    exec((ROOT / "src/clusterprobe/__init__.py").read_text(), namespace)
    return namespace["__version__"]


def _sources() -> Path:
    """A folder of those contents in the cache, named after them."""
    files = contents()
    digest = hashlib.sha256(REQUIREMENTS.read_bytes())
    for path, file in files.items():
        digest.update(repr((path, file.read_bytes())).encode())
    folder = CACHE / "product" / digest.hexdigest()[:16]
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for path, file in files.items():
            (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, unfinished / path)
        shutil.copyfile(REQUIREMENTS, unfinished / "requirements.txt")
        unfinished.rename(folder)
    return folder
