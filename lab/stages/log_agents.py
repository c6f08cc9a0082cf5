"""Log agents that lose lines: a shared positions file, a node that they do not tolerate, a drop rule, a limit of Loki's."""

from __future__ import annotations

import base64
import time
from typing import Any

import yaml

from lab import api
from lab.command import wait_until
from lab.layout import NODES
from lab.platform import loki
from lab.platform.effects import PATIENCE_SECONDS, pod_on, pod_path, samples, wait_for_pod_gone, wait_for_rollout
from lab.platform.manifests import DEV, Environment, document
from lab.stages import Stage
from lab.stages.loki_ruler import healthy_config, restart_with
from lab.stages.termination import SLOW_NODE

_DAEMON_SETS = "/apis/apps/v1/namespaces/logging/daemonsets"
_PROMTAIL = f"{_DAEMON_SETS}/promtail"
_SECRET = "/api/v1/namespaces/logging/secrets/promtail"
_SECOND = "promtail-dev"
_TAINT = {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}
_NODE = SLOW_NODE
# Longer than `thresholds.loki.freshness_minutes` of the lab's profile, with what the probe allows for clocks.
_STALE_SECONDS = 28
_REFUSED_LINES = 20


# --- positions --------------------------------------------------------------------------------------------------------


def _stage_second_agent(*args: str) -> None:
    """A second release on one node, as somebody adds it for another environment: a copy of the first one, as that is now."""
    labels = {"app.kubernetes.io/name": "promtail", "app.kubernetes.io/instance": _SECOND}
    template = api.get(_PROMTAIL)["spec"]["template"]
    template["metadata"] = {"labels": labels}
    template["spec"]["nodeSelector"] = {"kubernetes.io/hostname": _NODE.name}
    template["spec"]["containers"][0]["args"] += list(args)
    metadata = {"name": _SECOND, "namespace": "logging", "labels": labels}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    api.create(_DAEMON_SETS, {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec})
    wait_for_rollout(f"{_DAEMON_SETS}/{_SECOND}")


def stage_shared(_: Environment) -> None:
    _stage_second_agent()


def stage_apart(_: Environment) -> None:
    _stage_second_agent(f"-positions.file=/run/promtail/{_SECOND}.yaml")


def clear_second_agent(_: Environment) -> None:
    api.delete(f"{_DAEMON_SETS}/{_SECOND}")
    selector = f"/api/v1/namespaces/logging/pods?labelSelector=app.kubernetes.io/instance={_SECOND}"
    wait_until(f"{_SECOND} to be gone", lambda: not api.items(selector), PATIENCE_SECONDS)


# --- coverage ---------------------------------------------------------------------------------------------------------


def stage_tainted(_: Environment) -> None:
    """The node is dedicated to models: what runs there stays, but the agent's next pod may not."""
    _taint([_TAINT])
    going = pod_on(_NODE, "logging", "promtail")
    api.delete(pod_path("logging", going))
    wait_for_pod_gone("logging", going)


def clear_tainted(_: Environment) -> None:
    """Without the taint, and with the agent's own tolerations."""
    _taint([])
    own = document("promtail", "DaemonSet", "promtail")["spec"]["template"]["spec"].get("tolerations", [])
    api.patch(_PROMTAIL, {"spec": {"template": {"spec": {"tolerations": own}}}})
    wait_until("an agent on every node", lambda: _agents_ready() == len(NODES), PATIENCE_SECONDS)
    wait_for_rollout(_PROMTAIL)


def _taint(taints: list[dict[str, str]]) -> None:
    api.patch(f"/api/v1/nodes/{_NODE.name}", {"spec": {"taints": taints or None}})


def _agents_ready() -> int:
    return int(api.get(_PROMTAIL)["status"].get("numberReady", 0))


def stage_lines_refused(_: Environment) -> None:
    """Somebody lowers a limit of Loki's below what the services write."""
    config: dict[str, Any] = yaml.safe_load(healthy_config())
    config["limits_config"]["max_line_size"] = "100B"
    restart_with(yaml.safe_dump(config))
    wait_until("agents to give up batches", lambda: _dropped() >= _REFUSED_LINES, PATIENCE_SECONDS, every=1)


def clear_lines_refused(_: Environment) -> None:
    restart_with(healthy_config())
    wait_until("new lines", lambda: bool(loki.lines(_selector(DEV), seconds=5)), PATIENCE_SECONDS, every=1)


def _dropped() -> float:
    """How many lines all agents have given up since they started."""
    pods = api.items("/api/v1/namespaces/logging/pods?labelSelector=app.kubernetes.io/name=promtail")
    return sum(sum(samples("logging", pod["metadata"]["name"], 3101, "promtail_dropped_entries_total{")) for pod in pods)


# --- freshness --------------------------------------------------------------------------------------------------------


def stage_drop_rule(environment: Environment) -> None:
    """A rule that was meant for something noisy drops a whole namespace."""
    config = yaml.safe_load(_promtail_config())
    rule = {"source_labels": ["__meta_kubernetes_namespace"], "regex": environment.workload_namespace, "action": "drop"}
    config["scrape_configs"][0]["relabel_configs"].insert(0, rule)
    _restart_agents(yaml.safe_dump(config))
    wait_until(
        f"Loki to fall behind {environment.workload_namespace}",
        lambda: not loki.lines(_selector(environment), seconds=_STALE_SECONDS),
        PATIENCE_SECONDS,
        every=1,
    )


def clear_drop_rule(environment: Environment) -> None:
    _restart_agents(_promtail_config())
    wait_until("new lines", lambda: bool(loki.lines(_selector(environment), seconds=5)), PATIENCE_SECONDS, every=1)


def _restart_agents(config: str) -> None:
    api.patch(_SECRET, {"data": {"promtail.yaml": base64.b64encode(config.encode()).decode()}})
    stamp = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": str(time.time())}}}
    api.patch(_PROMTAIL, {"spec": {"template": stamp}})
    wait_for_rollout(_PROMTAIL)


def _promtail_config() -> str:
    return str(document("promtail", "Secret", "promtail")["stringData"]["promtail.yaml"])


def _selector(environment: Environment) -> str:
    return f'{{namespace="{environment.workload_namespace}"}}'


STAGES = (
    Stage(
        "positions-shared",
        "a second Promtail, for another environment, keeps its positions in the first one's file on worker2",
        stage_shared,
        clear_second_agent,
        touches=(_SECOND,),
        per_environment=False,
    ),
    Stage(
        "positions-apart",
        "a look-alike: a second Promtail on worker2 with a positions file of its own",
        stage_apart,
        clear_second_agent,
        touches=(_SECOND,),
        per_environment=False,
    ),
    Stage(
        "node-without-agent",
        "worker2 gets a taint that Promtail does not tolerate, and has none after its pod went",
        stage_tainted,
        clear_tainted,
        touches=("promtail", "worker2's taints"),
        per_environment=False,
    ),
    Stage(
        "promtail-lines-dropped",
        "Loki's limit for the length of a line is lowered below what the services write",
        stage_lines_refused,
        clear_lines_refused,
        touches=("Loki's configuration",),
        per_environment=False,
    ),
    Stage(
        "promtail-drops-namespace",
        "a relabel rule of Promtail drops the lines of a whole namespace",
        stage_drop_rule,
        clear_drop_rule,
        touches=("promtail",),
    ),
)
