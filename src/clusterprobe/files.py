"""Files on a disk that may be full, shared or hostile: written whole or not at all, and read within a limit."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import string
import time
from collections.abc import Iterator
from pathlib import Path

MIB = 1024**2
LOCK_SECONDS = 5.0  # what writing a report takes, many times over
_LETTERS = frozenset(string.ascii_letters + string.digits + "-_.")
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)  # a FIFO without a writer would be waited for
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def can_be_folder(name: str) -> bool:
    """Whether a name may be that of a folder anywhere: letters, digits, `-`, `_` and `.`, which is not the first; at most 100."""
    return 0 < len(name) <= 100 and name[0] not in ".-_" and set(name) <= _LETTERS


def open_regular(path: Path, *, links: bool = True) -> int:
    """A descriptor of a regular file, without ever waiting. Without `links`, neither it nor its folder may be a symbolic link.

    Raises `OSError`, also for what is no file: a folder, a FIFO, a device, a path that no file can have.
    """
    try:
        descriptor = os.open(path, _FLAGS) if links else _open_without_links(path)
    except ValueError:  # a NUL in the path
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path)) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def _open_without_links(path: Path) -> int:
    folder = os.open(path.parent, _FLAGS | _NO_LINK | getattr(os, "O_DIRECTORY", 0))
    try:
        return os.open(path.name, _FLAGS | _NO_LINK, dir_fd=folder)
    finally:
        os.close(folder)


def read_limited(path: Path, limit: int, *, links: bool = True) -> bytes:
    """The content of a regular file of at most `limit` bytes; raises `OSError` for any other."""
    with open(open_regular(path, links=links), "rb") as file:
        content = file.read(limit + 1) if os.fstat(file.fileno()).st_size <= limit else None
    if content is None or len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit / MIB:g} MiB", str(path))
    return content


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Nobody else of ours puts files there meanwhile, where the system has locks; whoever holds one for ever is not waited for."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            until = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.01)
                else:
                    break
        yield


@contextlib.contextmanager
def writing(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Where to write what is to become `path`: it appears there whole at the end, or not at all. Raises `OSError`.

    Without `replace`, a file that has come to be there meanwhile is left, and `FileExistsError` raised.
    """
    partial = path.with_name(f".{os.urandom(8).hex()}.partial")  # short, for the name itself may be as long as names can be
    try:
        yield partial
        put(partial, path, replace=replace)
    finally:
        partial.unlink(missing_ok=True)


def put(partial: Path, path: Path, *, replace: bool = True) -> None:
    """Move a file to its name at once, when its content is on the disk: a crash leaves the old one or the new one."""
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if not replace:
        try:
            path.hardlink_to(partial)
            return
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
    partial.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with writing(path) as partial:
        partial.write_bytes(content)
