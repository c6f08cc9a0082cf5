from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import ProbeResult, ProbeVerdict, Table
from clusterprobe.profile import Profile
from clusterprobe.systems.confirmations import Confirmations
from clusterprobe.systems.inventory.installations import installations
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from clusterprobe.verdict import Verdict
from probes.inventory.probe_judged import probe_judged
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, recognised

NOON = 1_800_000_000.0  # 2027-01-15


def pod(namespace: str, name: str, image: str, **labels: str) -> Pod:
    return labelled(Pod, namespace, name, labels, spec={"containers": [{"name": "c", "image": image}]}, status={"phase": "Running"})


PROMETHEUS = pod("monitoring", "prometheus-0", "prom/prometheus:v3")
MIMIR = pod("metrics", "mimir-0", "grafana/mimir:2")
VMAGENT, VMALERT = pod("metrics", "vmagent-0", "victoriametrics/vmagent:v1"), pod("metrics", "vmalert-0", "victoriametrics/vmalert:v1")


def readings(
    *pods: Pod,
    profile: dict[str, Any] | None = None,
    ran: tuple[str, ...] = (),
    idle: tuple[Workload, ...] = (),
    answers: dict[tuple[str, str, str], str] | None = None,
    objects: dict[str, int] | None = None,
    groups: tuple[str, ...] = (),
) -> dict[str, Any]:
    wanted = Profile.model_validate(profile or {})
    conclusions = [ProbeResult(id=one, question="?", verdict=ProbeVerdict.PASS, examined=1) for one in ran]
    found = installations(recognised(listing("Pod", pods)), listing("Deployment", []), listing("StatefulSet", idle), wanted)
    said = Confirmations(answers or {}, objects or {}, frozenset(groups))
    return {"installations": found, "profile": wanted, "clock": Clock(NOON), "conclusions": conclusions, "confirmations": said}


def judge(*pods: Pod, **more: Any) -> Verdict:
    return judged(probe_judged, **readings(*pods, **more))


def test_a_platform_of_systems_that_are_judged_passes() -> None:
    assert outcome(judge(PROMETHEUS, pod("shop", "web", "corp/shop:1"))) == "pass"


def test_a_system_that_no_probe_judges_is_said_once_and_the_way_to_accept_it() -> None:
    verdict = judge(PROMETHEUS, MIMIR)
    assert outcome(verdict) == "inconclusive"
    (one,) = verdict.unread
    assert str(one.subject) == "Grafana Mimir metrics/mimir"
    assert one.reason == (
        "it runs here (mimir), and no probe judges Grafana Mimir, which stores metrics; "
        "if something else watches it, accept that in the profile: `not_judged: [mimir]`"
    )


def test_the_parts_of_a_system_are_one_installation_and_its_operator_another() -> None:
    operator = pod("operators", "operator-0", "victoriametrics/operator:v0.74")
    verdict = judge(VMAGENT, VMALERT, operator)
    assert outcome(verdict) == "pass"
    (table,) = verdict.exhibits
    assert isinstance(table, Table)
    assert [[row[0], row[1], row[table.columns.index("Parts")]] for row in table.rows] == [
        ["VictoriaMetrics", "metrics/victoriametrics", "vmagent, vmalert"],
        ["VictoriaMetrics operator", "operators/victoriametrics-operator", ""],
    ]


@pytest.mark.parametrize(
    ("entry", "accepted"),
    [
        ("mimir", True),
        ({"system": "mimir", "namespaces": ["met*"], "until": "2027-01-15"}, True),
        ({"system": "mimir", "until": "2027-01-14"}, False),
        ({"system": "mimir", "namespaces": ["other"]}, False),
        ("velero", False),
    ],
)
def test_a_profile_accepts_a_gap_where_and_as_long_as_it_says(entry: Any, accepted: bool) -> None:
    verdict = judge(PROMETHEUS, MIMIR, profile={"not_judged": [entry]})
    assert outcome(verdict) == ("pass" if accepted else "inconclusive")


def test_an_accepted_gap_is_noted_with_its_reason_and_its_last_day() -> None:
    entry = {"system": "mimir", "why": "the metrics team watches it", "until": "2027-06-30"}
    (note,) = judge(PROMETHEUS, MIMIR, profile={"not_judged": [entry]}).notes
    assert note == ("Grafana Mimir metrics/mimir is not judged, which the profile accepts, until 2027-06-30: the metrics team watches it.")


def test_a_gap_that_was_accepted_until_a_day_that_is_over_says_so() -> None:
    entry = {"system": "mimir", "until": "2027-01-14"}
    assert judge(PROMETHEUS, MIMIR, profile={"not_judged": [entry]}).unread[0].reason.endswith("accepted that until 2027-01-14")


def test_a_cluster_without_any_platform_is_never_healthy() -> None:
    verdict = judge(pod("shop", "web", "corp/shop:1"))
    assert outcome(verdict) == "inconclusive"
    assert "`systems:` in the profile" in verdict.unread[0].reason
    assert outcome(judge(pod("traefik", "traefik-0", "traefik:v3"))) == "inconclusive"


def test_a_platform_that_nothing_judges_is_none_that_is_not_known() -> None:
    verdict = judge(MIMIR)
    assert [str(one.subject) for one in verdict.unread] == ["Grafana Mimir metrics/mimir"]
    accepted = judge(MIMIR, profile={"not_judged": ["mimir"]})
    assert (accepted.unread, len(accepted.notes)) == ([], 1)


def test_what_is_judged_by_the_conditions_of_its_objects_is_judged_where_a_probe_looks_at_those() -> None:
    flux = pod("flux-system", "kustomize-controller-0", "ghcr.io/fluxcd/kustomize-controller:v1")
    assert outcome(judge(PROMETHEUS, flux)) == "inconclusive"
    verdict = judge(flux, ran=("objects/conditions",), groups=("source.toolkit.fluxcd.io",))
    assert outcome(verdict) == "pass"
    (table,) = verdict.exhibits
    assert isinstance(table, Table)
    assert table.rows[0][-1] == "the conditions of its objects, by objects/conditions"
    assert outcome(judge(PROMETHEUS, MIMIR, ran=("objects/conditions",))) == "inconclusive"


def test_one_kind_of_a_group_may_speak_for_a_system() -> None:
    rollouts = pod("argo-rollouts", "argo-rollouts-0", "quay.io/argoproj/argo-rollouts:v1.8")
    objects = {"rollouts.argoproj.io": 2, "applicationsets.argoproj.io": 1}
    heard = ("argoproj.io", "rollouts.argoproj.io")
    verdict = judge(PROMETHEUS, rollouts, ran=("objects/conditions",), objects=objects, groups=heard)
    assert outcome(verdict) == "pass"
    (table,) = verdict.exhibits
    assert isinstance(table, Table)
    assert [row[table.columns.index("Objects")] for row in table.rows] == ["rollouts 2", ""]


@pytest.mark.parametrize("groups", [(), ("cert-manager.io",)])
def test_what_is_judged_by_its_objects_is_not_where_none_of_them_says_anything(groups: tuple[str, ...]) -> None:
    flux = pod("flux-system", "kustomize-controller-0", "ghcr.io/fluxcd/kustomize-controller:v1")
    verdict = judge(PROMETHEUS, flux, ran=("objects/conditions",), groups=groups)
    assert outcome(verdict) == "inconclusive"
    assert "none of its objects was judged, by whose conditions alone Flux is" in verdict.unread[0].reason


def stateful_set(name: str, image: str, replicas: int = 0, **metadata: Any) -> Workload:
    template = {"spec": {"containers": [{"name": "c", "image": image}]}}
    return labelled(Workload, "logging", name, metadata=metadata, spec={"replicas": replicas, "template": template})


def test_a_system_that_is_scaled_to_0_is_there_and_was_not_looked_at() -> None:
    verdict = judge(PROMETHEUS, idle=(stateful_set("loki", "grafana/loki:3"),))
    assert outcome(verdict) == "inconclusive"
    assert verdict.unread[0].reason == (
        "it has no pod: StatefulSet logging/loki is scaled to 0; if that is meant so, accept that in the profile: `not_judged: [loki]`"
    )
    assert outcome(judge(PROMETHEUS, idle=(stateful_set("loki", "grafana/loki:3"),), profile={"not_judged": ["loki"]})) == "pass"


def test_a_workload_that_wants_pods_or_that_its_custom_resource_speaks_for_is_not_told_again() -> None:
    made = [{"kind": "Prometheus", "name": "x", "controller": True}]
    for one in (stateful_set("loki", "grafana/loki:3", 1), stateful_set("prometheus-x", "prom/prometheus:v3", ownerReferences=made)):
        assert outcome(judge(PROMETHEUS, idle=(one,))) == "pass"


def test_a_platform_that_the_profile_names_by_address_may_be_elsewhere() -> None:
    endpoint = {"system": "prometheus", "url": "https://prometheus.example.org"}
    assert outcome(judge(pod("shop", "web", "corp/shop:1"), profile={"endpoints": [endpoint]})) == "not_applicable"


def row(*pods: Pod, **more: Any) -> dict[str, str]:
    """The first row of what runs here, by column."""
    (table,) = judge(*pods, **more).exhibits
    assert isinstance(table, Table)
    return dict(zip(table.columns, table.rows[0], strict=True))


def test_a_version_is_that_of_its_own_answer_else_of_its_image() -> None:
    pods = (pod("monitoring", "prometheus-0", "prom/prometheus:v3.5.0"),)
    answers = {("prometheus", "monitoring", "prometheus-0"): "3.5.0"}
    assert row(*pods)["Version"] == "3.5.0 (its image)"
    assert row(*pods, answers=answers)["Version"] == "3.5.0 (its own answer)"
    assert row(PROMETHEUS)["Version"] == "not known"


def test_an_answer_and_a_tag_that_disagree_are_both_said() -> None:
    pods = (pod("monitoring", "prometheus-0", "corp/prometheus:9.1"),)
    seen = row(*pods, answers={("prometheus", "monitoring", "prometheus-0"): "3.5.0"})["Recognised by"]
    assert seen == "its image corp/prometheus; but it answers that it is 3.5.0, and the tag of its image is 9.1"


def test_a_sign_that_speaks_for_another_system_is_said() -> None:
    pods = (pod("logging", "x-0", "grafana/loki:3.5.0", **{"app.kubernetes.io/name": "mlflow"}),)
    assert row(*pods)["Recognised by"] == "its image grafana/loki; but its label app.kubernetes.io/name=mlflow is that of MLflow"


def test_the_objects_of_a_system_are_counted_where_they_were_read() -> None:
    flux = pod("flux-system", "kustomize-controller-0", "ghcr.io/fluxcd/kustomize-controller:v1.5.0")
    objects = {"kustomizations.kustomize.toolkit.fluxcd.io": 12, "servicemonitors.monitoring.coreos.com": 3}
    assert row(flux, ran=("objects/conditions",), objects=objects)["Objects"] == "kustomizations 12"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_judged, readings(PROMETHEUS))


def test_the_tag_of_somebodys_own_image_is_no_version_of_the_system() -> None:
    def version(image: str) -> str:
        one = pod("etl", "etl-scheduler-0", image, tier="airflow", component="scheduler")
        (table,) = judge(PROMETHEUS, one).exhibits
        assert isinstance(table, Table)
        return next(row[table.columns.index("Version")] for row in table.rows if row[0] == "Airflow")

    assert version("apache/airflow:3.0.2-python3.12") == "3.0.2-python3.12 (its image)"
    assert version("quay.io/astronomer/astro-runtime:12.9") == "not known"


def test_what_is_judged_again_once_the_day_is_over_is_said() -> None:
    vector = pod("logs", "vector-0", "timberio/vector:0.48")
    over = judge(PROMETHEUS, vector, profile={"not_judged": [{"system": "vector", "until": "2027-01-14"}]})
    assert [(str(one.subject), "2027-01-14" in one.reason) for one in over.unread] == [("Vector", True)]
    assert judge(PROMETHEUS, vector, profile={"not_judged": [{"system": "vector", "until": "2027-01-15"}]}).unread == []


ALLOY = pod("metrics", "alloy-metrics-0", "grafana/alloy:v1.11.3")


def test_an_agent_that_the_profile_accepts_and_nobody_looked_at_is_not_called_judged() -> None:
    def told(**more: Any) -> list[str]:
        (table,) = judge(PROMETHEUS, ALLOY, profile={"not_judged": ["alloy"]}, **more).exhibits
        assert isinstance(table, Table)
        return [row[table.columns.index("Judged")] for row in table.rows if row[0] == "Grafana Alloy"]

    assert (told(), told(ran=("promtail/coverage",))) == (["no, accepted"], ["yes"])
