"""The sinks: each writes one output from a run's result, and decides nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from clusterprobe.archive import PARTIAL
from clusterprobe.files import alone_in, put
from clusterprobe.model import RunResult

Sink = Callable[[RunResult, Path], None]

SINKS = ("html", "junit", "metrics", "summary", "results")


def write_all(result: RunResult, folder: Path) -> list[str]:
    """Write every output into the folder; what failed, as messages. A failing sink never stops the others.

    Secrets are taken out once, before any sink sees the result. If that fails, nothing at all is written.
    Each output appears whole or not at all, and results.json last, so that where it is, the others are.
    """
    from clusterprobe.report.safe import safe

    try:
        folder.mkdir(parents=True, exist_ok=True)
        clean = safe(result)
        staged = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder))
    except Exception as error:  # what went wrong may quote what should not be seen: only its kind is told
        return [f"no report was written: {_describe(error, folder)}"]
    try:
        troubles = {name: why for name in SINKS if (why := _attempt(partial(_write, name, clean, staged / name), folder))}
        with alone_in(folder):  # or the page would be one run's, and the results another's
            for name in SINKS:
                if name not in troubles and (why := _attempt(partial(_put_all, staged / name, folder), folder)):
                    troubles[name] = why
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return [f"{_named(names)} written: {why}" for why, names in _by_reason(troubles).items()]


def _write(name: str, result: RunResult, folder: Path) -> None:
    sink: Sink = import_module(f"clusterprobe.report.{name}").write
    folder.mkdir()
    sink(result, folder)


def _put_all(staged: Path, folder: Path) -> None:
    for file in staged.iterdir():
        put(file, folder / file.name)


def _attempt(action: Callable[[], None], folder: Path) -> str:
    """Why an output was not written, if it was not. Whatever it is, the other outputs are worth having."""
    try:
        action()
    except Exception as error:
        return _describe(error, folder)
    return ""


def _by_reason(troubles: dict[str, str]) -> dict[str, list[str]]:
    return {why: [name for name, each in troubles.items() if each == why] for why in troubles.values()}


def _named(names: list[str]) -> str:
    return f"the output {names[0]} was not" if len(names) == 1 else f"the outputs {', '.join(names)} were not"


def _describe(error: Exception, folder: Path) -> str:
    """An operating system's message is harmless and helps; any other may quote cluster text."""
    if not isinstance(error, OSError) or not error.strerror:
        return type(error).__name__
    file = error.filename if error.filename and PARTIAL not in str(error.filename) else folder  # our own names help nobody
    return f"{error.strerror} ({file})"
