"""The systems that are known by name, each with one record. Profiles, discovery, `*/missing` and the alert path read it."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.words import a


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A product that runs in clusters: `key` as labels, profiles and areas of probes have it, `name` as people write it.

    It listens on `port`, or on the first container port with one of `port_names`. On the way of an alert it has a `role`, and
    nothing gets past it unless the probes in `vital` pass, and it is there. What works for it alone has `areas` of its own.
    """

    key: str
    name: str
    port: int
    port_names: tuple[str, ...]
    role: str = ""
    vital: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()

    @property
    def one(self) -> str:
        """One of them, for a sentence: `an Airflow`."""
        return a(self.name)

    @property
    def missing(self) -> str:
        """The probe that asks whether it is where the profile expects it."""
        return f"{self.key}/missing"


PROMETHEUS = System(key="prometheus", name="Prometheus", port=9090, port_names=("web", "http-web"))
ALERTMANAGER = System(
    key="alertmanager",
    name="Alertmanager",
    port=9093,
    port_names=("web", "http-web"),
    role="routes the alert",
    vital=("prometheus/alerting", "alertmanager/default-config", "alertmanager/config-secret", "alertmanager/receivers"),
)
LOKI = System(
    key="loki",
    name="Loki",
    port=3100,
    port_names=("http-metrics", "http", "http-loki"),
    role="keeps the logs",
    vital=("loki/ready", "loki/query-range", "loki/freshness", "loki/ruler", "promtail/coverage"),
    areas=("promtail",),
)
GRAFANA = System(key="grafana", name="Grafana", port=3000, port_names=("grafana", "http-web", "http", "service"))
AIRFLOW = System(
    key="airflow",
    name="Airflow",
    port=8080,
    port_names=("api-server", "webserver", "airflow-ui", "http"),
    role="runs the pipeline",
    vital=("airflow/health",),
)
MLFLOW = System(
    key="mlflow",
    name="MLflow",
    port=5000,
    port_names=("mlflow", "http", "tracking"),
    role="keeps the model",
    vital=("mlflow/health",),
)

SYSTEMS = (PROMETHEUS, ALERTMANAGER, LOKI, GRAFANA, AIRFLOW, MLFLOW)
