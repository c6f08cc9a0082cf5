"""What a container that runs, and has not been ready for long, says of it itself: the last line of its log that tells of an error."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.model import Subject
from clusterprobe.patterns import Pattern, ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.kubernetes.logs import last_lines
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.pods.starts import start_of

LINES = 50
MAX_LOGS = 10  # of different workloads, in one run
_TELLS = (
    ours(r'(?i)\blevel"?[=:] ?"?(?:error|fatal|critical|panic)\b|\bpermission denied\b|\bx509: |\bis forbidden: User '),
    ours(r"^[EF]\d{4} \d\d:|\b(?:ERROR|FATAL|CRITICAL)\b|\b\w*(?:Error|Exception): |^panic: "),
)


class StartLog(msgspec.Struct, frozen=True):
    """The line, redacted and shortened; empty where none tells of an error."""

    container: str
    line: str


@source(Call("get", "pods/log"))
def start_logs(cluster: Cluster, pods: Readings[Pod], profile: Profile) -> Readings[StartLog]:
    """What the first pod of each workload that runs and has not been ready for long says of it, at most of 10."""
    now, limit = cluster.now(), profile.thresholds.pods.start_minutes * 60
    wanted: Collector[Pod] = Collector(unreadable=list(pods.unreadable))
    names: dict[Subject, str] = {}
    seen: set[str] = set()
    for pod in pods.items:
        start = start_of(pod, now)
        if start is None or start.state != "unready" or not start.container or start.since is None or now - start.since < limit:
            continue
        workload = str(workload_of(pod))
        if workload not in seen and len(seen) < MAX_LOGS:
            subject = PODS.subject(*start.place)
            names[subject] = start.container
            wanted.add(subject, pod)
        seen.add(workload)
    read = cluster.each(wanted.readings(), lambda subject, pod: _log(cluster, pod, names[subject]))
    return Readings(read.values, read.unreadable, "every pod that runs is ready")


def _log(cluster: Cluster, pod: Pod, container: str) -> StartLog:
    return StartLog(container, telling(last_lines(cluster, pod, container, LINES)))


def telling(lines: list[str]) -> str:
    """The last line that tells of an error; empty where none does.

    >>> telling(["level=error msg=a", "level=info msg=b"])
    'level=error msg=a'
    """
    return next((line for line in reversed(lines) if any(one.search(line) for one in _TELLS)), "")


class Row(NamedTuple):
    """What such a line means, and what helps; `why` is a sentence."""

    says: Pattern
    why: str
    helps: str


TABLE = (
    Row(
        ours(r"(?:Failed to scrape node|fully scrape metrics).{0,400}x509: "),
        "The kubelets show certificates that they have signed themselves, or that are not for the address at which they are asked.",
        "Let the kubelets get certificates from the cluster's CA (serverTLSBootstrap: true in their configuration), and approve their "
        "requests (`kubectl get csr`). Only in a cluster to try things out, let metrics-server not verify them (--kubelet-insecure-tls).",
    ),
    Row(
        ours(r"(?i)/var/(?:log|lib/docker)/\S*: permission denied"),
        "It may not read the log files of its node: it does not run as root, or SELinux keeps it from them.",
        "Let it run as root (runAsUser 0), and where the nodes enforce SELinux with a type that may read them: "
        "securityContext.seLinuxOptions.type spc_t, or privileged. On OpenShift its ServiceAccount needs an SCC that allows this.",
    ),
)


def row_of(line: str) -> Row | None:
    """What is known of a line; None where nothing is."""
    return next((one for one in TABLE if line and one.says.search(line)), None)
