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
CLUSTERS_JOINED = FindingKind(
    "ClustersJoined", Severity.WARNING, "Two Alertmanagers that are not replicas of one another have joined into one cluster."
)
JOIN_SECONDS = 120  # a replica resolves and joins the others within its settle timeout


@reports(REPLICAS_APART, CLUSTERS_JOINED)
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
    _judge_joined(verdict, groups, servers)


Place = tuple[str, str]


def _judge_joined(verdict: Verdict, groups: dict[Place, list[tuple[Subject, AlertmanagerStatus]]], servers: dict[Subject, Server]) -> None:
    """Each pair of Alertmanagers of which a replica of the one has a replica of the other among its peers."""
    places: dict[str, set[Place]] = defaultdict(set)  # several share the address of a node's own network
    for place, replicas in groups.items():
        for subject, _ in replicas:
            places[servers[subject].ip].add(place)
    homes = {address: min(each) for address, each in places.items() if address and len(each) == 1}
    joined: dict[tuple[Place, Place], tuple[Subject, str]] = {}
    for place, replicas in groups.items():
        for subject, status in replicas:
            for peer in status.peers or []:
                other = homes.get(peer.rpartition(":")[0].strip("[]"), place)
                if other != place:
                    joined.setdefault((min(place, other), max(place, other)), (subject, peer))
    for (first, second), (subject, peer) in joined.items():
        _report_joined(verdict, first, second, subject, peer)


def _report_joined(verdict: Verdict, first: Place, second: Place, subject: Subject, peer: str) -> None:
    one, other = "/".join(first), "/".join(second)
    verdict.report(
        CLUSTERS_JOINED,
        ALERTMANAGERS.subject(*first),
        problem=f"Alertmanager {one} and Alertmanager {other} have joined into one cluster: a silence that is made on one holds on the "
        "other, and of a notification that both would send, one sends it only.",
        cause=f"{subject.name} has {peer} among its peers, which is a replica of the other. A peer is configured so (--cluster.peer, with "
        "the Operator additionalPeers), or an address of an old pod went to the other's: gossip asks for no name.",
        fix=[
            look("Read what it says of its peers.", log_of(subject.namespace, subject.name, "cluster|peer|gossip|memberlist")),
            change(
                "Give each a name of its own for its cluster, which keeps them apart (--cluster.label, with the Operator "
                f"spec.clusterLabel), and take the other's addresses out of its peers. Change it {SOURCE}. Where one cluster of both is "
                "meant, accept this finding."
            ),
        ],
    )


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
