"""Runs every probe against a server, whole or only what one path concerns."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from clusterprobe import judging
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.catalogue import catalogue
from clusterprobe.evidence import Evidence
from clusterprobe.judging import Probe, arguments
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, Severity
from clusterprobe.profile import Profile, fail_level, load_profile
from clusterprobe.profile_sections import IngressProfile
from clusterprobe.readings import Readings
from clusterprobe.shipped import shipped
from clusterprobe.sources import all_sources, closure
from tests.faults.recording import Recording
from tests.faults.server import FaultServer, Request
from tests.tls_server import make_pair, serving, showing

SLACK_SECONDS = 10.0  # for judging, on however busy a machine: what waits for an answer would wait for ever


@cache
def sources(probe: Probe) -> tuple[str, ...]:
    """What it reads; which environment a namespace belongs to rests on the namespaces."""
    known = [name for name in probe.parameters if name in all_sources()]
    return (*known, "namespaces") if "environments" in probe.parameters else tuple(known)


@cache
def probes() -> tuple[Probe, ...]:
    """Every probe in the folder, found as the suite finds them."""
    return tuple(Probe(one.id, one.question, _load(one.path)) for one in catalogue(shipped("probes")))


def _load(path: Path) -> Callable[..., None]:
    spec = importlib.util.spec_from_file_location(f"faults_{path.parent.name}_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look their annotations up
    spec.loader.exec_module(module)
    function: Callable[..., None] = getattr(module, path.stem)
    return function


_RUNNING = contextlib.ExitStack()  # until the process ends: a context that nobody holds ends when it is collected


@cache
def default_profile() -> Profile:
    """The default one, and what the recorded cluster has: so that `*/missing` has something to judge."""
    platform = {
        "prometheus": ["monitoring-dev", "monitoring-prod"],
        "alertmanager": ["monitoring-dev", "monitoring-prod"],
        "loki": ["logging"],
        "airflow": ["airflow"],
        "mlflow": ["mlflow"],
    }
    profile = load_profile("default", shipped("profiles"))
    return profile.model_copy(update={"expect": platform, "ingress": IngressProfile(address=entrance())})


@cache
def entrance() -> str:
    """Where the recorded cluster's Ingress controller would be: what it shows and answers is no request to the API server."""
    pair = make_pair(["*.lab.internal"], clock=Recording.load().clock)
    return str(_RUNNING.enter_context(serving(showing(pair))))


@dataclass
class Outcome:
    """What a run said, and how long it took."""

    results: dict[str, ProbeResult]
    seconds: float = 0.0
    hopeless: str = ""
    touched: frozenset[str] = frozenset()  # the sources that returned something else than when all was well, or rest on one

    def verdicts(self) -> dict[str, str]:
        return {one.id: str(one.verdict) for one in self.results.values()}

    def findings(self, probe: str) -> set[tuple[str, str]]:
        return {identity(one) for one in self.results[probe].findings}


def identity(finding: Finding) -> tuple[str, str]:
    subject = finding.subject
    return finding.reason, f"{subject.kind} {subject.namespace}/{subject.name}"


def connection(url: str, **origin: Any) -> Connection:
    return Connection(Origin(url, **origin), "recorded", "somebody", "default", "proxy")


def run(url: str, seconds: float, *, chosen: Iterable[Probe] | None = None, profile: Profile | None = None, **origin: Any) -> Outcome:
    """A whole run of the probes, as the plugin makes it, with that many seconds to read."""
    asked = tuple(chosen) if chosen is not None else probes()
    deadline = Deadline.after(seconds)
    names = sorted({name for one in asked for name in sources(one)})
    cluster = Cluster(connection(url, **origin), deadline)
    evidence = Evidence(names, profile or default_profile(), cluster=cluster, deadline=deadline)
    begun = time.monotonic()
    evidence.start()
    return Outcome(judge(evidence, asked), time.monotonic() - begun, evidence.hopeless)


def judge(evidence: Evidence, asked: Iterable[Probe], others: Mapping[str, ProbeResult] | None = None) -> dict[str, ProbeResult]:
    """Each probe's verdict on these readings, and on what `others` said before, as in the plugin."""
    results: dict[str, ProbeResult] = {}
    for one in sorted(asked, key=lambda probe: "conclusions" in probe.parameters):
        given = arguments(one, evidence, {**(others or {}), **results}.values())
        results[one.id] = judging.judge(one, evidence, given, level=fail_level(evidence.profile.fail_on))
    return results


# --- only what one path concerns ---------------------------------------------------------------------------------------


@dataclass
class Baseline:
    """A healthy run, source by source: what each returned and asked for, and what the probes said of it."""

    readings: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    requests: dict[str, list[Request]] = field(default_factory=lambda: defaultdict(list))
    outcome: Outcome = field(default_factory=lambda: Outcome({}))

    def affected(self, resource: str) -> set[str]:
        """The sources that ask for this, and all that rest on them."""
        found: set[str] = set()
        for one in closure(self.readings):
            if one.name in self.asked[resource] or found & set(one.needs):
                found.add(one.name)
        return found

    def readers(self, resource: str) -> list[Probe]:
        """The probes that read what it concerns, and those that judge what the others said."""
        affected = self.affected(resource)
        return [one for one in probes() if affected & set(sources(one)) or "conclusions" in one.parameters]


def baseline(server: FaultServer) -> Baseline:
    """Read every passive source alone, one after the other, to see which asks for what."""
    found = Baseline()
    deadline = Deadline.after(300)  # however busy the machine is
    evidence = Evidence(list(all_sources()), default_profile(), deadline=deadline,
                        cluster=Cluster(connection(server.url), deadline))  # fmt: skip
    for one in evidence.wanted:
        server.seen.clear()
        if one.name == "identity":
            evidence._identity = one.function(cluster=evidence.cluster)
        found.readings[one.name] = evidence._read(one, {name: found.readings[name] for name in one.needs})
        for request in server.seen:
            found.asked[request.resource].add(one.name)
            found.requests[request.resource].append(request)
    found.outcome = Outcome(judge(Known(found.readings, set(), server, 60), probes()))
    return found


class Known(Evidence):
    """Evidence of which only some sources are read afresh; the others are as they were."""

    def __init__(self, readings: Mapping[str, Any], afresh: set[str], server: FaultServer, seconds: float) -> None:
        deadline = Deadline.after(seconds)
        server.rewind()
        cluster = Cluster(connection(server.url), deadline)
        super().__init__(list(readings), default_profile(), cluster=cluster, deadline=deadline)
        cluster.skew_seconds, cluster._skew_known = server.now - time.time(), True
        self._moment = cluster.now()
        for name in readings.keys() - afresh:
            self._gathering.give(name, readings[name])  # no thread for what is known: there are thousands of such runs
        self._gathering.start()

    def start(self) -> None:
        """It has begun already: who we are is known."""


def rerun(known: Baseline, server: FaultServer, resource: str, seconds: float) -> Outcome:
    """Run again only the probes that a path concerns, reading only what it concerns."""
    begun = time.monotonic()
    evidence = Known(known.readings, known.affected(resource), server, seconds)
    results = judge(evidence, known.readers(resource), known.outcome.results)
    return Outcome(results, time.monotonic() - begun, touched=_touched(evidence, known))


def _touched(evidence: Evidence, known: Baseline) -> frozenset[str]:
    """Namespaces only serve lists as their second way, and other lists to be held against: one that did without is as good as before."""
    found: set[str] = set()
    for one in evidence.wanted:
        beside = {"namespaces", *HELD_AGAINST.get(one.name, ())} if one.reads else set()
        rests_on = not one.active and one.name not in OF_THEIR_OWN and found & set(one.needs) - beside
        if rests_on or not _same(evidence.get(one.name), known.readings[one.name]):
            found.add(one.name)
    return frozenset(found)


def _same(value: Any, other: Any) -> bool:
    """Whether two readings are alike but for the time; most are the very same, which is quick to see."""
    return value is other or value == other or bool(_untimed(value) == _untimed(other))


def _untimed(value: Any) -> Any:
    """Readings without numbers that differ with the moment, such as how long an answer took."""
    if isinstance(value, Readings):
        return _untimed([value.values, value.unreadable])
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, int) and value > 1e9:
        return 0  # a moment in seconds or nanoseconds
    if isinstance(value, Mapping):
        return {str(key): _untimed(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_untimed(one) for one in value]
    return _untimed(msgspec.to_builtins(value)) if isinstance(value, msgspec.Struct) else value


HELD_AGAINST = {"nodes": {"pods"}, "claims": {"pods"}, "volumes": {"claims"}}  # what tells of a list whether it shows only a part


# --- what must hold ----------------------------------------------------------------------------------------------------

TALLY: Counter[str] = Counter()  # what a test has judged: cases (a probe under a fault), and what was wrong with them


def count_wrong(kind: str, ones: list[str]) -> list[str]:
    """The same, counted."""
    TALLY[kind] += len(ones)
    return ones


def is_unasked(one: ProbeResult) -> bool:
    """Whether a probe has nothing to look at, whatever can be read: the profile expects none of it."""
    return one.verdict is ProbeVerdict.NOT_APPLICABLE and one.reason.startswith("the profile expects no")


def wrongs(outcome: Outcome, healthy: Outcome) -> list[str]:
    """What no fault may do: make a finding, break a probe, or turn what was judged into "not applicable"."""
    broken, findings, passes = [], [], []
    for one in outcome.results.values():
        before = healthy.results[one.id]
        if one.verdict is ProbeVerdict.BROKEN:
            broken.append(f"{one.id} is broken: {one.reason}")
        notes = {each.reason for each in before.findings if each.severity is Severity.INFO}  # of several things at once, or of those left
        extra = outcome.findings(one.id) - healthy.findings(one.id)
        findings += [f"{one.id} has a false finding: {each}" for each in extra if each[0] not in notes]
        if one.verdict is ProbeVerdict.NOT_APPLICABLE and before.verdict is not ProbeVerdict.NOT_APPLICABLE:
            passes.append(f"{one.id} is not applicable: {one.reason}")
        if one.verdict is ProbeVerdict.PASS and before.verdict is not ProbeVerdict.PASS:
            passes.append(f"{one.id} passes, which it did not before: {before.verdict}")
    TALLY["cases"] += len(outcome.results)
    return count_wrong("crashes", broken) + count_wrong("false findings", findings) + count_wrong("false passes", passes)


# What these rest on may be missing and they say the same, for something else tells it, too: only what they say counts.
OF_THEIR_OWN = {
    "alertmanager_secrets",  # a Prometheus that was asked tells of what another one would
    "unsealed_secrets",  # the same
    "agent_send_errors",  # only quotes what Loki answered
    "log_agents",  # a claim is only looked up for an agent whose positions lie on one, and is unreadable there
}

# What a probe reads for a judgement that does not arise in the recording.
NOT_ARISEN = {
    "alertmanager/default-config": {"alertmanager_secrets"},  # names the cause where the fallback serves
    # Which Secret a configuration comes from, and what owns it, is said where it has to be changed.
    "alertmanager/delivery": {"alertmanager_secrets"},
    "alertmanager/receivers": {"alertmanager_secrets"},
    # Of the agents' configuration it says where positions lie, which promtail/positions judges. And a namespace is as fresh as the
    # newest line of any of its pods: of several, one that seems to have written nothing, or less, changes nothing. Where agents send
    # to tells those of other programs apart: Promtail sends to a Loki, whatever was read of it.
    "loki/freshness": {"agent_destinations", "agent_states", "pod_log_times"},
    "promtail/coverage": {"agent_destinations", "agent_states"},
    # Which AlertmanagerConfigs it takes explains a change of its generated Secret, where there was one.
    "alertmanager/generated-secret": {"alertmanager_configs", "namespaces"},
    # How much was gained lately is asked only where a Loki counts that it lost something.
    "loki/losses": {"loki_gains"},
    # What a Prometheus says of itself in its log is quoted where its numbers tell of trouble.
    "prometheus/configuration": {"prometheus_own_errors"},
    "prometheus/dropped": {"prometheus_own_errors"},
    "prometheus/pressure": {"prometheus_own_errors"},
    # With which configuration a Prometheus runs is asked only where it has rules, or scrapes through monitors, of nobody's.
    "prometheus/monitors": {"prometheus_runtime"},
    "prometheus/rules": {"prometheus_runtime"},
}

# Asked of the controller, not of the API server: no two handshakes, and no two ways through a real network, give the same readings.
UNSTEADY = {"ingress_certificates", "ingress_answers", "ingress_direct_answers"}


def unnoticed(outcome: Outcome, healthy: Outcome) -> list[str]:
    """Probes that pass on other readings as if nothing had happened: neither a note nor anything unchecked tells of it."""
    asked = {one.id: set(sources(one)) - UNSTEADY - NOT_ARISEN.get(one.id, set()) for one in probes()}
    found = [
        f"{one.id} passes without a word: {one.reason}, although {', '.join(sorted(asked[one.id] & outcome.touched))} changed"
        for one in outcome.results.values()
        if one.verdict is ProbeVerdict.PASS and one.notes == healthy.results[one.id].notes and asked[one.id] & outcome.touched
    ]
    return count_wrong("false passes", found)
