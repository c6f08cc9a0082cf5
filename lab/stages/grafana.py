"""What is provided for a Grafana, gone wrong: an address of the other environment, and log queries of the wrong type.

No Grafana runs here; its sidecars would load these ConfigMaps as they are.
"""

from __future__ import annotations

import json

import yaml

from lab import api
from lab.platform.manifests import Environment, document
from lab.stages import Stage

_DASHBOARD = "services-dashboard"


def stage_foreign_datasource(environment: Environment) -> None:
    """A values file copied from the other environment, with its addresses."""
    name, file, text = _datasources(environment)
    here, there = (f"{one.fullname}-prometheus.{one.namespace}:" for one in (environment, environment.other))
    _write(environment, name, {file: text.replace(here, there)})


def clear_datasources(environment: Environment) -> None:
    name, file, text = _datasources(environment)
    _write(environment, name, {file: text})


def stage_named_datasource(environment: Environment) -> None:
    """A second data source that says in its name what it is, and leads to the other environment on purpose."""
    name, file, text = _datasources(environment)
    other, content = environment.other, yaml.safe_load(text)
    url = f"http://{other.fullname}-prometheus.{other.namespace}:9090/"
    content["datasources"].append({"name": f"Prometheus {other.name}", "type": "prometheus", "uid": other.name, "url": url})
    _write(environment, name, {file: yaml.safe_dump(content)})


def stage_instant_log_query(environment: Environment) -> None:
    """The panel of logs set to Instant, as somebody did to make it faster."""
    _ask(environment, panel=0, query={"queryType": "instant"})


def stage_instant_metric_query(environment: Environment) -> None:
    """A number asked at one moment, of the text of log queries: right, and with everything in it that a log query has."""
    _ask(
        environment, panel=1, query={"expr": '# {namespace="x"}\nsum(rate(({namespace="$namespace"} |= "{" | json)[5m]))', "instant": True}
    )


def clear_dashboard(environment: Environment) -> None:
    _write(environment, _DASHBOARD, document("grafana", "ConfigMap", _DASHBOARD, environment)["data"])


def _ask(environment: Environment, *, panel: int, query: api.Object) -> None:
    data = document("grafana", "ConfigMap", _DASHBOARD, environment)["data"]
    board = json.loads(data["services.json"])
    board["panels"][panel]["targets"][0] |= query
    _write(environment, _DASHBOARD, {"services.json": json.dumps(board)})


def _datasources(environment: Environment) -> tuple[str, str, str]:
    """The healthy file: of which ConfigMap, under which key, and its text."""
    name = f"{environment.fullname}-grafana-datasource"
    ((file, text),) = document("grafana", "ConfigMap", name, environment)["data"].items()
    return name, file, text


def _write(environment: Environment, name: str, data: api.Object) -> None:
    api.patch(f"/api/v1/namespaces/{environment.namespace}/configmaps/{name}", {"data": data})


_DATASOURCES, _DASHBOARDS = "the data sources of {environment}", "the dashboards of {environment}"

STAGES = (
    Stage(
        "datasource-of-other-environment",
        "the default data source of an environment's Grafana leads to the other environment's Prometheus",
        stage_foreign_datasource,
        clear_datasources,
        touches=(_DATASOURCES,),
    ),
    Stage(
        "datasource-named-for-other",
        "a look-alike: a second data source leads there on purpose, and says so in its name",
        stage_named_datasource,
        clear_datasources,
        touches=(_DATASOURCES,),
    ),
    Stage(
        "dashboard-instant-log-query",
        "a panel asks Loki for log lines with the query type Instant",
        stage_instant_log_query,
        clear_dashboard,
        touches=(_DASHBOARDS,),
    ),
    Stage(
        "dashboard-instant-metric-query",
        "a look-alike: a panel asks Loki for a number with the query type Instant",
        stage_instant_metric_query,
        clear_dashboard,
        touches=(_DASHBOARDS,),
    ),
)
