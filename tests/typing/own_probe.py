"""What mypy has to understand of a probe and a source that know `clusterprobe.api` alone. It is checked, and never run."""

from typing import assert_type

from clusterprobe.api import (
    Clock,
    Cluster,
    Enriching,
    Examined,
    FindingKind,
    Metadata,
    Needed,
    Node,
    Object,
    Pod,
    Profile,
    Readings,
    Ref,
    RefKind,
    Resource,
    Sample,
    Server,
    Service,
    Severity,
    Step,
    Subject,
    Verdict,
    change,
    lists,
    look,
    query,
    read_each,
    reports,
    shell,
    source,
)

LEASES = Resource("v1", "leases", "Lease", "coordination.k8s.io")


class Spec(Object):
    holder_identity: str = ""


class Lease(Object):
    metadata: Metadata
    spec: Spec = Spec()


@source(lists(LEASES))
def leases(cluster: Cluster) -> Readings[Lease]:
    return cluster.list(LEASES, Lease)


@source()
def held(leases: Readings[Lease]) -> Readings[str]:
    return leases.map(lambda subject, one: one.spec.holder_identity)


@source(lists(LEASES))
def counts(cluster: Cluster, profile: Profile, prometheus_servers: Readings[Server]) -> Readings[list[Sample]]:
    return read_each(cluster, profile, prometheus_servers, lambda endpoint, server: query(endpoint, "up"))


HELD = FindingKind("Held", Severity.WARNING, "A lease is held.")


@reports(HELD)
def probe_leases(
    verdict: Verdict,
    leases: Examined[Lease],
    held: Needed[str],
    pods: Enriching[Pod],
    nodes: Readings[Node],
    services: Readings[Service],
    clock: Clock,
) -> None:
    for subject, one in leases:
        assert_type(subject, Subject)
        assert_type(one, Lease)
        assert_type(one.spec.holder_identity, str)
        steps: list[Step] = [look("See it.", shell("kubectl get lease {}", subject.name)), change("Let it go.")]
        verdict.report(HELD, subject, problem="It is held.", cause=str(clock.now), fix=steps, rests_on=[Ref(RefKind.NODE, "", "a")])
    for _, pod in pods:
        assert_type(pod, Pod)
    assert_type(held.items, list[str])
    assert_type(nodes.items, list[Node])
    assert_type(services.by_name(), dict[tuple[str, str], Service])


probe_leases(1)  # type: ignore[call-arg, arg-type]
Lease(metadata="x")  # type: ignore[arg-type]
