from typing import Any

import msgspec
import pytest
import yaml

from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Finding, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet
from clusterprobe.systems.kubernetes.objects import Node, Pod
from clusterprobe.systems.log_agents.configuration_files import Output
from clusterprobe.systems.log_agents.destinations import Destination
from clusterprobe.systems.log_agents.drops import Dropped, Drops, SendErrors
from clusterprobe.systems.log_agents.node_coverage import agent_sets
from clusterprobe.systems.log_agents.states import AgentState, Queue
from clusterprobe.verdict import Verdict
from probes.promtail.probe_coverage import probe_coverage
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, recognised, refused, server
from tests.unit.loki.test_configuration_advice import loki

NOW = 1_800_000_000.0
JUST_NOW = "2027-01-15T07:59:30Z"
LOGS = {"name": "pods", "hostPath": {"path": "/var/log/pods"}}
MASTER = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
ML = {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}


def node(
    name: str, ready: str = "True", taints: tuple[dict[str, str], ...] = (), labels: dict[str, str] | None = None, **changes: Any
) -> Node:
    metadata = {"name": name, "labels": labels or {}, "creationTimestamp": changes.pop("created", "2026-01-01T00:00:00Z")}
    conditions = {"conditions": [{"type": "Ready", "status": ready}]}
    return make(Node, metadata=metadata, spec={"taints": list(taints), **changes}, status=conditions)


def daemon_set(name: str = "promtail", image: str = "grafana/promtail:3.5.0", **spec: Any) -> DaemonSet:
    container = {"name": name, "image": image}
    template = {"spec": {"containers": [container], "volumes": [LOGS], **spec}}
    return labelled(DaemonSet, "logging", name, spec={"template": template})


def agent(
    place: str, ready: bool = True, owner: str = "promtail", program: str = "promtail", kind: str = "DaemonSet", **metadata: Any
) -> Pod:
    owners = [{"kind": kind, "name": owner, "uid": "u", "controller": True}]
    conditions = [{"type": "Ready", "status": str(ready)}]
    state = {} if ready else {"waiting": {"reason": "CrashLoopBackOff"}}
    container = metadata.pop("status", {"name": program, "state": state})
    status = {"phase": "Running", "podIP": "1.2.3.4", "conditions": conditions, "containerStatuses": [container]}
    spec = {"nodeName": place, "containers": [{"name": program, "image": f"grafana/{program}:3.5.0"}], "volumes": [LOGS]}
    fields = {"ownerReferences": owners, "creationTimestamp": "2026-01-01T00:00:00Z", **metadata}
    return labelled(Pod, "logging", f"{owner}-{place}", {"app.kubernetes.io/name": program}, metadata=fields, spec=spec, status=status)


def work(place: str, name: str = "fastapi") -> Pod:
    owners = [{"kind": "ReplicaSet", "name": name, "uid": "u", "controller": True}]
    status = {"phase": "Running", "podIP": "1.2.3.4"}
    return labelled(
        Pod, "fastapi-dev", f"{name}-{place}", metadata={"ownerReferences": owners},
        spec={"nodeName": place, "containers": []}, status=status,
    )  # fmt: skip


def state(place: str = "worker1", **changes: Any) -> tuple[Subject, AgentState]:
    fields = {"dropped": {}, "sent": 100, "filtered": 0, "backlog_bytes": 0, "reads": {}, "owner": "DaemonSet/promtail", **changes}
    subject = Subject(api_version="v1", kind="Pod", namespace="logging", name=f"promtail-{place}")
    return subject, AgentState("promtail", place, NOW - 7200, **fields)


def sends(place: str, loki: bool | None = True, program: str = "promtail", **changes: Any) -> tuple[Subject, Destination]:
    owner = changes.pop("owner", program)
    subject = Subject(api_version="v1", kind="Pod", namespace="logging", name=f"{owner}-{place}")
    fields = {"outputs": [Output("", "loki" if loki else "es" if loki is False else "", "receiver:80")], **changes}
    return subject, Destination(program=program, node=place, owner=f"DaemonSet/{owner}", loki=loki, **fields)


def drops(*counts: tuple[str, str, float]) -> Readings[Any]:
    found = Dropped([Drops("logging", f"promtail-{place}", reason, count) for place, reason, count in counts])
    return Readings(((server("prometheus", "monitoring-prod", "main")[0], found),))


OTHER_CONFIG = [{"name": "config", "configMap": {"name": "loki-of-teams"}}]
NODES = (node("worker1"), node("worker2"))
PODS = (agent("worker1"), agent("worker2"), work("worker1"), work("worker2"))


def platform(
    pods: tuple[Pod, ...] = PODS, nodes: tuple[Node, ...] = NODES, sets: tuple[DaemonSet, ...] = (), **changes: Any
) -> dict[str, Any]:
    return {
        "nodes": listing("Node", nodes),
        "pods": listing("Pod", pods),
        "system_pods": recognised(listing("Pod", pods)),
        "daemon_sets": listing("DaemonSet", sets or (daemon_set(),)),
        "agent_states": Readings((state("worker1"), state("worker2"))),
        "agent_drops": drops(("worker1", "ingester_error", 0.0), ("worker2", "ingester_error", 0.0)),
        "agent_send_errors": Readings(absent="no agent dropped a line"),
        "agent_destinations": Readings((sends("worker1"), sends("worker2"))),
        "metric_servers": Readings((server("prometheus", "monitoring-prod", "main"),)),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def told(*arguments: Any, **changes: Any) -> list[str]:
    """Reasons of the findings that are no notes."""
    found = judged(probe_coverage, **platform(*arguments, **changes)).findings
    return [one.reason for one in found if one.severity != "info"]


def test_an_agent_on_every_node_passes_and_its_end_of_life_is_told_once() -> None:
    verdict = judged(probe_coverage, **platform())
    assert outcome(verdict) == "pass"
    assert [(one.reason, one.severity) for one in verdict.findings] == [("PromtailEndOfLife", "info")]
    assert "2 agents" in verdict.findings[0].problem


def test_other_agents_have_no_end_of_life() -> None:
    pods = (agent("worker1", owner="alloy", program="alloy"), agent("worker2", owner="alloy", program="alloy"))
    verdict = judged(probe_coverage, **platform(pods, sets=(daemon_set("alloy", "grafana/alloy:v1.9"),)))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])


def tolerations(finding: Finding) -> Any:
    return yaml.safe_load(next(step.code for step in finding.steps if step.code))["tolerations"]


def commands(finding: Finding) -> list[str]:
    return [line(command) for step in finding.steps for command in step.commands]


def without_agent(other: Node, **spec: Any) -> Finding:
    return judged(
        probe_coverage, **platform((agent("worker1"), work("worker2")), (node("worker1"), other), (daemon_set(**spec),))
    ).findings[0]


def test_all_taints_that_bar_it_are_tolerated_at_once_and_nothing_is_patched() -> None:
    finding = without_agent(node("worker2", taints=(ML, MASTER)))
    assert [one["key"] for one in tolerations(finding)] == ["dedicated", MASTER["key"]]
    assert commands(finding) == [
        "kubectl -n logging describe daemonset promtail",
        "kubectl -n logging edit daemonset promtail",
        "kubectl -n logging rollout status daemonset promtail --timeout=5m",
    ]


def test_a_control_plane_may_be_left_out_on_purpose() -> None:
    finding = without_agent(node("worker2", taints=(MASTER,)))
    assert "etcd" in finding.fix
    assert "`known` in the profile" in finding.fix


@pytest.mark.parametrize("key", ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "node.cloudprovider.kubernetes.io/shutdown"])
def test_a_taint_that_is_there_for_a_while_is_not_tolerated(key: str) -> None:
    finding = without_agent(node("worker2", taints=({"key": key, "effect": "NoSchedule"},)))
    assert "Wait, or end what set the taint" in finding.fix
    assert "tolerations" not in finding.fix


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ({"kubernetes.io/arch": "amd64"}, {"kubernetes.io/arch": "arm64"}),
        ({"eks.amazonaws.com/nodegroup": "apps"}, {}),
        ({"logging": "yes"}, {"logging": "no"}),
    ],
)
def test_a_label_that_others_set_or_that_says_something_else_is_not_changed(selector: dict[str, str], labels: dict[str, str]) -> None:
    finding = without_agent(node("worker2", labels=labels), nodeSelector=selector)
    assert "kubectl label" not in finding.fix
    assert "nodeSelector" in finding.fix


WINDOWS = {"kubernetes.io/os": "windows"}


def test_a_windows_node_is_no_gap_of_an_agent_for_linux() -> None:
    tainted = node("worker2", labels=WINDOWS, taints=({"key": "os", "value": "windows", "effect": "NoSchedule"},))
    for sets in ((daemon_set(nodeSelector={"kubernetes.io/os": "linux"}),), (daemon_set(),)):
        verdict = judged(probe_coverage, **platform((agent("worker1"), work("worker2")), (node("worker1"), tainted), sets))
        assert [one.reason for one in verdict.findings if one.severity != "info"] == []
        assert "worker2 runs Windows, and no log agent here is for Windows: its logs are not collected." in verdict.notes


def test_the_agent_for_windows_is_the_one_that_is_missing_on_a_windows_node() -> None:
    term = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    for spec in ({"nodeSelector": WINDOWS}, {"affinity": affinity}):
        sets = (daemon_set(), daemon_set("fluent-bit", "fluent/fluent-bit:3", **spec))
        nodes = (node("worker1"), node("worker2", labels=WINDOWS, taints=(ML,)))
        finding = judged(probe_coverage, **platform((agent("worker1"), work("worker2")), nodes, sets)).findings[0]
        assert "The DaemonSet logging/fluent-bit has no pod there" in finding.cause


def test_an_agent_for_linux_that_fails_on_windows_is_to_be_kept_from_it() -> None:
    nodes = (node("worker1"), node("worker2", labels=WINDOWS))
    finding = judged(probe_coverage, **platform((agent("worker1"), agent("worker2", ready=False), work("worker2")), nodes)).findings[0]
    assert "keep it from Windows nodes" in finding.fix


@pytest.mark.parametrize(
    ("state", "last", "log"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, {}, None),
        ({"running": {}}, {}, "kubectl -n logging logs promtail-worker2 -c promtail --tail=30"),
        (
            {"waiting": {"reason": "CrashLoopBackOff"}},
            {"terminated": {}},
            "kubectl -n logging logs promtail-worker2 -c promtail --previous --tail=30",
        ),
    ],
)
def test_the_log_of_an_agent_is_asked_as_far_as_it_ran(state: Any, last: Any, log: str | None) -> None:
    broken = agent("worker2", ready=False, status={"name": "promtail", "state": state, "lastState": last})
    finding = judged(probe_coverage, **platform((agent("worker1"), broken, work("worker2")))).findings[0]
    assert commands(finding) == ["kubectl -n logging describe pod promtail-worker2", *([log] if log else [])]


def test_the_log_of_an_agent_is_asked_of_its_own_container() -> None:
    for finding in (
        judged(probe_coverage, **platform(**dropping())).findings[0],
        judged(probe_coverage, **platform(agent_states=Readings((state("worker1", backlog_bytes=10**9),)))).findings[0],
    ):
        assert "kubectl -n logging logs promtail-worker1 -c promtail" in commands(finding)[0]


def test_a_taint_that_is_not_tolerated_is_named_with_the_toleration_to_add() -> None:
    verdict = judged(probe_coverage, **platform((agent("worker1"), work("worker2")), (node("worker1"), node("worker2", taints=(ML,)))))
    finding = verdict.findings[0]
    assert (finding.reason, finding.severity, finding.subject.name) == ("NodeWithoutAgent", "error", "worker2")
    assert "taint dedicated=ml:NoSchedule" in finding.cause
    assert tolerations(finding) == [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]
    assert [step.kind for step in finding.steps] == ["look", "change", "change", "look"]
    assert "fastapi-dev" in finding.problem
    assert finding.breaks == ["Logs/Node/worker2"]


def test_a_node_selector_that_leaves_a_node_out_is_named() -> None:
    sets = (daemon_set(nodeSelector={"logging": "yes"}),)
    finding = judged(probe_coverage, **platform((agent("worker1"), work("worker2")), sets=sets)).findings[0]
    assert "nodeSelector wants logging=yes, and the node has no such label" in finding.cause
    assert "kubectl label node worker2 logging=yes" in finding.fix


def test_a_node_affinity_that_leaves_a_node_out_is_named() -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    nodes = (node("worker1"), node("worker2", labels={"gpu": "a100"}))
    finding = judged(
        probe_coverage, **platform((agent("worker1"), work("worker2")), nodes, sets=(daemon_set(affinity=affinity),))
    ).findings[0]
    assert "its node affinity leaves the node out" in finding.cause


def test_a_node_without_workloads_is_a_warning() -> None:
    finding = judged(probe_coverage, **platform((agent("worker1"),))).findings[0]
    assert (finding.reason, finding.severity) == ("NodeWithoutAgent", "warning")


def test_an_agent_that_does_not_run_is_told_with_its_state() -> None:
    finding = judged(probe_coverage, **platform((agent("worker1"), agent("worker2", ready=False), work("worker2")))).findings[0]
    assert finding.reason == "AgentNotRunning"
    assert "CrashLoopBackOff" in finding.cause


def test_of_an_agent_that_runs_and_is_only_not_ready_it_is_not_said_that_it_collects_nothing() -> None:
    unready = agent("worker2", ready=False, status={"name": "promtail", "ready": False, "state": {"running": {"startedAt": JUST_NOW}}})
    finding = judged(probe_coverage, **platform((agent("worker1"), unready, work("worker2")))).findings[0]
    assert (finding.reason, finding.severity) == ("AgentNotReady", "warning")
    assert finding.problem == "Whether the logs of worker2 are collected is not sure: its log agent is not ready."
    assert "logging/promtail-worker2 runs there, and its readiness probe fails" in finding.cause


@pytest.mark.parametrize("other", [agent("worker2", ready=False, creationTimestamp=JUST_NOW), agent("worker2", deletionTimestamp=JUST_NOW)])
def test_an_agent_that_is_just_replaced_is_none(other: Pod) -> None:
    assert told((agent("worker1"), other, work("worker2"))) == []


@pytest.mark.parametrize(
    "other",
    [
        node("worker2", ready="Unknown"),
        node("worker2", labels={"type": "virtual-kubelet"}),
        node("worker2", labels={"eks.amazonaws.com/compute-type": "fargate"}),
        node("worker2", taints=({"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"},)),
        node("worker2", unschedulable=True),
        node("worker2", created=JUST_NOW),
    ],
)
def test_nodes_that_need_none_are_no_finding(other: Node) -> None:
    assert told((agent("worker1"),), (node("worker1"), other)) == []


def test_a_cordoned_node_on_which_services_run_needs_one() -> None:
    assert told((agent("worker1"), work("worker2")), (node("worker1"), node("worker2", unschedulable=True))) == ["NodeWithoutAgent"]


@pytest.mark.parametrize(
    "image", ["fluent/fluent-bit:3.0", "grafana/alloy:v1.9", "timberio/vector:0.40", "fluent/fluentd-kubernetes-daemonset"]
)
def test_an_agent_of_another_kind_covers_its_node(image: str) -> None:
    sets = (daemon_set(), daemon_set("other", image))
    assert told((agent("worker1"), agent("worker2", owner="other", program="other"), work("worker2")), sets=sets) == []


def test_a_daemon_set_that_only_looks_like_one_covers_nothing() -> None:
    other = labelled(
        DaemonSet, "logging", "exporter", spec={"template": {"spec": {"containers": [{"name": "x", "image": "a/b:1"}], "volumes": [LOGS]}}}
    )
    assert told((agent("worker1"), agent("worker2", owner="exporter", program="x"), work("worker2")), sets=(daemon_set(), other)) == [
        "NodeWithoutAgent"
    ]


def test_no_agent_at_all_is_not_applicable() -> None:
    other = labelled(DaemonSet, "a", "b", spec={"template": {"spec": {"containers": []}}})
    assert (
        outcome(judged(probe_coverage, **platform((work("worker1"),), sets=(other,), agent_states=Readings(absent="none"))))
        == "not_applicable"
    )


def test_an_agent_that_is_no_daemon_set_may_read_from_afar() -> None:
    other = labelled(DaemonSet, "a", "b", spec={"template": {"spec": {"containers": []}}})
    pods = (agent("worker1", owner="alloy-abc", program="alloy", kind="ReplicaSet"), work("worker2"))
    assert outcome(judged(probe_coverage, **platform(pods, sets=(other,)))) == "inconclusive"
    verdict = judged(probe_coverage, **platform((agent("worker1"), *pods)))
    assert (outcome(verdict), told((agent("worker1"), *pods))) == ("inconclusive", [])


# --- what they drop ---------------------------------------------------------------------------------------------------


def dropping(count: float = 12.0, **changes: Any) -> dict[str, Any]:
    subject, one = state("worker1", dropped={"ingester_error": 30})
    return {
        "agent_states": Readings(((subject, one), state("worker2"))),
        "agent_drops": drops(("worker1", "ingester_error", count)),
        "agent_send_errors": Readings(((subject, SendErrors(["server returned HTTP status 400: Max entry size '100' bytes exceeded"])),)),
        **changes,
    }


def test_lines_dropped_lately_are_an_error_with_the_reason_and_lokis_words() -> None:
    finding = judged(probe_coverage, **platform(**dropping())).findings[0]
    assert (finding.reason, finding.severity) == ("LinesDropped", "error")
    assert (finding.subject.kind, finding.subject.namespace, finding.subject.name) == ("DaemonSet", "logging", "promtail")
    assert "dropped 12 lines in the last 10 minutes" in finding.problem
    assert "`ingester_error`" in finding.cause
    assert "Max entry size '100' bytes exceeded" in finding.cause


@pytest.mark.parametrize(
    ("to", "lokis", "edits"),
    [
        (sends("worker1"), [loki()[1].pod], True),
        (sends("worker1"), [], False),
        (sends("worker1"), [loki()[1].pod, loki("loki-1", volumes=OTHER_CONFIG)[1].pod], False),  # which of the two refuses is not known
        (sends("worker1", None), [loki()[1].pod], False),
        (sends("worker1", away=["logs.example.org"]), [loki()[1].pod], False),
    ],
)
def test_where_lokis_limit_refuses_its_own_configuration_is_shown(to: tuple[Subject, Destination], lokis: list[Pod], edits: bool) -> None:
    destinations = Readings((to, sends("worker2")))
    finding = judged(probe_coverage, **platform((*PODS, *lokis), agent_destinations=destinations, **dropping())).findings[0]
    assert finding.reason == "LinesDropped"
    assert ("$ kubectl -n logging edit configmap loki" in finding.fix) == edits
    assert ("$ kubectl -n logging rollout restart statefulset/loki" in finding.fix) == edits


def test_lines_dropped_long_ago_are_a_note() -> None:
    verdict = judged(probe_coverage, **platform(**dropping(0.0)))
    assert outcome(verdict) == "pass"
    assert "promtail-worker1 dropped 30 lines since it started, and none in the last 10 minutes." in verdict.notes


def test_without_a_prometheus_that_knows_them_totals_are_a_warning_with_their_age() -> None:
    finding = judged(probe_coverage, **platform(**dropping(agent_drops=drops()))).findings[0]
    assert (finding.reason, finding.severity) == ("LinesDropped", "warning")
    assert "since it started 2 h ago" in finding.problem


def test_totals_say_nothing_while_the_prometheus_that_may_know_is_not_read() -> None:
    unread = Readings((), (refused("Pod", "monitoring-prod"),))
    verdict = judged(probe_coverage, **platform(**dropping(agent_drops=unread)))
    assert outcome(verdict) == "inconclusive"
    assert [one.reason for one in verdict.findings if one.severity != "info"] == []


@pytest.mark.parametrize(("size", "expected"), [(50_000_000, ["AgentBehind"]), (49_999_999, [])])
def test_an_agent_with_a_backlog_is_a_warning(size: int, expected: list[str]) -> None:
    assert told(agent_states=Readings((state("worker1", backlog_bytes=size),))) == expected


@pytest.mark.parametrize("missing", ["nodes", "pods", "daemon_sets", "agent_states"])
def test_what_it_rests_on_and_cannot_be_read_is_unchecked(missing: str) -> None:
    unread = Readings((), (refused("x"),))
    broken = {"nodes": (node("worker1"), node("worker2", taints=(ML,))), "pods": (agent("worker1"), work("worker2"))}
    verdict = judged(probe_coverage, **{**platform(**broken), missing: unread})
    assert outcome(verdict) in ("inconclusive", "findings")
    assert verdict.unread


def test_what_cannot_be_read_adds_nothing_and_is_no_health() -> None:
    broken = platform((agent("worker1"), work("worker2")), (node("worker1"), node("worker2", taints=(ML,))), **dropping())
    assert_blindness_is_no_health(probe_coverage, broken)


# --- other agents, and where they send to -----------------------------------------------------------------------------


def fluent_bit(place: str, loki: bool | None) -> tuple[Subject, Destination]:
    return sends(place, loki, "fluent-bit", owner="cloud")


def with_cloud(loki: bool | None, **changes: Any) -> dict[str, Any]:
    """Promtail on worker1 only, and a Fluent Bit on both nodes."""
    cloud = (agent("worker1", owner="cloud", program="fluent-bit"), agent("worker2", owner="cloud", program="fluent-bit"))
    sets = (daemon_set(nodeSelector={"logging": "yes"}), daemon_set("cloud", "fluent/fluent-bit:3"))
    told = Readings((sends("worker1"), fluent_bit("worker1", loki), fluent_bit("worker2", loki)))
    return platform((agent("worker1"), *cloud, work("worker2")), sets=sets, **{"agent_destinations": told, **changes})


def test_an_agent_that_sends_elsewhere_covers_no_node_for_loki() -> None:
    finding = judged(probe_coverage, **with_cloud(False)).findings[0]
    assert (finding.reason, finding.subject.name) == ("NodeWithoutAgent", "worker2")
    assert "There runs Fluent Bit logging/cloud-worker2, which sends to receiver:80, and not to Loki." in finding.cause


def test_one_that_sends_to_loki_covers_its_node() -> None:
    verdict = judged(probe_coverage, **with_cloud(True))
    assert (outcome(verdict), [one.reason for one in verdict.findings if one.severity != "info"]) == ("pass", [])


def test_one_of_which_that_is_not_known_leaves_its_nodes_open() -> None:
    verdict = judged(probe_coverage, **with_cloud(None))
    assert outcome(verdict) == "inconclusive"
    (unread,) = [one for one in verdict.unread if one.subject.name == "cloud"]
    assert "no other log agent runs on worker2" in unread.reason
    assert "`not_judged: [fluent-bit]`" in unread.reason


def test_where_none_is_seen_to_send_to_loki_each_covers_its_node() -> None:
    told = Readings((fluent_bit("worker1", False), fluent_bit("worker2", False)))
    verdict = judged(probe_coverage, **with_cloud(False, agent_destinations=told))
    assert [one.reason for one in verdict.findings if one.severity != "info"] == []


def troubled(errors: SendErrors, destination: tuple[Subject, Destination] | None = None, **counts: Any) -> dict[str, Any]:
    subject, one = state("worker1", **counts)
    return {
        "agent_states": Readings(((subject, one),)),
        "agent_drops": drops(("worker1", "x", 0.0)),
        "agent_send_errors": Readings(((subject, errors),)),
        "agent_destinations": Readings((destination or sends("worker1"), sends("worker2"))),
    }


def test_what_is_sent_again_and_again_is_a_warning_with_the_words_of_who_refuses() -> None:
    words = SendErrors([], ["dial tcp: lookup loki-wrong on 10.96.0.10:53: no such host"], 0, 7)
    wrong = sends("worker1", nowhere=[Output("", "loki", "loki-wrong:3100")])
    finding = judged(probe_coverage, **platform(**troubled(words, wrong, failing=7))).findings[0]
    assert (finding.reason, finding.severity, finding.subject.name) == ("SendsFail", "warning", "promtail")
    assert (
        "“dial tcp: lookup loki-wrong on 10.96.0.10:53: no such host”: the name of the host that it sends to is not known." in finding.cause
    )
    assert "sends to loki-wrong:3100, and there is no such Service" in finding.cause
    assert "grep -E 'error sending batch'" in finding.fix


def test_words_that_are_not_known_are_the_cause_alone() -> None:
    finding = judged(probe_coverage, **platform(**troubled(SendErrors([], ["the flux is cold"], 0, 1), failing=1))).findings[0]
    assert finding.cause == "The receiver, or the way to it, says “the flux is cold”."


def test_what_failed_long_ago_only_is_no_finding() -> None:
    assert told(**troubled(SendErrors([]), failing=7)) == []


def test_what_was_sent_again_and_arrived_is_only_noted() -> None:
    """An agent that is started before its Loki says so for a while, and is well then."""
    words = SendErrors([], ["dial tcp 10.96.188.143:3100: connect: connection refused"], 0, 15, quiet=True)
    result = judged(probe_coverage, **platform(**troubled(words, failing=15)))
    assert [one.reason for one in result.findings if one.severity != "info"] == []
    (note,) = [one for one in result.notes if "send again" in one]
    assert note.endswith("had to send again 15 times in the last 10 minutes, and not in the last 2 minutes.")


def test_what_only_the_log_of_an_agent_shows_to_be_lost_is_an_error() -> None:
    words = SendErrors(["loki:3100, HTTP status=400 Not retrying. entry too far behind"], [], 3, 0)
    found = {**troubled(words), "agent_states": Readings((), (refused("Pod", "logging"),)), "agent_drops": drops()}
    verdict = judged(probe_coverage, **platform(**found))
    finding = verdict.findings[0]
    assert (finding.reason, finding.severity) == ("LinesDropped", "error")
    assert "dropped 3 batches in the last 10 minutes, by its log" in finding.problem
    assert "ingester.max_chunk_age" in finding.cause
    assert verdict.unread


def test_what_only_a_prometheus_shows_to_be_lost_is_an_error() -> None:
    unread = Readings((), (refused("Pod", "logging"),))
    verdict = judged(probe_coverage, **platform(agent_states=unread, agent_drops=drops(("worker1", "dropped", 9.0))))
    finding = verdict.findings[0]
    assert (finding.reason, finding.severity, finding.subject.name) == ("LinesDropped", "error", "promtail")
    assert "dropped 9 records in the last 10 minutes" in finding.problem


def test_a_full_queue_is_a_warning_where_sending_failed() -> None:
    queue = [Queue("loki", 95, 100)]
    assert told(agent_states=Readings((state("worker1", full=queue),))) == []
    assert told(agent_states=Readings((state("worker1", full=queue, failing=1),))) == ["AgentBehind"]
    assert told(agent_states=Readings((state("worker1", paused=["tail.0"]),))) == ["AgentBehind"]


def both(alloy: dict[str, int], receiver: str = "http://receiver:80/loki/api/v1/push", loki: bool = True) -> dict[str, Any]:
    """Promtail and Alloy on worker1, where two pods of fastapi-dev run, and Promtail reads both."""
    pods = (agent("worker1"), agent("worker1", owner="alloy", program="alloy"), running("a"), running("b"))
    _, known = state(reads=alloy, owner="DaemonSet/alloy")
    named = Subject(api_version="v1", kind="Pod", namespace="logging", name="alloy-worker1")
    return platform(
        pods, (node("worker1"),), (daemon_set(), daemon_set("alloy", "grafana/alloy:v1.9")),
        agent_states=Readings((state(reads={"fastapi-dev": 2}), (named, known))),
        agent_destinations=Readings(
            (sends("worker1"), sends("worker1", loki, "alloy", outputs=[Output("", "loki", receiver)]))
        ),
    )  # fmt: skip


def running(name: str) -> Pod:
    spec = {"nodeName": "worker1", "containers": [{"name": "main"}]}
    return labelled(Pod, "fastapi-dev", name, spec=spec, status={"phase": "Running", "podIP": "1.2.3.4"})


def test_two_agents_that_send_the_same_logs_to_one_receiver_are_a_warning() -> None:
    (found,) = [one for one in judged(probe_coverage, **both({"fastapi-dev": 2, "logging": 9})).findings if one.reason == "LogsReadTwice"]
    assert found.severity == "warning"
    assert found.problem == "logging/alloy and logging/promtail both send the logs of fastapi-dev on worker1 to logging/receiver."
    assert [one for one in commands(found) if "delete" in one] == []


@pytest.mark.parametrize(
    "alone",
    [
        both({"fastapi-dev": 1}),  # they share the pods among them
        both({"other": 2}),
        both({"fastapi-dev": 2}, receiver="http://another:80"),
        both({"fastapi-dev": 2}, loki=False),
    ],
)
def test_two_agents_that_read_or_send_apart_are_none(alone: dict[str, Any]) -> None:
    assert "LogsReadTwice" not in [one.reason for one in judged(probe_coverage, **alone).findings]


def test_a_receiver_that_is_not_recognised_is_open_and_one_outside_is_noted() -> None:
    def sent(**more: Any) -> Verdict:
        subject, known = sends("worker1")
        there = Readings(((subject, msgspec.structs.replace(known, **more)), sends("worker2")))
        return judged(probe_coverage, **platform(agent_destinations=there))

    (one,) = sent(strange=[("logging", "loki")]).unread
    assert (str(one.subject), "`systems:` in the profile (loki)" in one.reason) == ("Service logging/loki", True)
    away = sent(away=["logs.example.com"])
    assert (away.unread, "logs.example.com, outside of this cluster" in away.notes[-1]) == ([], True)


def test_an_agent_that_scrapes_where_nothing_else_does_leaves_that_open() -> None:
    states = Readings((state("worker1", scrapes=True), state("worker2", scrapes=True)))
    alone = judged(probe_coverage, **platform(agent_states=states, metric_servers=Readings(absent="there is no Prometheus")))
    (one,) = alone.unread
    assert (str(one.subject), outcome(alone)) == ("DaemonSet logging/promtail", "inconclusive")
    assert "no probe judges its targets" in one.reason
    beside = judged(probe_coverage, **platform(agent_states=states))
    assert (outcome(beside), beside.notes[-1].startswith("DaemonSet logging/promtail scrapes metrics, too")) == ("pass", True)


def test_a_daemon_set_whose_program_is_not_known_may_be_the_log_agent() -> None:
    loki = labelled(Pod, "logging", "loki-0", {"app": "loki"}, spec={"containers": [{"name": "loki", "image": "grafana/loki:3"}]})
    none: dict[str, Any] = {"agent_states": Readings(absent="none"), "agent_destinations": Readings(absent="none")}
    strange = daemon_set("shipper", "corp.example/obs/log-shipper:3")
    (one,) = judged(probe_coverage, **platform((loki,), sets=(strange,), **none)).unread
    assert (str(one.subject), "`systems:` in the profile" in one.reason) == ("DaemonSet logging/shipper", True)
    for other in (
        daemon_set("npd", "registry.k8s.io/node-problem-detector/node-problem-detector:v1"),
        daemon_set("x", "corp/x", volumes=[]),
    ):
        assert outcome(judged(probe_coverage, **platform((loki,), sets=(other,), **none))) == "not_applicable"
    assert outcome(judged(probe_coverage, **platform((), sets=(strange,), **none))) == "not_applicable"


def test_a_log_agent_without_a_telling_image_is_known_by_its_labels() -> None:
    nameless = {"name": "collector", "image": "registry.redhat.io/openshift-logging/vector-rhel9@sha256:00"}
    made = {"template": {"spec": {"containers": [nameless], "volumes": [LOGS]}}}
    collector = labelled(DaemonSet, "logging", "collector", {"app.kubernetes.io/name": "vector"}, spec=made)
    (found,), _ = agent_sets(listing("DaemonSet", [collector]), Profile())
    assert found[0].name == "collector"
