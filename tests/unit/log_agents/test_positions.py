from typing import Any

import pytest
import yaml

from clusterprobe.fixes import line
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.log_agents.positions import agent_positions
from clusterprobe.systems.log_agents.states import AgentState
from probes.promtail.probe_positions import probe_positions
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, recognised, refused

HOST = {"name": "run", "hostPath": {"path": "/run/promtail"}}
NFS = {"name": "run", "nfs": {"server": "nas", "path": "/positions"}}
CLAIM_ON_NFS = {"name": "run", "persistentVolumeClaim": {"claimName": "positions"}}
EMPTY = {"name": "run", "emptyDir": {}}
CLAIM = labelled(PersistentVolumeClaim, "logging", "positions", spec={"volumeName": "pv"})
VOLUME = make(PersistentVolume, metadata={"name": "pv"}, spec={"nfs": {"server": "nas", "path": "/positions"}})

NONE: Readings[Any] = Readings(absent="no log agent mounts a ConfigMap")


def agent(
    owner: str = "promtail",
    node: str = "worker2",
    volume: dict[str, Any] | None = HOST,
    namespace: str = "logging",
    args: tuple[str, ...] = (),
    mount: dict[str, Any] | None = None,
    program: str = "promtail",
    name: str = "",
    **metadata: Any,
) -> Pod:
    owners = [{"kind": "DaemonSet", "name": owner, "uid": "u", "controller": True}]
    mounts = [{"name": "run", "mountPath": "/run/promtail", **(mount or {})}] if volume else []
    container = {"name": program, "args": list(args), "volumeMounts": mounts}
    spec = {"nodeName": node, "containers": [container], "volumes": [volume] if volume else []}
    fields = {"ownerReferences": owners, "creationTimestamp": "2026-01-01T00:00:00Z", **metadata}
    labels = {"app.kubernetes.io/name": program}
    return labelled(Pod, namespace, name or f"{owner}-{node}", labels, metadata=fields, spec=spec, status={"phase": "Running"})


def states(*pods: Pod, **positions: str) -> Readings[Any]:
    """Each agent's state, with what its /config says by the pod's name (`_` for `-`); the chart's place where nothing is named."""
    of = {name.replace("_", "-"): path for name, path in positions.items()}
    for pod in pods:
        if not any("positions.file" in one for one in pod.spec.containers[0].args or []):
            of.setdefault(pod.metadata.name, "/run/promtail/positions.yaml")
    found = listing("Pod", pods)
    return found.map(
        lambda subject, pod: AgentState("promtail", pod.spec.node_name, 0.0, {}, 1, 0, 0, {}, positions=of.get(subject.name, ""))
    )


def platform(*pods: Pod, config: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    everything = listing("Pod", pods)
    claims, volumes = listing("PersistentVolumeClaim", [CLAIM]), listing("PersistentVolume", [VOLUME])
    told = changes.pop("agent_states", states(*pods, **(config or {})))
    found = agent_positions(recognised(everything), changes.pop("claims", claims), changes.pop("volumes", volumes), told, NONE, Profile())
    return {"agent_positions": found, "pods": everything, **changes}


def found(*pods: Pod, **changes: Any) -> list[str]:
    return reasons(judged(probe_positions, **platform(*pods, **changes)))


def test_one_agent_a_node_each_with_its_own_file_is_healthy() -> None:
    assert outcome(judged(probe_positions, **platform(agent(node="worker1"), agent()))) == "pass"


def test_no_agent_is_not_applicable() -> None:
    assert outcome(judged(probe_positions, **platform())) == "not_applicable"


def test_two_releases_with_one_file_on_a_node_are_an_error_that_names_both_and_the_file() -> None:
    second = agent("promtail-dev", namespace="logging-dev", creationTimestamp="2026-02-01T00:00:00Z")
    verdict = judged(probe_positions, **platform(agent(namespace="logging-prod"), second))
    (finding,) = verdict.findings
    assert (finding.reason, finding.severity) == ("PositionsShared", "error")
    assert (finding.subject.kind, finding.subject.namespace, finding.subject.name) == ("DaemonSet", "logging-dev", "promtail-dev")
    assert "logging-dev/promtail-dev" in finding.problem
    assert "logging-prod/promtail" in finding.problem
    assert "node worker2: /run/promtail/positions.yaml" in finding.cause
    assert "of dev and prod" in finding.cause
    own = "/run/promtail/promtail-dev-positions.yaml"
    assert yaml.safe_load(finding.steps[0].code) == {"config": {"positions": {"filename": own}}}
    assert not finding.steps[0].commands


def test_a_flag_that_names_the_file_is_what_has_to_be_changed() -> None:
    flag = ("-positions.file=/run/promtail/positions.yaml",)
    second = agent("promtail-dev", args=flag, creationTimestamp="2026-02-01T00:00:00Z")
    (finding,) = judged(probe_positions, **platform(agent(), second)).findings
    assert yaml.safe_load(finding.steps[0].code) == ["-positions.file=/run/promtail/promtail-dev-positions.yaml"]


def test_what_differs_from_node_to_node_stays_in_the_name() -> None:
    flag = ("-positions.file=/run/promtail/$(HOSTNAME).yaml",)
    pods = [agent(owner, node, NFS, args=flag) for owner in ("a", "b") for node in ("worker1", "worker2")]
    config = {f"{owner}_{node}": f"/run/promtail/{node}.yaml" for owner in ("a", "b") for node in ("worker1", "worker2")}
    (finding,) = judged(probe_positions, **platform(*pods, config=config)).findings
    assert yaml.safe_load(finding.steps[0].code) == ["-positions.file=/run/promtail/a-$(HOSTNAME).yaml"]


def test_a_name_that_is_one_nodes_only_is_not_given_to_all_of_them() -> None:
    pods = [agent(owner, volume=NFS) for owner in ("a", "b")]
    config = {f"{owner}_worker2": "/run/promtail/worker2.yaml" for owner in ("a", "b")}
    (finding,) = judged(probe_positions, **platform(*pods, config=config)).findings
    assert finding.steps[0].code == ""
    assert "-worker2.yaml" not in finding.fix


def test_an_agent_without_that_flag_is_not_given_it() -> None:
    args = ("--storage.path=/run/promtail",)
    pods = [agent(owner, program="alloy", args=args) for owner in ("a", "b")]
    (finding,) = judged(probe_positions, **platform(*pods)).findings
    assert "positions.file" not in finding.fix
    assert [line(command) for step in finding.steps for command in step.commands] == [
        "kubectl -n logging edit daemonset a",
        "kubectl -n logging rollout status daemonset a --timeout=5m",
    ]


def test_several_nodes_of_the_same_two_are_one_finding() -> None:
    pods = [agent(owner, node) for owner in ("a", "b") for node in ("worker1", "worker2")]
    assert found(*pods) == ["PositionsShared"]


@pytest.mark.parametrize(
    "other",
    [
        agent("promtail-dev", args=("-positions.file=/run/promtail/dev.yaml",)),
        agent("promtail-dev", node="worker1"),
        agent("promtail-dev", volume={"name": "run", "hostPath": {"path": "/run/promtail-dev"}}),
        agent("promtail-dev", mount={"subPath": "dev"}),
        agent("promtail-dev", deletionTimestamp="2026-01-01T00:00:00Z"),
        agent(name="promtail-new"),  # a roll-out with maxSurge
    ],
)
def test_look_alikes_share_no_file(other: Pod) -> None:
    assert found(agent(), other) == []


def test_what_the_effective_configuration_says_counts_more_than_the_usual_place() -> None:
    assert found(agent(), agent("other"), config={"other_worker2": "/run/promtail/other.yaml"}) == []


@pytest.mark.parametrize("volume", [NFS, CLAIM_ON_NFS])
def test_one_file_on_nfs_for_the_pods_of_all_nodes_is_shared(volume: dict[str, Any]) -> None:
    (finding,) = judged(probe_positions, **platform(agent(node="worker1", volume=volume), agent(volume=volume))).findings
    assert finding.reason == "PositionsShared"
    assert "NFS nas:/positions/positions.yaml" in finding.cause
    assert "worker1, worker2" in finding.problem
    assert "on each node, in a hostPath" in finding.fix  # another name for all of them would be shared as well
    assert "promtail-positions.yaml" not in finding.fix


def test_a_claim_and_an_inline_volume_of_the_same_export_are_the_same_file() -> None:
    assert found(agent("a", volume=NFS), agent("b", volume=CLAIM_ON_NFS)) == ["PositionsShared"]


def test_a_file_on_nfs_named_after_each_node_is_its_own() -> None:
    args = ("-positions.file=/run/promtail/$(HOSTNAME).yaml",)
    pods = [agent(node=node, volume=NFS, args=args) for node in ("worker1", "worker2")]
    config = {"promtail_worker1": "/run/promtail/worker1.yaml", "promtail_worker2": "/run/promtail/worker2.yaml"}
    assert outcome(judged(probe_positions, **platform(*pods, config=config))) == "pass"


def test_a_variable_that_nobody_resolves_is_unchecked() -> None:
    pods = [agent(node=node, volume=NFS, args=("-positions.file=/run/promtail/$(HOSTNAME).yaml",)) for node in ("worker1", "worker2")]
    verdict = judged(probe_positions, **platform(*pods))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_a_sub_path_out_of_the_environment_is_unchecked() -> None:
    verdict = judged(probe_positions, **platform(agent(volume=NFS, mount={"subPathExpr": "$(NODE)"})))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


@pytest.mark.parametrize("volume", [EMPTY, None])
@pytest.mark.parametrize(("program", "severity"), [("promtail", "warning"), ("alloy", "info")])
def test_positions_that_go_with_the_pod_are_told(volume: dict[str, Any] | None, program: str, severity: str) -> None:
    args = ("--storage.path=/run/promtail",) if program == "alloy" else ()
    (finding,) = judged(probe_positions, **platform(agent(volume=volume, program=program, args=args))).findings
    assert (finding.reason, finding.severity) == ("PositionsNotKept", severity)


def test_two_pods_with_an_empty_dir_each_share_nothing() -> None:
    assert found(agent(volume=EMPTY), agent("b", volume=EMPTY)) == ["PositionsNotKept", "PositionsNotKept"]


def test_a_claim_that_cannot_be_read_is_unchecked() -> None:
    unread = Readings((), (refused("PersistentVolumeClaim"),))
    verdict = judged(probe_positions, **platform(agent(volume=CLAIM_ON_NFS), claims=unread))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_what_cannot_be_read_adds_nothing_and_is_no_health() -> None:
    assert_blindness_is_no_health(probe_positions, platform(agent(), agent("b")))


def test_an_agent_whose_configuration_cannot_be_read_is_unchecked_unless_its_flag_names_the_file() -> None:
    silent = states(agent(), promtail_worker2="")
    verdict = judged(probe_positions, **platform(agent(), agent_states=silent))
    assert outcome(verdict) == "inconclusive"
    assert "its page /config does not say" in verdict.unread[0].reason
    blind = Readings((), (refused("Pod", "logging", "not allowed to ask it"),))
    assert "not allowed to ask it" in judged(probe_positions, **platform(agent(), agent_states=blind)).unread[0].reason
    named = agent(args=("-positions.file=/run/promtail/own.yaml",))
    assert outcome(judged(probe_positions, **platform(named, agent_states=blind))) == "pass"


def test_a_collector_that_sees_no_files_of_its_node_has_no_positions() -> None:
    gateway = agent("gateway", program="opentelemetry-collector", volume=None)
    verdict = judged(probe_positions, **platform(gateway, agent_states=NONE))
    assert (outcome(verdict), verdict.unread) == ("not_applicable", [])
    (open_one,) = judged(probe_positions, **platform(agent("otel", program="opentelemetry-collector"), agent_states=NONE)).unread
    assert "not known" in open_one.reason
    assert "`not_judged: [opentelemetry-collector]`" in open_one.reason
