"""One run from its request to its result. Knows neither pytest nor the command line."""

from __future__ import annotations

import datetime
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from clusterprobe import __version__, model
from clusterprobe.access.bundle import Bundle, new_manifest, write_bundle
from clusterprobe.access.deadline import Deadline
from clusterprobe.archive import check_folder
from clusterprobe.correlation import explain
from clusterprobe.errors import UsageError
from clusterprobe.evidence import Evidence
from clusterprobe.history import compare, earlier, last_run
from clusterprobe.model import ProbeResult, ProbeVerdict, RunResult, Severity
from clusterprobe.outcome import exit_status, run_verdict
from clusterprobe.profile import Profile, load_profile, seconds
from clusterprobe.redaction import redact
from clusterprobe.shipped import shipped


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for; empty means the profile's or the usual."""

    profile: str = "default"
    kubeconfig: str = ""
    context: str = ""
    bundle: str = ""
    select: tuple[str, ...] = ()
    active: bool = False
    fail_on: str = ""
    timeout: str = ""
    output: str = ""
    capture: str = ""
    against: str = ""


def default_folder() -> Path:
    """Where a run writes that was not told: one folder a run, by the time it started (UTC)."""
    return Path("reports") / f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H-%M-%SZ}"


def _check_capture(file: Path) -> None:
    if file.is_dir():
        raise UsageError(f"capture {file}: this is a folder; name a file, such as {file / 'evidence.zip'}")
    check_folder("capture into", file.parent)


class Observer(Protocol):
    """Somebody who watches the run, such as the terminal's progress."""

    def connected(self, cluster: model.Cluster, trouble: str) -> None:
        """The first line: which cluster, context and user; `trouble` is why there is no way in."""

    def read(self, source: str, seconds: float, done: int, total: int) -> None:
        """A source was read."""

    def concluded(self, probe: ProbeResult) -> None:
        """A probe has its verdict."""

    def finished(self, result: RunResult, folder: Path, troubles: list[str]) -> None:
        """All outputs are written; `troubles` are those that failed."""


class Silent:
    """An observer that says nothing."""

    def connected(self, cluster: model.Cluster, trouble: str) -> None: ...
    def read(self, source: str, seconds: float, done: int, total: int) -> None: ...
    def concluded(self, probe: ProbeResult) -> None: ...
    def finished(self, result: RunResult, folder: Path, troubles: list[str]) -> None: ...


class Run:
    """A run in progress. Raises `ProfileError`, `BundleError` or `UsageError` for a request that cannot be."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.profile: Profile = load_profile(request.profile, shipped("profiles"))
        self.fail_on = request.fail_on or self.profile.fail_on
        try:
            self._seconds = seconds(request.timeout) if request.timeout else self.profile.timeout_seconds
        except ValueError as error:
            raise UsageError(f"--timeout: {error}") from None
        self._bundle = Bundle(Path(request.bundle)) if request.bundle else None
        self.started = datetime.datetime.now(datetime.UTC)
        self.id = f"{self.started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        self._folder = Path(request.output) if request.output else default_folder()
        self.results: dict[str, ProbeResult] = {}
        self.begun = False
        self._questions: Mapping[str, str] = {}
        self._earlier: RunResult | None = None
        self._observer: Observer = Silent()
        self.evidence: Evidence

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self._folder

    def begin(self, questions: Mapping[str, str], names: list[str], observer: Observer | None = None) -> None:
        """Connect, and start to read what the probes with these ids need."""
        self._questions, self._observer = questions, observer or self._observer
        check_folder("--output", self.folder)
        if self.request.capture:
            _check_capture(Path(self.request.capture))
        deadline = Deadline.after(self._seconds)
        done = 0

        def on_done(name: str, taken: float) -> None:
            nonlocal done
            done += 1
            self._observer.read(name, taken, done, len(self.evidence.wanted))

        cluster = None
        if self._bundle is None:
            from clusterprobe.access.cluster import Cluster
            from clusterprobe.access.connection import connect

            cluster = Cluster(connect(self.request.kubeconfig, self.request.context), deadline)
        self.evidence = Evidence(
            names,
            self.profile,
            cluster=cluster,
            bundle=self._bundle,
            active=self.request.active,
            deadline=deadline,
            on_done=on_done,
        )
        self.begun = True
        self.evidence.start()
        self._observer.connected(self.evidence.identity, self.evidence.hopeless)
        if self.request.against:
            try:
                self._earlier = earlier(Path(self.request.against), self.evidence.identity)
            except UsageError:
                self.evidence.stop()
                self.begun = False  # there is no result to write
                raise

    def conclude(self, one: ProbeResult) -> None:
        """Take a probe's result; an earlier crash of its set-up is replaced."""
        self.results[one.id] = one
        self._observer.concluded(one)

    def fails(self, one: ProbeResult) -> bool:
        """Whether the probe's findings fail the run."""
        return self.fail_on != "never" and any(finding.severity.at_least(Severity(self.fail_on)) for finding in one.findings)

    def safe(self, text: str) -> str:
        """Text for pytest's own outputs: without secrets, and without characters that a terminal would obey."""
        from clusterprobe.report.safe import visible

        return visible(redact(text))

    def finish(self, *, interrupted: bool = False) -> RunResult:
        """Grade the run and write every output."""
        from clusterprobe.report import write_all

        self._conclude_the_rest()
        finished = self.result(interrupted=interrupted)
        troubles = write_all(finished, self.folder)
        if self.request.capture:
            manifest = new_manifest(finished.cluster, self.evidence.clock.now, active=self.request.active)
            try:
                write_bundle(Path(self.request.capture), manifest, self.evidence.captured())
            except OSError as error:
                troubles.append(f"the bundle {self.request.capture}: {error.strerror}")
        if not interrupted and not self.evidence.hopeless:
            troubles += self._heartbeat()
        self._observer.finished(finished, self.folder, troubles)
        return finished

    def _heartbeat(self) -> list[str]:
        """Tell whoever watches from outside that a whole run came to its end, whatever it found."""
        if not self.profile.heartbeat_url_env or self._bundle is not None:
            return []
        from clusterprobe.access.heartbeat import beat

        trouble = beat(os.environ.get(self.profile.heartbeat_url_env, ""))
        return [trouble] if trouble else []

    def _conclude_the_rest(self) -> None:
        for one, question in self._questions.items():
            if one not in self.results:
                why = "the run ended before this probe"
                self.results[one] = ProbeResult(id=one, question=question, verdict=ProbeVerdict.INCONCLUSIVE, reason=why)

    def result(self, *, interrupted: bool = False) -> RunResult:
        """All that was found out so far."""
        probes = [self.results[one] for one in sorted(self.results)]
        environments = self.evidence.environments.members()
        run = model.Run(
            id=self.id,
            started=_stamp(self.started),
            finished=_stamp(datetime.datetime.now(datetime.UTC)),
            tool_version=__version__,
            profile=self.request.profile,
            fail_on=self.fail_on,
            bundle=Path(self.request.bundle).name if self.request.bundle else "",
            against=self.request.against,
            active=self.request.active,
            interrupted=interrupted,
            sources={name: round(taken, 3) for name, taken in sorted(self.evidence.seconds.items())},
        )
        whole = RunResult(
            schema=model.SCHEMA,
            run=run,
            cluster=self.evidence.identity,
            verdict=run_verdict(probes, self.fail_on, interrupted=interrupted),
            probes=probes,
            environments=environments,
            explained=explain(probes),
        )
        then = self._earlier or last_run(self.folder, whole)
        if then is not None:
            whole = msgspec.structs.replace(whole, since=compare(then, whole))
        status = exit_status(whole)
        return msgspec.structs.replace(whole, run=msgspec.structs.replace(run, exit_status=status))


def _stamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
