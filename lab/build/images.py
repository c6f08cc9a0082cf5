"""Images of programs built here. They bear the names of the published ones."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lab.build import debian, python_images
from lab.build.archives import Image, pack_image, write_system_files
from lab.build.debian import DebianRecipe
from lab.build.modules import Module
from lab.build.python_images import PythonRecipe
from lab.command import run
from lab.layout import NODES, WORKERS, Node
from lab.paths import CACHE

BUSYBOX = Path("/bin/busybox")
_PAUSE = """#include <signal.h>
#include <unistd.h>
static void stop(int signal_number) { _exit(0); }
int main(void) { signal(SIGTERM, stop); signal(SIGINT, stop); for (;;) pause(); }
"""


@dataclass(frozen=True)
class Recipe:
    """An image, the programs in it by their path there, and the nodes that need it."""

    image: Image
    programs: Mapping[str, Path] = field(default_factory=dict)
    with_shell: bool = False
    nodes: Sequence[Node] = tuple(WORKERS)


AnyRecipe = Recipe | PythonRecipe | DebianRecipe


def published(name: str, module: Module, *paths: str, with_shell: bool = False, nodes: Sequence[Node] = tuple(WORKERS)) -> Recipe:
    """An image under the name of a published one: programs of a module by their paths in it, the first of them its entry point."""
    programs = {path: module.program(Path(path).name) for path in paths}
    return Recipe(Image(name, (paths[0],)), programs, with_shell, nodes)


def own_images() -> list[Recipe]:
    """What every node has, whatever runs on it: the sandbox of a pod, and a shell for the stages."""
    return [
        Recipe(Image("lab/pause:1", ("/pause",)), {"/pause": _pause_path()}, nodes=NODES),
        Recipe(Image("lab/pause:2", ("/pause",)), {"/pause": _pause_path()}),  # the same under a newer tag, to roll out
        Recipe(Image("lab/busybox:1", ("/bin/sh",)), with_shell=True, nodes=NODES),
    ]


def pack_images(recipes: Sequence[AnyRecipe]) -> None:
    """Pack what is not in the cache yet."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(archive_of, recipes))


def archive_of(recipe: AnyRecipe) -> Path:
    """The packed image in the cache; it is packed first if it is not there."""
    match recipe:
        case PythonRecipe():
            return python_images.archive(recipe)
        case DebianRecipe():
            return debian.archive(recipe)
    return _archive(recipe)


def _archive(recipe: Recipe) -> Path:
    """The packed image in the cache, named after all that goes into it."""
    ingredients = [recipe.image, *((path, source, source.stat()[6:9:2]) for path, source in recipe.programs.items())]
    digest = hashlib.sha256(repr((ingredients, recipe.with_shell)).encode()).hexdigest()[:16]
    archive = CACHE / "images" / f"{recipe.image.name.replace('/', '_').replace(':', '_')}-{digest}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            _fill_root(recipe, root)
            pack_image(recipe.image, root, archive)
    return archive


def _fill_root(recipe: Recipe, root: Path) -> None:
    for folder in ("bin", "etc/ssl/certs", "tmp"):
        (root / folder).mkdir(parents=True)
    write_system_files(root)
    if recipe.with_shell:
        _add_shell(root)
    for path, source in recipe.programs.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755)


def _add_shell(root: Path) -> None:
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for applet in run(BUSYBOX, "--list").stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")


def _pause_path() -> Path:
    """What holds a pod's namespaces: it does nothing until it is told to end."""
    path = CACHE / "pause"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        run("gcc", "-static", "-O2", "-x", "c", "-", "-o", f"{path}.unfinished", text=_PAUSE)
        path.with_name("pause.unfinished").rename(path)
    return path
