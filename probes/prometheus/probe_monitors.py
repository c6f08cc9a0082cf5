from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Needed
from clusterprobe.systems.kubernetes.event_lists import Complaint, newest, secret_in
from clusterprobe.systems.kubernetes.managers import Manager, manager_of
from clusterprobe.systems.kubernetes.objects import Namespace, Pod, Service
from clusterprobe.systems.prometheus.earlier import run_an_earlier_one
from clusterprobe.systems.prometheus.monitor_diagnosis import OF_SERVICES, SETTLING_SECONDS, Chain, Ground, Twice, scraped_twice
from clusterprobe.systems.prometheus.monitor_words import (
    about_twice,
    reject_steps,
    selects_nothing,
    steps_of,
    twice_steps,
)
from clusterprobe.systems.prometheus.objects import (
    POD_MONITORS,
    VM_POD_SCRAPES,
    Monitor,
    Prometheus,
    called,
    key_of,
    pool_origin,
    stack_of,
)
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.selection import BY_KIND, Operator
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.systems.prometheus.unselected import Selecting, Unclear
from clusterprobe.times import epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number, said

MONITOR_REJECTED = FindingKind("MonitorRejected", Severity.ERROR, "The Operator rejects a monitor, so that nothing is scraped through it.")
MONITOR_PORT_MISSING = FindingKind("MonitorPortMissing", Severity.ERROR, "A monitor names a port that nothing has that it selects.")
MONITOR_SELECTS_NOTHING = FindingKind("MonitorSelectsNothing", Severity.WARNING, "A monitor selects no Service and no pod.")
MONITOR_WITHOUT_TARGETS = FindingKind(
    "MonitorWithoutTargets", Severity.WARNING, "A monitor selects what is ready, and Prometheus has no target of it.", settles=True
)
SERVICE_WITHOUT_PODS = FindingKind(
    "MonitorServiceWithoutPods", Severity.WARNING, "The Service that a monitor selects leads to no pod, since its selector matches none."
)
SCRAPED_TWICE = FindingKind("ScrapedTwice", Severity.WARNING, "A Prometheus scrapes a target twice, so that its series are there twice.")
_JUDGED = (*OF_SERVICES, POD_MONITORS.kind, VM_POD_SCRAPES.kind)  # the others name their targets themselves


@reports(MONITOR_REJECTED, MONITOR_PORT_MISSING, MONITOR_SELECTS_NOTHING, MONITOR_WITHOUT_TARGETS, SERVICE_WITHOUT_PODS, SCRAPED_TWICE)
def probe_monitors(
    verdict: Verdict,
    service_monitors: Conditional[Monitor],
    pod_monitors: Conditional[Monitor],
    probe_objects: Conditional[Monitor],
    scrape_configs: Conditional[Monitor],
    prometheuses: Needed[Prometheus],
    prometheus_agents: Needed[Prometheus],
    prometheus_operators: Conditional[Operator],
    namespaces: Conditional[Namespace],
    prometheus_targets: Needed[list[Target]],
    prometheus_runtime: Conditional[Runtime],
    services: Needed[Service],
    pods: Needed[Pod],
    operator_rejections: Enriching[Complaint],
    environments: Environments,
    clock: Clock,
) -> None:
    """Does every monitor that is selected lead to targets, and to each of them once?

    Problem: A monitor is selected, but nothing is scraped through it; or a target is scraped twice, and rules that join its series fail.
    Cause: The Operator rejects it, it selects nothing, or a Service that leads to no pod, it names a port that nothing has, its relabelling
    drops all targets, or its Prometheus may not look there. What is scraped twice is behind two Services or selected by two monitors.
    Fix: Name the port as the Service does, correct what the Operator names, and let one Service and one monitor lead to a target.
    Prevention: Alert on `absent(up{job="…"})` for what matters, and render monitor and Service from one chart.
    """
    if prometheuses.complete and prometheus_agents.complete and not (len(prometheuses) or len(prometheus_agents)):
        verdict.not_applicable("there is no Prometheus object of the Operator that would select monitors")
        return
    every = (service_monitors, pod_monitors, probe_objects, scrape_configs)
    there = [one.readings for one in every]
    selecting = Selecting([prometheuses, prometheus_agents], prometheus_operators.need(), namespaces.need(), environments, there)
    known = {key_of(one) for readings in there for one, _ in readings}
    told = _told(verdict, prometheus_targets, known, prometheuses, prometheus_runtime)
    judge = _Judge(verdict, told, Ground(services, pods, namespaces.readings, clock.now), newest(operator_rejections), clock.now)
    for readings in every:
        _judge_each(verdict, readings, selecting, judge)
    _judge_twice(verdict, prometheus_targets)


def _judge_each(verdict: Verdict, monitors: Conditional[Monitor], selecting: Selecting, judge: "_Judge") -> None:
    for subject, one in monitors.examine():
        kind = BY_KIND[subject.kind]
        if takers := [each.subject for each in selecting.takers(kind, one.metadata)]:
            judge.monitor(subject, one, takers)
        elif isinstance(unclear := selecting.untaken(kind, one.metadata), Unclear):
            verdict.unchecked(subject, f"whether a {kind.taker} selects it is not known: {unclear.why}")


def _strangers(targets: Readings[list[Target]], there: set[tuple[str, str, str]]) -> set[Subject]:
    """The replicas that scrape through monitors, and through none of those that are there."""
    pools = {subject: [pool_origin(one.scrape_pool, stack_of(subject)) for one in each] for subject, each in targets}
    origins = {subject: {(one[0].kind, *one[1:]) for one in each if one} for subject, each in pools.items()}
    return {subject for subject, found in origins.items() if found and not found & there}


def _told(
    verdict: Verdict,
    targets: Readings[list[Target]],
    there: set[tuple[str, str, str]],
    prometheuses: Readings[Prometheus],
    runtime: Conditional[Runtime],
) -> Readings[list[Target]]:
    """The targets that tell something of the monitors: not those of a configuration that is of others, and nobody says why.

    One that runs with an earlier configuration tells that it does not scrape through what was asked for since.
    """
    strangers = _strangers(targets, there)
    earlier = run_an_earlier_one(prometheuses, runtime.need()) if strangers else set()
    kept = []
    for subject, each in targets:
        stack = stack_of(subject)
        if subject in strangers and (stack.namespace, stack.name) not in earlier:
            verdict.note(
                f"{subject} scrapes through none of the monitors that are there, but through others: what these lead to is not known."
            )
        else:
            kept.append((subject, each))
    return Readings(tuple(kept), targets.unreadable, targets.absent)


class _Judge:
    """The judgements on monitors, with what they rest on."""

    def __init__(
        self,
        verdict: Verdict,
        targets: Readings[list[Target]],
        ground: Ground,
        rejections: dict[tuple[str, str, str], Complaint],
        now: float,
    ) -> None:
        self._verdict, self._ground, self._rejections, self._now = verdict, ground, rejections, now
        self._targets = targets
        self._asked = {key_of(stack_of(one)) for one, _ in targets}
        self._scraped: set[tuple[str, str, str]] = set()
        for on, each in targets:
            for pool in {one.scrape_pool for one in each}:
                if origin := pool_origin(pool, stack_of(on)):
                    self._scraped.add((origin[0].kind, origin[1], origin[2]))

    def monitor(self, subject: Subject, one: Monitor, takers: list[Subject]) -> None:
        """One that something takes."""
        if one.status.failed:
            return  # `objects/conditions` says why
        scraped = (subject.kind, subject.namespace, subject.name) in self._scraped
        created = epoch(one.metadata.creation_timestamp)
        young = created is not None and self._now - created < SETTLING_SECONDS
        known = self._known(takers)
        refused = one.status.refusal or self._complaint(subject)
        if refused and known and not scraped:
            self._report_rejected(subject, refused, manager_of(one.metadata))
        elif subject.kind in _JUDGED:
            chain = self._ground.chain(subject.kind, one)
            self._report(subject, one, chain, takers, scraped=scraped, known=known and not young)

    def _known(self, takers: list[Subject]) -> bool:
        """Whether it is known what they scrape."""
        return all(key_of(one) in self._asked and not self._targets.missing_reason(one.namespace) for one in takers)

    def _complaint(self, subject: Subject) -> str:
        one = self._rejections.get((subject.kind, subject.namespace, subject.name))
        return one.message if one else ""

    def _report_rejected(self, subject: Subject, refusal: str, manager: Manager) -> None:
        self._verdict.report(
            MONITOR_REJECTED,
            subject,
            problem=f"The Operator rejects {subject}, so that nothing is scraped through it: there is no target of it.",
            cause=f"The Operator says {said(refusal)}.",
            fix=reject_steps(subject, refusal, manager),
            rests_on=[Ref(RefKind.SECRET, subject.namespace, name)] if (name := secret_in(refusal)) else [],
        )

    def _report(self, subject: Subject, one: Monitor, chain: Chain, takers: list[Subject], *, scraped: bool, known: bool) -> None:
        what, manager = "Service" if subject.kind in OF_SERVICES else "pod", manager_of(one.metadata)
        match chain.state:
            case "port missing":
                self._report_port(subject, chain, manager, scraped=scraped)
            case "nothing to select" if not scraped and known:
                several = len(chain.places) != 1
                self._verdict.report(
                    MONITOR_SELECTS_NOTHING,
                    subject,
                    severity=Severity.INFO if several or what == "pod" else Severity.WARNING,
                    problem=f"{subject} selects no {what}: nothing is scraped through it.",
                    cause=selects_nothing(subject, chain, one.spec.selector),
                    fix=steps_of(subject, chain, manager),
                )
            case "no pod behind" if not scraped and known:
                self._verdict.report(
                    SERVICE_WITHOUT_PODS,
                    subject,
                    problem=f"{subject} selects Service {listed(chain.selected, 3)}, which leads to no pod: nothing is scraped through it.",
                    cause=f"No pod has the labels that spec.selector of the Service asks for. {listed(chain.near, 3)} may be meant.",
                    fix=steps_of(subject, chain, manager),
                )
            case "without targets" if known and not scraped:
                who = listed([called(one) for one in takers], 3)
                self._verdict.report(
                    MONITOR_WITHOUT_TARGETS,
                    subject,
                    problem=f"{subject} selects {what} {listed(chain.selected, 3)}, of which pods are ready, and {who} has no "
                    "target of it.",
                    cause=f"Its relabelings drop every target, or that {takers[0].kind} may not list Services, endpoints and pods in that "
                    "namespace, or the Operator has not put it into the configuration. Which of them is not known from here.",
                    fix=steps_of(subject, chain, manager, takers),
                    rests_on=[Ref.of(one) for one in takers],
                )

    def _report_port(self, subject: Subject, chain: Chain, manager: Manager, *, scraped: bool) -> None:
        what = "Service" if subject.kind in OF_SERVICES else "pod"
        ports = f"{'port' if len(chain.wanted) == 1 else 'ports'} {', '.join(chain.wanted)}"
        there = f"their ports are {', '.join(chain.there)}" if chain.there else "their ports have no names"
        self._verdict.report(
            MONITOR_PORT_MISSING,
            subject,
            severity=Severity.ERROR if chain.whole and not scraped else Severity.INFO,
            problem=f"{subject} names the {ports}, which no {what} has that it selects.",
            cause=f"It selects {what} {listed(chain.selected, 3)}, and {there}.",
            fix=steps_of(subject, chain, manager),
        )


# --- scraped twice ------------------------------------------------------------------------------------------------------


def _judge_twice(verdict: Verdict, targets: Readings[list[Target]]) -> None:
    found: dict[tuple[Subject, Twice], None] = {}
    known: set[tuple[Subject, tuple[str, ...], tuple[str, ...]]] = set()
    for subject, each in targets:
        prometheus = stack_of(subject)
        for one in scraped_twice(each):
            if (prometheus, one.pools, one.services) not in known:  # another replica scrapes the same
                known.add((prometheus, one.pools, one.services))
                found[prometheus, one] = None
    for prometheus, one in found:
        origins = [origin for pool in one.pools if (origin := pool_origin(pool, prometheus))]
        subject = origins[0][0].subject(origins[0][1], origins[0][2]) if len(one.pools) == 1 and origins else prometheus
        verdict.report(
            SCRAPED_TWICE,
            subject,
            severity=Severity.WARNING if one.alike else Severity.INFO,
            problem=f"{called(prometheus)} scrapes {number(len(one.urls), 'target')} more than once: the series of "
            f"{'job ' + listed(one.jobs, 3) if one.jobs else 'it'} are there twice.",
            cause=about_twice(one),
            fix=twice_steps(one),
            exhibits=[Table(title="Scraped more than once", columns=["URL"], rows=[[url] for url in one.urls[:20]])],
            breaks=[Ref(RefKind.SCRAPE, prometheus.namespace, f"{prometheus.name}/{each}") for each in _names(one)],
            # Monitors of two namespaces: perhaps it takes another stack's, which is a finding of its own.
            rests_on=[Ref(RefKind.SELECTORS, prometheus.namespace, prometheus.name)] if len({origin[1] for origin in origins}) > 1 else [],
        )


def _names(one: Twice) -> list[str]:
    return sorted({each.rpartition("/")[2] for each in one.services})
