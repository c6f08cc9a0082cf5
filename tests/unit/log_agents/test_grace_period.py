from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.log_agents.programs import log_agents, positions_path
from clusterprobe.systems.pods.termination.model import AgentTermination, CanaryTiming
from probes.promtail.probe_grace_period import probe_grace_period
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, recognised, refused

NOON = 1767268800.0  # 2026-01-01T12:00:00Z
NFS = {"name": "run", "persistentVolumeClaim": {"claimName": "positions"}}
INLINE = {"name": "run", "nfs": {"server": "nas", "path": "/positions"}}
HOST = {"name": "run", "hostPath": {"path": "/run/promtail"}}
CLAIM = labelled(PersistentVolumeClaim, "logging", "positions", spec={"volumeName": "pv"})
VOLUME = make(PersistentVolume, metadata={"name": "pv"}, spec={"nfs": {"server": "nas", "path": "/positions"}})

NONE: Readings[Any] = Readings(absent="no log agent mounts a ConfigMap")


def agent(
    node: str = "worker2",
    volume: dict[str, Any] = NFS,
    grace: int | None = 30,
    args: tuple[str, ...] = (),
    mount: str = "/run/promtail",
    program: str = "promtail",
    **metadata: Any,
) -> Pod:
    owner = [{"kind": "DaemonSet", "name": program, "uid": "u", "controller": True}]
    container = {"name": program, "args": list(args), "volumeMounts": [{"name": "run", "mountPath": mount}]}
    spec = {"nodeName": node, "containers": [container], "volumes": [volume], "terminationGracePeriodSeconds": grace}
    labels = {"app.kubernetes.io/name": program, "app.kubernetes.io/instance": program}
    status = {"phase": "Running", "containerStatuses": [{"name": program, "state": {"running": {}}}]}
    return labelled(Pod, "logging", f"{program}-{node}", labels, metadata={"ownerReferences": owner, **metadata}, spec=spec, status=status)


def platform(*pods: Pod, after: float = 0, **changes: Any) -> dict[str, Any]:
    claims, volumes = listing("PersistentVolumeClaim", [CLAIM]), listing("PersistentVolume", [VOLUME])
    everything = listing("Pod", pods)
    return {
        "log_agents": log_agents(recognised(everything), changes.pop("claims", claims), changes.pop("volumes", volumes), NONE, Profile()),
        "pods": everything,
        "agent_terminations": Readings(absent="none"),
        "termination_canaries": Readings(absent="--active was not given"),
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOON + after),
        **changes,
    }


def terminations(worker2: float, phase: str = "APPLICATION", grace: int = 30) -> Readings[Any]:
    found = [("worker1", 1.0, ""), ("master", 1.0, ""), ("worker2", worker2, phase)]
    return Readings(
        tuple(
            (
                listing("Pod", [agent(node)]).values[0][0],
                AgentTermination(
                    namespace="logging", daemon_set="promtail", node=node, pod=f"p-{node}",
                    seconds=seconds, grace_seconds=grace, phase=phase, seen="events",
                ),
            )
            for node, seconds, phase in found
        )
    )  # fmt: skip


def canaries(seconds: float) -> Readings[Any]:
    one = CanaryTiming(server="nas", path="/positions", application_seconds=0.5, cleanup_seconds=seconds)
    subject = make(type(listing("Node", [agent()]).values[0][0]), kind="Node", name="worker2")
    return Readings(((subject, [one]),))


def test_positions_on_the_node_are_healthy_with_thirty_seconds() -> None:
    assert outcome(judged(probe_grace_period, **platform(agent(volume=HOST)))) == "pass"


def test_no_agent_is_not_applicable() -> None:
    assert outcome(judged(probe_grace_period, **platform())) == "not_applicable"


@pytest.mark.parametrize(("grace", "found"), [(10, 0), (11, 1), (None, 1)])
def test_positions_on_nfs_and_more_than_ten_seconds_is_a_warning(grace: int | None, found: int) -> None:
    verdict = judged(probe_grace_period, **platform(agent(grace=grace)))
    assert [(one.reason, one.severity) for one in verdict.findings] == [("PositionsOnNfs", Severity.WARNING)] * found


@pytest.mark.parametrize("volume", [NFS, INLINE])
def test_the_finding_names_daemon_set_export_and_the_shorter_grace(volume: dict[str, Any]) -> None:
    (finding,) = judged(probe_grace_period, **platform(agent(volume=volume))).findings
    assert (finding.subject.kind, finding.subject.namespace, finding.subject.name) == ("DaemonSet", "logging", "promtail")
    assert "nas:/positions" in finding.cause
    assert "application's phase" in finding.cause
    assert "kubectl -n logging patch daemonset promtail" in finding.fix
    assert '"terminationGracePeriodSeconds":10' in finding.fix
    assert "The Promtail chart has no value for it" in finding.fix


@pytest.mark.parametrize(
    "source", [{"csi": {"driver": "efs.csi.aws.com"}}, {"csi": {"driver": "file.csi.azure.com", "volumeAttributes": {"protocol": "nfs"}}}]
)
def test_nfs_whose_export_is_not_known_is_nfs(source: dict[str, Any]) -> None:
    volume = make(PersistentVolume, metadata={"name": "pv"}, spec=source)
    (finding,) = judged(probe_grace_period, **platform(agent(), volumes=listing("PersistentVolume", [volume]))).findings
    assert (finding.reason, source["csi"]["driver"] in finding.cause) == ("PositionsOnNfs", True)


def test_several_pods_of_one_daemon_set_are_one_finding() -> None:
    (finding,) = judged(probe_grace_period, **platform(agent("worker1"), agent("worker2"))).findings
    assert [row[0] for row in finding.exhibits[0].rows] == ["worker1", "worker2"]


def test_a_slow_termination_makes_it_an_incident_in_the_applications_phase() -> None:
    (finding,) = judged(probe_grace_period, **platform(agent(), agent_terminations=terminations(30))).findings
    assert finding.severity is Severity.ERROR
    assert "30 s on worker2" in finding.problem
    assert "On worker2 it is the application's phase" in finding.cause


def test_a_quick_unmount_of_the_same_export_leaves_the_application() -> None:
    read = platform(agent(), agent_terminations=terminations(20, ""), termination_canaries=canaries(1.2))
    (finding,) = judged(probe_grace_period, **read).findings
    assert "application's phase" in finding.cause
    assert "within 1.2 s" in finding.cause


def test_a_slow_unmount_is_not_helped_by_a_shorter_grace() -> None:
    read = platform(agent(), agent_terminations=terminations(30), termination_canaries=canaries(29))
    (finding,) = judged(probe_grace_period, **read).findings
    assert "it is the unmount that is slow" in finding.cause
    assert "does not change that" in finding.cause


def test_without_evidence_of_the_phase_it_says_so() -> None:
    (finding,) = judged(probe_grace_period, **platform(agent(), agent_terminations=terminations(20, ""))).findings
    assert "it is not known whether" in finding.cause


@pytest.mark.parametrize(("after", "severity"), [(4, Severity.WARNING), (7, Severity.ERROR)])
def test_a_pod_that_runs_on_while_its_peers_were_long_gone_is_evidence(after: float, severity: Severity) -> None:
    stopping = agent("worker2", deletionTimestamp="2026-01-01T12:00:30Z", deletionGracePeriodSeconds=30)
    read = platform(agent("worker1"), stopping, after=after, agent_terminations=terminations(1, ""))
    (finding,) = judged(probe_grace_period, **read).findings
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("program", "args", "path"),
    [
        ("promtail", (), "/run/promtail/positions.yaml"),
        ("promtail", ("-config.file=/x", "-positions.file=/positions/$(HOSTNAME).yaml"), "/positions/$(HOSTNAME).yaml"),
        ("promtail", ("--positions.file", "/data/p.yaml"), "/data/p.yaml"),
        ("alloy", ("run", "--storage.path=/var/lib/alloy"), "/var/lib/alloy"),
    ],
)
def test_the_positions_are_where_the_flag_says(program: str, args: tuple[str, ...], path: str) -> None:
    assert positions_path(program, agent(program=program, args=args).spec.containers[0]) == path


def test_nfs_elsewhere_in_the_agent_is_no_matter() -> None:
    assert outcome(judged(probe_grace_period, **platform(agent(mount="/srv/other")))) == "pass"
    assert outcome(judged(probe_grace_period, **platform(agent(args=("-positions.file=/tmp/p.yaml",))))) == "pass"


def test_alloy_has_a_value_for_it() -> None:
    (finding,) = judged(probe_grace_period, **platform(agent(program="alloy", mount="/tmp/alloy"))).findings
    assert yaml.safe_load(finding.steps[-1].code) == {"controller": {"terminationGracePeriodSeconds": 10}}


def test_only_what_has_a_template_is_patched() -> None:
    for owners in ([], [{"kind": "ReplicaSet", "name": "promtail-1a", "controller": True}]):
        (finding,) = judged(probe_grace_period, **platform(agent(ownerReferences=owners))).findings
        assert not [command for step in finding.steps for command in step.commands]


def test_other_pods_on_nfs_are_no_log_agents() -> None:
    assert outcome(judged(probe_grace_period, **platform(agent(program="fastapi")))) == "not_applicable"


@pytest.mark.parametrize("name", ["claims", "volumes"])
def test_a_claim_that_cannot_be_resolved_is_unchecked(name: str) -> None:
    verdict = judged(probe_grace_period, **platform(agent(), **{name: Readings((), (refused("List"),))}))
    assert verdict.findings == []
    assert outcome(verdict) == "inconclusive"


def test_a_claim_that_does_not_exist_is_unchecked() -> None:
    verdict = judged(probe_grace_period, **platform(agent(), claims=listing("PersistentVolumeClaim", [])))
    assert outcome(verdict) == "inconclusive"
    assert "there is no PersistentVolumeClaim positions" in verdict.unread[0].reason


@pytest.mark.parametrize("volume", [NFS, HOST])
def test_whatever_is_unreadable_adds_no_finding(volume: dict[str, Any]) -> None:
    read = platform(agent(volume=volume), agent_terminations=terminations(30))
    assert_blindness_is_no_health(probe_grace_period, read, but=["pods"] if volume == HOST else [])  # `log_agents` rests on them
