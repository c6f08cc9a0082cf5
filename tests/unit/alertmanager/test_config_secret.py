from typing import Any

import pytest

from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret
from clusterprobe.systems.alertmanager.sources import Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from probes.alertmanager.probe_config_secret import probe_config_secret
from tests.factories import judged, labelled, listing, outcome, reasons, refused, server
from tests.unit.alertmanager.test_default_config import HEALTHY
from tests.unit.alertmanager.test_routing import FALLBACK

ONE = server("alertmanager", "monitoring-dev", "main")
TAKEN = {"type": "Reconciled", "status": "True", "observedGeneration": 3}
LISTED = "kube-state-metrics lists the Secrets"
READ = "the Secret was read by name, as the profile says"


def refusal(message: str) -> dict[str, Any]:
    return {"type": "Reconciled", "status": "False", "reason": "ReconciliationFailed", "message": message, "observedGeneration": 3}


def platform(
    text: str | None = HEALTHY, facts: ConfigSecret | None = None, conditions: list[Any] | None = None, **changes: Any
) -> dict[str, Any]:
    spec = {"configSecret": "team-config", **changes.pop("spec", {})}
    status = {"conditions": [TAKEN] if conditions is None else conditions}
    customs = listing(
        "Alertmanager", [labelled(Alertmanager, "monitoring-dev", "main", metadata={"generation": 3}, spec=spec, status=status)]
    )
    read = Readings(((ONE[0], AlertmanagerStatus(parse_configuration(text))),)) if text else Readings((), (refused("Pod"),))
    return {
        "alertmanagers": customs,
        "alertmanager_secrets": customs.map(lambda _, one: facts or ConfigSecret(one.input_secret)),
        "alertmanager_statuses": read,
        "alertmanager_reloads": Readings(((ONE[0], True),)),
        "alertmanager_servers": Readings((ONE,)),
        **changes,
    }


def test_a_configuration_that_was_taken_and_serves_passes_without_any_fact_about_secrets() -> None:
    assert outcome(judged(probe_config_secret, **platform())) == "pass"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("provision alertmanager configuration: failed to initialize from secret: missing name in receiver", "`name: null`"),
        ('undefined receiver "null" used in route', 'undefined receiver "null"'),
        ("something else", "see the Operator's message"),
    ],
)
def test_a_refused_configuration_names_the_secret_its_key_and_the_message(message: str, words: str) -> None:
    (finding,) = judged(probe_config_secret, **platform(conditions=[refusal(message)])).findings
    assert (finding.reason, finding.severity) == ("ConfigRefused", "error")
    assert "alertmanager.yaml of the Secret monitoring-dev/team-config" in finding.cause
    assert message in finding.cause
    assert words in finding.cause
    assert "keeps serving" in finding.problem
    assert "monitoring-dev" in finding.fix


def test_a_refusal_since_the_secret_is_missing_says_so_and_what_serves_is_not_made_up() -> None:
    message = 'unable to retrieve secret "monitoring-dev/team-config": secrets "team-config" not found'
    (finding,) = judged(probe_config_secret, **platform(None, conditions=[refusal(message)])).findings
    assert "The Secret monitoring-dev/team-config does not exist. The Operator says: " in finding.cause
    assert finding.problem.endswith("None of its replicas answers.")
    assert "create secret generic team-config" in finding.fix
    assert "amtool" not in finding.fix
    assert "Secret/monitoring-dev/alertmanager-main-generated" in finding.breaks


def test_a_refusal_with_no_pod_that_ever_came_up_is_critical() -> None:
    conditions = [refusal("missing name in receiver"), {"type": "Available", "status": "False", "reason": "StatefulSetNotFound"}]
    verdict = judged(probe_config_secret, **platform(None, conditions=conditions))
    assert verdict.findings[0].severity == "critical"
    assert "No pod ever came up" in verdict.findings[0].problem


@pytest.mark.parametrize(
    "conditions",
    [
        [{"type": "Available", "status": "True"}],
        [{"type": "Reconciled", "status": "Unknown"}],
        [{**TAKEN, "observedGeneration": 2}],
        [{**refusal("x"), "observedGeneration": 2}],
    ],
)
def test_an_operator_that_has_not_spoken_about_the_newest_generation_is_inconclusive(conditions: list[Any]) -> None:
    verdict = judged(probe_config_secret, **platform(conditions=conditions))
    assert outcome(verdict) == "inconclusive"
    assert not verdict.findings


def test_without_any_condition_what_serves_is_judged() -> None:
    verdict = judged(probe_config_secret, **platform(conditions=[]))
    assert outcome(verdict) == "pass"
    assert "1 replica with a configuration that is not the Operator's fallback" in verdict.notes[0]


@pytest.mark.parametrize(("text", "spec"), [(None, {}), (FALLBACK, {}), (HEALTHY, {"replicas": 2})])
def test_without_any_condition_what_does_not_serve_in_full_is_inconclusive(text: str | None, spec: dict[str, Any]) -> None:
    verdict = judged(probe_config_secret, **platform(text, conditions=[], spec=spec))
    assert outcome(verdict) == "inconclusive"
    assert any("no condition Reconciled" in one.reason for one in verdict.unread)


def test_without_any_condition_a_secret_that_is_missing_is_still_found() -> None:
    facts = ConfigSecret("team-config", exists=False, proof=READ)
    assert reasons(judged(probe_config_secret, **platform(conditions=[], facts=facts))) == ["ConfigSecretMissing"]


def test_a_paused_object_is_inconclusive() -> None:
    assert outcome(judged(probe_config_secret, **platform(spec={"paused": True}))) == "inconclusive"


def test_a_secret_that_was_read_by_name_and_is_not_there_is_an_error() -> None:
    (finding,) = judged(probe_config_secret, **platform(None, ConfigSecret("team-config", exists=False, proof=READ))).findings
    assert (finding.reason, finding.severity) == ("ConfigSecretMissing", "error")
    assert "monitoring-dev/team-config does not exist" in finding.cause
    assert finding.rests_on == ["Secret/monitoring-dev/team-config"]


def test_a_secret_that_kube_state_metrics_does_not_list_while_the_fallback_serves_is_an_error() -> None:
    facts = ConfigSecret("team-config", exists=False, proof=LISTED, candidates=["alertmanager-old"])
    (finding,) = judged(probe_config_secret, **platform(FALLBACK, facts)).findings
    assert finding.reason == "ConfigSecretMissing"
    assert "alertmanager-old" in finding.cause


def test_a_secret_that_is_not_listed_while_its_configuration_serves_is_only_noted() -> None:
    verdict = judged(probe_config_secret, **platform(HEALTHY, ConfigSecret("team-config", exists=False, proof=LISTED)))
    assert outcome(verdict) == "pass"
    assert "last look" in verdict.notes[0]


def test_a_secret_without_the_key_is_an_error() -> None:
    facts = ConfigSecret("team-config", exists=True, has_key=False, proof=READ)
    assert reasons(judged(probe_config_secret, **platform(FALLBACK, facts))) == ["ConfigSecretWithoutKey"]


@pytest.mark.parametrize("facts", [None, ConfigSecret("team-config", exists=True, proof="kube-state-metrics lists it")])
def test_a_fallback_without_proof_is_unchecked_and_says_what_to_do(facts: ConfigSecret | None) -> None:
    verdict = judged(probe_config_secret, **platform(FALLBACK, facts))
    assert outcome(verdict) == "inconclusive"
    assert "name monitoring-dev/team-config under `secrets:`" in verdict.unread[0].reason


def test_the_charts_own_secret_left_behind_is_no_more_than_a_note() -> None:
    verdict = judged(probe_config_secret, **platform(facts=ConfigSecret("team-config", exists=True, chart_secret_exists=True)))
    assert outcome(verdict) == "pass"
    assert "alertmanager-main exists beside" in verdict.notes[0]


def test_an_object_that_replaces_the_secret_makes_the_secret_no_matter() -> None:
    facts = ConfigSecret("team-config", exists=False, proof=READ)
    assert outcome(judged(probe_config_secret, **platform(facts=facts, spec={"alertmanagerConfiguration": {"name": "global"}}))) == "pass"


def test_a_failed_reload_is_an_error_that_names_the_pod() -> None:
    (finding,) = judged(probe_config_secret, **platform(alertmanager_reloads=Readings(((ONE[0], False),)))).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("ReloadFailed", "error", "alertmanager-main-0")


@pytest.mark.parametrize(
    "name", ["alertmanagers", "alertmanager_secrets", "alertmanager_statuses", "alertmanager_reloads", "alertmanager_servers"]
)
@pytest.mark.parametrize("text", [HEALTHY, FALLBACK])
def test_whatever_cannot_be_read_is_never_a_pass_and_never_a_finding(name: str, text: str) -> None:
    verdict = judged(probe_config_secret, **platform(text, **{name: Readings((), (refused("thing"),))}))
    assert outcome(verdict) == "inconclusive"
    assert not verdict.findings
