"""Small disks of a node: a file with a file system in it, mounted where the node's kubelet and its containers see it."""

from __future__ import annotations

from pathlib import Path

from lab.command import run
from lab.layout import Node

_FOLDER = "/mnt/disks"  # where the local-static provisioner looks for disks, by its documentation
_MEBIBYTE = 1 << 20


def make_disk(node: Node, name: str, megabytes: int, owner: int) -> str:
    """Make and mount it, if it is not; returns its path on the node. Its file system takes a part of the room."""
    path = disk_path(name)
    image = _image(node, name)
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(megabytes * _MEBIBYTE)
        run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-E", f"root_owner={owner}:{owner}", image)
        Path(path).mkdir(parents=True, exist_ok=True)
        _on(node, "mount", "-o", "loop", image, path)
    return path


def fill_disk(node: Node, name: str, kilobytes_left: int) -> None:
    """Put a file on it that leaves only so much room."""
    free = _on(node, "stat", "--file-system", "--format=%a %S", disk_path(name)).split()
    size = int(free[0]) * int(free[1]) - kilobytes_left * 1024
    _on(node, "fallocate", "--length", size, f"{disk_path(name)}/forgotten-copy")


def remove_disk(node: Node, name: str) -> None:
    _on(node, "umount", disk_path(name), check=False)
    _image(node, name).unlink(missing_ok=True)


def disk_path(name: str) -> str:
    return f"{_FOLDER}/{name}"


def _image(node: Node, name: str) -> Path:
    return node.home / f"{name}.img"


def _on(node: Node, *command: object, check: bool = True) -> str:
    return run("nsenter", f"--mount={node.mount_namespace}", *command, check=check).stdout
