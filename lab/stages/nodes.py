"""A node of which nothing is heard any more: its kubelet has stopped, and its containers run on."""

from __future__ import annotations

from lab import api
from lab.cluster.nodes import is_kubelet_started, start_kubelet, stop_kubelet
from lab.command import wait_until
from lab.platform.effects import wait_for_healthy_targets
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.platform.settled import wait_until_settled
from lab.stages import Stage
from lab.stages.termination import SLOW_NODE

_NODE = SLOW_NODE
_SILENCE_SECONDS = 120  # the controller of nodes waits 50 s for a word of the kubelet
_BACK_SECONDS = 180


def stage_not_ready(_: Environment) -> None:
    stop_kubelet(_NODE)
    wait_until(f"{_NODE.name} not to be ready", lambda: _ready() == "Unknown", _SILENCE_SECONDS, every=1)


def clear_not_ready(_: Environment) -> None:
    if not is_kubelet_started(_NODE):
        start_kubelet(_NODE)
    wait_until(f"{_NODE.name} to be ready", lambda: _ready() == "True", _BACK_SECONDS, every=1)
    wait_until_settled(_BACK_SECONDS)
    wait_for_healthy_targets(*ENVIRONMENTS)
    forget_pauses()


def forget_pauses() -> None:
    """Of a node that went not ready and came back, events tell for an hour: of a stage before, or of a machine that stood still."""
    events = "/api/v1/namespaces/default/events"
    for one in api.items(f"{events}?fieldSelector=involvedObject.kind=Node,reason=NodeNotReady"):
        api.delete(f"{events}/{one['metadata']['name']}")


def _ready() -> str:
    conditions = api.get(f"/api/v1/nodes/{_NODE.name}")["status"]["conditions"]
    return str(next(one["status"] for one in conditions if one["type"] == "Ready"))


STAGES = (
    Stage(
        "node-not-ready",
        f"the kubelet of {_NODE.name} has stopped: nothing is heard of what runs there",
        stage_not_ready,
        clear_not_ready,
        touches=("the kubelet of worker2",),
        per_environment=False,
    ),
)
