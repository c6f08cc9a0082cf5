"""The systems that are known by name, each with one record. Profiles, the inventory, `*/missing` and the alert path read them."""

from clusterprobe.known_systems.judged import (
    AIRFLOW,
    ALERTMANAGER,
    ALLOY,
    ARGOCD,
    EXPECTED,
    FLUENT_BIT,
    FLUENTD,
    GRAFANA,
    GRAFANA_AGENT,
    INGRESS_NGINX,
    JUDGED,
    LOG_AGENTS,
    LOKI,
    MLFLOW,
    MODEL_SERVER,
    OTEL_COLLECTOR,
    PROMETHEUS,
    PROMETHEUS_AGENT,
    PROMETHEUS_OPERATOR,
    PROMTAIL,
    SEALED_SECRETS,
    TRAEFIK,
    VECTOR,
    VICTORIAMETRICS,
    VICTORIAMETRICS_OPERATOR,
)
from clusterprobe.known_systems.recognised import HELPERS, RECOGNISED
from clusterprobe.known_systems.record import PLATFORM, Purpose, Signs, Support, System

SYSTEMS = EXPECTED
"""Those that a profile expects and names addresses for."""

KNOWN = (*JUDGED, *RECOGNISED)
BY_KEY = {one.key: one for one in KNOWN}

__all__ = [
    "AIRFLOW",
    "ALERTMANAGER",
    "ALLOY",
    "ARGOCD",
    "BY_KEY",
    "EXPECTED",
    "FLUENTD",
    "FLUENT_BIT",
    "GRAFANA",
    "GRAFANA_AGENT",
    "HELPERS",
    "INGRESS_NGINX",
    "JUDGED",
    "KNOWN",
    "LOG_AGENTS",
    "LOKI",
    "MLFLOW",
    "MODEL_SERVER",
    "OTEL_COLLECTOR",
    "PLATFORM",
    "PROMETHEUS",
    "PROMETHEUS_AGENT",
    "PROMETHEUS_OPERATOR",
    "PROMTAIL",
    "RECOGNISED",
    "SEALED_SECRETS",
    "SYSTEMS",
    "TRAEFIK",
    "VECTOR",
    "VICTORIAMETRICS",
    "VICTORIAMETRICS_OPERATOR",
    "Purpose",
    "Signs",
    "Support",
    "System",
]
