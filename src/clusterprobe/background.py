"""Threads that nobody waits for: what they do may hang for ever, and the process ends all the same."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn


class _Background(threading.Thread):
    """A daemon of ours, so that those of others are told from it."""


def start(name: str, work: Callable[..., object], *arguments: object) -> None:
    """Let a thread do it; the end of the process ends it, wherever it is."""
    _Background(name=name, target=work, args=arguments, daemon=True).start()


def end_process(status: int) -> NoReturn:
    """End with that exit status, once all that was written is flushed.

    As Python ends, it unwinds a daemon that wants to go on; where that one is inside RE2, C++ takes it for an error, and the process
    dies of SIGABRT. So while one of ours is alive the process ends without unwinding.
    """
    if any(isinstance(one, _Background) for one in threading.enumerate()):
        os._exit(status)
    sys.exit(status)
