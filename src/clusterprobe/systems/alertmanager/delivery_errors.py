"""What Alertmanager's log says of notifications that failed: which receiver, and what the other side answered."""

from __future__ import annotations

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.servers import Server
from clusterprobe.errors import Unreadable
from clusterprobe.excerpt import excerpt
from clusterprobe.patterns import ours
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.alertmanager.deliveries import FAILURES, REFUSED, DeliverySeries
from clusterprobe.systems.alertmanager.sources import AlertmanagerMetrics
from clusterprobe.systems.formats.logfmt import cut_fields_of
from clusterprobe.systems.kubernetes.logs import last_lines
from clusterprobe.systems.kubernetes.objects import Pod

LINES = 200
CHARACTERS = 2000  # of one, whose labels may stand before what was answered
MAX_TEXT = 600  # of an answer
# `receiver/integration[index]: text`; receivers of AlertmanagerConfig objects have slashes of their own.
_FAILED = ours(r"(?s)(?P<receiver>.+?)/(?P<kind>[a-z0-9]+)\[\d+\]: (?P<text>.*)")


class DeliveryError(msgspec.Struct, frozen=True):
    """The last thing that was logged of a receiver's integration."""

    receiver: str
    kind: str
    text: str


@source(Call("get", "pods/log"))
def delivery_errors(
    cluster: Cluster,
    alertmanager_servers: Readings[Server],
    pods: Readings[Pod],
    delivery_series: Readings[DeliverySeries],
    alertmanager_metrics: Readings[AlertmanagerMetrics],
    profile: Profile,
) -> Readings[list[DeliveryError]]:
    """The errors in the logs of the replicas whose notifications failed, and of no others."""
    failing = _failing(delivery_series, alertmanager_metrics)
    found: Collector[list[DeliveryError]] = Collector()
    by_name = pods.by_name()
    for subject, _ in alertmanager_servers:
        pod = by_name.get((subject.namespace, subject.name))
        if pod is None or (subject.namespace, subject.name) not in failing:
            continue
        names = [one.name for one in pod.spec.containers]
        container = "alertmanager" if "alertmanager" in names or not names else names[0]
        seconds = profile.thresholds.alertmanager.delivery_window_minutes * 60
        try:
            errors = errors_of(last_lines(cluster, pod, container, LINES, since_seconds=seconds, characters=CHARACTERS))
        except Unreadable as error:
            found.fail(subject, str(error))
            continue
        if errors:
            found.add(subject, errors)
        else:
            found.fail(subject, "its log says nothing of the notifications that failed")
    return found.readings("no notification failed, so no log was read")


def _failing(series: Readings[DeliverySeries], metrics: Readings[AlertmanagerMetrics]) -> set[tuple[str, str]]:
    replicas = [one for value in series.items for one in value.replicas]
    seen = {(one.namespace, one.pod) for one in replicas if any(tally.failed or tally.refused for tally in one.tallies.values())}
    counted = {(subject.namespace, subject.name) for subject, one in metrics if {FAILURES, REFUSED} & {each.name for each in one.counters}}
    return seen | counted


def errors_of(lines: list[str]) -> list[DeliveryError]:
    """The newest error of each receiver and kind of integration, the newest first."""
    found: dict[tuple[str, str], DeliveryError] = {}
    for line in reversed(lines):
        fields = cut_fields_of(line)
        text = excerpt(fields.get("err", "").strip(), MAX_TEXT)
        if fields.get("msg") == "Notify attempt failed, will retry later" and "receiver" in fields:
            one = DeliveryError(fields["receiver"], fields.get("integration", "").partition("[")[0], text)
        elif match := _FAILED.fullmatch(text) if fields.get("msg") == "Notify for alerts failed" else None:
            one = DeliveryError(match["receiver"], match["kind"], match["text"])
        else:
            continue
        found.setdefault((one.receiver, one.kind), one)
    return list(found.values())
