from typing import Any

import pytest

from clusterprobe.access.servers import Server
from clusterprobe.model import Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.grafana.destinations import Destination, destination_of
from clusterprobe.systems.grafana.sources import MAX_DATASOURCES, Datasource, Datasources
from clusterprobe.systems.kubernetes.objects import Namespace, Service
from probes.grafana.probe_datasources import probe_datasources
from tests.factories import ENVIRONMENTS, assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused, server

FILE = Subject(kind="ConfigMap", namespace="monitoring-dev", name="datasource")
GRAFANA = Subject(kind="Grafana", namespace="monitoring-dev", name="grafana")
PROFILE = Profile.model_validate(
    {"endpoints": [{"system": "grafana", "namespace": "monitoring-dev", "url": "http://g", "bearer_token_env": "TOKEN"}]}
)
OWN, OTHER = "http://prometheus.monitoring-dev:9090/", "http://prometheus.monitoring-prod.svc.cluster.local:9090"
NONE: Readings[Any] = Readings(absent="there is none")
WITHOUT = Readings((server("grafana", "monitoring-dev", "grafana"),))
SERVICES = listing(
    "Service",
    [
        labelled(Service, "monitoring-dev", "prometheus", spec={"clusterIP": "10.96.0.20"}),
        labelled(Service, "monitoring-prod", "prometheus", spec={"clusterIP": "10.96.0.30"}),
        labelled(Service, "logging", "loki"),
    ],
)
NAMESPACES = listing("Namespace", [make(Namespace, metadata={"name": one}) for one in ("monitoring-dev", "monitoring-prod", "logging")])
# Namespaces are cluster-wide: their subject's own name is what counts.


def source(url: str = OWN, name: str = "Prometheus", **changes: Any) -> Datasource:
    return Datasource(**{"name": name, "type": "prometheus", "url": url, "uid": "p", "default": True, **changes})


def platform(*items: Datasource, **changes: Any) -> dict[str, Any]:
    fine: dict[str, Any] = {
        "grafana_datasources": NONE,
        "grafana_datasource_files": single(FILE, Datasources(list(items) or [source()])),
        "grafana_servers": NONE,
        "services": SERVICES,
        "namespaces": NAMESPACES,
        "prometheus_servers": Readings(tuple(server("prometheus", f"monitoring-{one}", "main") for one in ("dev", "prod"))),
        "environments": ENVIRONMENTS,
        "profile": PROFILE,
    }
    return {**fine, **changes}


def test_a_data_source_of_its_own_environment_passes_and_is_shown() -> None:
    verdict = judged(probe_datasources, **platform())
    assert outcome(verdict) == "pass"
    assert verdict.exhibits[0].rows == [[str(FILE), "Prometheus", "prometheus", "monitoring-dev/prometheus", "dev", "not asked"]]


def test_one_of_another_environment_is_an_error_that_names_service_and_file() -> None:
    (finding,) = judged(probe_datasources, **platform(source(OTHER))).findings
    assert (finding.reason, finding.severity) == ("DatasourceOfOtherEnvironment", Severity.ERROR)
    assert "ConfigMap monitoring-dev/datasource" in finding.cause
    assert "Service prometheus of namespace monitoring-prod, which belongs to prod, and it is the default" in finding.cause


def test_one_that_says_in_its_name_whose_it_is_is_worth_a_word_only() -> None:
    verdict = judged(probe_datasources, **platform(source(), source(OTHER, "Prometheus Prod", default=False)))
    assert reasons(verdict) == ["DatasourceNamedForOther"]
    assert outcome(verdict) == "pass"


def test_as_the_default_its_name_does_not_help() -> None:
    assert reasons(judged(probe_datasources, **platform(source(OTHER, "Prometheus prod")))) == ["DatasourceOfOtherEnvironment"]


def test_where_one_prometheus_serves_all_environments_leading_to_it_is_right() -> None:
    only = Readings((server("prometheus", "monitoring-prod", "main"),))
    assert outcome(judged(probe_datasources, **platform(source(OTHER), prometheus_servers=only))) == "pass"


def test_a_shared_system_belongs_to_everybody() -> None:
    assert outcome(judged(probe_datasources, **platform(source("http://loki.logging:3100", "Loki", type="loki")))) == "pass"


def test_the_grafana_of_a_shared_namespace_may_show_everything() -> None:
    shared = single(Subject(kind="ConfigMap", namespace="grafana", name="datasource"), Datasources([source(OTHER)]))
    assert outcome(judged(probe_datasources, **platform(grafana_datasource_files=shared))) == "pass"


def test_a_service_that_does_not_exist_is_an_error() -> None:
    (finding,) = judged(probe_datasources, **platform(source("http://old.monitoring-dev.svc:9090"))).findings
    assert finding.reason == "DatasourceWithoutService"
    assert "namespace monitoring-dev has no Service old" in finding.cause
    assert "it may hold credentials" in finding.fix
    assert "the sidecar then loads it" in finding.fix


def with_ports(*ports: int, **spec: Any) -> Readings[Any]:
    listed = [{"port": one} for one in ports]
    return listing("Service", [labelled(Service, "logging", "loki-gateway", spec={"clusterIP": "10.96.0.40", "ports": listed, **spec})])


def test_a_port_that_its_service_does_not_have_is_an_error_that_names_those_it_has() -> None:
    gateway = source("http://loki-gateway.logging.svc:3100", "Loki", type="loki")
    (finding,) = judged(probe_datasources, **platform(gateway, services=with_ports(80))).findings
    assert finding.reason == "DatasourceWithoutPort"
    assert "the Service logging/loki-gateway has the port 80 only." in finding.cause
    assert "Name the port 80 in the address" in finding.fix
    (finding,) = judged(probe_datasources, **platform(gateway, services=with_ports(80, 8080))).findings
    assert "has the ports 80, 8080." in finding.cause


@pytest.mark.parametrize(
    ("url", "services"),
    [
        ("http://loki-gateway.logging.svc", with_ports(80)),
        ("http://loki-gateway.logging.svc:3100", with_ports(80, 3100)),
        ("http://loki-gateway.logging.svc:3100", with_ports()),
        ("http://loki-gateway.logging.svc:3100", with_ports(80, clusterIP="None")),
        ("http://loki-gateway.logging.svc:3100", with_ports(80, type="ExternalName")),
    ],
)
def test_a_port_that_may_lead_there_is_none(url: str, services: Readings[Any]) -> None:
    assert outcome(judged(probe_datasources, **platform(source(url, "Loki", type="loki"), services=services))) == "pass"


def test_where_services_cannot_be_read_none_is_said_to_be_gone() -> None:
    blind: Readings[Any] = Readings((), (refused("ServiceList"),))
    verdict = judged(probe_datasources, **platform(source("http://old.monitoring-dev.svc:9090"), services=blind))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_an_address_with_a_variable_is_unchecked() -> None:
    assert outcome(judged(probe_datasources, **platform(source("http://${PROMETHEUS}:9090")))) == "inconclusive"


def test_two_defaults_in_one_namespace_are_an_error_that_names_both() -> None:
    second = Subject(kind="ConfigMap", namespace="monitoring-dev", name="mine")
    files = Readings(((FILE, Datasources([source()])), (second, Datasources([source(name="Thanos")]))))
    (finding,) = judged(probe_datasources, **platform(grafana_datasource_files=files)).findings
    assert finding.reason == "SeveralDefaults"
    assert "Prometheus (ConfigMap datasource), Thanos (ConfigMap mine)" in finding.cause


def test_defaults_of_two_organizations_or_namespaces_are_fine() -> None:
    second = Subject(kind="ConfigMap", namespace="logging", name="mine")
    files = Readings(((FILE, Datasources([source(), source(name="B", organization=2)])), (second, Datasources([source(name="C")]))))
    assert outcome(judged(probe_datasources, **platform(grafana_datasource_files=files))) == "pass"


def test_the_same_default_in_two_files_is_one() -> None:
    second = Subject(kind="ConfigMap", namespace="monitoring-dev", name="copy")
    files = Readings(((FILE, Datasources([source()])), (second, Datasources([source()]))))
    assert outcome(judged(probe_datasources, **platform(grafana_datasource_files=files))) == "pass"


@pytest.mark.parametrize(("health", "expected"), [("OK", []), ("", []), ("no such host", ["DatasourceFails"])])
def test_one_that_does_not_answer_is_an_error(health: str, expected: list[str]) -> None:
    live = single(GRAFANA, Datasources([source(health=health)]))
    assert reasons(judged(probe_datasources, **platform(grafana_datasources=live))) == expected


def test_a_grafana_that_shows_no_data_source_is_unchecked() -> None:
    live = single(GRAFANA, Datasources([]))
    assert outcome(judged(probe_datasources, **platform(grafana_datasources=live))) == "inconclusive"


def test_what_was_not_asked_is_unchecked() -> None:
    live = single(GRAFANA, Datasources([source()], skipped=MAX_DATASOURCES))
    assert outcome(judged(probe_datasources, **platform(grafana_datasources=live))) == "inconclusive"


def test_without_credentials_and_files_it_says_what_to_give() -> None:
    verdict = judged(probe_datasources, **platform(grafana_servers=WITHOUT, grafana_datasource_files=NONE))
    assert outcome(verdict) == "inconclusive"
    assert "bearer_token_env or basic" in verdict.unread[0].reason


def test_without_credentials_the_files_are_judged_and_the_rest_is_noted() -> None:
    verdict = judged(probe_datasources, **platform(grafana_servers=WITHOUT))
    assert outcome(verdict) == "pass"
    assert "whether its data sources answer was not asked" in verdict.notes[0]


def test_with_credentials_nothing_is_noted() -> None:
    known = single(GRAFANA, Server(system="grafana", namespace="monitoring-dev", name="grafana", url="http://g"))
    assert judged(probe_datasources, **platform(grafana_servers=known)).notes == []


def test_neither_grafana_nor_files_does_not_apply() -> None:
    assert outcome(judged(probe_datasources, **platform(grafana_datasource_files=NONE))) == "not_applicable"


def test_blindness_is_never_taken_for_health() -> None:
    live = single(GRAFANA, Datasources([source(OTHER, health="no such host")]))
    assert_blindness_is_no_health(probe_datasources, platform(grafana_datasources=live))
    assert_blindness_is_no_health(probe_datasources, platform(source(OTHER)))
    assert_blindness_is_no_health(probe_datasources, platform(source("http://old.monitoring-dev:9090")))
    assert_blindness_is_no_health(probe_datasources, platform())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://prometheus:9090", Destination("monitoring-dev", "prometheus")),
        ("http://prometheus.monitoring-prod:9090/x", Destination("monitoring-prod", "prometheus")),
        ("http://prometheus.monitoring-prod.svc", Destination("monitoring-prod", "prometheus")),
        ("https://prometheus.monitoring-prod.svc.cluster.local:9090", Destination("monitoring-prod", "prometheus")),
        ("http://10.96.0.30:9090", Destination("monitoring-prod", "prometheus")),
        ("http://gone.monitoring-prod.svc", Destination("monitoring-prod", "gone", gone=True)),
        ("https://prometheus.example.org", Destination()),
        ("https://grafana.com", Destination()),
        ("http://localhost:9090", Destination()),
        ("http://192.0.2.1:9090", Destination()),
    ],
)
def test_an_address_leads_to_a_service(url: str, expected: Destination) -> None:
    assert destination_of(url, "monitoring-dev", SERVICES, NAMESPACES) == expected


@pytest.mark.parametrize("url", ["http://$HOST", "http://[::1", "http://prometheus:9090"])
def test_what_an_address_leads_to_may_be_unclear(url: str) -> None:
    assert destination_of(url, "", SERVICES, NAMESPACES).unclear
