from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from clusterprobe.fixes import line
from clusterprobe.model import Finding, Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Node, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.pods.termination.model import AgentTermination, CanaryTiming, PastTermination
from probes.pods.probe_termination import probe_termination
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused

NOON = 1767268800.0  # 2026-01-01T12:00:00Z: when every pod here was asked to go
RUNNING = {"running": {}}
ENDED = {"terminated": {"finishedAt": "2026-01-01T12:00:01Z"}}


def pod(name: str = "api", state: dict[str, Any] = RUNNING, *, node: str = "worker2", grace: int = 30, **metadata: Any) -> Pod:
    minutes, seconds = divmod(grace, 60)
    gone_by = {"deletionTimestamp": f"2026-01-01T12:{minutes:02}:{seconds:02}Z", "deletionGracePeriodSeconds": grace}
    spec = {
        "nodeName": node,
        "containers": [{"name": "api"}],
        "volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}],
    }
    return labelled(
        Pod, "app", name, metadata={**gone_by, **metadata}, spec=spec, status={"containerStatuses": [{"name": "api", "state": state}]}
    )


def staying() -> Pod:
    return pod("stays", deletionTimestamp=None, deletionGracePeriodSeconds=None)


def node(name: str, status: str = "True") -> Node:
    return make(Node, metadata={"name": name}, status={"conditions": [{"type": "Ready", "status": status}]})


def canary(cleanup: float, path: str = "", *, gone: bool = True) -> CanaryTiming:
    return CanaryTiming(server="nas" if path else "", path=path, application_seconds=0.5, cleanup_seconds=cleanup, gone=gone)


def timings(**nodes: list[CanaryTiming]) -> Readings[Any]:
    return Readings(tuple((make_node_subject(name), found) for name, found in nodes.items()))


def make_node_subject(name: str) -> Any:
    return listing("Node", [node(name)]).values[0][0]


NOT_TRIED: Readings[Any] = Readings(absent="--active was not given")
CLAIM = labelled(PersistentVolumeClaim, "app", "logs", spec={"volumeName": "pv"})
VOLUME = make(PersistentVolume, metadata={"name": "pv"}, spec={"nfs": {"server": "nas", "path": "/logs"}})


def cluster(*pods: Pod, after: float = 100, **changes: Any) -> dict[str, Any]:
    return {
        "pods": listing("Pod", pods),
        "nodes": listing("Node", [node("worker1"), node("worker2"), node("worker3", "Unknown")]),
        "claims": listing("PersistentVolumeClaim", [CLAIM]),
        "volumes": listing("PersistentVolume", [VOLUME]),
        "agent_terminations": Readings(absent="none"),
        "past_terminations": Readings(absent="no Prometheus"),
        "termination_canaries": NOT_TRIED,
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOON + after),
        **changes,
    }


def test_pods_that_stay_pass_and_it_says_that_nothing_was_tried() -> None:
    verdict = judged(probe_termination, **cluster(staying()))
    assert outcome(verdict) == "pass"
    assert "--active was not given" in verdict.notes[0]


def test_without_pods_there_is_nothing_to_pass() -> None:
    assert outcome(judged(probe_termination, **cluster())) == "not_applicable"


@pytest.mark.parametrize(("after", "found"), [(39.9, []), (40.1, ["StuckTerminating"])])
def test_a_pod_past_its_deadline_is_stuck(after: float, found: list[str]) -> None:
    assert reasons(judged(probe_termination, **cluster(pod(), after=after))) == found


def test_what_is_long_by_design_is_compared_with_its_own_grace() -> None:
    assert judged(probe_termination, **cluster(pod(grace=600), after=500)).findings == []


def test_containers_that_run_on_are_the_applications_phase() -> None:
    (finding,) = judged(probe_termination, **cluster(pod())).findings
    assert finding.severity is Severity.ERROR
    assert (finding.subject.kind, finding.subject.name) == ("Node", "worker2")
    assert "application's phase" in finding.cause
    assert "nas" not in finding.cause


def test_what_runs_on_is_looked_for_in_the_kernel_and_never_deleted_by_force() -> None:
    (finding,) = judged(probe_termination, **cluster(pod())).findings
    assert [one for one in commands(finding) if one.startswith("kubectl debug node/worker2")]
    assert "Do not delete the pod by force" in finding.fix
    assert not [one for one in commands(finding) if " delete " in one]


def test_what_never_started_says_what_to_repair() -> None:
    (finding,) = judged(probe_termination, **cluster(pod(state={"waiting": {"reason": "ContainerCreating"}}))).findings
    assert "Repair what its events name" in finding.fix


def test_containers_that_ended_are_the_clean_up_and_the_export_is_named() -> None:
    (finding,) = judged(probe_termination, **cluster(pod(state=ENDED))).findings
    assert "No grace period helps" in finding.cause
    assert "nas:/logs" in finding.cause
    assert "At the NFS server nas" in finding.fix


@pytest.mark.parametrize(("after", "found"), [(10.9, 0), (11.1, 1)])
def test_a_clean_up_that_lasts_is_seen_before_the_deadline(after: float, found: int) -> None:
    findings = judged(probe_termination, **cluster(pod(state=ENDED), after=after)).findings
    assert [one.severity for one in findings] == [Severity.WARNING] * found


def test_a_nodes_clock_that_is_ahead_is_not_believed() -> None:
    wrong = {"terminated": {"finishedAt": "2026-01-01T11:50:00Z"}}
    assert judged(probe_termination, **cluster(pod(state=wrong), after=20)).findings == []


@pytest.mark.parametrize(
    ("one", "cause"),
    [
        (pod(state=ENDED, finalizers=["acme.io/hold"]), "finalizers hold them"),
        (pod(node="worker3"), "The node is not ready"),
        (pod(state={"waiting": {"reason": "ContainerCreating"}}), "never started"),
    ],
)
def test_other_causes_come_first_and_are_no_incident_of_unmounting(one: Pod, cause: str) -> None:
    (finding,) = judged(probe_termination, **cluster(one)).findings
    assert cause in finding.cause
    assert finding.severity is Severity.WARNING


def commands(finding: Finding) -> list[str]:
    return [line(command) for step in finding.steps for command in step.commands]


def test_the_log_of_what_still_runs_is_asked_by_container() -> None:
    (finding,) = judged(probe_termination, **cluster(pod())).findings
    assert "kubectl -n app logs api -c api --tail=20" in commands(finding)


@pytest.mark.parametrize(
    "one",
    [
        pod(state={"waiting": {"reason": "ContainerCreating"}}),
        pod(state=ENDED),
        pod(state=ENDED, finalizers=["acme.io/hold"]),
        pod(node="worker3"),
        pod(node="gone"),
    ],
)
def test_no_log_is_asked_of_what_does_not_run_or_cannot_be_reached(one: Pod) -> None:
    (finding,) = judged(probe_termination, **cluster(one)).findings
    assert not [command for command in commands(finding) if " logs " in command]


def test_a_finalizer_is_never_taken_away_by_a_command() -> None:
    (finding,) = judged(probe_termination, **cluster(pod(state=ENDED, finalizers=["acme.io/hold"]))).findings
    assert commands(finding) == ["kubectl -n app get pod api -o jsonpath='{.metadata.finalizers}'"]
    assert "the controller that sets acme.io/hold" in finding.fix


def test_a_node_that_is_gone_is_the_cause_and_nothing_is_deleted_by_force() -> None:
    (finding,) = judged(probe_termination, **cluster(pod(node="gone", finalizers=["acme.io/hold"]))).findings
    assert finding.cause.startswith("The node gone no longer exists")
    assert (finding.severity, "acme.io/hold" in finding.fix) == (Severity.WARNING, True)
    assert not [command for command in commands(finding) if "delete" in command]


def test_a_node_that_could_not_be_read_is_not_taken_for_gone() -> None:
    nodes = listing("Node", [node("worker1")], unreadable=[refused("NodeList")])
    (finding,) = judged(probe_termination, **cluster(pod(), nodes=nodes)).findings
    assert "no longer exists" not in finding.cause


def test_looking_from_the_node_is_said_to_start_a_pod() -> None:
    (finding,) = judged(probe_termination, **cluster(pod(state=ENDED))).findings
    (step,) = [one for one in finding.steps if one.commands and "debug" in one.commands[0].pipeline[0]]
    assert (step.kind, "starts a pod" in step.text) == ("change", True)
    assert "Pod Security" in step.text


def test_the_driver_that_has_to_unmount_is_looked_for_on_the_node() -> None:
    volume = make(PersistentVolume, metadata={"name": "pv"}, spec={"csi": {"driver": "efs.csi.aws.com"}})
    (finding,) = judged(probe_termination, **cluster(pod(state=ENDED), volumes=listing("PersistentVolume", [volume]))).findings
    assert finding.steps[0].kind == "look"
    assert "efs.csi.aws.com is among the CSI drivers of worker2" in finding.steps[0].text
    assert "kubectl get csinode worker2 -o jsonpath='{.spec.drivers[*].name}'" in commands(finding)


def test_many_pods_of_a_node_are_one_finding() -> None:
    (finding,) = judged(probe_termination, **cluster(*[pod(f"api-{n}", ENDED) for n in range(50)])).findings
    assert finding.problem.startswith("50 pods on worker2")


def test_the_finding_stands_when_the_volumes_cannot_be_read() -> None:
    unread = Readings((), (refused("PersistentVolumeClaimList"),))
    assert reasons(judged(probe_termination, **cluster(pod(state=ENDED), claims=unread))) == ["StuckTerminating"]


# --- agents and what is past ------------------------------------------------------------------------------------------


def agents(worker2: float, phase: str = "APPLICATION") -> Readings[Any]:
    def one(node_name: str, seconds: float, phase: str = "") -> AgentTermination:
        return AgentTermination(
            namespace="logging", daemon_set="promtail", node=node_name, pod=f"p-{node_name}",
            seconds=seconds, grace_seconds=30, phase=phase, seen="events",
        )  # fmt: skip

    found = [one("worker1", 1), one("master", 1), one("worker2", worker2, phase)]
    return Readings(tuple((make_node_subject(each.node), each) for each in found))


def test_an_agent_that_is_slow_on_one_node_is_found_within_its_grace() -> None:
    (finding,) = judged(probe_termination, **cluster(staying(), agent_terminations=agents(30))).findings
    assert (finding.reason, finding.subject.kind, finding.subject.name) == ("SlowAgent", "DaemonSet", "promtail")
    assert "30 s to stop on worker2; elsewhere: master 1 s, worker1 1 s" in finding.problem
    assert "application's phase" in finding.cause


@pytest.mark.parametrize(("seconds", "at_least", "found"), [(1, False, []), (1, True, ["SlowAgent"]), (30, False, ["SlowAgent"])])
def test_an_agent_that_was_quick_since_was_repaired(seconds: float, at_least: bool, found: list[str]) -> None:
    before, now = agents(30), cluster(staying())["clock"].now
    slow = [(subject, replace(one, at=now - 900)) for subject, one in before]
    subject, last = slow[-1]
    later = replace(last, seconds=seconds, at=now - 600, at_least=at_least, phase="")
    verdict = judged(probe_termination, **cluster(staying(), agent_terminations=Readings((*slow, (subject, later)))))
    assert reasons(verdict) == found
    assert all("seen in events 1" in one.cause for one in verdict.findings)


def test_an_agent_that_is_as_quick_as_its_peers_is_not() -> None:
    assert judged(probe_termination, **cluster(staying(), agent_terminations=agents(2))).findings == []


def past(overdue: float, uid: str = "old") -> Readings[Any]:
    one = PastTermination(
        namespace="app", pod="api", uid=uid, node="worker2", owner="ReplicaSet/api",
        seconds=30, overdue_seconds=overdue, last_seen=NOON,
    )  # fmt: skip
    return Readings(((make_node_subject("worker2"), [one]),))


def test_what_went_late_is_worth_knowing_but_may_be_repaired_by_now() -> None:
    verdict = judged(probe_termination, **cluster(staying(), past_terminations=past(6)))
    assert [(one.reason, one.severity) for one in verdict.findings] == [("WentLate", Severity.INFO)]
    assert outcome(verdict) == "pass"
    assert [step.kind for step in verdict.findings[0].steps] == ["change"]  # --active creates pods


def test_what_went_in_time_or_is_still_there_is_not_past() -> None:
    assert judged(probe_termination, **cluster(staying(), past_terminations=past(4))).findings == []
    assert judged(probe_termination, **cluster(staying(), past_terminations=past(60, uid="uid-app-stays"))).findings == []


# --- canaries ---------------------------------------------------------------------------------------------------------

SLOW = timings(worker1=[canary(1), canary(1.5, "/logs")], worker2=[canary(1), canary(35, "/logs")])


def test_a_slow_unmount_names_the_node_the_phase_the_server_and_the_peers() -> None:
    verdict = judged(probe_termination, **cluster(staying(), termination_canaries=SLOW))
    (finding,) = verdict.findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("SlowUnmount", Severity.ERROR, "worker2")
    assert "35.5 s to terminate on worker2 (limit 30 s)" in finding.problem
    assert "nas:/logs took 35.0 s" in finding.cause
    assert "worker1 2.0 s" in finding.cause
    assert "At the NFS server nas" in finding.fix
    assert "terminationGracePeriodSeconds" not in finding.fix


def test_the_bars_show_both_parts_the_limit_and_the_outlier() -> None:
    (bars,) = judged(probe_termination, **cluster(staying(), termination_canaries=SLOW)).exhibits
    assert bars.limit == 30.0
    assert [(bar.label, bar.outlier) for bar in bars.bars if bar.outlier] == [("worker2, nas:/logs", True)]
    assert bars.bars[-1].parts == [("application", 0.5), ("unmount", 35.0)]


def test_a_canary_that_was_still_there_is_a_lower_bound() -> None:
    hanging = timings(worker1=[canary(1)], worker2=[canary(1), canary(90, "/logs", gone=False)])
    (finding,) = judged(probe_termination, **cluster(staying(), termination_canaries=hanging)).findings
    assert "at least 90.5 s" in finding.problem


def test_a_node_that_is_slow_without_a_volume_is_another_finding() -> None:
    slow = timings(worker1=[canary(1)], worker2=[canary(40)])
    assert reasons(judged(probe_termination, **cluster(staying(), termination_canaries=slow))) == ["SlowTermination"]


def test_quick_canaries_pass_and_are_shown() -> None:
    verdict = judged(probe_termination, **cluster(staying(), termination_canaries=timings(worker1=[canary(1)], worker2=[canary(1)])))
    assert outcome(verdict) == "pass"
    assert verdict.exhibits


def test_canaries_that_could_not_fly_are_inconclusive() -> None:
    denied = Readings((), (refused("Namespace", reason="exceeded quota"),))
    verdict = judged(probe_termination, **cluster(staying(), termination_canaries=denied))
    assert outcome(verdict) == "inconclusive"


@pytest.mark.parametrize(
    "readings",
    [
        cluster(staying(), termination_canaries=timings(worker1=[canary(1)])),
        cluster(pod(state=ENDED), termination_canaries=SLOW, agent_terminations=agents(30), past_terminations=past(20)),
        cluster(pod(node="worker3"), pod("b", ENDED, finalizers=["a/b"])),
    ],
)
def test_whatever_is_unreadable_adds_no_finding(readings: dict[str, Any]) -> None:
    assert_blindness_is_no_health(probe_termination, readings)
