import time
from typing import Any

import msgspec
import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.servers import servers_of
from clusterprobe.access.session import Origin
from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.alerts import Arrived, ArrivedAlert
from clusterprobe.systems.alertmanager.silences import Silence, Silences, alertmanager_silences
from clusterprobe.systems.alertmanager.sources import AlertmanagerMetrics
from clusterprobe.systems.formats.alertmanager_config import Matcher, parse_matchers
from clusterprobe.systems.kubernetes.objects import Namespace, Pod
from clusterprobe.systems.prometheus.alerting import AlertingRule, LoadedRules, RuleFile
from clusterprobe.verdict import Verdict
from probes.alertmanager.probe_silences import probe_silences
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, recognised, refused, server
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
IN_A_DAY, JUST_UNDER_A_DAY = "2027-01-16T08:00:00Z", "2027-01-16T07:59:59Z"
IN_A_MONTH, JUST_UNDER_A_MONTH = "2027-02-14T08:00:00Z", "2027-02-14T07:59:59Z"
IN_A_YEAR = "2028-01-15T08:00:00Z"
ID = "7d8e0c1a-0f3b-4a0e-9d51-2f6f0d1c9b7e"
ONE, TWO = (server("alertmanager", "monitoring", "main", f"alertmanager-main-{number}") for number in (0, 1))
RULES = [AlertingRule("DiskFull", {"severity": "critical", "team": "ops"}), AlertingRule("Down", {"severity": "critical"})]
RULES += [AlertingRule("Slow", {"severity": "warning"})]


def silence(hides: str, ends: str = IN_A_YEAR, **changed: Any) -> Silence:
    one = Silence(ID, parse_matchers(hides), "2027-01-14T08:00:00Z", ends, "jo@example.com", "upgrade of the nodes")
    return msgspec.structs.replace(one, **changed)


def pod(image: str = "quay.io/prometheus/alertmanager:v0.28.1") -> Pod:
    container = {"name": "alertmanager", "image": image}
    return labelled(Pod, "monitoring", ONE[0].name, spec={"containers": [container]}, status={"phase": "Running"})


def readings(*silences: Silence, **changed: Any) -> dict[str, Any]:
    rules = LoadedRules([RuleFile("a.yaml", ["a"], len(RULES), [], RULES)])
    places = [labelled(Namespace, "", name) for name in ("monitoring", "shop", "web")]
    return {
        "alertmanager_silences": Readings(((ONE[0], Silences(list(silences))),)),
        "alertmanager_servers": Readings((ONE,)),
        "alertmanager_alerts": Readings(((ONE[0], Arrived([])),)),
        "prometheuses": listing("Prometheus", []),
        "prometheus_loaded_rules": Readings(((server("prometheus", "monitoring", "main")[0], rules),)),
        "namespaces": listing("Namespace", places),
        "system_pods": recognised(listing("Pod", [pod()])),
        "environments": Environments(Profile(), places),
        "profile": Profile(),
        "clock": CLOCK,
        **changed,
    }


def judge(*silences: Silence, **changed: Any) -> Verdict:
    return judged(probe_silences, **readings(*silences, **changed))


def found(*silences: Silence, **changed: Any) -> Finding:
    (one,) = judge(*silences, **changed).findings
    return one


@pytest.mark.parametrize("silences", [[], [silence("alertname=Slow", IN_A_DAY)], [silence("alertname=DiskFull", IN_A_DAY)]])
def test_no_silence_and_short_ones_of_single_alerts_pass(silences: list[Silence]) -> None:
    verdict = judge(*silences)
    assert (outcome(verdict), verdict.examined, verdict.notes) == ("pass", 1, [])


@pytest.mark.parametrize(
    ("matchers", "code", "severity", "what"),
    [
        ('alertname=~".+"', "CriticalSilenced", "error", "every alert of monitoring/main"),
        ('alertname=~".+", team=~".*"', "CriticalSilenced", "error", "every alert of"),
        ("severity=critical", "CriticalSilenced", "error", "every critical alert of monitoring/main"),
        ('severity!="warning"', "CriticalSilenced", "error", "every critical alert of monitoring/main"),
        ("severity=critical, namespace=shop", "CriticalSilenced", "warning", "every critical alert of shop"),
        ('namespace=~"shop|web"', "CriticalSilenced", "warning", "every critical alert of shop, web"),
        ("alertname=DiskFull", "SilencedForLong", "warning", "the critical alert DiskFull"),
        ('team="ops"', "SilencedForLong", "warning", "the critical alert DiskFull"),
        ('alertname=~"DiskFull|Down", namespace=nowhere', "SilencedForLong", "info", "no alert of a rule that is loaded"),
        ("alertname=Slow", "SilencedForLong", "info", "alerts that are not critical"),
        ('severity=critical, pod="web-0"', "SilencedForLong", "info", "no alert of a rule that is loaded"),
    ],
)
def test_what_a_silence_hides_says_how_bad_it_is(matchers: str, code: str, severity: str, what: str) -> None:
    one = found(silence(matchers))
    assert (one.reason, one.severity, str(one.subject)) == (code, severity, "Alertmanager monitoring/main")
    assert one.problem.startswith(f"A silence hides {what}")
    assert one.problem.endswith("for 365 days more, until 2028-01-15 08:00 UTC.")


@pytest.mark.parametrize(("ends", "codes"), [(JUST_UNDER_A_DAY, []), (IN_A_DAY, ["CriticalSilenced"])])
def test_all_that_is_critical_may_be_silent_for_a_day_which_is_said(ends: str, codes: list[str]) -> None:
    verdict = judge(silence("severity=critical", ends))
    assert reasons(verdict) == codes
    assert codes or "a silence of jo@example.com hides every critical alert until 2027-01-16 07:59 UTC" in verdict.notes[0]


@pytest.mark.parametrize(("ends", "codes"), [(JUST_UNDER_A_MONTH, []), (IN_A_MONTH, ["SilencedForLong"])])
def test_a_single_alert_may_be_silent_for_a_month(ends: str, codes: list[str]) -> None:
    verdict = judge(silence("alertname=DiskFull", ends))
    assert (reasons(verdict), len(verdict.exhibits)) == (codes, 1)


def test_who_made_it_and_what_it_holds_back_is_said() -> None:
    fires = Arrived([ArrivedAlert({"alertname": "Slow", "severity": "warning"}, ["slack"], "suppressed")])
    one = found(silence("alertname=Slow"), alertmanager_alerts=Readings(((ONE[0], fires),)))
    assert f'jo@example.com made the silence {ID}, made 24 h ago, for alerts with alertname="Slow"' in one.cause
    assert "says “upgrade of the nodes”. Of the alerts that fire now it hides Slow." in one.cause
    assert "None of its alerts fires now" in found(silence("alertname=Slow")).cause


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("quay.io/prometheus/alertmanager:v0.28.1", True),
        ("registry.example.com/our/alerts:1", False),
    ],
)
def test_it_is_expired_by_the_amtool_of_the_pod_where_that_is_certainly_there(image: str, command: bool) -> None:
    one = found(silence("severity=critical"), system_pods=recognised(listing("Pod", [pod(image)])))
    assert [bool(step.commands) for step in one.steps if step.kind == "change"] == [command]
    amtool = f"amtool silence expire --alertmanager.url=http://localhost:9090 {ID}"
    assert (f"$ kubectl -n monitoring exec alertmanager-main-0 -c alertmanager -- {amtool}" in one.fix) is command
    assert "/pods/alertmanager-main-0:9090/proxy/api/v2/silences?active=true" in one.fix


def test_replicas_have_their_silences_in_common() -> None:
    both = Readings(tuple((one, Silences([silence("severity=critical")])) for one, _ in (ONE, TWO)))
    alerts = Readings(tuple((one, Arrived([])) for one, _ in (ONE, TWO)))
    assert reasons(judge(alertmanager_silences=both, alertmanager_servers=Readings((ONE, TWO)), alertmanager_alerts=alerts)) == [
        "CriticalSilenced"
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"matchers": [Matcher("alertname", "=~", "(")]}, "cannot be judged"), ({"ends_at": "soon"}, "does not say when it ends")],
)
def test_a_silence_that_cannot_be_judged_is_unchecked(changed: dict[str, Any], why: str) -> None:
    verdict = judge(silence("severity=critical", **changed))
    assert (outcome(verdict), why in verdict.unread[0].reason) == ("inconclusive", True)


def test_where_not_all_rules_are_known_no_silence_is_said_to_hide_all() -> None:
    rules = readings()["prometheus_loaded_rules"]
    verdict = judge(silence("alertname=~'.+'"), prometheus_loaded_rules=Readings(rules.values, (refused("Pod"),)))
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_what_cannot_be_read_is_never_a_pass() -> None:
    for one in (silence("severity=critical"), silence("alertname=Slow"), silence("alertname=Slow", IN_A_DAY)):
        assert_blindness_is_no_health(probe_silences, readings(one))


# --- reading them --------------------------------------------------------------------------------------------------------

LISTED = b"""[{"id": "a", "status": {"state": "active"}, "createdBy": "jo", "comment": "why", "startsAt": "2027-01-14T08:00:00Z",
"endsAt": "2027-01-16T08:00:00Z", "matchers": [{"name": "severity", "value": "a|b", "isRegex": true, "isEqual": false}]},
{"id": "b", "status": {"state": "expired"}, "matchers": []}, {"id": "c", "status": {"state": "pending"}, "matchers": []}]"""


@pytest.mark.parametrize(
    ("counted", "asked", "held"),
    [(0.0, 0, []), (1.0, 1, [["a", 'severity!~"a|b"', "jo", "why"]]), (None, 1, [["a", 'severity!~"a|b"', "jo", "why"]])],
)
def test_only_one_that_says_that_none_holds_is_not_asked(counted: float | None, asked: int, held: list[list[str]]) -> None:
    with FaultServer(Recording(time.time(), {"GET /api/v2/silences": Exchange(200, "application/json", LISTED)})) as running:
        profile = Profile.model_validate({"endpoints": [{"system": "alertmanager", "url": running.url, "namespace": "monitoring"}]})
        cluster = Cluster(Connection(Origin(running.url), "test", "me", "default", "proxy"), Deadline.after(10))
        (one,) = servers_of(profile, "alertmanager")
        subject = Subject(kind="Alertmanager", namespace="monitoring", name=one.name)
        metrics = Readings(((subject, AlertmanagerMetrics(True, 0.0, [], counted)),))
        (read,) = alertmanager_silences(cluster, Readings(((subject, one),)), metrics, profile).items
        assert len(running.seen) == asked
    assert [[each.id, ", ".join(map(str, each.matchers)), each.created_by, each.comment] for each in read.silences] == held
