from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster, Endpoint
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.access.servers import Server
from clusterprobe.errors import BadResponse
from clusterprobe.fixes import line
from clusterprobe.model import Finding, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.prometheus import alerting
from clusterprobe.systems.prometheus.alerting import Destinations, LoadedRules, RuleFile, Sending, prometheus_sending, rule_uid
from clusterprobe.systems.prometheus.objects import Prometheus, Rule
from clusterprobe.systems.prometheus.query import Sample
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.times import epoch
from probes.prometheus.probe_alerting import SETTLING_SECONDS, probe_alerting
from tests.factories import (
    ENVIRONMENTS,
    OF_STACK_CHART,
    assert_blindness_is_no_health,
    judged,
    labelled,
    listing,
    outcome,
    reasons,
    refused,
    server,
)

OF_PROD = server("prometheus", "monitoring-prod", "main")
NOW = epoch("2026-01-01T12:00:00Z") or 0.0
LONG_AGO = "2026-01-01T08:00:00Z"
UID = "4e4e0678-7631-4bea-aa51-30208d1b60ae"
ONE = server("prometheus", "monitoring-dev", "main")
TWO = server("prometheus", "monitoring-dev", "main", "prometheus-main-1")
DEV, DEV2, PROD, SHARED = "10.0.0.11:9093", "10.0.0.12:9093", "10.0.0.21:9093", "10.0.0.31:9093"
NAMED = [{"namespace": "monitoring-dev", "name": "main", "port": "http-web"}]


def pod(namespace: str, place: str, start: str = LONG_AGO, name: str = "alertmanager-main-0") -> Pod:
    status = {"phase": "Running", "podIP": place.partition(":")[0], "startTime": start}
    owner = {"kind": "StatefulSet", "name": name.rpartition("-")[0], "uid": "set", "controller": True}
    return labelled(Pod, namespace, name, spec={"containers": []}, metadata={"ownerReferences": [owner]}, status=status)


def rules(file: str = f"monitoring-dev-own-{UID}.yaml", alerts: int = 2) -> LoadedRules:
    return LoadedRules([RuleFile(file, ["general"], alerts)])


def service(name: str = "main", port: str = "http-web", namespace: str = "monitoring-dev", **spec: Any) -> Service:
    return labelled(Service, namespace, name, spec={"ports": [{"port": 9093, "name": port}], **spec})


def platform(*active: str, alerting: Any = NAMED, **changes: Any) -> dict[str, Any]:
    spec = {"alerting": None if alerting is None else {"alertmanagers": alerting}}
    custom = labelled(Prometheus, "monitoring-dev", "main", OF_STACK_CHART, spec=spec)
    places = [*active, *changes.pop("more", [])]
    start, reload = changes.pop("start", LONG_AGO), changes.pop("reload", LONG_AGO)
    rule = labelled(Rule, changes.pop("rules_of", "monitoring-dev"), "own", metadata={"uid": UID})
    return {
        "prometheus_alertmanagers": Readings(((ONE[0], Destinations(list(active))),)),
        "prometheus_loaded_rules": Readings(((ONE[0], rules()),)),
        "prometheus_sending": Readings(((ONE[0], Sending(dict.fromkeys(places, 10.0), dict.fromkeys(places, 0.0))),)),
        "prometheus_runtime": Readings(((ONE[0], Runtime(start_time=start, last_config_time=reload)),)),
        "alerting_servers": Readings((ONE, OF_PROD)),
        "prometheuses": listing("Prometheus", [custom]),
        "thanos_rulers": listing("ThanosRuler", []),
        "prometheus_rules": listing("PrometheusRule", [rule]),
        "alertmanagers": listing("Alertmanager", [labelled(Alertmanager, "monitoring-dev", "main", spec={"portName": "http-web"})]),
        "services": listing("Service", [service()]),
        "pods": listing(
            "Pod",
            [
                pod("monitoring-dev", DEV),
                pod("monitoring-dev", DEV2, name="alertmanager-main-1"),
                pod("monitoring-prod", PROD),
                pod("logging", SHARED),
            ],
        ),
        "environments": ENVIRONMENTS,
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOW),
        **changes,
    }


@pytest.mark.parametrize("active", [[DEV], [DEV, DEV2], [DEV, SHARED], [SHARED]])
def test_its_own_alertmanager_two_replicas_of_it_and_a_shared_one_pass(active: list[str]) -> None:
    verdict = judged(probe_alerting, **platform(*active))
    assert outcome(verdict) == "pass"
    assert verdict.findings == []


def test_a_shared_prometheus_may_send_anywhere() -> None:
    one = server("prometheus", "monitoring", "main")
    known = platform(PROD, alerting_servers=Readings((one,)))
    for name in ("prometheus_alertmanagers", "prometheus_loaded_rules", "prometheus_sending", "prometheus_runtime"):
        known[name] = Readings(((one[0], known[name].items[0]),))
    assert reasons(judged(probe_alerting, **known)) == []


def test_another_environments_alertmanager_is_an_error_that_names_the_field() -> None:
    wrong = [{"namespace": "monitoring-prod", "name": "main-prod", "port": "http-web"}]
    (finding,) = judged(probe_alerting, **platform(PROD, alerting=wrong)).findings
    assert (finding.reason, finding.severity) == ("AlertsToOtherEnvironment", "error")
    assert "Pod monitoring-prod/alertmanager-main-0" in finding.problem
    assert "dev's own gets none" in finding.problem
    assert "`namespace: monitoring-prod`, `name: main-prod`" in finding.cause
    assert '"namespace":"monitoring-dev","name":"main","port":"http-web"' in finding.fix


def changed(finding: Finding) -> list[str]:
    return [line(one) for step in finding.steps if step.kind != "look" for one in step.commands]


def stacks_without_environments(*active: str, **changes: Any) -> dict[str, Any]:
    """Two stacks, atlas and borealis, of which the first is asked where it sends to."""
    one, other = server("prometheus", "atlas", "main"), server("prometheus", "borealis", "main")
    named = [{"namespace": "borealis", "name": "main", "port": "web"}]
    known = platform(*active, alerting_servers=Readings((one, other)))
    for name in ("prometheus_alertmanagers", "prometheus_loaded_rules", "prometheus_sending", "prometheus_runtime"):
        known[name] = Readings(((one[0], known[name].items[0]),))
    return {
        **known,
        "prometheuses": listing("Prometheus", [labelled(Prometheus, "atlas", "main", spec={"alerting": {"alertmanagers": named}})]),
        "alertmanagers": listing("Alertmanager", [labelled(Alertmanager, one, "main") for one in ("atlas", "borealis")]),
        "pods": listing("Pod", [pod("atlas", DEV), pod("borealis", PROD), pod("logging", SHARED)]),
        **changes,
    }


def test_without_environments_it_is_found_that_another_stacks_alertmanager_gets_all_alerts_and_its_own_none() -> None:
    (finding,) = judged(probe_alerting, **stacks_without_environments(PROD)).findings
    assert (finding.reason, finding.severity) == ("AlertsToOtherStack", "warning")
    assert "none to the Alertmanager main beside it" in finding.problem
    assert "`namespace: borealis`, `name: main`" in finding.cause
    assert '"namespace":"atlas","name":"alertmanager-operated"' in finding.fix


@pytest.mark.parametrize(
    ("active", "alertmanagers"),
    [
        ([DEV], ["atlas", "borealis"]),
        ([DEV, PROD], ["atlas", "borealis"]),
        ([SHARED], ["atlas", "logging"]),  # no stack is there: one for all
        ([PROD], ["borealis"]),  # it has none of its own
    ],
)
def test_an_alertmanager_for_all_is_meant(active: list[str], alertmanagers: list[str]) -> None:
    known = listing("Alertmanager", [labelled(Alertmanager, one, "main") for one in alertmanagers])
    assert reasons(judged(probe_alerting, **stacks_without_environments(*active, alertmanagers=known))) == []


def test_whether_it_has_an_alertmanager_of_its_own_must_be_known() -> None:
    assert_blindness_is_no_health(probe_alerting, stacks_without_environments(PROD))


def test_without_one_alertmanager_of_its_own_no_name_is_invented() -> None:
    several = [labelled(Alertmanager, "monitoring-dev", name) for name in ("one", "two")]
    for known in ([], several):
        (finding,) = judged(probe_alerting, **platform(alerting=[], alertmanagers=listing("Alertmanager", known))).findings
        assert changed(finding) == []
        assert "YOUR" not in finding.fix


def test_one_without_an_object_is_given_no_patch_of_one() -> None:
    (finding,) = judged(probe_alerting, **platform(prometheuses=listing("Prometheus", []))).findings
    assert changed(finding) == []


def test_what_it_has_found_is_asked_of_the_pod_and_port_that_answered() -> None:
    (finding,) = judged(probe_alerting, **platform(alerting=[])).findings
    asked = "kubectl get --raw /api/v1/namespaces/monitoring-dev/pods/prometheus-main-0:9090/proxy/api/v1/alertmanagers"
    assert line(finding.steps[-1].commands[0]) == asked


def test_alerts_that_are_not_taken_are_looked_at_where_they_come_from_and_where_they_go() -> None:
    (finding,) = judged(probe_alerting, **platform(DEV, **sending(10, 10))).findings
    assert [line(one) for step in finding.steps for one in step.commands] == [
        "kubectl -n monitoring-dev logs prometheus-main-0 --all-containers --since=1h | grep -iE notif",
        "kubectl -n monitoring-dev describe pod alertmanager-main-0",
    ]


def test_another_environments_beside_its_own_breaks_nothing_and_is_a_warning() -> None:
    (finding,) = judged(probe_alerting, **platform(DEV, PROD)).findings
    assert (finding.reason, finding.severity) == ("AlertsToOtherEnvironment", "warning")
    assert "additionalAlertManagerConfigs" in finding.cause


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("alertmanager-operated.monitoring-prod.svc.cluster.local:9093", ["AlertsToOtherEnvironment"]),
        ("alertmanager-main-0.alertmanager-operated.monitoring-prod.svc:9093", ["AlertsToOtherEnvironment"]),
        ("alertmanager-operated.monitoring-dev.svc:9093", []),
        ("10.96.0.7:9093", ["AlertsToOtherEnvironment"]),
    ],
)
def test_names_and_addresses_of_services_are_understood(host: str, found: list[str]) -> None:
    theirs = service("prod", namespace="monitoring-prod", clusterIP="10.96.0.7")
    assert reasons(judged(probe_alerting, **platform(host, services=listing("Service", [service(), theirs])))) == found


def test_an_address_that_nothing_here_has_is_unchecked_and_the_profile_can_name_it() -> None:
    verdict = judged(probe_alerting, **platform("alerts.example.org:443"))
    assert outcome(verdict) == "inconclusive"
    assert "name it under `endpoints`" in verdict.unread[0].reason
    endpoint = {"system": "alertmanager", "url": "https://alerts.example.org", "namespace": "monitoring-dev"}
    known = Profile.model_validate({"endpoints": [endpoint]})
    assert outcome(judged(probe_alerting, **platform("alerts.example.org:443", profile=known))) == "pass"


def test_pods_that_share_the_address_of_their_node_name_none_of_them() -> None:
    pods = listing("Pod", [pod("monitoring-prod", DEV), pod("kube-system", DEV, name="kube-proxy")])
    verdict = judged(probe_alerting, **platform(DEV, pods=pods))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


@pytest.mark.parametrize(
    ("alerting", "services", "words"),
    [
        (None, [service()], "names no Alertmanager"),
        ([], [service()], "alertmanager.enabled"),
        (NAMED, [], "the Service monitoring-dev/main, which does not exist"),
        ([{"name": "main", "port": "web"}], [service()], "port web of the Service monitoring-dev/main, which has only http-web"),
        (NAMED, [service()], "behind which no address was found"),
        ([{"name": "main", "port": 9093}], [service()], "behind which no address was found"),
    ],
)
def test_no_alertmanager_at_all_is_critical_and_says_why(alerting: Any, services: list[Service], words: str) -> None:
    (finding,) = judged(probe_alerting, **platform(alerting=alerting, services=listing("Service", services))).findings
    assert (finding.reason, finding.severity) == ("AlertsToNobody", "critical")
    assert words in finding.cause
    assert "2 alerting rules" in finding.problem


def test_an_alertmanager_that_is_named_and_scaled_to_0_is_to_run_and_not_to_be_named() -> None:
    idle = listing("Alertmanager", [labelled(Alertmanager, "monitoring-dev", "main", spec={"replicas": 0})])
    (finding,) = judged(probe_alerting, **platform(alertmanagers=idle)).findings
    assert "scaled to 0" in finding.fix
    assert '"replicas":1' in finding.fix
    assert "Name its own" not in finding.fix


def test_a_service_that_could_not_be_looked_at_is_not_called_missing() -> None:
    (finding,) = judged(probe_alerting, **platform(services=Readings((), (refused("Service"),)))).findings
    assert "could not be looked at" in finding.cause


def test_no_alertmanager_for_a_prometheus_without_alerting_rules_is_normal() -> None:
    verdict = judged(probe_alerting, **platform(prometheus_loaded_rules=Readings(((ONE[0], rules(alerts=0)),))))
    assert outcome(verdict) == "pass"
    assert "no rule that alerts" in verdict.notes[0]


@pytest.mark.parametrize("moment", ["start", "reload"])
def test_soon_after_a_start_or_a_reload_it_need_not_have_found_its_alertmanager(moment: str) -> None:
    def at(seconds: int) -> str:
        return f"2026-01-01T11:59:{60 - seconds:02d}Z"

    young = judged(probe_alerting, **platform(**{moment: at(SETTLING_SECONDS - 1)}))
    assert (outcome(young), young.findings) == ("inconclusive", [])
    assert reasons(judged(probe_alerting, **platform(**{moment: at(SETTLING_SECONDS)}))) == ["AlertsToNobody"]


def sending(sent: float, failed: float) -> dict[str, Any]:
    return {"prometheus_sending": Readings(((ONE[0], Sending({DEV: sent}, {DEV: failed})),))}


def test_an_alertmanager_that_takes_nothing_is_critical_and_rests_on_its_workload() -> None:
    (finding,) = judged(probe_alerting, **platform(DEV, **sending(10, 10))).findings
    assert (finding.reason, finding.severity) == ("AlertsNotTaken", "critical")
    assert finding.rests_on == ["StatefulSet/monitoring-dev/alertmanager-main"]


def test_one_of_two_that_takes_nothing_is_a_warning() -> None:
    both = Sending({DEV: 10, DEV2: 10}, {DEV: 10, DEV2: 0})
    (finding,) = judged(probe_alerting, **platform(DEV, DEV2, prometheus_sending=Readings(((ONE[0], both),)))).findings
    assert finding.severity == "warning"


def test_some_alerts_that_failed_are_no_finding() -> None:
    assert outcome(judged(probe_alerting, **platform(DEV, **sending(10, 9)))) == "pass"


def test_an_alertmanager_that_has_just_started_may_not_take_them_yet() -> None:
    young = listing("Pod", [pod("monitoring-dev", DEV, "2026-01-01T11:58:00Z")])
    verdict = judged(probe_alerting, **platform(DEV, pods=young, **sending(10, 10)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_one_that_takes_nothing_may_be_young_where_its_pod_could_not_be_read() -> None:
    blind = Readings((), (refused("PodList"),))
    verdict = judged(probe_alerting, **platform(DEV, pods=blind, **sending(10, 10)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    elsewhere = judged(probe_alerting, **platform(DEV, pods=listing("Pod", []), **sending(10, 10)))
    assert reasons(elsewhere) == ["AlertsNotTaken"]


def test_each_of_two_must_be_known_to_take_its_alerts() -> None:
    half = Readings(((ONE[0], Sending({DEV: 10.0}, {DEV: 0.0})),))
    verdict = judged(probe_alerting, **platform(DEV, DEV2, prometheus_sending=half))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert DEV2 in verdict.unread[0].reason


def test_an_address_of_a_node_names_no_pod_unless_all_were_read() -> None:
    status = {"phase": "Running", "podIP": "10.0.0.21", "hostIP": "10.0.0.21"}
    agent = labelled(Pod, "monitoring-prod", "agent", spec={"containers": []}, status=status)
    whole = judged(probe_alerting, **platform(PROD, pods=listing("Pod", [agent])))
    assert reasons(whole) == ["AlertsToOtherEnvironment"]
    half = Readings(listing("Pod", [agent]).values, (refused("Pod", "monitoring-dev"),))
    verdict = judged(probe_alerting, **platform(PROD, pods=half))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_nothing_sent_is_only_noted_and_no_series_of_its_own_is_unchecked() -> None:
    quiet = judged(probe_alerting, **platform(DEV, **sending(0, 0)))
    assert (outcome(quiet), len(quiet.notes)) == ("pass", 1)
    verdict = judged(probe_alerting, **platform(DEV, prometheus_sending=Readings(((ONE[0], Sending({}, {})),))))
    assert outcome(verdict) == "inconclusive"
    assert "no series of its own" in verdict.unread[0].reason


def test_rules_of_another_environment_are_proved_by_what_is_loaded() -> None:
    (finding,) = judged(probe_alerting, **platform(DEV, rules_of="monitoring-prod")).findings
    assert (finding.reason, finding.severity) == ("RulesOfOtherEnvironment", "warning")
    assert "monitoring-prod/own" in finding.cause
    assert finding.rests_on == ["Selectors/monitoring-dev/main"]
    see, limit, *_ = finding.steps
    assert see.kind == "look"
    patched = limit.commands[0].pipeline[0]
    assert patched[:5] == ["kubectl", "-n", "monitoring-dev", "patch", "prometheuses.monitoring.coreos.com"]
    assert '"ruleNamespaceSelector":{"matchExpressions":[{"key":"kubernetes.io/metadata.name"' in patched[-1]
    assert "ruleSelector" in finding.cause


@pytest.mark.parametrize("namespace", ["monitoring-dev", "fastapi-dev", "logging"])
def test_rules_of_its_own_environment_and_shared_ones_are_fine(namespace: str) -> None:
    assert outcome(judged(probe_alerting, **platform(DEV, rules_of=namespace))) == "pass"


def test_two_replicas_with_the_same_trouble_are_told_once() -> None:
    known = platform(PROD, rules_of="monitoring-prod", alerting_servers=Readings((ONE, TWO, OF_PROD)))
    for name in ("prometheus_alertmanagers", "prometheus_loaded_rules", "prometheus_sending", "prometheus_runtime"):
        known[name] = Readings(((ONE[0], known[name].items[0]), (TWO[0], known[name].items[0])))
    assert sorted(reasons(judged(probe_alerting, **known))) == ["AlertsToOtherEnvironment", "RulesOfOtherEnvironment"]


@pytest.mark.parametrize("active", [[], [DEV], [PROD]])
def test_what_cannot_be_read_is_never_health(active: list[str]) -> None:
    known = platform(*active)
    assert_blindness_is_no_health(probe_alerting, known)


def test_only_files_that_the_operator_named_have_a_uid() -> None:
    assert rule_uid(f"a-b-{UID}.yaml") == UID
    assert rule_uid("rules.yml") == ""


# --- what it says of its sending --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        ({"main-0": 3.0, "main-shard-1-0": 4.0}, {"main-0": 3.0, "main-shard-1-0": 4.0}),
        ({"main-0": 3.0}, {"main-0": 3.0, "main-shard-1-0": None}),
    ],
)
def test_of_a_prometheus_in_shards_another_one_may_know_what_one_has_sent(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, float], sent: dict[str, float | None]
) -> None:
    def answers(endpoint: Endpoint, expression: str) -> list[Sample]:
        """The first shard scrapes both of them, and the second one neither; one of another Prometheus has all."""
        if "shard-1" in endpoint.url:
            return []
        pods = [pod for pod in known if f'pod="{pod}"' in expression]
        return [Sample({"alertmanager": "http://10.0.0.9:9093/api/v2/alerts"}, 1.0, known[pod]) for pod in pods]

    monkeypatch.setattr(alerting, "query", answers)
    cluster = Cluster(Connection(Origin("http://127.0.0.1:1"), "test", "somebody", "default", "proxy"), Deadline.after(10))
    names = ("main-0", "main-shard-1-0")
    own = [(Subject(kind="Pod", name=one), Server(system="prometheus", namespace="m", name="main", pod=one, port=9090)) for one in names]
    other = Server(system="prometheus", namespace="m", name="other", pod="other-0", port=9090)
    found = prometheus_sending(cluster, Readings((*own, (Subject(kind="Pod", name="other-0"), other))), Profile())
    assert {subject.name: value.sent.get("10.0.0.9:9093") for subject, value in found if subject.name != "other-0"} == sent


def test_a_shard_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(endpoint: Endpoint, _: str) -> list[Sample]:
        if "main-0" in endpoint.url:
            raise BadResponse("nothing of use")
        return []

    monkeypatch.setattr(alerting, "query", answers)
    cluster = Cluster(Connection(Origin("http://127.0.0.1:1"), "test", "somebody", "default", "proxy"), Deadline.after(10))
    own = [
        (Subject(kind="Pod", name=one), Server(system="prometheus", namespace="m", name="main", pod=one, port=9090))
        for one in ("main-0", "main-1")
    ]
    found = prometheus_sending(cluster, Readings(tuple(own)), Profile())
    assert [subject.name for subject, _ in found] == ["main-1"]
    assert [one.subject.name for one in found.unreadable] == ["main-0"]
