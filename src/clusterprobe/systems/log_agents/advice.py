"""What to do about nodes without a log agent, and where what an agent sends is refused: where that is changed, and what that means."""

from __future__ import annotations

from collections.abc import Collection

from clusterprobe.fixes import SOURCE, change, look, shell, snippet
from clusterprobe.known_systems import LOKI
from clusterprobe.model import Step, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.daemon_sets import DaemonSet, untolerated
from clusterprobe.systems.kubernetes.logs import last_ended_was_before
from clusterprobe.systems.kubernetes.objects import Node, Pod, Taint
from clusterprobe.systems.log_agents.destinations import Destination
from clusterprobe.systems.loki.configuration_advice import in_its_configuration

# Put on a node while something is done to it: an agent that tolerates them is in the way, or is evicted in vain.
_FOR_A_WHILE = (
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "karpenter.sh/",
    "node.cloudprovider.kubernetes.io/",
    "node.kubernetes.io/out-of-service",
    "node.cilium.io/",
)
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def where_loki_refuses(
    helps: str, agents: Collection[Subject], destinations: Readings[Destination], pods: Readings[SystemPod]
) -> list[Step]:
    """How Loki's limits are changed on its own configuration: where all these agents send to a Loki of this cluster, and each reads it."""
    told = destinations.by_name()
    to = [told.get((one.namespace, one.name)) for one in agents]
    if "limits_config" not in helps or not all(one and one.loki and not one.strange and not one.away for one in to):
        return []
    return in_its_configuration(pods, [subject for subject, _ in of_system(pods, LOKI)])


def let_run(place: Subject, one: DaemonSet, node: Node) -> list[Step]:
    """How an agent comes to run on a node that its template keeps it from."""
    spec, labels = one.spec.template.spec, node.metadata.labels
    steps = [look("See where it may run, and its events.", shell("kubectl -n {} describe daemonset {}", place.namespace, place.name))]
    wanted = {key: value for key, value in (spec.node_selector or {}).items() if labels.get(key) != value}
    if wanted:
        steps += _of_selector(node, wanted)
    barring = untolerated(spec.tolerations or [], node)
    passing = [taint for taint in barring if taint.key.startswith(_FOR_A_WHILE)]
    if passing:
        names = ", ".join(taint.key for taint in passing)
        return [
            *steps,
            change(f"Wait, or end what set the taint {names}: it is on a node only for a while, and nothing is to tolerate it."),
        ]
    return [*steps, *([_of_taints(barring)] if barring else [])]


def _of_selector(node: Node, wanted: dict[str, str]) -> list[Step]:
    """A label of one's own can be set; a label with a prefix says what a node is, and belongs to whoever sets it."""
    name = node.metadata.name
    pairs = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    own = [f"{key}={value}" for key, value in sorted(wanted.items()) if "/" not in key and key not in node.metadata.labels]
    if len(own) < len(wanted):
        text = f"Let the agent's nodeSelector take in nodes without {pairs}, {SOURCE}, if its image runs there. Leave the node's labels."
        return [change(text)]
    commands = [shell("kubectl label node {} {}", name, pair) for pair in own]
    return [change(f"Take {pairs} out of the agent's nodeSelector, {SOURCE}. Or, if the node is to be one of those, label it:", *commands)]


def _of_taints(barring: list[Taint]) -> Step:
    template = "tolerations:" + "\n  - key: {}\n    operator: Exists\n    effect: {}" * len(barring)
    code = snippet(template, *(value for taint in barring for value in (taint.key, taint.effect)))
    more = ""
    if any(taint.key in _CONTROL_PLANE for taint in barring):
        more = " On a control plane that collects the logs of the API server and etcd as well."
    return change(
        f"If its logs are wanted, add to the agent's tolerations, {SOURCE}. Its pods then run on every node with such a taint.{more} If "
        "the node is left out on purpose, list the finding under `known` in the profile.",
        code=code,
    )


def look_at_agent(pod: Pod, node: Node) -> list[Step]:
    """Why an agent's pod does not run: its events, and the last lines of each container that is not ready and has run."""
    place = (pod.metadata.namespace, pod.metadata.name)
    steps = [look("Read its state and its events.", shell("kubectl -n {} describe pod {}", *place))]
    for one in pod.status.container_statuses or []:
        if one.ready or not (one.state.running is not None or one.state.terminated or one.last_state.terminated):
            continue
        before = last_ended_was_before(one) and one.state.running is None
        template = "kubectl -n {} logs {} -c {} --previous --tail=30" if before else "kubectl -n {} logs {} -c {} --tail=30"
        steps.append(look(f"Read the last lines of its container {one.name}.", shell(template, *place, one.name)))
    if node.windows:
        steps.append(change(f"If its image is for Linux, keep it from Windows nodes by nodeSelector kubernetes.io/os: linux, {SOURCE}."))
    return steps
