"""Served models: one that says it cannot serve, canaries that are worse than what they would replace, and look-alikes."""

from __future__ import annotations

from urllib.parse import quote

from lab import api
from lab.command import run, wait_until
from lab.paths import KUBECONFIG
from lab.platform import prometheus
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import Environment, document
from lab.platform.workloads import is_ready
from lab.stages import Stage

# See lab/services/fastapi/churn/training.py: what is wrong with each.
NEEDS_A_FEATURE, SLOW_LOOKUP, NEEDS_ANOTHER = "1.6.0", "1.7.0", "1.8.0"
ENOUGH = 25  # a little more than the lab's profile asks for
_STRATEGIC = "application/strategic-merge-patch+json"


def stage_unhealthy(environment: Environment) -> None:
    """Somebody unloads the model to make room; the processes run on."""
    for pod in _pods(environment, "stable"):
        _tell(environment, pod, "model/unload")
    wait_until("no stable replica to be ready", lambda: not any(map(is_ready, _pods(environment, "stable"))), PATIENCE_SECONDS)


def clear_unhealthy(environment: Environment) -> None:
    for pod in _pods(environment, "stable"):
        _tell(environment, pod, "model/load")
    wait_until("every stable replica to be ready", lambda: all(map(is_ready, _pods(environment, "stable"))), PATIENCE_SECONDS)


def stage_errors(environment: Environment) -> None:
    """A model that was trained with a feature which most requests do not carry."""
    _serve(environment, "fastapi-canary", NEEDS_A_FEATURE)
    _wait_for_answers(environment, "fastapi-canary", '{status="5xx"}', ENOUGH)


def stage_slow(environment: Environment) -> None:
    """A model that fetches a feature from far away."""
    _serve(environment, "fastapi-canary", SLOW_LOOKUP)
    _wait_for_answers(environment, "fastapi-canary", "", ENOUGH)


def stage_few(environment: Environment) -> None:
    """A new version of the canary, and nobody is sent to it yet."""
    _select(environment, {"track": "stable"})
    _serve(environment, "fastapi-canary", "1.4.0")


def clear_few(environment: Environment) -> None:
    _select(environment, {"track": None})
    clear_canary(environment)


def stage_both(environment: Environment) -> None:
    """The clients have stopped sending what both versions need: whatever is wrong, it is not the canary."""
    _serve(environment, "fastapi", NEEDS_ANOTHER)
    _serve(environment, "fastapi-canary", NEEDS_ANOTHER)
    for name in ("fastapi", "fastapi-canary"):
        _wait_for_answers(environment, name, '{status="5xx"}', ENOUGH)


def clear_both(environment: Environment) -> None:
    clear_stable(environment)
    clear_canary(environment)


def stage_better(environment: Environment) -> None:
    """The stable version fails, the canary does not; and half of what the clients send is nonsense."""
    _mistakes(environment, "0.5")
    _serve(environment, "fastapi", NEEDS_A_FEATURE)
    _wait_for_answers(environment, "fastapi", '{status="5xx"}', ENOUGH)
    _wait_for_answers(environment, "fastapi-canary", '{status="4xx"}', ENOUGH)


def clear_better(environment: Environment) -> None:
    _mistakes(environment, None)
    clear_stable(environment)


def clear_canary(environment: Environment) -> None:
    _undo(environment, "fastapi-canary")


def clear_stable(environment: Environment) -> None:
    _undo(environment, "fastapi")


def _undo(environment: Environment, name: str) -> None:
    """As the finding says: back to the revision that runs the healthy version."""
    namespace = environment.workload_namespace
    wanted = _version(document("fastapi", "Deployment", name, environment))
    owned = [
        one
        for one in api.items(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
        if any(owner["name"] == name for owner in one["metadata"].get("ownerReferences", [])) and _version(one) == wanted
    ]
    revision = max(int(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) for one in owned)
    command = ("rollout", "undo", f"deployment/{name}", "-n", namespace, f"--to-revision={revision}")
    if _version(api.get(_deployment(environment, name))) != wanted:
        run("kubectl", "--kubeconfig", KUBECONFIG, *command)
    wait_for_rollout(_deployment(environment, name))


def _version(workload: api.Object) -> str:
    settings = workload["spec"]["template"]["spec"]["containers"][0]["env"]
    return str(next(one["value"] for one in settings if one["name"] == "MODEL_VERSION"))


def _serve(environment: Environment, name: str, version: str) -> None:
    """Another version of the model, as a rollout does it."""
    container = {"name": "fastapi", "env": [{"name": "MODEL_VERSION", "value": version}]}
    api.patch(_deployment(environment, name), {"spec": {"template": {"spec": {"containers": [container]}}}}, _STRATEGIC)
    wait_for_rollout(_deployment(environment, name))


def _mistakes(environment: Environment, share: str | None) -> None:
    setting = {"name": "MISTAKES", **({"value": share} if share else {"$patch": "delete"})}
    container = {"name": "churn-clients", "env": [setting]}
    path = _deployment(environment, "churn-clients")
    api.patch(path, {"spec": {"template": {"spec": {"containers": [container]}}}}, _STRATEGIC)
    wait_for_rollout(path)


def _select(environment: Environment, labels: dict[str, str | None]) -> None:
    path = f"/api/v1/namespaces/{environment.workload_namespace}/services/fastapi"
    api.patch(path, {"spec": {"selector": labels}})


def _wait_for_answers(environment: Environment, name: str, chosen: str, count: int) -> None:
    """Until the newest pods of a Deployment have answered so many requests, as Prometheus has it."""
    revision = api.get(_deployment(environment, name))["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    sets = api.items(f"/apis/apps/v1/namespaces/{environment.workload_namespace}/replicasets")
    newest = next(
        one["metadata"]["name"]
        for one in sets
        if one["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == revision
        and one["metadata"]["ownerReferences"][0]["name"] == name
    )
    pods = f'pod=~"{newest}-.+"'
    selector = f"{chosen[:-1]},{pods}}}" if chosen else f"{{{pods}}}"

    def is_so() -> bool:
        found = prometheus.answer(environment, f"query?query={quote(f'sum(http_requests_total{selector})')}")["result"]
        return bool(found) and float(found[0]["value"][1]) >= count

    wait_until(f"{count} answers of {newest} {chosen}", is_so, PATIENCE_SECONDS)


def _pods(environment: Environment, track: str) -> list[api.Object]:
    selector = f"labelSelector=app.kubernetes.io/name=fastapi,track={track}"
    return api.items(f"/api/v1/namespaces/{environment.workload_namespace}/pods?{selector}")


def _tell(environment: Environment, pod: api.Object, path: str) -> None:
    name = pod["metadata"]["name"]
    api.call("POST", f"/api/v1/namespaces/{environment.workload_namespace}/pods/{name}:8000/proxy/{path}")


def _deployment(environment: Environment, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{environment.workload_namespace}/deployments/{name}"


_STABLE, _CANARY = "fastapi in {environment}", "fastapi-canary in {environment}"
STAGES = (
    Stage(
        "serving-unhealthy",
        "the model was unloaded: fastapi's processes run, and its /health answers 500",
        stage_unhealthy,
        clear_unhealthy,
        touches=(_STABLE,),
    ),
    Stage(
        "canary-errors",
        "the canary's model needs a feature that most requests lack: 5xx and error lines",
        stage_errors,
        clear_canary,
        touches=(_CANARY,),
    ),
    Stage("canary-slow", "the canary's model takes 400 ms to look up a feature", stage_slow, clear_canary, touches=(_CANARY,)),
    Stage(
        "canary-few-samples",
        "a look-alike: a new canary to which nobody is sent yet, so that nothing can be said of it",
        stage_few,
        clear_few,
        touches=(_CANARY, "the Service fastapi in {environment}"),
    ),
    Stage(
        "canary-errors-in-both",
        "a look-alike: stable and canary fail alike, so it is not the canary",
        stage_both,
        clear_both,
        touches=(_STABLE, _CANARY),
    ),
    Stage(
        "canary-better",
        "a look-alike: the stable version fails, the canary does not, and half of what clients send is nonsense (4xx)",
        stage_better,
        clear_better,
        touches=(_STABLE, _CANARY, "churn-clients in {environment}"),
    ),
)
