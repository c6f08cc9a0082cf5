"""Threads that nobody waits for: what they do may hang for ever, and the process ends all the same."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import NoReturn

from clusterprobe.streams import flushed


def start(name: str, work: Callable[..., object], *arguments: object) -> None:
    """Let a thread do it; the end of the process ends it, wherever it is."""
    threading.Thread(name=name, target=work, args=arguments, daemon=True).start()


def end_process(status: int) -> NoReturn:
    """End with that exit status, once what is registered for the end has run, and all that was written is flushed.

    What Python does besides as it ends is of no use to anybody, and takes long where much was read. It also unwinds a daemon that wants to
    go on; where that one is inside RE2, C++ takes it for an error, and the process dies of SIGABRT.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to it
    flushed()
    os._exit(status)
