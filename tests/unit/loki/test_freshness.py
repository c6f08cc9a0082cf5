from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.log_agents.configuration_files import Output
from clusterprobe.systems.log_agents.destinations import Destination
from clusterprobe.systems.log_agents.states import AgentState
from clusterprobe.systems.loki.pod_log_times import LogTimes
from clusterprobe.systems.loki.sources import RecentLines, Searched
from probes.loki.probe_freshness import probe_freshness
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons, refused

NOW = 1_800_000_000.0
LOKI = Subject(kind="Service", namespace="logging", name="loki")


def wrote(age: float = 130.0, namespace: str = "fastapi-dev", name: str = "fastapi-1", node: str = "worker1") -> tuple[Subject, LogTimes]:
    """A pod whose newest line that counts is so old; none at all for 0."""
    return Subject(kind="Pod", namespace=namespace, name=name), LogTimes(node, "fastapi", 20, NOW - age if age else 0.0)


def searched(age: float | None = 1.0, namespace: str = "fastapi-dev", **changes: Any) -> Searched:
    """What Loki gave: its newest line is so old, None for no line."""
    return Searched(namespace, "{}", lines=0 if age is None else 5, newest=0.0 if age is None else NOW - age, **changes)


def recent(*found: Searched, label: str = "namespace") -> RecentLines:
    return RecentLines(int((NOW - 600) * 1e9), int(NOW * 1e9), label, ["namespace"], list(found))


def agent(node: str = "worker1", **changes: Any) -> tuple[Subject, AgentState]:
    fields = {"dropped": {}, "sent": 9, "filtered": 0, "backlog_bytes": 0, "reads": {}, **changes}
    return Subject(kind="Pod", namespace="logging", name=f"promtail-{node}"), AgentState("promtail", node, 0.0, **fields)


def sends(node: str = "worker1", loki: bool | None = True, program: str = "promtail", to: str = "loki:3100") -> tuple[Subject, Destination]:
    subject = Subject(kind="Pod", namespace="logging", name=f"{program}-{node}")
    return subject, Destination(program, node, f"DaemonSet/{program}", [Output("", "loki" if loki else "", to)], loki)


def platform(logs: list[tuple[Subject, LogTimes]], *found: Searched, **changes: Any) -> dict[str, Any]:
    return {
        "pod_log_times": Readings(tuple(logs)),
        "loki_recent_lines": single(LOKI, recent(*found)),
        "agent_states": Readings((agent(),)),
        "agent_destinations": Readings((sends(),)),
        "profile": Profile(),
        **changes,
    }


def test_lines_that_arrive_pass() -> None:
    assert outcome(judged(probe_freshness, **platform([wrote()], searched()))) == "pass"


def test_a_namespace_that_logs_and_of_which_loki_has_nothing_is_an_error() -> None:
    (finding,) = judged(probe_freshness, **platform([wrote()], searched(None))).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("NamespaceNotInLoki", "error", "fastapi-dev")
    assert "no line of the last 10 minutes" in finding.cause
    assert finding.rests_on == ["Logs/Node/worker1", "Logs/logging"]


def test_that_kubernetes_own_pods_are_left_out_altogether_is_noted_only() -> None:
    verdict = judged(probe_freshness, **platform([wrote(namespace="kube-system")], searched(None, "kube-system")))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])
    assert "no line of kube-system" in verdict.notes[0]


def test_that_they_stopped_arriving_is_an_error() -> None:
    assert reasons(judged(probe_freshness, **platform([wrote(namespace="kube-system")], searched(300, "kube-system")))) == [
        "NamespaceNotInLoki"
    ]


def test_the_agent_of_the_same_node_is_looked_at_whatever_its_port_is() -> None:
    agents = Readings((agent("worker2"), agent("worker1")))
    (finding,) = judged(probe_freshness, **platform([wrote()], searched(None), agent_states=agents)).findings
    assert [line(one) for step in finding.steps for one in step.commands] == [
        "kubectl -n fastapi-dev logs fastapi-1 -c fastapi --tail=3 --timestamps",
        "kubectl -n logging logs promtail-worker1 --all-containers --since=1h --tail=100",
    ]


@pytest.mark.parametrize(("age", "expected"), [(135.0, []), (135.1, ["NamespaceNotInLoki"])])
def test_a_few_seconds_are_allowed_for_clocks(age: float, expected: list[str]) -> None:
    assert reasons(judged(probe_freshness, **platform([wrote(130)], searched(age)))) == expected


def test_a_namespace_that_wrote_nothing_lately_is_silent() -> None:
    verdict = judged(probe_freshness, **platform([wrote(0)], searched(None)))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])
    assert "wrote nothing recently" in verdict.notes[0]


def test_one_pod_of_a_namespace_that_arrives_is_enough() -> None:
    assert reasons(judged(probe_freshness, **platform([wrote(), wrote(200, name="fastapi-2")], searched(100)))) == []


def test_a_line_in_any_loki_is_enough() -> None:
    both = Readings(((LOKI, recent(searched(None))), (Subject(kind="Service", namespace="logging-dev", name="loki"), recent(searched()))))
    assert reasons(judged(probe_freshness, **platform([wrote()], loki_recent_lines=both))) == []


def test_a_loki_that_is_not_read_may_have_the_lines() -> None:
    half = Readings(((LOKI, recent(searched(None))),), (refused("Service", "logging-dev"),))
    verdict = judged(probe_freshness, **platform([wrote()], loki_recent_lines=half))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_a_query_that_failed_proves_nothing() -> None:
    verdict = judged(probe_freshness, **platform([wrote()], searched(None, error="HTTP 401: no org id")))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_labels_of_other_names_are_unchecked() -> None:
    verdict = judged(probe_freshness, **platform([wrote()], loki_recent_lines=single(LOKI, recent(label=""))))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


@pytest.mark.parametrize(
    ("agents", "words"),
    [
        ((agent(),), "reads no file of fastapi-dev: a relabel rule drops its pods"),
        ((agent(reads={"fastapi-dev": 1}),), "a pipeline stage drops the lines"),
        ((agent(reads={"fastapi-dev": 1}, filtered=7),), "its stages have dropped 7 lines"),
        ((agent(reads={"fastapi-dev": 1}, dropped={"ingester_error": 4}),), "has dropped 4 lines since it started: Loki refuses them"),
        ((agent("worker2"),), "No log agent that is known runs on worker1"),
    ],
)
def test_the_cause_says_how_far_the_lines_get(agents: Any, words: str) -> None:
    (finding,) = judged(probe_freshness, **platform([wrote()], searched(None), agent_states=Readings(agents))).findings
    assert words in finding.cause


def test_agents_that_cannot_be_asked_leave_the_cause_open() -> None:
    unread = Readings((), (refused("Pod", "logging"),))
    (finding,) = judged(probe_freshness, **platform([wrote()], searched(None), agent_states=unread)).findings
    assert "not every log agent could be asked" in finding.cause


def test_what_cannot_be_read_adds_nothing_and_is_no_health() -> None:
    assert_blindness_is_no_health(probe_freshness, platform([wrote()], searched(None)))
    unread = Readings((), (refused("Pod", "fastapi-dev"),))
    assert outcome(judged(probe_freshness, **platform([], searched(), pod_log_times=unread))) == "inconclusive"


ASKED_AS_ONE = Profile.model_validate({"endpoints": [{"system": "loki", "url": "http://loki:3100", "tenant": "fastapi-prod"}]})


def test_what_one_tenant_lacks_may_be_anothers_and_is_unchecked_with_the_way_out() -> None:
    verdict = judged(probe_freshness, **platform([wrote()], searched(None), profile=ASKED_AS_ONE))
    assert reasons(verdict) == []
    assert "asked as tenant fastapi-prod only" in verdict.unread[0].reason
    assert "`endpoints:`" in verdict.unread[0].reason


def test_what_this_tenant_had_and_no_longer_gets_is_an_error() -> None:
    assert reasons(judged(probe_freshness, **platform([wrote()], searched(300), profile=ASKED_AS_ONE))) == ["NamespaceNotInLoki"]


# --- agents that send elsewhere ---------------------------------------------------------------------------------------

ELSEWHERE = sends(loki=False, program="fluent-bit", to="es.logging:9200")


def test_where_every_agent_is_seen_to_send_elsewhere_it_does_not_apply() -> None:
    verdict = judged(probe_freshness, **platform([wrote()], searched(None), agent_destinations=Readings((ELSEWHERE,))))
    assert (outcome(verdict), reasons(verdict)) == ("not_applicable", [])
    assert "no log agent writes to Loki: Fluent Bit logging/fluent-bit-worker1 sends to es.logging:9200" in verdict.absences[0]


@pytest.mark.parametrize("other", [sends("worker2"), sends("worker2", loki=None, program="vector")])
def test_one_that_may_send_to_loki_keeps_it_applicable(other: tuple[Subject, Destination]) -> None:
    verdict = judged(probe_freshness, **platform([wrote()], searched(None), agent_destinations=Readings((ELSEWHERE, other))))
    assert reasons(verdict) == ["NamespaceNotInLoki"]


def test_lines_that_loki_has_are_judged_whoever_sends_them() -> None:
    assert outcome(judged(probe_freshness, **platform([wrote()], searched(), agent_destinations=Readings((ELSEWHERE,))))) == "pass"


def test_the_cause_names_the_agent_of_the_node_that_sends_elsewhere() -> None:
    found = {"agent_destinations": Readings((ELSEWHERE, sends("worker2"))), "agent_states": Readings((agent("worker2"),))}
    (finding,) = judged(probe_freshness, **platform([wrote()], searched(None), **found)).findings
    assert "No log agent that is known to send to Loki runs on worker1." in finding.cause
    assert "sends to es.logging:9200" in finding.cause


def test_an_agent_that_does_not_say_which_files_it_reads_is_not_said_to_read_none() -> None:
    found = Readings((agent(counts_files=False),))
    (finding,) = judged(probe_freshness, **platform([wrote()], searched(None), agent_states=found)).findings
    assert "does not say which files it reads" in finding.cause
    assert "reads no file" not in finding.cause


def test_what_may_not_send_to_loki_at_all_is_said() -> None:
    found = {"agent_destinations": Readings((sends(loki=None, program="vector"),)), "agent_states": Readings((agent(counts_files=False),))}
    (finding,) = judged(probe_freshness, **platform([wrote()], searched(None), **found)).findings
    assert "says whether the agent there" in finding.cause
