"""NFS without an NFS client in the kernel.

Each kubelet finds a `mount` that serves `-t nfs SERVER:PATH` from a folder of the host by a bind mount, and an `umount`
that first waits as long as the node's delay says. So a PersistentVolume with `spec.nfs` goes through the real kubelet,
and a server that is slow to let a node go can be staged.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.layout import Node
from lab.paths import NFS_EXPORTS

_MOUNT = """#!/bin/sh
if [ "$1" = -t ] && [ "$2" = nfs ]; then
  shift 2
  [ "$1" = -o ] && shift 2
  exec /bin/mount --bind "{exports}/${{1#*:}}" "$2"
fi
exec /bin/mount "$@"
"""
# The delay is read again and again: a server that has recovered lets go of those who are waiting, too.
_UMOUNT = """#!/bin/sh
case "$*" in
  *kubernetes.io~nfs*)
    waited=0
    while [ "$waited" -lt "$(cat "{delay}" 2>/dev/null || echo 0)" ]; do sleep 1; waited=$((waited + 1)); done;;
esac
exec /bin/umount "$@"
"""


def write_mount_helpers(node: Node) -> Path:
    """The folder that a node's kubelet must find first on its PATH."""
    folder = node.home / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mount").write_text(_MOUNT.format(exports=NFS_EXPORTS))
    (folder / "umount").write_text(_UMOUNT.format(delay=_delay_file(node)))
    for helper in folder.iterdir():
        helper.chmod(0o755)
    return folder


def set_unmount_delay(node: Node, seconds: int) -> None:
    """How long the NFS server takes to let this node unmount."""
    _delay_file(node).write_text(str(seconds))


def make_export(path: str, owner: int, mode: int) -> None:
    """Make a directory on the NFS server: `path` is what `spec.nfs.path` of a volume says."""
    folder = NFS_EXPORTS / path.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, owner, owner)
    folder.chmod(mode)


def remove_export(path: str) -> None:
    shutil.rmtree(NFS_EXPORTS / path.lstrip("/"), ignore_errors=True)


def _delay_file(node: Node) -> Path:
    return node.home / "umount-delay"
