from typing import Any

import msgspec
import pytest

from clusterprobe.model import Severity
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from clusterprobe.systems.prometheus.query import Sample
from clusterprobe.systems.prometheus.sources import Target
from probes.prometheus.probe_foreign_series import probe_foreign_series
from tests.factories import ENVIRONMENTS, assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused, server

ASKED = server("prometheus", "monitoring-dev", "main")[0]
ADDRESS = "10.0.0.5:8080"


def series(namespace: str, **labels: str) -> Sample:
    return Sample({"namespace": namespace, "instance": ADDRESS, "job": "kube-state-metrics", **labels}, 0.0, 4.0)


def watcher(namespace: str = "monitoring-dev", *arguments: str) -> Pod:
    owner = {"kind": "ReplicaSet", "name": "kube-state-metrics-5fb", "controller": True}
    return labelled(
        Pod,
        namespace,
        "kube-state-metrics-5fb-x",
        {"pod-template-hash": "5fb"},
        metadata={"ownerReferences": [owner]},
        spec={"containers": [{"name": "kube-state-metrics", "args": ["--port=8080", *arguments]}]},
    )


def target(namespace: str = "monitoring-dev", address: str = ADDRESS) -> Target:
    discovered = {"__meta_kubernetes_namespace": namespace, "__meta_kubernetes_pod_name": "kube-state-metrics-5fb-x"}
    labels = {"job": "kube-state-metrics", "instance": address}
    return make(Target, labels=labels, scrapePool="p", health="up", discoveredLabels=discovered)


def platform(samples: list[Sample], pod: Pod | None = None, scraped: Target | None = None) -> dict[str, Any]:
    return {
        "prometheus_kube_state": Readings(((ASKED, samples),)),
        "prometheus_targets": Readings(((ASKED, [scraped or target()]), (server("prometheus", "monitoring-prod", "main")[0], []))),
        "pods": listing("Pod", [pod or watcher()]),
        "deployments": listing("Deployment", []),
        "environments": ENVIRONMENTS,
    }


FOREIGN = [series("fastapi-dev"), series("fastapi-prod")]


def test_series_of_the_own_and_of_shared_namespaces_pass() -> None:
    assert outcome(judged(probe_foreign_series, **platform([series("fastapi-dev"), series("kube-system")]))) == "pass"


def test_the_own_kube_state_metrics_watching_the_other_environment_is_an_error() -> None:
    (finding,) = judged(probe_foreign_series, **platform(FOREIGN)).findings
    assert (finding.severity, str(finding.subject)) == (Severity.ERROR, "Deployment monitoring-dev/kube-state-metrics")
    assert "fastapi-prod: without `--namespaces` it watches every namespace" in finding.cause
    _, edit = finding.steps
    assert edit.code == ""
    assert edit.commands[0].pipeline[0][4:6] == ["deployment/kube-state-metrics", "--type"]
    assert '"path":"/spec/template/spec/containers/0/args/-","value":"--namespaces=fastapi-dev,monitoring-dev"' in finding.fix


CHART = {"helm.sh/chart": "kube-state-metrics-6.3.0"}


@pytest.mark.parametrize("of", ["pod", "deployment"])
def test_the_value_of_the_chart_is_named_where_the_chart_made_it(of: str) -> None:
    pod = watcher()
    seen = labelled(Pod, "monitoring-dev", pod.metadata.name, {**pod.metadata.labels, **CHART}, spec=msgspec.to_builtins(pod.spec))
    owner = labelled(Workload, "monitoring-dev", "kube-state-metrics", CHART, spec={"template": {"spec": {"containers": []}}})
    found = {"pods": listing("Pod", [seen])} if of == "pod" else {"deployments": listing("Deployment", [owner])}
    (finding,) = judged(probe_foreign_series, **{**platform(FOREIGN), **found}).findings
    edit = finding.steps[-1]
    assert edit.code == 'namespaces: "fastapi-dev,monitoring-dev"'
    assert "In the values of the chart kube-state-metrics 6.3.0 it is `namespaces`." in edit.text


def test_an_argument_that_names_too_much_is_quoted_and_replaced() -> None:
    pod = watcher("monitoring-dev", "--namespaces=monitoring-dev,fastapi-prod")
    (finding,) = judged(probe_foreign_series, **platform(FOREIGN, pod)).findings
    assert "`--namespaces=monitoring-dev,fastapi-prod`" in finding.cause
    assert '"op":"replace","path":"/spec/template/spec/containers/0/args/1"' in finding.fix
    assert (
        '{"op":"test","path":"/spec/template/spec/containers/0/args/1","value":"--namespaces=monitoring-dev,fastapi-prod"}' in finding.fix
    )


def test_the_patch_fails_rather_than_hit_another_container() -> None:
    (finding,) = judged(probe_foreign_series, **platform(FOREIGN)).findings
    first = '[{"op":"test","path":"/spec/template/spec/containers/0/name","value":"kube-state-metrics"}'
    assert finding.steps[1].commands[0].pipeline[0][-1].startswith(first)


def test_an_argument_that_stands_by_itself_is_left_to_the_reader() -> None:
    (finding,) = judged(probe_foreign_series, **platform(FOREIGN, watcher("monitoring-dev", "--namespaces", "fastapi-prod"))).findings
    assert [step.commands for step in finding.steps if step.kind != "look"] == [[]]


def test_shared_namespaces_that_it_reports_now_stay_reported() -> None:
    (finding,) = judged(probe_foreign_series, **platform([*FOREIGN, series("kube-system")])).findings
    assert "--namespaces=fastapi-dev,kube-system,monitoring-dev" in finding.fix


def test_without_honour_labels_the_observed_namespace_is_the_exported_one() -> None:
    samples = [series("monitoring-dev", exported_namespace="fastapi-prod")]
    assert reasons(judged(probe_foreign_series, **platform(samples))) == ["KubeStateMetricsWatchesOther", "NamespaceOverwritten"]


@pytest.mark.parametrize(
    ("pool", "subject", "field"),
    [
        ("serviceMonitor/monitoring-dev/state/0", "ServiceMonitor monitoring-dev/state", "`honorLabels: true` in that endpoint"),
        ("kubernetes-pods", "Prometheus monitoring-dev/main", "`honor_labels: true` in the scrape job kubernetes-pods"),
    ],
)
def test_a_namespace_that_the_target_overwrites_is_a_warning_about_what_scrapes_it(pool: str, subject: str, field: str) -> None:
    samples = [series("monitoring-dev", exported_namespace=one) for one in ("fastapi-dev", "kube-system")]
    (finding,) = judged(probe_foreign_series, **platform(samples, scraped=msgspec.structs.replace(target(), scrape_pool=pool))).findings
    assert (finding.reason, finding.severity, str(finding.subject)) == ("NamespaceOverwritten", Severity.WARNING, subject)
    assert "under the namespace monitoring-dev, whatever they are about" in finding.problem
    assert field in finding.fix


def test_what_a_target_that_is_gone_left_under_its_own_namespace_is_none() -> None:
    samples = [series("fastapi-dev"), series("monitoring-dev", exported_namespace="fastapi-dev", instance="10.0.0.9:8080")]
    assert reasons(judged(probe_foreign_series, **platform(samples))) == []


def test_series_from_the_other_environments_kube_state_metrics_are_for_cross_scrape() -> None:
    verdict = judged(probe_foreign_series, **platform(FOREIGN, watcher("monitoring-prod"), target("monitoring-prod")))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])
    assert "prometheus/cross-scrape" in verdict.notes[0]


def test_what_is_left_over_of_a_target_that_is_gone_is_only_noted() -> None:
    now = Sample({"namespace": "fastapi-dev", "instance": "10.0.0.6:8080", "job": "kube-state-metrics"}, 0.0, 4.0)
    verdict = judged(probe_foreign_series, **platform([*FOREIGN, now], scraped=target(address="10.0.0.6:8080")))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])
    assert "does not scrape any more" in verdict.notes[0]


def test_nothing_but_what_is_left_over_is_inconclusive() -> None:
    verdict = judged(probe_foreign_series, **platform([series("fastapi-dev")], scraped=target(address="10.0.0.6:8080")))
    assert outcome(verdict) == "inconclusive"


def test_no_series_at_all_is_inconclusive_and_says_where_to_look() -> None:
    verdict = judged(probe_foreign_series, **platform([]))
    assert outcome(verdict) == "inconclusive"
    assert "prometheus/unselected-monitors" in verdict.notes[0]


def sharded(*samples: list[Sample], name: str = "main") -> dict[str, Any]:
    """The same platform with shards, of which the first scrapes kube-state-metrics."""
    shards = [
        server("prometheus", "monitoring-dev", name if number else "main", f"prometheus-main-{number}")[0] for number in range(len(samples))
    ]
    listed = [(subject, [] if number else [target()]) for number, subject in enumerate(shards)]
    prod = (server("prometheus", "monitoring-prod", "main")[0], [])
    return platform([]) | {
        "prometheus_kube_state": Readings(tuple(zip(shards, samples, strict=True))),
        "prometheus_targets": Readings((*listed, prod)),
    }


def test_a_shard_without_such_series_is_fine_where_another_has_them() -> None:
    verdict = judged(probe_foreign_series, **sharded([series("fastapi-dev")], [], []))
    assert (outcome(verdict), verdict.unread, verdict.notes) == ("pass", [], [])


def test_a_shard_with_nothing_but_what_is_left_over_is_fine_where_another_scrapes_it_now() -> None:
    assert outcome(judged(probe_foreign_series, **sharded([series("fastapi-dev")], [series("fastapi-dev")]))) == "pass"


def test_what_one_shard_sees_is_found() -> None:
    assert reasons(judged(probe_foreign_series, **sharded(FOREIGN, []))) == ["KubeStateMetricsWatchesOther"]


def test_shards_of_which_none_has_such_series_are_inconclusive() -> None:
    assert outcome(judged(probe_foreign_series, **sharded([], []))) == "inconclusive"


def test_another_prometheus_that_has_such_series_proves_nothing() -> None:
    assert outcome(judged(probe_foreign_series, **sharded([series("fastapi-dev")], [], name="other"))) == "inconclusive"


def test_a_shard_that_cannot_be_read_stays_unchecked() -> None:
    blind = sharded([series("fastapi-dev")])
    blind["prometheus_kube_state"] = Readings(blind["prometheus_kube_state"].values, (refused("Pod"),))
    assert outcome(judged(probe_foreign_series, **blind)) == "inconclusive"


def test_targets_that_cannot_be_read_leave_it_unchecked() -> None:
    blind: dict[str, Any] = platform(FOREIGN) | {"prometheus_targets": Readings((), (refused("Pod"),))}
    verdict = judged(probe_foreign_series, **blind)
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_foreign_series, platform(FOREIGN))
