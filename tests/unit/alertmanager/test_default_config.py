from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.config_objects import ConfigObject
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret
from clusterprobe.systems.alertmanager.sources import Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from clusterprobe.systems.kubernetes.objects import Namespace
from probes.alertmanager.probe_default_config import probe_default_config
from tests.factories import OF_STACK_CHART, judged, labelled, listing, outcome, reasons, refused, server
from tests.unit.alertmanager.test_routing import CHART, FALLBACK, SINK, SLACK

HEALTHY = f"route: {{receiver: slack, routes: [{{receiver: 'null', matchers: [alertname=Watchdog]}}]}}\nreceivers:\n{SINK}{SLACK}"
ONE = server("alertmanager", "monitoring-dev", "main")


def platform(text: str | None, secret: str = "team-config", facts: ConfigSecret | None = None, **changes: Any) -> dict[str, Any]:
    labels, status = changes.pop("labels", OF_STACK_CHART), changes.pop("status", {})
    custom = labelled(Alertmanager, "monitoring-dev", "main", labels, spec={"configSecret": secret}, status=status)
    customs = listing("Alertmanager", [custom])
    read = Readings(((ONE[0], AlertmanagerStatus(parse_configuration(text))),)) if text else Readings((), (refused("Pod"),))
    return {
        "alertmanager_statuses": read,
        "alertmanager_servers": Readings((ONE,)),
        "alertmanagers": customs,
        "alertmanager_configs": listing("AlertmanagerConfig", []),
        "namespaces": listing("Namespace", [labelled(Namespace, "", "monitoring-dev")]),
        "alertmanager_secrets": customs.map(lambda _, one: facts or ConfigSecret(one.input_secret)),
        **changes,
    }


def test_a_configuration_that_delivers_passes() -> None:
    assert outcome(judged(probe_default_config, **platform(HEALTHY))) == "pass"


def test_the_charts_default_names_both_spellings_and_the_secret_that_serves() -> None:
    facts = ConfigSecret("alertmanager-main", exists=True, candidates=["alertmanager-slack-config"])
    (finding,) = judged(probe_default_config, **platform(CHART, secret="", facts=facts)).findings
    assert (finding.reason, finding.severity) == ("ChartDefaultConfig", "critical")
    assert (finding.subject.kind, finding.subject.namespace, finding.subject.name) == ("Alertmanager", "monitoring-dev", "main")
    assert "default Secret monitoring-dev/alertmanager-main" in finding.cause
    assert "`alertmanager.configFromSecret`" in finding.cause
    assert "`alertmanager.alertmanagerSpec.configSecret`" in finding.cause
    assert "alertmanager-slack-config exists, but nothing uses it" in finding.cause
    assert '{"spec":{"configSecret":"alertmanager-slack-config"}}' in finding.fix


def test_with_several_candidates_no_name_is_put_into_a_command() -> None:
    facts = ConfigSecret("alertmanager-main", exists=True, candidates=["one", "two"])
    (finding,) = judged(probe_default_config, **platform(CHART, secret="", facts=facts)).findings
    assert [line(one) for step in finding.steps for one in step.commands] == ["kubectl -n monitoring-dev get secrets"]
    assert all(one in finding.steps[1].text for one in ("one", "two"))


# --- the chart's default, where no Secret lies ready ---------------------------------------------------------------------

LISTED = ConfigSecret("alertmanager-main", exists=True, chart_secret_exists=True)


def defaulted(facts: ConfigSecret | None = LISTED, **changes: Any) -> Any:
    (finding,) = judged(probe_default_config, **platform(CHART, secret="", facts=facts, **changes)).findings
    assert "configFromSecret" not in finding.cause + finding.fix
    return finding


def test_on_a_first_installation_nothing_was_configured_yet() -> None:
    finding = defaulted()
    assert "No receiver has been configured yet" in finding.cause
    assert "name that Secret in spec.configSecret." in finding.fix
    assert "In the values of the chart kube-prometheus-stack 77.6.2 it is `alertmanager.alertmanagerSpec.configSecret`." in finding.fix


def test_without_the_chart_none_of_its_values_is_named() -> None:
    facts = ConfigSecret("alertmanager-main", exists=True, candidates=["alertmanager-slack-config"])
    (finding,) = judged(probe_default_config, **platform(CHART, secret="", facts=facts, labels={})).findings
    assert "spec.configSecret names none of the team's." in finding.cause
    assert "alertmanagerSpec" not in finding.cause + finding.fix
    assert "configFromSecret" not in finding.cause + finding.fix
    assert '{"spec":{"configSecret":"alertmanager-slack-config"}}' in finding.fix


@pytest.mark.parametrize("facts", [None, ConfigSecret("alertmanager-main")])
def test_where_nothing_lists_the_secrets_that_is_not_said(facts: ConfigSecret | None) -> None:
    assert "Whether a Secret was meant for it is not known" in defaulted(facts).cause


TEAM = labelled(ConfigObject, "monitoring-dev", "slack", labels={"team": "ml"}, spec={"receivers": [{"name": "slack"}]})


def test_an_alertmanager_config_that_nothing_selects_is_the_cause() -> None:
    finding = defaulted(alertmanager_configs=listing("AlertmanagerConfig", [TEAM]))
    assert "AlertmanagerConfig monitoring-dev/slack exists, and no Alertmanager selects it." in finding.cause
    assert "alertmanager/config-objects" in finding.fix


def test_with_a_secret_and_an_alertmanager_config_both_are_named_and_neither_is_guessed() -> None:
    facts = ConfigSecret("alertmanager-main", exists=True, candidates=["alertmanager-slack-config"])
    world = platform(CHART, secret="", facts=facts, alertmanager_configs=listing("AlertmanagerConfig", [TEAM]))
    (finding,) = judged(probe_default_config, **world).findings
    assert "AlertmanagerConfig monitoring-dev/slack exists" in finding.cause
    assert "alertmanager-slack-config exists, but nothing uses it" in finding.cause
    assert "Most likely" not in finding.cause


def test_without_a_look_at_alertmanager_configs_it_is_not_called_unconfigured() -> None:
    finding = defaulted(alertmanager_configs=Readings((), (refused("AlertmanagerConfigList"),)))
    assert "could not be read" in finding.cause


@pytest.mark.parametrize(
    "facts",
    [
        ConfigSecret("team-config", exists=True, has_key=False),
        ConfigSecret("team-config", owner="SealedSecret/team-config"),
        ConfigSecret("team-config", exists=False, owner="ExternalSecret/team"),
    ],
)
def test_a_secret_that_is_there_or_owned_is_not_made_by_hand(facts: ConfigSecret) -> None:
    (finding,) = judged(probe_default_config, **platform(FALLBACK, facts=facts)).findings
    assert not [one for step in finding.steps for one in step.commands if "create" in one.pipeline[0] or "apply" in one.pipeline[-1]]
    assert facts.owner.replace("/", " ") in finding.fix


def test_a_secret_that_nothing_makes_is_created_and_never_written_over() -> None:
    (finding,) = judged(probe_default_config, **platform(FALLBACK, facts=ConfigSecret("team-config", exists=False, proof="x"))).findings
    (step,) = [one for one in finding.steps if one.commands and one.kind == "change"]
    assert [line(one) for one in step.commands] == [
        "kubectl -n monitoring-dev create secret generic team-config --from-file=alertmanager.yaml"
    ]
    assert "holds secrets" in step.text


def test_a_secret_is_checked_without_leaving_a_copy() -> None:
    (finding,) = judged(probe_default_config, **platform(CHART)).findings
    commands = [one for step in finding.steps for one in step.commands]
    assert not [one for one in commands if one.target]
    assert ["amtool", "check-config"] in [one.pipeline[-1] for one in commands]


def test_one_without_the_operators_object_is_looked_at_through_its_pod() -> None:
    (finding,) = judged(probe_default_config, **platform(FALLBACK, alertmanagers=listing("Alertmanager", []))).findings
    assert [line(one) for step in finding.steps for one in step.commands] == ["kubectl -n monitoring-dev describe pod alertmanager-main-0"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (None, "is missing, or its key alertmanager.yaml is missing or empty"),
        (ConfigSecret("team-config", exists=False, proof="kube-state-metrics"), "does not exist (kube-state-metrics)"),
        (ConfigSecret("team-config", exists=True, has_key=False, proof="read"), "has no key alertmanager.yaml"),
        (ConfigSecret("team-config", exists=True, proof="listed"), "is there (listed), so its key"),
    ],
)
def test_the_operators_fallback_names_the_secret_as_exactly_as_is_known(facts: ConfigSecret | None, words: str) -> None:
    (finding,) = judged(probe_default_config, **platform(FALLBACK, facts=facts)).findings
    assert (finding.reason, finding.severity) == ("OperatorFallbackConfig", "critical")
    assert "monitoring-dev/team-config that spec.configSecret names" in finding.cause
    assert words in finding.cause
    assert "configFromSecret` (not" not in finding.fix
    assert "$ kubectl -n monitoring-dev get secret team-config" in finding.fix


def test_the_fallback_without_a_config_secret_is_about_the_charts_own_secret() -> None:
    (finding,) = judged(probe_default_config, **platform(FALLBACK, secret="")).findings
    assert "monitoring-dev/alertmanager-main that serves where spec.configSecret is not set" in finding.cause


def test_a_copy_of_the_charts_default_in_the_named_secret_is_told_so() -> None:
    (finding,) = judged(probe_default_config, **platform(CHART)).findings
    assert "monitoring-dev/team-config itself holds" in finding.cause
    assert "a copy of the chart's default" in finding.cause


def test_a_configuration_of_ones_own_without_integrations_is_critical_too() -> None:
    (finding,) = judged(probe_default_config, **platform("route: {receiver: me}\nreceivers: [{name: me}]")).findings
    assert finding.reason == "NoIntegration"


def test_a_refused_configuration_explains_the_old_one() -> None:
    status = {"conditions": [{"type": "Reconciled", "status": "False", "message": "missing name in receiver"}]}
    (finding,) = judged(probe_default_config, **platform(FALLBACK, status=status)).findings
    assert "missing name in receiver" in finding.cause


def test_integrations_that_no_route_leads_to_are_not_this_probes_matter() -> None:
    assert not reasons(judged(probe_default_config, **platform(f'route: {{receiver: "null"}}\nreceivers:\n{SINK}{SLACK}')))


def test_the_finding_stands_when_objects_and_secrets_cannot_be_read() -> None:
    unread = Readings((), (refused("AlertmanagerList"),))
    verdict = judged(probe_default_config, **platform(FALLBACK, alertmanagers=unread, alertmanager_secrets=unread))
    assert reasons(verdict) == ["OperatorFallbackConfig"]
    assert "not known" in verdict.findings[0].cause


def test_two_replicas_with_the_same_trouble_are_one_finding() -> None:
    other = server("alertmanager", "monitoring-dev", "main", pod="alertmanager-main-1")
    status = AlertmanagerStatus(parse_configuration(FALLBACK))
    both = Readings(((ONE[0], status), (other[0], status)))
    verdict = judged(probe_default_config, **platform(None, alertmanager_statuses=both, alertmanager_servers=Readings((ONE, other))))
    assert len(verdict.findings) == 1
    assert "alertmanager-main-0, alertmanager-main-1" in verdict.findings[0].problem


def test_a_replica_that_cannot_be_asked_is_inconclusive() -> None:
    assert outcome(judged(probe_default_config, **platform(None))) == "inconclusive"


def test_a_fallback_rests_on_the_secret_and_the_charts_default_only_on_what_was_configured() -> None:
    (fallback,) = judged(probe_default_config, **platform(FALLBACK)).findings
    assert fallback.rests_on == ["Secret/monitoring-dev/team-config", "AlertmanagerConfiguration/monitoring-dev/main"]
    (default,) = judged(probe_default_config, **platform(CHART, secret="")).findings
    assert default.rests_on == ["AlertmanagerConfiguration/monitoring-dev/main"]
