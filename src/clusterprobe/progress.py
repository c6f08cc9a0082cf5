"""What a person sees while a run goes on: a moving line on a terminal, quiet lines elsewhere. All on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clusterprobe import model
from clusterprobe.errors import crashed, debugging
from clusterprobe.model import ProbeResult, ProbeVerdict, RunResult
from clusterprobe.redaction import redact_forms
from clusterprobe.words import for_console


class Progress:
    """A pytest plugin by duck typing, and the run's observer; keeps the result for the exit status."""

    def __init__(self, ending: Callable[[], None] = lambda: None, *, form: str = "") -> None:
        """`ending` is called once, when what is left is to clean up and to write. `form` is that of the answer."""
        self.__name__ = "clusterprobe-observer"  # what pytest registers it as
        self.result: RunResult | None = None
        self.folder: Path | None = None
        self.collection_errors: list[str] = []
        self.crash = self.unlogged = ""  # why pytest broke, or could not write its page
        self._ending = ending
        self.session: Any = None
        self._form, self._quiet = form, form == "verdict"
        self._moving = sys.stderr.isatty() and not self._quiet
        self._begun = False

    # --- the run's observer -------------------------------------------------------------------------------------------

    def connected(self, cluster: model.Cluster, trouble: str) -> None:
        """The first line says which cluster, context and user."""
        if self._quiet and not trouble:
            return
        user = f" as {cluster.user}" if cluster.user else ""
        version = f", Kubernetes {cluster.version}" if cluster.version else ""
        self._line(f"cluster {cluster.server or '(unknown)'} (context {cluster.context or 'none'}{user}{version})")
        if trouble:
            self._line(f"no access to the API server: {trouble}")

    def read(self, source: str, seconds: float, done: int, total: int) -> None:
        if self._moving:
            self._write(f"\r\x1b[Kreading {done}/{total}: {source}")

    def concluded(self, probe: ProbeResult) -> None:
        if self._moving:
            self._write(f"\r\x1b[K{probe.id}: {probe.verdict}")
        elif not self._quiet and probe.verdict not in (ProbeVerdict.PASS, ProbeVerdict.NOT_APPLICABLE):
            self._line(f"{probe.id}: {probe.verdict}: {probe.reason}")

    def finished(self, result: RunResult, folder: Path, troubles: list[str]) -> None:
        self.result, self.folder = result, None if troubles else folder
        if self._moving:
            self._write("\r\x1b[K")
        for one in troubles:
            self._line(f"an output could not be written: {one}")

    def show(self) -> None:
        """Print the answer of the run that has ended."""
        from clusterprobe.report.terminal import show

        if self.result is not None:
            show(self.result, self.folder, form=self._form)

    def refused(self, why: str) -> None:
        """The run cannot be as it was asked for."""
        self._line(why)

    def say(self, text: str) -> None:
        """A line of our own beside the answer."""
        self._line(text)

    def _line(self, text: str) -> None:
        over = "\r\x1b[K" if self._moving else ""  # what stands in the line that moves
        self._write(f"{over}clusterprobe: {for_console(redact_forms(text))}\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # pytest has a file of its own in place of stderr: its disk may be full
            sys.stderr.write(text)
            sys.stderr.flush()

    # --- pytest's hooks -----------------------------------------------------------------------------------------------

    def pytest_metadata(self, metadata: dict[str, Any]) -> None:
        """What CI systems keep in variables is not for pytest's page: such as a URL of Git's with a token, or somebody's address."""
        for name in metadata.keys() - {"Python", "Platform", "Packages", "Plugins"}:
            del metadata[name]

    def pytest_sessionstart(self, session: Any) -> None:
        self.session = session

    def pytest_sessionfinish(self) -> None:
        """What is left to do, to clean up and to write what was seen, is what a signal asks for: another one must not break it off."""
        self._ending()

    def pytest_internalerror(self, excinfo: Any) -> bool:
        """A crash of ours in one line, in place of pytest's pages of it."""
        self.crash = crashed(excinfo.value)
        self._line(self.crash)
        return not debugging()

    def pytest_collectreport(self, report: Any) -> None:
        """A probe file that cannot be imported is our bug, and must be heard of although pytest's terminal is off."""
        if report.failed:
            self.collection_errors.append(f"{report.nodeid} cannot be loaded: {str(report.longrepr).strip().splitlines()[-1]}")
