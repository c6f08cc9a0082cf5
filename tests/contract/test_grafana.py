"""The probes of Grafana, through the suite's own access layer, against a server that keeps to Grafana's documented API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.model import ProbeResult
from clusterprobe.profile import Profile
from tests.contract.grafana import ADMIN, PASSWORD, VIEWER, Grafana, Kubernetes
from tests.faults.harness import Outcome, probes, run

CHOSEN = [one for one in probes() if one.id.startswith("grafana/")]
LOKI = {"uid": "loki", "name": "Loki", "type": "loki", "access": "proxy", "url": "http://loki.logging:3100", "isDefault": False, "orgId": 1}
LOG = '{namespace="$namespace"} |= "error"'


def datasource(url: str, **changes: Any) -> dict[str, Any]:
    one = {"id": 1, "uid": "prom", "orgId": 1, "name": "Prometheus", "type": "prometheus", "access": "proxy", "url": url, "isDefault": True}
    return {**one, "jsonData": {"httpMethod": "POST"}, "secureJsonFields": {}, "readOnly": True, **changes}


def dashboard(query: dict[str, Any]) -> dict[str, Any]:
    source = {"type": "loki", "uid": "loki"}
    panel = {"id": 1, "title": "Errors", "type": "logs", "datasource": source, "targets": [{"refId": "A", "datasource": source, **query}]}
    return {"uid": "svc", "title": "Services", "panels": [panel]}


def rule(query: dict[str, Any], query_type: str = "instant") -> dict[str, Any]:
    data = [
        {"refId": "A", "queryType": query_type, "datasourceUid": "loki", "model": {"refId": "A", **query}},
        {"refId": "C", "queryType": "", "datasourceUid": "__expr__", "model": {"type": "threshold", "expression": "A"}},
    ]
    return {"uid": "r1", "title": "Errors in the log", "condition": "C", "data": data}


def service(namespace: str, name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"clusterIP": "None"}}


def config_map(name: str, label: str, file: str, text: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "monitoring-dev", "name": name, "labels": {label: "1"}}, "data": {file: text}}


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with Grafana() as server:
        server.state.datasources = [datasource("http://prometheus.monitoring-dev.svc:9090"), LOKI]
        server.state.dashboards = {"svc": dashboard({"expr": LOG, "queryType": "range"})}
        server.state.rules = [rule({"expr": 'sum(count_over_time({namespace="a"}[5m]))'})]
        yield server


@pytest.fixture
def kubernetes() -> Iterator[Kubernetes]:
    with Kubernetes() as server:
        names = ("kube-system", "monitoring-dev", "monitoring-prod", "logging")
        server.put("/api/v1/namespaces", "NamespaceList", *({"metadata": {"name": one}} for one in names))
        server.put("/api/v1/pods", "PodList")
        services = [service("monitoring-dev", "prometheus"), service("monitoring-prod", "prometheus"), service("logging", "loki")]
        server.put("/api/v1/services", "ServiceList", *services)
        server.put("/api/v1/configmaps", "ConfigMapList")
        yield server


def profile(grafana: Grafana, **credentials: Any) -> Profile:
    endpoint = {"system": "grafana", "namespace": "monitoring-dev", "name": "grafana", "url": grafana.url, **credentials}
    environments = {one: {"namespaces": [f"monitoring-{one}"]} for one in ("dev", "prod")}  # no Prometheus runs here that would tell them
    return Profile.model_validate({"endpoints": [endpoint], "environments": environments})


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("GRAFANA_TOKEN", ADMIN)
    return {"bearer_token_env": "GRAFANA_TOKEN"}


def outcome(kubernetes: Kubernetes, mine: Profile) -> Outcome:
    return run(kubernetes.url, 20, chosen=CHOSEN, profile=mine)


def of(kubernetes: Kubernetes, mine: Profile, probe: str) -> ProbeResult:
    return outcome(kubernetes, mine).results[f"grafana/{probe}"]


def reasons(one: ProbeResult) -> list[str]:
    return [finding.reason for finding in one.findings]


def test_a_healthy_grafana_passes_with_a_token(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    results = outcome(kubernetes, profile(grafana, **token)).results
    assert {one.id: str(one.verdict) for one in results.values()} == {
        "grafana/health": "pass",
        "grafana/datasources": "pass",
        "grafana/log-queries": "pass",
        "grafana/missing": "not_applicable",
    }, results
    assert results["grafana/health"].exhibits[0].rows == [["Grafana monitoring-dev/grafana", "11.6.1", "ok"]]


def test_basic_authentication_does_as_well(grafana: Grafana, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GRAFANA_PASSWORD", PASSWORD)
    mine = profile(grafana, basic={"username": "admin", "password_env": "GRAFANA_PASSWORD"})
    assert str(of(kubernetes, mine, "datasources").verdict) == "pass"


def test_a_wrong_token_leaves_all_but_the_health_unchecked(grafana: Grafana, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GRAFANA_TOKEN", "glsa_wrong")
    results = outcome(kubernetes, profile(grafana, bearer_token_env="GRAFANA_TOKEN")).results
    assert str(results["grafana/health"].verdict) == "pass"
    for name in ("datasources", "log-queries"):
        one = results[f"grafana/{name}"]
        assert (str(one.verdict), one.findings) == ("inconclusive", [])
        assert "HTTP 401: Invalid API key" in one.unchecked[0].reason
        assert "glsa_wrong" not in repr(one)


def test_a_viewer_may_read_dashboards_but_neither_data_sources_nor_rules(
    grafana: Grafana, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GRAFANA_TOKEN", VIEWER)
    grafana.state.dashboards = {"svc": dashboard({"expr": LOG, "queryType": "instant"})}
    results = outcome(kubernetes, profile(grafana, bearer_token_env="GRAFANA_TOKEN")).results
    assert "HTTP 403" in results["grafana/datasources"].unchecked[0].reason
    one = results["grafana/log-queries"]
    assert (reasons(one), str(one.verdict)) == (["InstantLogQuery"], "inconclusive")
    assert "HTTP 403" in one.unchecked[0].reason


def test_without_credentials_it_is_said_what_to_give(grafana: Grafana, kubernetes: Kubernetes):
    results = outcome(kubernetes, profile(grafana)).results
    assert str(results["grafana/health"].verdict) == "pass"
    for name in ("datasources", "log-queries"):
        assert "bearer_token_env or basic" in results[f"grafana/{name}"].unchecked[0].reason
    assert {path for path, _ in grafana.state.asked} == {"/api/health", "/metrics"}


def test_a_login_page_is_no_health(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    grafana.state.login_page = True
    for one in outcome(kubernetes, profile(grafana, **token)).results.values():
        if one.id != "grafana/missing":
            assert (str(one.verdict), one.findings) == ("inconclusive", [])
            assert "HTML page" in one.unchecked[0].reason


def test_a_failing_database_is_an_error(grafana: Grafana, kubernetes: Kubernetes):
    grafana.state.database = "failing"
    assert reasons(of(kubernetes, profile(grafana), "health")) == ["DatabaseFailing"]


def test_a_data_source_of_another_environment_is_an_error_with_its_address(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    grafana.state.datasources = [datasource("http://prometheus.monitoring-prod.svc.cluster.local:9090/")]
    (finding,) = of(kubernetes, profile(grafana, **token), "datasources").findings
    assert finding.reason == "DatasourceOfOtherEnvironment"
    assert "Service prometheus of namespace monitoring-prod, which belongs to prod" in finding.cause


def test_a_data_source_that_does_not_answer_is_an_error_in_grafanas_words(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    grafana.state.health = {"prom": (400, {"status": "ERROR", "message": "Post: dial tcp: lookup prometheus: no such host"})}
    (finding,) = of(kubernetes, profile(grafana, **token), "datasources").findings
    assert finding.reason == "DatasourceFails"
    assert "no such host" in finding.cause


def test_a_plugin_without_a_health_check_is_not_judged(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    grafana.state.health = {"prom": (404, {"message": "Method not implemented"})}
    assert str(of(kubernetes, profile(grafana, **token), "datasources").verdict) == "pass"


def test_a_health_that_says_nothing_and_a_data_source_that_cannot_be_asked_are_unchecked(
    grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]
):
    grafana.state.health = {"prom": (200, {"status": "", "message": ""})}
    assert str(of(kubernetes, profile(grafana, **token), "datasources").verdict) == "inconclusive"
    grafana.state.health, grafana.state.datasources = {}, [{**one, "uid": ""} for one in grafana.state.datasources]
    assert str(of(kubernetes, profile(grafana, **token), "datasources").verdict) == "inconclusive"


def test_a_data_source_to_a_service_that_is_gone_is_an_error(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    grafana.state.datasources = [datasource("http://old.monitoring-dev:9090")]
    assert reasons(of(kubernetes, profile(grafana, **token), "datasources")) == ["DatasourceWithoutService"]


def test_an_alert_rule_that_asks_for_lines_is_an_error(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    grafana.state.rules = [rule({"expr": LOG})]
    (finding,) = of(kubernetes, profile(grafana, **token), "log-queries").findings
    assert (finding.reason, finding.severity) == ("InstantLogQueryInAlert", "error")
    assert "Errors in the log" in finding.problem


@pytest.mark.parametrize("query", [{"expr": LOG, "queryType": "instant"}, {"expr": LOG, "instant": True}])
def test_a_dashboard_that_asks_for_lines_is_a_warning(
    grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str], query: dict[str, Any]
):
    grafana.state.dashboards = {"svc": dashboard(query)}
    (finding,) = of(kubernetes, profile(grafana, **token), "log-queries").findings
    assert (finding.reason, finding.severity) == ("InstantLogQuery", "warning")
    assert "Services (panel Errors)" in finding.problem


def test_config_maps_are_asked_for_by_their_label_only_and_need_no_credentials(grafana: Grafana, kubernetes: Kubernetes):
    text = "apiVersion: 1\ndatasources:\n- {name: Prometheus, type: prometheus, url: 'http://prometheus.monitoring-prod:9090', isDefault: true}\n"
    files = [
        config_map("ds", "grafana_datasource", "ds.yaml", text),
        config_map("board", "grafana_dashboard", "board.json", json.dumps(dashboard({"expr": LOG, "instant": True}))),
        {"metadata": {"namespace": "monitoring-dev", "name": "other"}, "data": {"secret": "planted"}},
    ]
    kubernetes.put("/api/v1/configmaps", "ConfigMapList", *files)
    results = outcome(kubernetes, profile(grafana)).results
    assert reasons(results["grafana/datasources"]) == ["DatasourceOfOtherEnvironment"]
    assert reasons(results["grafana/log-queries"]) == ["InstantLogQuery"]
    asked = {one for one in kubernetes.asked if "configmaps" in one}
    assert asked == {"/api/v1/configmaps?grafana_datasource", "/api/v1/configmaps?grafana_dashboard"}
    assert [one.reason for name in ("datasources", "log-queries") for one in results[f"grafana/{name}"].unchecked] == []


def test_a_token_goes_to_grafana_only(grafana: Grafana, kubernetes: Kubernetes, token: dict[str, str]):
    outcome(kubernetes, profile(grafana, **token))
    assert all(sent == f"Bearer {ADMIN}" for _, sent in grafana.state.asked)
