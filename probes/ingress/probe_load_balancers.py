from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject
from clusterprobe.roles import Examined
from clusterprobe.systems.ingress.addresses import Balanced
from clusterprobe.times import day
from clusterprobe.verdict import Verdict
from clusterprobe.words import said

PATIENCE_SECONDS = 300.0  # a cloud makes a load balancer in minutes
ADDRESS_REFUSED = FindingKind("AddressRefused", Severity.WARNING, "A load balancer is asked for, and refused.", settles=True)
NO_ADDRESS = FindingKind("NoAddress", Severity.INFO, "A load balancer is asked for, and nothing has answered.", settles=True)


@reports(ADDRESS_REFUSED, NO_ADDRESS)
def probe_load_balancers(verdict: Verdict, balanced: Examined[Balanced], clock: Clock) -> None:
    """Does everything that asks for a load balancer have its address?

    Problem: What is to be reached from outside has no address there. Inside the cluster nothing shows it.
    Cause: The cluster has no controller of load balancers, as on bare metal without MetalLB, kube-vip or Cilium; or it has one, which
    refuses: no address is left in its pools, or it lacks a quota, a right or a subnet.
    Fix: Repair what the controller names; where there is none, install one, or let the Service be of type NodePort or ClusterIP.
    Prevention: Ask for type LoadBalancer only where the cluster has a controller for it, and wait for the address in the pipeline.
    """
    for subject, one in balanced:
        if one.addresses:
            continue
        if one.since is None:
            verdict.unchecked(subject, "it has no address, and does not say since when")
        elif clock.now - one.since >= PATIENCE_SECONDS:
            _report(verdict, subject, one, one.since)


def _report(verdict: Verdict, subject: Subject, one: Balanced, since: float) -> None:
    kind, by = subject.kind.lower(), f" of the class {one.by}" if one.by else ""
    see = look("See its events.", shell("kubectl -n {} describe {} {}", subject.namespace, kind, subject.name))
    if one.refusal:
        verdict.report(
            ADDRESS_REFUSED,
            subject,
            problem=f"{subject} asks for a load balancer{by}, and has no address: it was refused.",
            cause=f"Who is to make it says {said(one.refusal)}.",
            fix=[see, change(f"Repair what that names; what the object itself asks for is changed {SOURCE}.")],
        )
        return
    verdict.report(
        NO_ADDRESS,
        subject,
        problem=f"{subject} asks for a load balancer{by}, and has had no address since it was made on {day(since)}.",
        cause="Its events have no word of a refusal: perhaps nothing here makes load balancers, or what does has stopped. Inside the "
        "cluster it works as any other.",
        fix=[see, *_ways(kind)],
    )


def _ways(kind: str) -> list[Step]:
    if kind != "service":
        return []
    return [change(f"If it is not to be reached from outside, or by a node's port only, ask for type ClusterIP or NodePort {SOURCE}.")]
