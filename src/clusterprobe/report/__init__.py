"""The sinks: each writes one output from a run's result, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from clusterprobe.model import RunResult

Sink = Callable[[RunResult, Path], None]

SINKS = ("results", "html", "junit", "metrics", "summary")


def write_all(result: RunResult, folder: Path) -> list[str]:
    """Write every output into the folder; what failed, as messages. A failing sink never stops the others.

    Secrets are taken out once, before any sink sees the result. If that fails, nothing at all is written.
    """
    from clusterprobe.report.safe import safe

    try:
        folder.mkdir(parents=True, exist_ok=True)
        clean = safe(result)
    except Exception as error:  # what went wrong may quote what should not be seen: only its kind is told
        return [f"no report was written: {_describe(error)}"]
    return [message for name in SINKS if (message := _guarded(name, clean, folder))]


def _guarded(name: str, result: RunResult, folder: Path) -> str:
    try:
        sink: Sink = import_module(f"clusterprobe.report.{name}").write
        sink(result, folder)
    except Exception as error:  # whatever it is, the other outputs are worth having
        return f"the output {name} was not written: {_describe(error)}"
    return ""


def _describe(error: Exception) -> str:
    """An operating system's message is harmless and helps; any other may quote cluster text."""
    return f"{error.strerror} ({error.filename})" if isinstance(error, OSError) and error.strerror else type(error).__name__
