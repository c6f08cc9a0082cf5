"""The way of an alert, hop by hop, from what the other probes concluded."""

import msgspec

from clusterprobe.alert_path import PATH, Passage, stations, walk
from clusterprobe.correlation import explain
from clusterprobe.environments import Environments
from clusterprobe.fixes import change
from clusterprobe.incidents import State
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, Severity, Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace
from probes.pipeline.probe_alert_path import probe_alert_path
from tests.factories import ENVIRONMENTS, judged, labelled, outcome, refused, server

VITAL = [name for hop in PATH for name in hop.vital]
DEV = Readings((server("alertmanager", "monitoring-dev", "main"),))
BOTH = Readings((*DEV.values, server("alertmanager", "monitoring-prod", "main")))


def finding(reason: str, environment: str = "dev", severity: Severity = Severity.ERROR, **references: list[str]) -> Finding:
    subject = Subject(kind="Thing", namespace=f"ns-{environment}", name=reason, environment=environment)
    return Finding(
        reason=reason,
        severity=severity,
        subject=subject,
        problem=f"{reason} is wrong.",
        cause="",
        fix=f"Mend {reason}.",
        steps=[change(f"Mend {reason}.")],
        prevention="",
        **references,
    )


def passed(**others: ProbeResult) -> list[ProbeResult]:
    """All vital probes passed, but for the ones given by area."""
    given = {one.id: one for one in others.values()}
    return [given.pop(name, ProbeResult(id=name, question="", verdict=ProbeVerdict.PASS, examined=1)) for name in VITAL] + list(
        given.values()
    )


def found(name: str, *findings: Finding) -> ProbeResult:
    return ProbeResult(id=name, question="", verdict=ProbeVerdict.FINDINGS, examined=1, findings=list(findings))


def blind(name: str, environment: str = "dev") -> ProbeResult:
    subject = Subject(kind="Pod", namespace=f"ns-{environment}", name="x", environment=environment)
    return ProbeResult(id=name, question="", verdict=ProbeVerdict.INCONCLUSIVE, unchecked=[Unchecked(subject=subject, reason="refused")])


def test_a_way_on_which_every_hop_is_proven_passes() -> None:
    verdict = judged(probe_alert_path, alertmanager_servers=BOTH, conclusions=passed(), environments=ENVIRONMENTS)
    assert outcome(verdict) == "pass"
    assert [row[1] for row in verdict.exhibits[0].rows] == ["open"] * len(PATH)


def test_a_prometheus_that_sends_no_alert_breaks_the_hop_that_waits_for_it_whichever_probe_says_so() -> None:
    silent = finding("NoRules", breaks=["Alerts/ns-dev/main"])
    verdict = judged(
        probe_alert_path,
        alertmanager_servers=BOTH,
        conclusions=passed(rules=found("prometheus/rules", silent, finding("Other"))),
        environments=ENVIRONMENTS,
    )
    (one,) = verdict.findings
    assert one.problem == "Not every alert of dev gets past Alertmanager."
    assert "prometheus/rules NoRules on Thing ns-dev/NoRules" in one.cause


def test_the_picture_shows_it_at_the_hop_that_it_breaks() -> None:
    silent = found("prometheus/rules", finding("NoRules", breaks=["Alerts/ns-dev/main"]))
    drawn = {one.hop.name: one for one in stations([*passed(), silent], ["dev"])}
    assert (drawn["Alertmanager"].state, drawn["Alertmanager"].label) == (State.FOUND, "1 found")
    assert drawn["Slack"].label == "blocked by Alertmanager"


def test_what_breaks_nothing_that_a_hop_needs_leaves_it_open() -> None:
    conclusions = passed(
        rules=found("prometheus/rules", finding("Other"), finding("NoRules", severity=Severity.WARNING, breaks=["Alerts/x/y"]))
    )
    assert not judged(probe_alert_path, alertmanager_servers=BOTH, conclusions=conclusions, environments=ENVIRONMENTS).findings


def test_the_first_broken_hop_is_the_head_and_blocks_what_comes_after() -> None:
    conclusions = passed(loki=found("loki/ready", finding("NotReady")), slack=blind("alertmanager/delivery"))
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    (one,) = verdict.findings
    assert one.problem == "Not every alert gets past Loki."
    assert "NotReady on Thing ns-dev/NotReady" in one.cause
    assert "Alertmanager, Slack are behind it" in one.cause
    assert one.fix == "Mend NotReady."
    assert verdict.unread == []  # what is blocked is no second thing to worry about


def test_no_alert_gets_past_only_what_is_critical() -> None:
    conclusions = passed(routes=found("alertmanager/receivers", finding("Sink", severity=Severity.CRITICAL)))
    (one,) = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS).findings
    assert one.problem == "No alert gets past Alertmanager."


def test_a_receiver_that_gets_nothing_says_nothing_of_the_others() -> None:
    conclusions = passed(slack=found("alertmanager/delivery", finding("MailRefused", "dev")))
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    assert [one.problem for one in verdict.findings] == ["Alerts do not arrive at every receiver."]


def test_the_other_environment_is_not_concerned() -> None:
    conclusions = passed(routes=found("alertmanager/receivers", finding("Sink", "dev")))
    verdict = judged(probe_alert_path, alertmanager_servers=BOTH, conclusions=conclusions, environments=ENVIRONMENTS)
    assert [one.subject.name for one in verdict.findings] == ["dev"]


def test_what_belongs_to_no_environment_concerns_each() -> None:
    conclusions = passed(loki=found("loki/ready", finding("NotReady", "")))
    verdict = judged(probe_alert_path, alertmanager_servers=BOTH, conclusions=conclusions, environments=ENVIRONMENTS)
    assert [one.subject.name for one in verdict.findings] == ["dev", "prod"]


def test_where_one_environment_has_an_alertmanager_the_way_of_all_leads_to_it() -> None:
    conclusions = passed(loki=found("loki/ready", finding("NotReady", "prod")))
    environments = Environments(Profile(), [labelled(Namespace, "", f"monitoring-{one}") for one in ("dev", "prod")])
    only, both = (
        judged(probe_alert_path, alertmanager_servers=one, conclusions=conclusions, environments=environments) for one in (DEV, BOTH)
    )
    assert [one.subject.name for one in only.findings] == ["shared"]
    assert [one.subject.name for one in both.findings] == ["prod"]


def test_what_has_an_alertmanager_of_its_own_is_not_on_the_shared_way() -> None:
    conclusions = passed(slack=blind("alertmanager/delivery", "qa"), routes=found("alertmanager/receivers", finding("Sink", "dev")))
    steps = walk(conclusions, "", ["", "dev", "prod"])
    assert [step.passage for step in steps] == [Passage.OPEN] * (len(PATH) - 1) + [Passage.UNPROVEN]


def test_a_shared_alertmanager_is_not_on_the_way_of_what_has_one_of_its_own() -> None:
    every = Readings((*BOTH.values, server("alertmanager", "victoria", "vmalert")))
    conclusions = passed(slack=blind("alertmanager/delivery", ""), routes=found("alertmanager/receivers", finding("Sink", "")))
    verdict = judged(probe_alert_path, alertmanager_servers=every, conclusions=conclusions, environments=ENVIRONMENTS)
    assert [(one.subject.name, one.problem) for one in verdict.findings] == [
        ("shared", "Not every alert of shared systems gets past Alertmanager.")
    ]
    assert verdict.unread == []
    for environment in ("dev", "prod"):
        assert [step.passage for step in walk(conclusions, environment, ["", "dev", "prod"])] == [Passage.OPEN] * len(PATH)


def test_what_is_said_of_no_alertmanager_in_particular_is_on_every_way() -> None:
    whole = Unchecked(subject=Subject(kind="AlertmanagerList"), reason="refused")
    unread = ProbeResult(id="alertmanager/receivers", question="", verdict=ProbeVerdict.INCONCLUSIVE, unchecked=[whole])
    assert Passage.UNPROVEN in [step.passage for step in walk(passed(routes=unread), "dev", ["", "dev", "prod"])]


def test_the_cause_is_the_root_and_the_finding_hangs_on_it() -> None:
    root = found("sealed-secrets/unsealed", finding("NotUnsealed", breaks=["Secret/ns/slack"]))
    effect = found("alertmanager/receivers", finding("Fallback", severity=Severity.CRITICAL, rests_on=["Secret/ns/slack"]))
    conclusions = passed(routes=effect, sealed=root)
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    (one,) = verdict.findings
    assert one.cause.startswith("sealed-secrets/unsealed NotUnsealed")
    own = ProbeResult(id="pipeline/alert-path", question="", verdict=ProbeVerdict.FINDINGS, findings=[one])
    assert ("pipeline/alert-path", 0) in [link.finding for link in explain([*conclusions, own])]


def test_a_warning_breaks_no_hop() -> None:
    conclusions = passed(loki=found("loki/ready", finding("Slow", severity=Severity.WARNING)))
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    assert outcome(verdict) == "pass"


def test_a_hop_that_could_not_be_seen_is_unproven() -> None:
    conclusions = passed(slack=blind("alertmanager/delivery"))
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    assert outcome(verdict) == "inconclusive"
    assert (
        "whether alerts arrive at their receivers is not proven: alertmanager/delivery: Pod ns-dev/x: refused" in verdict.unread[0].reason
    )


def test_a_hop_that_was_blind_in_another_environment_only_is_open() -> None:
    steps = walk(passed(slack=blind("alertmanager/delivery", "prod")), "dev")
    assert [step.passage for step in steps] == [Passage.OPEN] * len(PATH)


def test_a_hop_that_no_probe_of_the_run_looked_at_is_unproven() -> None:
    conclusions = [one for one in passed() if not one.id.startswith("mlflow/")]
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    assert outcome(verdict) == "inconclusive"
    assert "MLflow is not proven: no probe of this run looked at it" in verdict.unread[0].reason


def test_a_hop_that_was_looked_at_in_part_only_is_unproven() -> None:
    conclusions = [one for one in passed() if one.id != "promtail/coverage"]
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    assert outcome(verdict) == "inconclusive"
    assert "Loki is not proven: promtail/coverage did not run" in verdict.unread[0].reason


def test_a_system_that_is_not_here_is_noted_and_blocks_nothing() -> None:
    absent = ProbeResult(id="airflow/health", question="", verdict=ProbeVerdict.NOT_APPLICABLE, reason="there is no Airflow")
    conclusions = passed(airflow=absent, missing=msgspec.structs.replace(absent, id="airflow/missing"))
    verdict = judged(probe_alert_path, alertmanager_servers=DEV, conclusions=conclusions, environments=ENVIRONMENTS)
    assert outcome(verdict) == "pass"
    assert verdict.notes == ["Airflow does not apply: there is no Airflow"]


def test_a_broken_probe_proves_nothing() -> None:
    broken = ProbeResult(id="loki/ruler", question="", verdict=ProbeVerdict.BROKEN, reason="KeyError")
    assert walk(passed(loki=broken), "dev")[3].passage is Passage.UNPROVEN


def test_without_any_alertmanager_there_is_no_way_to_judge() -> None:
    verdict = judged(
        probe_alert_path, alertmanager_servers=Readings((), (), "there is no Alertmanager"), conclusions=passed(), environments=ENVIRONMENTS
    )
    assert outcome(verdict) == "not_applicable"


def test_an_unreadable_list_of_alertmanagers_is_no_pass() -> None:
    verdict = judged(
        probe_alert_path, alertmanager_servers=Readings((), (refused("Pod"),)), conclusions=passed(), environments=ENVIRONMENTS
    )
    assert outcome(verdict) == "inconclusive"


def test_the_report_marks_what_the_head_blocks() -> None:
    conclusions = passed(loki=found("loki/ready", finding("NotReady")))
    labels = {one.hop.name: (one.state, one.label) for one in stations(conclusions, ["dev", "prod"])}
    assert labels["Loki"] == (State.FOUND, "1 found")
    assert labels["Slack"] == (State.CLEAR, "blocked by Loki")
    assert labels["FastAPI"] == (State.CLEAR, "1 probe passed")
