"""What a person sees while a run goes on: a moving line on a terminal, quiet lines elsewhere. All on stderr."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from clusterprobe import model
from clusterprobe.model import ProbeResult, ProbeVerdict, RunResult
from clusterprobe.redaction import redact
from clusterprobe.report.safe import for_console


class Progress:
    """A pytest plugin by duck typing, and the run's observer; keeps the result for the exit status."""

    def __init__(self) -> None:
        self.__name__ = "clusterprobe-observer"  # what pytest registers it as
        self.result: RunResult | None = None
        self.folder: Path | None = None
        self.collection_errors: list[str] = []
        self._moving = sys.stderr.isatty()
        self._begun = False

    # --- the run's observer -------------------------------------------------------------------------------------------

    def connected(self, cluster: model.Cluster, trouble: str) -> None:
        """The first line says which cluster, context and user."""
        user = f" as {cluster.user}" if cluster.user else ""
        version = f", Kubernetes {cluster.version}" if cluster.version else ""
        self._line(f"cluster {cluster.server or '(unknown)'} (context {cluster.context or 'none'}{user}{version})")
        if trouble:
            self._line(f"no way in: {trouble}")

    def read(self, source: str, seconds: float, done: int, total: int) -> None:
        if self._moving:
            sys.stderr.write(f"\r\x1b[Kreading {done}/{total}: {source}")
            sys.stderr.flush()

    def concluded(self, probe: ProbeResult) -> None:
        if self._moving:
            sys.stderr.write(f"\r\x1b[K{probe.id}: {probe.verdict}")
            sys.stderr.flush()
        elif probe.verdict not in (ProbeVerdict.PASS, ProbeVerdict.NOT_APPLICABLE):
            self._line(f"{probe.id}: {probe.verdict}: {probe.reason}")

    def finished(self, result: RunResult, folder: Path, troubles: list[str]) -> None:
        self.result, self.folder = result, folder
        if self._moving:
            sys.stderr.write("\r\x1b[K")
        for one in troubles:
            self._line(f"an output could not be written: {one}")

    def show(self) -> None:
        """Print the answer of the run that has ended."""
        from clusterprobe.report.terminal import show

        if self.result is not None:
            show(self.result, self.folder)

    def refused(self, why: str) -> None:
        """The run cannot be as it was asked for."""
        self._line(why)

    def say(self, text: str) -> None:
        """A line of our own beside the answer."""
        self._line(text)

    def _line(self, text: str) -> None:
        over = "\r\x1b[K" if self._moving else ""  # what stands in the line that moves
        sys.stderr.write(f"{over}clusterprobe: {for_console(redact(text))}\n")
        sys.stderr.flush()

    # --- pytest's hooks -----------------------------------------------------------------------------------------------

    def pytest_sessionfinish(self) -> None:
        """What is left to do, to clean up and to write what was seen, is what SIGTERM asks for: another one must not break it off."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def pytest_collectreport(self, report: Any) -> None:
        """A probe file that cannot be imported is our bug, and must be heard of although pytest's terminal is off."""
        if report.failed:
            self.collection_errors.append(f"{report.nodeid} cannot be loaded: {str(report.longrepr).strip().splitlines()[-1]}")
