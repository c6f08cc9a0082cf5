from collections import defaultdict

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.roles import Examined, Needed
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, AlertmanagerStatus
from clusterprobe.systems.kubernetes.looking import log_of
from clusterprobe.times import epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

REPLICAS_APART = FindingKind(
    "ReplicasApart",
    Severity.ERROR,
    "Replicas of an Alertmanager do not see each other, so that each sends every notification.",
    settles=True,
)
JOIN_SECONDS = 120  # a replica resolves and joins the others within its settle timeout


@reports(REPLICAS_APART)
def probe_replicas(
    verdict: Verdict, alertmanager_statuses: Examined[AlertmanagerStatus], alertmanager_servers: Needed[Server], clock: Clock
) -> None:
    """Do the replicas of every Alertmanager see each other?

    Problem: Each replica sends every notification by itself, and a silence that is made on one is not known to the others.
    Cause: They do not reach each other on the cluster's port, TCP and UDP 9094 by default: a network policy, a wrong address in
    --cluster.peer, or replicas that were started without clustering.
    Fix: Let the replicas reach each other on that port, by TCP and UDP.
    Prevention: Alert on `alertmanager_cluster_members` against the number of replicas (AlertmanagerMembersInconsistent).
    """
    groups: dict[tuple[str, str], list[tuple[Subject, AlertmanagerStatus]]] = defaultdict(list)
    servers = dict(alertmanager_servers)
    for subject, status in alertmanager_statuses:
        server = servers.get(subject)
        if server is not None and server.pod:  # what the profile names may be one of several behind an address
            groups[server.namespace, server.name].append((subject, status))
    for (namespace, name), replicas in groups.items():
        if len(replicas) > 1:
            _judge(verdict, namespace, name, replicas, clock.now)


def _judge(verdict: Verdict, namespace: str, name: str, replicas: list[tuple[Subject, AlertmanagerStatus]], now: float) -> None:
    alone: list[tuple[Subject, AlertmanagerStatus]] = []
    for subject, status in replicas:
        started = epoch(status.uptime)
        if status.cluster == "disabled":
            alone.append((subject, status))
        elif status.peers is None:
            verdict.unchecked(subject, "it does not say which other replicas it sees")
        elif len(status.peers) < len(replicas) and (started is None or now - started >= JOIN_SECONDS):
            alone.append((subject, status))
    if alone:
        _report(verdict, namespace, name, replicas, alone)


def _report(
    verdict: Verdict,
    namespace: str,
    name: str,
    replicas: list[tuple[Subject, AlertmanagerStatus]],
    alone: list[tuple[Subject, AlertmanagerStatus]],
) -> None:
    first, status = alone[0]
    seen = [[on.name, one.cluster, str(len(one.peers or [])), ", ".join(one.peers or [])] for on, one in replicas]
    does = "does" if len(alone) == 1 else "do"
    if status.cluster == "disabled":
        cause = f"{first.name} was started without clustering (cluster status `disabled`)."
        fix = change(
            f"Let the replicas be started with --cluster.listen-address, and with --cluster.peer for each other. Change it {SOURCE}."
        )
    else:
        others = max(len(status.peers or []) - 1, 0)
        sees = f"{others} of the {len(replicas) - 1} other replicas" if others else "no other replica"
        cause = (
            f"{first.name} sees {sees}. They talk on the cluster's port, TCP and UDP 9094 by default: it is not reached, or the addresses "
            "of the peers do not resolve."
        )
        fix = change(
            f"Let the replicas reach each other on that port, by TCP and UDP: network policies, a mesh's sidecars, DNS. Change it {SOURCE}."
        )
    verdict.report(
        REPLICAS_APART,
        ALERTMANAGERS.subject(namespace, name),
        problem=f"{number(len(alone), 'replica')} of Alertmanager {namespace}/{name} {does} not see all of its "
        f"{len(replicas)} replicas ({listed([on.name for on, _ in alone], 3)}): notifications are sent more than once.",
        cause=cause,
        fix=[
            look("Read what it says of its peers.", log_of(first.namespace, first.name, "cluster|peer|gossip|memberlist")),
            look("See which network policies there are.", shell("kubectl -n {} get networkpolicies", namespace)),
            fix,
        ],
        exhibits=[Table(title="Replicas", columns=["Replica", "Cluster", "Peers", "Addresses"], rows=seen)],
    )
