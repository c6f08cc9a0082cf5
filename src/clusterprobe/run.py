"""One run from its request to its result. Knows neither pytest nor the command line."""

from __future__ import annotations

import datetime
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from clusterprobe import __version__, model
from clusterprobe.access.bundle import Bundle, new_manifest, write_bundle
from clusterprobe.access.deadline import Deadline
from clusterprobe.archive import check_folder, check_new_file
from clusterprobe.correlation import explain
from clusterprobe.errors import UsageError
from clusterprobe.evidence import Evidence
from clusterprobe.history import compare, earlier, last_run, refuse_other_cluster
from clusterprobe.model import ProbeResult, ProbeVerdict, RunResult, Severity
from clusterprobe.outcome import exit_status, run_verdict, unrecorded, without_outputs
from clusterprobe.own_probes import own_probes
from clusterprobe.profile import Profile, load_profile, seconds
from clusterprobe.redaction import redact_forms
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.systems.inventory.summary import inventory

if TYPE_CHECKING:
    from clusterprobe.access.cluster import Cluster


def default_folder() -> Path:
    """Where a run writes by default: one folder per run, by the time it started (UTC)."""
    return Path("reports") / f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H-%M-%SZ}"


def _for_a_name(context: str) -> str:
    """A context's name as a part of a file's: those of clouds hold slashes and colons."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", context)[:100].strip(".-") or "cluster"


class Observer(Protocol):
    """Somebody who watches the run, such as the terminal's progress."""

    def connected(self, cluster: model.Cluster, trouble: str) -> None:
        """The first line: which cluster, context and user; `trouble` is why there is no access."""

    def read(self, source: str, seconds: float, done: int, total: int) -> None:
        """A source was read."""

    def concluded(self, probe: ProbeResult) -> None:
        """A probe has its verdict."""

    def finished(self, result: RunResult, folder: Path, troubles: list[str]) -> None:
        """All outputs are written; `troubles` are those that failed."""

    def say(self, text: str) -> None:
        """Something else that whoever watches should know."""


class Silent:
    """An observer that says nothing."""

    def connected(self, cluster: model.Cluster, trouble: str) -> None: ...
    def read(self, source: str, seconds: float, done: int, total: int) -> None: ...
    def concluded(self, probe: ProbeResult) -> None: ...
    def finished(self, result: RunResult, folder: Path, troubles: list[str]) -> None: ...
    def say(self, text: str) -> None: ...


class Run:
    """A run in progress. Raises `ProfileError`, `BundleError` or `UsageError` for a request that cannot be."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.profile: Profile = load_profile(request.profile, shipped("profiles"))
        self.own = own_probes(request, self.profile)
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
        self.unrecorded: dict[str, list[str]] = {}  # probes that did not run, for want of these sources in the bundle
        self.begun = False
        self._questions: Mapping[str, str] = {}
        self._earlier = earlier(Path(request.against)) if request.against else None
        self._capture = Path(request.capture) if request.capture else None
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
        if self._capture:
            check_new_file("capture", self._capture, replace=self.request.force)
        deadline = Deadline.after(self._seconds)
        done = 0

        def on_done(name: str, taken: float) -> None:
            nonlocal done
            done += 1
            self._observer.read(name, taken, done, len(self.evidence.wanted))

        self.evidence = Evidence(
            names,
            self.profile,
            cluster=self._connect(deadline),
            bundle=self._bundle,
            active=self.request.active,
            deadline=deadline,
            on_done=on_done,
        )
        self.begun = True
        self.evidence.start()
        self._observer.connected(self.evidence.identity, self.evidence.hopeless)
        for note in self.profile.notes:
            self._observer.say(note)
        if self.evidence.hopeless:
            self._earlier = None  # which cluster it would have been is not known
        if self._earlier:
            try:
                refuse_other_cluster(Path(self.request.against), self._earlier, self.evidence.identity)
            except UsageError:
                self.evidence.stop()
                self.begun = False  # there is no result to write
                raise

    def _connect(self, deadline: Deadline) -> Cluster | None:
        """The way into the cluster; none for a bundle."""
        if self._bundle is not None:
            return None
        from clusterprobe.access.cluster import Cluster
        from clusterprobe.access.connection import connect

        connection = connect(self.request.kubeconfig, self.request.context)
        if self._capture:
            name = self._capture.name.replace("{context}", _for_a_name(connection.context))
            self._capture = self._capture.with_name(name)
        return Cluster(connection, deadline)

    def conclude(self, one: ProbeResult) -> None:
        """Take a probe's result; an earlier crash of its set-up is replaced. One that lacks a recording counts as not run."""
        if lacking := unrecorded(one, self.evidence.unrecorded):
            self.unrecorded[one.id] = lacking
            return
        self.results[one.id] = one
        self._observer.concluded(one)

    def fails(self, one: ProbeResult) -> bool:
        """Whether the probe's findings fail the run."""
        return self.fail_on != "never" and any(finding.severity.at_least(Severity(self.fail_on)) for finding in one.findings)

    def safe(self, text: str) -> str:
        """Text for pytest's own outputs: without secrets, and without characters that a terminal would obey."""
        from clusterprobe.words import visible

        return visible(redact_forms(text))

    def finish(self, *, interrupted: bool = False) -> RunResult:
        """Grade the run and write every output."""
        from clusterprobe.report import write_all

        self._conclude_the_rest()
        finished = self.result(interrupted=interrupted)
        troubles = [*write_all(finished, self.folder), *self._write_bundle(finished)]
        if troubles:
            status = without_outputs(finished.run.exit_status)
            finished = msgspec.structs.replace(finished, run=msgspec.structs.replace(finished.run, exit_status=status))
        self._observer.finished(finished, self.folder, troubles)
        if not interrupted and not self.evidence.hopeless:
            for one in self._heartbeat():
                self._observer.say(one)
        return finished

    def _write_bundle(self, finished: RunResult) -> list[str]:
        """Write the bundle that was asked for; why that failed. Of a cluster that was not reached, there is nothing to keep."""
        if not self._capture:
            return []
        if not self.evidence.reached:
            self._observer.say("no bundle was written, because the cluster was not reached")
            return []
        manifest = new_manifest(finished.cluster, self.evidence.clock.now, active=self.request.active)
        try:
            write_bundle(self._capture, manifest, self.evidence.captured(), replace=self.request.force)
        except Exception as error:  # as with the other outputs, what it says may quote cluster text
            why = error.strerror if isinstance(error, OSError) else type(error).__name__
            return [f"the bundle {self._capture}: {why}"]
        self._observer.say(f"the bundle is {self._capture}")
        return []

    def _heartbeat(self) -> list[str]:
        """Tell whoever watches from outside that a whole run came to its end, whatever it found."""
        if not self.profile.heartbeat_url_env or self._bundle is not None:
            return []
        from clusterprobe.access.heartbeat import beat

        trouble = beat(os.environ.get(self.profile.heartbeat_url_env, ""))
        return [trouble] if trouble else []

    def _conclude_the_rest(self) -> None:
        for one, question in self._questions.items():
            if one not in self.results and one not in self.unrecorded:
                why = "the run ended before this probe"
                self.results[one] = ProbeResult(id=one, question=question, verdict=ProbeVerdict.INCONCLUSIVE, reason=why)

    def result(self, *, interrupted: bool = False) -> RunResult:
        """All that was found out so far."""
        probes = [self.results[one] for one in sorted(self.results)]
        environments = self.evidence.environments
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
            unrecorded=dict(sorted(self.unrecorded.items())),
        )
        whole = RunResult(
            schema=model.SCHEMA,
            run=run,
            cluster=self.evidence.identity,
            verdict=run_verdict(probes, self.fail_on, interrupted=interrupted, unrecorded=bool(self.unrecorded)),
            probes=probes,
            environments=environments.members(),
            placed=environments.placed(),
            explained=explain(probes),
            inventory=inventory(self.evidence.known("installations"), probes, self.profile, self.evidence.clock.now),
        )
        then = self._earlier or last_run(self.folder, whole)
        if then is not None:
            whole = msgspec.structs.replace(whole, since=compare(then, whole))
        status = exit_status(whole)
        return msgspec.structs.replace(whole, run=msgspec.structs.replace(run, exit_status=status))


def _stamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
