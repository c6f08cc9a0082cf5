"""One run from its request to its result. Knows neither pytest nor the command line."""

from __future__ import annotations

import datetime
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from clusterprobe import __version__, accepted, background, memory, model
from clusterprobe.accepted import is_accepted
from clusterprobe.access.bundle import Bundle, new_manifest, write_bundle
from clusterprobe.access.deadline import Deadline
from clusterprobe.annotated import Annotated
from clusterprobe.archive import DEFAULT, check_folder, check_new_file
from clusterprobe.correlation import explain
from clusterprobe.errors import UsageError
from clusterprobe.evidence import Evidence
from clusterprobe.history import compare, earlier, last_run, refuse_other_cluster, refuse_other_uid
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, RunResult, Severity
from clusterprobe.outcome import exit_status, run_verdict, unrecorded, without_outputs
from clusterprobe.own_probes import own_probes
from clusterprobe.profile import Profile, load_profile, seconds
from clusterprobe.redaction import redact_forms
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.systems.inventory.summary import inventory
from clusterprobe.systems.kubernetes.wishes import wishes

if TYPE_CHECKING:
    from clusterprobe.access.cluster import Cluster
    from clusterprobe.fleet.store import Store

STORE_SECONDS = 60.0  # to fetch what earlier runs know, and to keep this one
PUBLISH_SECONDS = 20.0
SECONDS_AT_THE_END = 4.0  # for what comes after the deadline


def default_folder() -> Path:
    """Where a run writes by default: one folder per run, by the time it started (UTC)."""
    return DEFAULT / f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H-%M-%SZ}"


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
        self.id = request.run_id or f"{self.started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        self._folder = Path(request.output) if request.output else default_folder()
        self.results: dict[str, ProbeResult] = {}
        self.unrecorded: dict[str, list[str]] = {}  # probes that did not run, for want of these sources in the bundle
        self.reporting: dict[str, list[str]] = {}  # the ids of the probes that report each code, selected or not
        self.begun = False
        self._questions: Mapping[str, str] = {}
        self._earlier = earlier(Path(request.against)) if request.against else None
        self._store = self._opened(request.store or self.profile.store)
        self._capture = Path(request.capture) if request.capture else None
        self._memory: memory.Memory | None = None
        self._observer: Observer = Silent()
        self.evidence: Evidence

    def _opened(self, url: str) -> Store | None:
        """The store in which the run is kept as well; none for a replay."""
        if not url or self._bundle is not None:
            return None
        from clusterprobe.fleet.store import Store

        return Store(url, make=True)

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self._folder

    def begin(self, questions: Mapping[str, str], names: list[str], observer: Observer | None = None) -> None:
        """Connect, and start to read what the probes with these ids need."""
        from clusterprobe.report import html

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
        else:
            self._refuse_others()
            background.start("page", html.prepare)  # while others are waited for

    def _refuse_others(self) -> None:
        """Raise `UsageError` where this is not the cluster that the profile, or the run that is compared with, is of."""
        try:
            if self._bundle is None:
                refuse_other_uid(self.profile.cluster.name, self.profile.cluster.uid, self.evidence.identity)
            if self._earlier:
                refuse_other_cluster(f"--against {self.request.against}", self._earlier, self.evidence.identity)
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

    def accepts(self, probe: str, finding: Finding) -> bool:
        """Whether a finding of this probe is accepted: by the profile, or by an annotation of its object."""
        return is_accepted(self.profile, probe, finding, self.evidence.clock.now) or self._annotated.accepts(probe, finding)

    @cached_property
    def _annotated(self) -> Annotated:
        return Annotated(
            self.profile,
            self.evidence.clock.now,
            lambda: wishes(self.evidence.objects),
            self.reporting,
            broken=bool(self.own.broken),
        )

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
        with self._past() as beside:
            finished = self.result(beside, interrupted=interrupted)
            troubles = [*write_all(finished, self.folder), *self._write_memory(), *self._write_bundle(finished)]
            whole = not interrupted and not self.evidence.hopeless
            said = [*self._tell(finished, beside), *self._publish(finished)] if whole else []
            said += (
                [f"what earlier runs know was not read from the store: {self._blind}; nobody was told of changes"] if self._blind else []
            )
        troubles += self._keep(finished)
        if troubles:
            status = without_outputs(finished.run.exit_status)
            finished = msgspec.structs.replace(finished, run=msgspec.structs.replace(finished.run, exit_status=status))
        self._observer.finished(finished, self.folder, troubles)
        for one in said:
            self._observer.say(one)
        return finished

    def _past(self) -> AbstractContextManager[Path]:
        """The folder beside which the earlier runs of the cluster lie: this run's own, or one into which the store's newest is fetched."""
        if self._store is None:
            return nullcontext(self.folder)
        return self._store.beside(self.evidence.identity, self._for_store())

    @property
    def _blind(self) -> str:
        """Why the store does not say what earlier runs know; empty where it does, and without a store."""
        return self._store.blind if self._store else ""

    def _keep(self, finished: RunResult) -> list[str]:
        """Keep the run in the store; why that failed. One of a cluster that was not reached is of none."""
        if self._store is None or not self.evidence.reached:
            return []
        from clusterprobe.report.safe import safe

        trouble = self._store.keep(safe(finished), self.folder, self._for_store())
        return [f"the store {self._store.url}: {trouble}"] if trouble else []

    def _for_store(self) -> Deadline:
        """How long the store is waited for: as long as the run may take, and at least a little."""
        return max(self.evidence.deadline.within(STORE_SECONDS), Deadline.after(SECONDS_AT_THE_END), key=lambda one: one.at)

    def _write_memory(self) -> list[str]:
        """Keep what is known of the findings for the next run; why that failed."""
        if self._memory is None:
            return []
        try:
            memory.write(self.folder, self._memory)
        except OSError as error:
            return [f"what the next run is to remember was not written: {error.strerror} ({self.folder})"]
        return []

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

    def _tell(self, finished: RunResult, beside: Path) -> list[str]:
        """Tell people what changed, and whoever watches from outside that a whole run came to its end, whatever it found."""
        if self._bundle is not None:
            return []
        from clusterprobe import notify
        from clusterprobe.access.heartbeat import beat

        limit = Deadline.after(SECONDS_AT_THE_END)
        # Without what was told before, all of it would be told again.
        troubles = [] if self._blind else notify.tell(finished, self.folder, beside, self.profile.notify, os.environ, limit)
        if self.profile.heartbeat_url_env:
            troubles.append(beat(os.environ.get(self.profile.heartbeat_url_env, ""), limit))
        return [one for one in troubles if one]

    def _publish(self, finished: RunResult) -> list[str]:
        """Write the answer into the cluster, where the profile asks for that; why that failed."""
        if self.evidence.cluster is None or not self.profile.reports.openreports:
            return []
        from clusterprobe import openreports
        from clusterprobe.access.writer import Writer

        writer = Writer(self.evidence.cluster.connection.origin)
        trouble = openreports.publish(finished, self.profile.reports, writer, Deadline.after(PUBLISH_SECONDS))
        return [trouble] if trouble else []

    def _conclude_the_rest(self) -> None:
        for one, question in self._questions.items():
            if one not in self.results and one not in self.unrecorded:
                why = "the run ended before this probe"
                self.results[one] = ProbeResult(id=one, question=question, verdict=ProbeVerdict.INCONCLUSIVE, reason=why)

    def result(self, beside: Path, *, interrupted: bool = False) -> RunResult:
        """All that was found out so far; `beside` is the folder beside which earlier runs lie."""
        probes = [self.results[one] for one in sorted(self.results)]
        environments = self.evidence.environments
        run = self._about(interrupted=interrupted)
        whole = RunResult(
            schema=model.SCHEMA,
            run=run,
            cluster=self._named(self.evidence.identity),
            verdict=run_verdict(probes, self.fail_on, interrupted=interrupted, unrecorded=bool(self.unrecorded)),
            probes=probes,
            environments=environments.members(),
            placed=environments.placed(),
            production=environments.production(one.subject.environment for probe in probes for one in (*probe.findings, *probe.known)),
            explained=explain(probes),
            accepted=accepted.entries(self.profile, probes, self.evidence.clock.now) + self._annotated.entries(probes),
            inventory=inventory(
                self.evidence.known("installations"), probes, self.profile, self.evidence.clock.now, self.evidence.confirmations
            ),
        )
        then = self._earlier or last_run(beside, whole)
        if then is not None:
            whole = msgspec.structs.replace(whole, since=compare(then, whole))
        if self._bundle is None and not interrupted and self.evidence.reached and not self._blind:
            self._memory = memory.recall(beside, whole)
            whole = memory.with_memory(whole, self._memory)
        status = exit_status(whole)
        return msgspec.structs.replace(whole, run=msgspec.structs.replace(run, exit_status=status))

    def _about(self, *, interrupted: bool) -> model.Run:
        """When and how this run was made; its exit status is still open."""
        return model.Run(
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
            selected=list(self.request.select),
            sources={name: round(taken, 3) for name, taken in sorted(self.evidence.seconds.items())},
            unrecorded=dict(sorted(self.unrecorded.items())),
        )

    def _named(self, cluster: model.Cluster) -> model.Cluster:
        name = self.request.cluster_name or self.profile.cluster.name
        return msgspec.structs.replace(cluster, name=name, labels=self.profile.cluster.labels)


def _stamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
