import gzip
from typing import Any

import msgspec
import pytest

from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.config_objects import ConfigObject
from clusterprobe.systems.alertmanager.config_secrets import SecretSeries
from clusterprobe.systems.alertmanager.generated_diagnosis import RELOAD_SECONDS, SLACK_SECONDS
from clusterprobe.systems.alertmanager.generated_secrets import GeneratedSecret, Side, generated_secrets
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from clusterprobe.systems.formats.alertmanager_digest import meaning_of, meaning_of_value
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from clusterprobe.systems.kubernetes.secrets import NamedSecret, Writer
from clusterprobe.systems.prometheus.selection import Operator
from clusterprobe.verdict import Verdict
from probes.alertmanager.probe_generated_secret import probe_generated_secret
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused, server
from tests.unit.alertmanager.generated_world import (
    GENERATED,
    LISTED,
    LONG_AGO,
    MEANS,
    NOW,
    OLD,
    ONE,
    OTHER,
    READ,
    RUNNING,
    SOURCE,
    platform,
    side,
)
from tests.unit.alertmanager.test_default_config import HEALTHY
from tests.unit.alertmanager.test_routing import FALLBACK, SINK, SLACK

TAKES = {"alertmanagerConfigSelector": {}}


def team_config(created: str, changed: str | None = None, **written: str) -> ConfigObject:
    managed = [{"manager": "kubectl", "time": changed, **written}] if changed else []
    metadata = {"creationTimestamp": created, "managedFields": managed}
    return labelled(ConfigObject, "monitoring-dev", "team", metadata=metadata, spec={"receivers": [{"name": "slack"}]})


@pytest.mark.parametrize("generated", [READ, LISTED])
def test_a_secret_that_was_left_alone_passes_read_or_only_listed(generated: Side) -> None:
    verdict = judged(probe_generated_secret, **platform(generated, None, RUNNING))
    assert (outcome(verdict), verdict.findings) == ("pass", [])


def test_no_finding_ever_recommends_to_delete_it() -> None:
    cases = [
        platform(side(exists=False)),
        platform(side(READ, strangers=["kubectl-edit"])),
        platform(side(READ, created=NOW - 60), None, RUNNING),
        platform(side(READ, changes=1), side(READ, name=SOURCE), RUNNING),
    ]
    for case in cases:
        (finding,) = judged(probe_generated_secret, **case).findings
        assert "delete" not in finding.fix
        assert "make changes in monitoring-dev/team-config" in finding.fix


def test_one_that_is_gone_without_an_operator_is_an_error_that_breaks_the_secret() -> None:
    (finding,) = judged(probe_generated_secret, **platform(side(exists=False))).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("GeneratedSecretGone", "error", GENERATED)
    assert finding.breaks == [f"Secret/monitoring-dev/{GENERATED}"]
    assert "no Operator that manages it was found running" in finding.cause


def test_one_that_is_gone_while_the_operator_runs_is_on_its_way_back() -> None:
    verdict = judged(probe_generated_secret, **platform(side(exists=False), None, RUNNING))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


@pytest.mark.parametrize(
    ("operators", "spec", "words"),
    [
        ([msgspec.structs.replace(RUNNING, ready=False)], {}, "is not ready"),
        ([RUNNING], {"paused": True}, "`spec.paused`"),
        ([msgspec.structs.replace(RUNNING, alertmanager_instances=["elsewhere"])], {}, "no Operator that manages it"),
        ([msgspec.structs.replace(RUNNING, controller_id="other")], {}, "no Operator that manages it"),
    ],
)
def test_why_nobody_looks_after_it_is_named(operators: list[Operator], spec: dict[str, Any], words: str) -> None:
    (finding,) = judged(probe_generated_secret, **platform(side(exists=False), None, *operators, spec=spec)).findings
    assert words in finding.cause


def operator_deployment(replicas: int, *arguments: str) -> Workload:
    container = {"name": "operator", "image": "quay.io/prometheus-operator/prometheus-operator:v0.85.0", "args": list(arguments)}
    spec = {"replicas": replicas, "template": {"spec": {"containers": [container]}}}
    return labelled(Workload, "monitoring-dev", "the-operator", spec=spec)


@pytest.mark.parametrize(
    ("deployments", "printed"),
    [
        ([operator_deployment(0)], True),
        ([operator_deployment(1)], False),
        ([operator_deployment(0, "--namespaces=monitoring-prod")], False),
        ([operator_deployment(0), operator_deployment(0)], False),
        ([], False),
    ],
)
def test_the_one_operator_that_is_scaled_to_nothing_is_scaled_up(deployments: list[Workload], printed: bool) -> None:
    readings = platform(side(exists=False), deployments=listing("Deployment", deployments))
    (finding,) = judged(probe_generated_secret, **readings).findings
    assert ("$ kubectl -n monitoring-dev scale deployment the-operator --replicas=1" in finding.fix) is printed


def test_an_edit_that_stays_names_who_wrote_it_and_that_it_serves() -> None:
    edited = side(READ, strangers=["kubectl-edit"], meaning=OTHER, written=NOW - 10)
    (finding,) = judged(probe_generated_secret, **platform(edited, side(READ, name=SOURCE), text=FALLBACK)).findings
    assert (finding.reason, finding.severity) == ("GeneratedSecretEdited", "error")
    assert "Kubectl-edit wrote its data" in finding.cause
    assert "serves just that" in finding.problem
    assert "lost as soon as the Operator" in finding.problem


def test_another_meaning_than_its_source_is_an_edit_even_without_a_name() -> None:
    (finding,) = judged(probe_generated_secret, **platform(side(READ, meaning=OTHER), side(READ, name=SOURCE))).findings
    assert finding.reason == "GeneratedSecretEdited"


@pytest.mark.parametrize(("age", "found"), [(RELOAD_SECONDS - 1, []), (RELOAD_SECONDS, ["ServedConfigDiffers"])])
def test_a_change_of_the_source_needs_its_time_to_be_served(age: float, found: list[str]) -> None:
    changed = side(READ, name=SOURCE, written=NOW - age, changes=1, changes_before=1)
    verdict = judged(probe_generated_secret, **platform(side(READ, changes=1), changed, RUNNING, text=FALLBACK))
    assert reasons(verdict) == found
    assert outcome(verdict) == ("findings" if found else "inconclusive")


def test_a_change_of_the_source_that_was_taken_is_how_it_should_be() -> None:
    changed = side(READ, name=SOURCE, written=NOW - 20, changes=1, changes_before=1)
    assert outcome(judged(probe_generated_secret, **platform(side(READ, written=NOW - 20, changes=1), changed, RUNNING))) == "pass"


@pytest.mark.parametrize(("age", "found"), [(3599, ["GeneratedSecretDeleted"]), (3601, [])])
def test_one_that_was_deleted_and_came_back_is_a_warning_for_a_while(age: float, found: list[str]) -> None:
    verdict = judged(probe_generated_secret, **platform(side(created=NOW - age), None, RUNNING))
    assert reasons(verdict) == found
    assert len(verdict.notes) == (0 if found else 1)
    assert [str(one.severity) for one in verdict.findings] == ["warning"] * len(found)


@pytest.mark.parametrize(("later", "found"), [(SLACK_SECONDS, []), (SLACK_SECONDS + 1, ["GeneratedSecretDeleted"])])
def test_one_that_was_made_together_with_what_needs_it_was_not_deleted(later: float, found: list[str]) -> None:
    new = platform(side(created=NOW - 60), None, RUNNING, older_since=NOW - 60 - later)
    assert reasons(judged(probe_generated_secret, **new)) == found


def test_a_change_without_one_of_its_source_was_put_back() -> None:
    (finding,) = judged(probe_generated_secret, **platform(side(changes=2), side(name=SOURCE), RUNNING)).findings
    assert (finding.reason, finding.severity) == ("GeneratedSecretPutBack", "warning")
    assert "2 new versions" in finding.cause
    assert "reverted it" in finding.cause


def test_one_that_was_deleted_long_ago_may_still_be_edited_now() -> None:
    verdict = judged(probe_generated_secret, **platform(side(created=NOW - 7200, changes=2), side(name=SOURCE), RUNNING))
    assert reasons(verdict) == ["GeneratedSecretPutBack"]


@pytest.mark.parametrize(
    "changes",
    [
        {"source": side(name=SOURCE, changes_before=1.0)},
        {"source": side(name=SOURCE, changes_before=None)},
        {"source": side(name=SOURCE, created=NOW - 60)},
        {"source": side(name=SOURCE, exists=False)},
        {"specified": "2026-01-10T11:30:00Z"},
        {"operator": msgspec.structs.replace(RUNNING, started="2026-01-10T11:30:00Z")},
        {"spec": TAKES, "text": f"route: {{receiver: slack}}\nreceivers:\n{SINK}{SLACK}- name: ns/team/chat\n"},
        {"spec": TAKES, "alertmanager_configs": listing("AlertmanagerConfig", [team_config(LONG_AGO)])},
    ],
)
def test_a_new_version_that_something_else_explains_is_no_ones_hand(changes: dict[str, Any]) -> None:
    source, operator = changes.pop("source", side(name=SOURCE)), changes.pop("operator", RUNNING)
    assert reasons(judged(probe_generated_secret, **platform(side(changes=1), source, operator, **changes))) == []


def judged_beside(*configs: ConfigObject, spec: dict[str, Any] = TAKES) -> Verdict:
    """A new version of the generated Secret, beside AlertmanagerConfigs."""
    objects = listing("AlertmanagerConfig", configs)
    readings = platform(side(changes=1), side(name=SOURCE), RUNNING, spec=spec, alertmanager_configs=objects)
    return judged(probe_generated_secret, **readings)


@pytest.mark.parametrize(("created", "changed"), [("2026-01-10T11:30:00Z", None), (LONG_AGO, "2026-01-10T11:30:00Z")])
def test_an_alertmanagerconfig_that_was_made_or_changed_meanwhile_is_named_and_no_finding(created: str, changed: str | None) -> None:
    verdict = judged_beside(team_config(created, changed))
    assert (verdict.findings, outcome(verdict)) == ([], "pass")
    assert any("it takes AlertmanagerConfig monitoring-dev/team, changed within that time" in one for one in verdict.notes)


def test_what_the_operator_writes_into_the_status_of_an_alertmanagerconfig_is_no_change() -> None:
    verdict = judged_beside(team_config(LONG_AGO, "2026-01-10T11:30:00Z", subresource="status"))
    assert verdict.findings == []
    assert any("an AlertmanagerConfig or a Secret that it names may be why" in one for one in verdict.notes)


def test_an_alertmanagerconfig_that_was_deleted_since_is_named_beside_a_hand() -> None:
    (finding,) = judged_beside().findings
    assert "Either an AlertmanagerConfig that it took was deleted, or a user or a program wrote into it" in finding.cause


def test_an_alertmanagerconfig_that_is_not_taken_explains_nothing() -> None:
    (finding,) = judged_beside(team_config("2026-01-10T11:30:00Z"), spec={}).findings
    assert "A user or a program wrote into it; the Operator reverted it" in finding.cause
    assert "AlertmanagerConfig" not in finding.cause


@pytest.mark.parametrize("what", ["alertmanager_configs", "namespaces"])
def test_whose_hand_it_was_is_unchecked_where_alertmanagerconfigs_cannot_be_read(what: str) -> None:
    readings = platform(side(changes=1), side(name=SOURCE), RUNNING, spec=TAKES)
    verdict = judged(probe_generated_secret, **{**readings, what: Readings(readings[what].values, (refused(what, ""),))})
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_a_change_is_nobodys_hand_where_an_operator_that_was_not_read_may_have_started() -> None:
    readings = platform(side(changes=2), side(name=SOURCE), RUNNING)
    assert reasons(judged(probe_generated_secret, **readings)) == ["GeneratedSecretPutBack"]
    operators = Readings(readings["prometheus_operators"].values, (refused("Pod", "monitoring-dev"),))
    verdict = judged(probe_generated_secret, **{**readings, "prometheus_operators": operators})
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_nothing_known_is_unchecked_and_says_what_to_grant() -> None:
    verdict = judged(probe_generated_secret, **platform(Side(name=GENERATED), None, RUNNING))
    assert outcome(verdict) == "inconclusive"
    assert f"name monitoring-dev/{GENERATED} under `secrets:`" in verdict.unread[0].reason
    assert "let kube-state-metrics list Secrets" in verdict.unread[0].reason


def test_without_an_operator_a_secret_that_was_not_read_is_unchecked() -> None:
    assert outcome(judged(probe_generated_secret, **platform(LISTED))) == "inconclusive"
    assert outcome(judged(probe_generated_secret, **platform(READ))) == "pass"


def test_one_whose_age_is_not_told_is_unchecked() -> None:
    assert outcome(judged(probe_generated_secret, **platform(side(created=None), None, RUNNING))) == "inconclusive"


def test_one_of_which_nothing_tells_whether_it_was_deleted_is_unchecked() -> None:
    verdict = judged(probe_generated_secret, **platform(READ, None, RUNNING, older_since=None))
    assert outcome(verdict) == "inconclusive"
    assert "whether it was deleted is not known" in verdict.unread[0].reason


def test_versions_that_nobody_counts_are_unchecked_unless_it_is_what_its_source_says() -> None:
    assert outcome(judged(probe_generated_secret, **platform(side(changes=None), None, RUNNING))) == "inconclusive"
    verdict = judged(probe_generated_secret, **platform(side(READ, changes=None), None, RUNNING))
    assert outcome(verdict) == "pass"
    assert "how often it changed" in verdict.notes[0]


def test_while_the_source_is_refused_nothing_is_judged() -> None:
    verdict = judged(probe_generated_secret, **platform(side(exists=False), None, RUNNING, reconciled="False"))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert "alertmanager/config-secret" in verdict.unread[0].reason


@pytest.mark.parametrize(
    "case",
    [
        (READ, None),
        (side(exists=False), None),
        (side(READ, strangers=["kubectl-edit"]), None),
        (side(created=NOW - 60), None),
    ],
)
def test_what_cannot_be_read_is_never_health(case: tuple[Side, Side | None]) -> None:
    unasked = ("alertmanager_configs", "namespaces")  # it was not changed
    assert_blindness_is_no_health(probe_generated_secret, platform(*case, RUNNING), but=unasked)


def test_nor_is_what_explains_a_change() -> None:
    assert_blindness_is_no_health(probe_generated_secret, platform(side(changes=2), side(name=SOURCE), RUNNING, spec=TAKES))


# --- sources ----------------------------------------------------------------------------------------------------------


def facts(series: SecretSeries | None = None, named: dict[str, NamedSecret] | None = None, *pods: Pod) -> GeneratedSecret:
    custom = labelled(Alertmanager, "monitoring-dev", "main", spec={"configSecret": SOURCE})
    asked = Readings(((server("prometheus", "monitoring-dev", "main")[0], series),)) if series else Readings()
    read = Readings(
        tuple((msgspec.structs.replace(ONE[0], kind="Secret", name=name), one) for name, one in (named or {}).items()), absent="none"
    )
    found: GeneratedSecret = generated_secrets(listing("Alertmanager", [custom]), asked, read, listing("Pod", pods)).items[0]
    return found


KEY = f"monitoring-dev/{GENERATED}"


def test_what_kube_state_metrics_tells_is_taken_from_the_prometheus_that_has_it() -> None:
    listed = {"monitoring-dev": [GENERATED]}
    series = SecretSeries(
        {"monitoring-dev": 5.0}, listed, {}, {KEY: 5.0}, {KEY: 2.0}, {KEY: 3.0}, {"monitoring-dev/alertmanager-main": 4.0}
    )
    found = facts(series)
    assert (found.generated.exists, found.generated.created, found.generated.changes, found.generated.changes_before) == (
        True,
        5.0,
        2.0,
        3.0,
    )
    assert found.source.exists is False
    assert (found.older_since, found.older) == (4.0, "StatefulSet monitoring-dev/alertmanager-main")


def test_without_any_listing_nothing_is_known() -> None:
    assert facts().generated.exists is None
    assert facts(SecretSeries()).generated.exists is None


def test_a_prometheus_that_could_not_be_asked_may_know_of_it_and_of_changes() -> None:
    custom = labelled(Alertmanager, "monitoring-dev", "main", spec={"configSecret": SOURCE})
    lists = SecretSeries({"monitoring-dev": 5}, {"monitoring-dev": [SOURCE]}, changes_before={f"monitoring-dev/{SOURCE}": 0.0})
    asked = Readings(((server("prometheus", "monitoring-dev", "main")[0], lists),), (refused("Pod"),))
    found = generated_secrets(listing("Alertmanager", [custom]), asked, Readings(absent="none"), listing("Pod", []))
    assert not found.complete
    assert (found.items[0].generated.exists, found.items[0].source.exists, found.items[0].source.changes_before) == (None, True, None)


def test_a_named_secret_tells_who_wrote_it_and_what_it_means() -> None:
    read = NamedSecret(
        exists=True,
        created=7.0,
        writers=[Writer("PrometheusOperator", 8.0), Writer("kubectl-edit", 9.0)],
        meanings={"alertmanager.yaml.gz": MEANS},
    )
    found = facts(None, {GENERATED: read, SOURCE: NamedSecret(exists=False)})
    assert (found.generated.strangers, found.generated.written, found.generated.meaning) == (["kubectl-edit"], 9.0, MEANS)
    assert found.source.exists is False


def test_a_ready_pod_that_mounts_it_was_not_there_before_it() -> None:
    volumes = [{"name": "config", "secret": {"secretName": GENERATED}}]
    ready = {"phase": "Running", "startTime": LONG_AGO, "conditions": [{"type": "Ready", "status": "True"}]}
    found = facts(
        None, None, labelled(Pod, "monitoring-dev", "alertmanager-main-0", spec={"containers": [], "volumes": volumes}, status=ready)
    )
    assert (found.older_since, found.older) == (OLD, "pod monitoring-dev/alertmanager-main-0, which mounts it")


def test_configurations_that_route_alike_mean_the_same_however_they_are_written() -> None:
    plain = "route: {receiver: a, routes: [{match: {x: '1', y: '2'}}]}\nreceivers: [{name: a, slack_configs: [{channel: c}]}]"
    other = (
        "global: {slack_api_url: https://x}\nreceivers: [{name: a, slack_configs: [{channel: d}]}, {name: n/o/r}]\n"
        "route: {receiver: a, continue: false, routes: [{matchers: ['y=\"2\"', 'x=\"1\"']}, {receiver: n/o/r}]}"
    )
    assert meaning_of(parse_configuration(plain)) == meaning_of(parse_configuration(other))
    assert meaning_of(parse_configuration(plain)) != meaning_of(parse_configuration(plain.replace("'2'", "'3'")))


def test_a_packed_value_means_what_it_holds_and_rubbish_means_nothing() -> None:
    packed = gzip.compress(HEALTHY.encode())
    assert meaning_of_value("alertmanager.yaml.gz", packed) == meaning_of_value("alertmanager.yaml", HEALTHY.encode()) == MEANS
    assert meaning_of_value("alertmanager.yaml.gz", packed[:-10]) == ""
    assert meaning_of_value("alertmanager.yaml.gz", gzip.compress(b"a" * 9_000_000)) == ""
    assert meaning_of_value("alertmanager.yaml", b"\xff") == ""
