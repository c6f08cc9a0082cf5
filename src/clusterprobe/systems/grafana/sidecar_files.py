"""What Grafana's sidecars load: data sources and dashboards in ConfigMaps, told by their labels.

They can be read without Grafana's credentials. Only ConfigMaps with these labels are asked for, and of them only what is
named here is kept. Files in Secrets are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.urls import without_user
from clusterprobe.decoding import from_json
from clusterprobe.errors import BadResponse
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import source
from clusterprobe.systems.formats.yaml_text import NotYaml, yaml_of
from clusterprobe.systems.grafana.queries import Board, board_of
from clusterprobe.systems.grafana.sources import Datasource, Datasources
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace, Object
from clusterprobe.systems.kubernetes.resources import lists

DATASOURCES = Resource("v1", "configmaps", "ConfigMap", label_selector="grafana_datasource")
DASHBOARDS = Resource("v1", "configmaps", "ConfigMap", label_selector="grafana_dashboard")


class _ConfigMap(Object):
    metadata: Metadata
    data: dict[str, str] | None = None


class DashboardFile(msgspec.Struct, frozen=True):
    """The dashboards of one ConfigMap, as far as they ask Loki."""

    boards: list[Board]


@source(lists(DATASOURCES))
def grafana_datasource_files(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[Datasources]:
    """The data sources in ConfigMaps labelled `grafana_datasource`."""
    found: Collector[Datasources] = Collector()
    listed = cluster.list(DATASOURCES, _ConfigMap, namespaces)
    found.unreadable.extend(listed.unreadable)
    for subject, one in listed:
        try:
            found.add(subject, Datasources([each for text in (one.data or {}).values() for each in datasources_in(text)]))
        except BadResponse as error:
            found.fail(subject, str(error))
    return found.readings("no ConfigMap is labelled grafana_datasource")


def datasources_in(text: str) -> Iterator[Datasource]:
    """The data sources of a provisioning file, without what is secret in it; `BadResponse` for what is none."""
    try:
        document = yaml_of(text)
    except NotYaml as error:
        raise BadResponse(f"a file of data sources in it is {error}") from None
    listed = document.get("datasources") if isinstance(document, dict) else None
    if document is not None and (not isinstance(document, dict) or not isinstance(listed, list | None)):
        raise BadResponse("a file of data sources in it has no list `datasources`")
    for one in listed or []:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not isinstance(one.get("type"), str):
            raise BadResponse("a file of data sources in it has one without a name or type")
        yield _datasource(one)


def _datasource(one: dict[str, Any]) -> Datasource:
    organization = one.get("orgId")
    return Datasource(
        name=one["name"],
        type=one["type"],
        url=without_user(str(one.get("url") or "")),
        uid=str(one.get("uid") or ""),
        default=one.get("isDefault") is True,
        access=str(one.get("access") or ""),
        organization=organization if isinstance(organization, int) and organization > 0 else 1,
    )


@source(lists(DASHBOARDS))
def grafana_dashboard_files(cluster: Cluster, namespaces: Readings[Namespace]) -> Readings[DashboardFile]:
    """What the dashboards in ConfigMaps labelled `grafana_dashboard` ask Loki."""
    found: Collector[DashboardFile] = Collector()
    listed = cluster.list(DASHBOARDS, _ConfigMap, namespaces)
    found.unreadable.extend(listed.unreadable)
    for subject, one in listed:
        _read(found, subject, one.data or {})
    return found.readings("no ConfigMap is labelled grafana_dashboard")


def _read(found: Collector[DashboardFile], subject: Subject, data: dict[str, str]) -> None:
    boards = []
    for name, text in data.items():
        try:
            boards.append(board_of(from_json(text.encode(), dict[str, Any])))
        except (msgspec.MsgspecError, RecursionError):
            found.fail(subject, f"its file {name} is not a dashboard in JSON")
            return
    found.add(subject, DashboardFile(boards))
