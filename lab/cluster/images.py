"""Brings images to the nodes, without a registry."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.build.images import AnyRecipe, archive_of
from lab.command import run
from lab.errors import LabError
from lab.layout import Node


def import_images(recipes: Sequence[AnyRecipe]) -> None:
    """Import each image on the nodes that need it."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(bring_image, recipes))


def bring_image(recipe: AnyRecipe) -> None:
    """Import one image on the nodes that need it, packed first if it is not."""
    _import_image(archive_of(recipe), recipe.nodes)


def ctr(node: Node, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run("ctr", "--address", node.containerd_socket, "--namespace", "k8s.io", *arguments, check=False)


def _import_image(archive: Path, nodes: Sequence[Node]) -> None:
    def import_on(node: Node) -> None:
        done = ctr(node, "images", "import", archive)
        if done.returncode:
            raise LabError(f"importing {archive} on {node.name}: {done.stderr}")

    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(import_on, nodes))
