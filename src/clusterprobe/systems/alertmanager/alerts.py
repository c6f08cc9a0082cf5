"""The alerts that an Alertmanager holds: where a sender's alert arrived, if it did."""

from __future__ import annotations

import msgspec

from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.servers import Server, read_each
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import proxied, source


class _Receiver(msgspec.Struct):
    name: str


class _Status(msgspec.Struct):
    state: str = ""


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    starts_at: str = ""
    receivers: list[_Receiver] | None = None
    status: _Status = msgspec.field(default_factory=_Status)


class ArrivedAlert(msgspec.Struct, frozen=True):
    """An alert as an Alertmanager has it; `state` is active, suppressed or unprocessed.

    `starts_at` is since when it fires (RFC 3339); empty in older bundles.
    """

    labels: dict[str, str]
    receivers: list[str]
    state: str = ""
    starts_at: str = ""


class Arrived(msgspec.Struct, frozen=True):
    """All alerts of one replica; to hold none is an answer, too."""

    alerts: list[ArrivedAlert]


@source(proxied("pods"))
def alertmanager_alerts(cluster: Cluster, alertmanager_servers: Readings[Server], profile: Profile) -> Readings[Arrived]:
    """The alerts that every replica of every Alertmanager holds now."""

    def read(endpoint: Endpoint, _: Server) -> Arrived:
        alerts = endpoint.json("/api/v2/alerts", list[_Alert], limit_bytes=bodies.QUERY)
        return Arrived(
            [ArrivedAlert(one.labels, [each.name for each in one.receivers or []], one.status.state, one.starts_at) for one in alerts]
        )

    return read_each(cluster, profile, alertmanager_servers, read)
