"""What the profile expects to be there, held against what discovery found: what is gone is no quiet "not applicable"."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.findings import FindingKind
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.known_systems import System
from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Conditional
from clusterprobe.systems.inventory.installations import Installation
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

EXPECTED_MISSING = FindingKind(
    "ExpectedMissing", Severity.ERROR, "The profile expects a system in a namespace that has none.", settles=True
)


def judge_expected(
    verdict: Verdict,
    system: System,
    profile: Profile,
    servers: Conditional[Server],
    namespaces: Conditional[Namespace],
    installations: Conditional[Installation],
) -> None:
    """Report each expected namespace in which discovery, having read everything there, finds no such system.

    What is there but cannot be asked (starting, or its custom resource says 0) is not missing: it is unchecked, here and in every other
    probe. Where its workloads are there and scaled to 0, that is said.
    """
    expected = profile.expect.get(system.key, [])
    if not expected:
        verdict.not_applicable(f"the profile expects no {system.name} (expect.{system.key})")
        return
    known, found, there_idle = namespaces.enrich(), servers.readings, _idle(system, installations.enrich())
    for namespace in dict.fromkeys(expected):
        here = found.keep(lambda _, server, place=namespace: server.namespace == place)  # type: ignore[misc]
        seen = tuple((subject, server) for subject, server in here if not server.url)
        blind = tuple(one for one in found.unreadable if one.subject.namespace in ("", namespace))
        there = any(one.subject.namespace == namespace and one.subject.name for one in blind)
        for _ in verdict.examine(Readings(seen, blind, "nothing was found where the profile expects it")):
            there = True
        for subject, _ in here.values if not there else ():
            verdict.unchecked(subject, "only the profile names it, by its address; whether it answers, other probes say")
        if not there and not blind and not here.values:
            idle = there_idle.get(namespace, ())
            if idle:
                _report_idle(verdict, system, namespace, idle)
            else:
                _report(verdict, system, namespace, known)


def _idle(system: System, installations: Readings[Installation]) -> dict[str, tuple[Subject, ...]]:
    """The workloads of a system that are scaled to 0, by the namespaces in which it has no pod."""
    found: dict[str, tuple[Subject, ...]] = {}
    for one in installations.items:
        if one.system == system and not one.pods:
            found[one.namespace] = (*found.get(one.namespace, ()), *one.workloads)
    return found


def _report_idle(verdict: Verdict, system: System, namespace: str, workloads: tuple[Subject, ...]) -> None:
    names = listed([str(one) for one in workloads], 3)
    is_ = "is" if len(workloads) == 1 else "are"
    verdict.report(
        EXPECTED_MISSING,
        Subject(kind=system.name, namespace=namespace),
        problem=f"The profile expects {system.one} in {namespace}, and it is scaled to 0.",
        cause=f"{names} {is_} there, with spec.replicas 0. Who set that, its managed fields say.",
        fix=[
            look(
                "See who scaled it, and when: the entries with `subresource: scale`, or with f:replicas.",
                *(
                    shell("kubectl -n {} get {} {} -o yaml --show-managed-fields", namespace, one.kind.lower(), one.name)
                    for one in workloads[:3]
                ),
            ),
            change(
                f"Set its replicas again, {SOURCE}; an autoscaler or a schedule that scales it to 0 does so again. If it is meant so, take "
                f"{namespace} off expect.{system.key} in the profile."
            ),
        ],
        breaks=[Ref.of(one) for one in workloads],
    )


def _report(verdict: Verdict, system: System, namespace: str, namespaces: Readings[Namespace]) -> None:
    exists = any(subject.name == namespace for subject, _ in namespaces) or not namespaces.complete
    where = f"The namespace {namespace} has none" if exists else f"There is not even a namespace {namespace}"
    verdict.report(
        EXPECTED_MISSING,
        Subject(kind=system.name, namespace=namespace),
        problem=f"The profile expects {system.one} in {namespace}, and there is none.",
        cause=f"{where}: {system.looked_for}.",
        fix=[
            look("See what is left of it.", shell("kubectl -n {} get deployments,statefulsets,configmaps", namespace)),
            look("See whether its release is still there, if Helm installed it.", shell("helm -n {} list --all", namespace)),
            change(
                "Deploy it again from Git; under Argo CD, see whether its Application is still there. If it was removed on purpose, take "
                f"{namespace} off expect.{system.key} in the profile."
            ),
        ],
    )
