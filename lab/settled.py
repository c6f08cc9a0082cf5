"""Is the platform running, and has it settled? Each check answers with what is not so yet; nothing to say means healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab import api, argocd, ingress, sealing, systems
from lab.cluster.layout import NODES
from lab.cluster.lifecycle import ready_nodes
from lab.cluster.processes import ended_daemons
from lab.command import wait_until
from lab.errors import LabError
from lab.manifests import CONFIG_SECRET, ENVIRONMENTS, Environment

_EXPECTED = {
    "deployments": [
        ("kube-system", "coredns"),
        ("kube-system", "sealed-secrets-controller"),
        ("local-path-storage", "local-path-provisioner"),
        ("slack", "slack"),
        ("traefik", "traefik"),
        ("mlflow", "mlflow"),
        *(("airflow", f"airflow-{part}") for part in ("api-server", "scheduler", "dag-processor")),
        *((each.namespace, f"{each.fullname}-operator") for each in ENVIRONMENTS),
        *((each.namespace, f"{each.release}-kube-state-metrics") for each in ENVIRONMENTS),
        *((each.workload_namespace, name) for each in ENVIRONMENTS for name in ("fastapi", "fastapi-canary", "churn-clients")),
        *((argocd.namespace_of(each), "feature-store") for each in ENVIRONMENTS),
    ],
    "statefulsets": [
        ("logging", "loki"),
        *((each.namespace, f"prometheus-{each.prometheus}") for each in ENVIRONMENTS),
        *((each.namespace, f"alertmanager-{each.alertmanager}") for each in ENVIRONMENTS),
    ],
    "daemonsets": [("logging", "promtail")],
}


def problems() -> list[str]:
    """Everything that keeps the lab from being healthy and settled, the basic things first."""
    checks: tuple[Callable[[], Iterator[str]], ...] = (_daemons, _nodes, _workloads, _claims, _systems)
    for check in checks:
        try:
            found = list(check())
        except LabError as error:
            found = [str(error)]
        if found:  # what follows would only repeat it
            return found
    return []


def wait_until_settled(seconds: float) -> None:
    remaining: list[str] = []

    def is_settled() -> bool:
        remaining[:] = problems()
        return not remaining

    try:
        wait_until("the platform", is_settled, seconds, every=1)
    except LabError as error:
        raise LabError(f"{error}: " + "; ".join(remaining)) from None


def _daemons() -> Iterator[str]:
    yield from (f"{name} has ended" for name in ended_daemons())


def _nodes() -> Iterator[str]:
    ready = ready_nodes()
    if ready < len(NODES):
        yield f"{len(NODES) - ready} nodes are not Ready"


def _workloads() -> Iterator[str]:
    for kind, expected in _EXPECTED.items():
        found = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in api.items(f"/apis/apps/v1/{kind}")}
        for key in expected:
            if key not in found:
                yield f"{kind} {'/'.join(key)} is not there"
            elif not is_rolled_out(found[key]):
                yield f"{kind} {'/'.join(key)} is not ready"
    for pod in api.items("/api/v1/pods"):
        if not is_ready(pod) and pod["status"].get("phase") != "Succeeded":
            yield f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']} is not ready"


def is_rolled_out(workload: api.Object) -> bool:
    """Whether the wanted number of its newest pods is ready, and no older one remains."""
    status = workload.get("status", {})
    if status.get("observedGeneration") != workload["metadata"]["generation"]:
        return False
    if "desiredNumberScheduled" in status:  # a DaemonSet; a list leaves out the kind
        wanted, updated, ready = "desiredNumberScheduled", "updatedNumberScheduled", "numberReady"
        return bool(0 < status.get(wanted, 0) == status.get(updated) == status.get(ready))
    replicas: int = workload["spec"]["replicas"]
    counts: list[int] = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas")]
    return counts == [replicas] * len(counts)


def is_ready(pod: api.Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _claims() -> Iterator[str]:
    for claim in api.items("/api/v1/persistentvolumeclaims"):
        if claim["status"].get("phase") != "Bound":
            yield f"claim {claim['metadata']['namespace']}/{claim['metadata']['name']} is not bound"


def _systems() -> Iterator[str]:
    yield from _pipeline()
    for environment in ENVIRONMENTS:
        if sealing.condition(environment.namespace, CONFIG_SECRET).get("status") != "True":
            yield f"SealedSecret {environment.namespace}/{CONFIG_SECRET} is not unsealed"
        yield from targets_missing(environment)
        yield from ingress.problems(environment)
        yield from _alerting(environment)
        if not systems.log_lines(f'{{namespace="{environment.workload_namespace}"}}', seconds=60):
            yield f"Loki has no recent line of {environment.workload_namespace}"
        if trouble := argocd.trouble(argocd.name_in(environment)):
            yield trouble
    yield from systems.log_alerts_missing()


def _pipeline() -> Iterator[str]:
    for part in ("scheduler", "dag_processor"):
        if systems.airflow_health(part) != "healthy":
            yield f"Airflow calls its {part} {systems.airflow_health(part)}"
    if '"name": "churn"' not in systems.mlflow("registered-models/search?max_results=10"):
        yield "MLflow has no model of Airflow's train_churn yet"


def targets_missing(environment: Environment) -> Iterator[str]:
    """Monitors of this environment's release without a target, and targets that are not up."""
    targets = systems.active_targets(environment)
    unhealthy = [target for target in targets if target["health"] != "up"]
    yield from (f"target {target['scrapeUrl']} is {target['health']}: {target['lastError']}" for target in unhealthy)
    pools = {target["scrapePool"].rpartition("/")[0] for target in targets}
    for monitor in systems.objects("servicemonitors"):
        metadata = monitor["metadata"]
        pool = f"serviceMonitor/{metadata['namespace']}/{metadata['name']}"
        if metadata["labels"].get("release") == environment.release and pool not in pools:
            yield f"{environment.prometheus} has no target of {pool}"


def _alerting(environment: Environment) -> Iterator[str]:
    if "slack_configs" not in systems.served_config(environment):
        yield f"{environment.alertmanager} does not serve the Slack configuration"
    if len(systems.prometheus(environment, "alertmanagers")["activeAlertmanagers"]) != 1:
        yield f"{environment.prometheus} has not found its Alertmanager"
    if not any(alert["labels"]["alertname"] == "Watchdog" for alert in systems.alertmanager(environment, "alerts")):
        yield f"no Watchdog has reached {environment.alertmanager}"
    if not systems.slack_messages(environment):
        yield f"no message of {environment.alertmanager} has reached the stand-in for Slack"
