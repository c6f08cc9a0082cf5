"""How a SealedSecret comes to stay sealed: copied to another place, without its key, or with a Secret in its way."""

from __future__ import annotations

import base64
import json
from typing import Any

from lab import api
from lab.command import wait_until
from lab.platform import sealing
from lab.platform.effects import PATIENCE_SECONDS, wait_for_config, wait_for_pod_gone
from lab.platform.manifests import CONFIG_SECRET, ENVIRONMENTS, Environment, slack_config
from lab.stages import Stage

REGISTRY = "model-registry"  # the Secret that a model's nightly job reads
_JOB = "model-refresh"
DATA = {"url": "postgresql://registry.example.org/models", "password": "not a real one"}
_NO_KEY = "no key could decrypt secret"
_IN_THE_WAY = "already exists and is not managed by SealedSecret"
_CONTROLLER = "the SealedSecrets controller"
_PLACE = "the SealedSecret model-registry of {environment}"


def stage_for_other_namespace(environment: Environment) -> None:
    """Sealed for the other environment, where it opens; the file was copied, and only its namespace changed."""
    original = sealing.seal(environment.other.workload_namespace, REGISTRY, DATA)
    _apply(original)
    _apply(_moved(original, environment.workload_namespace))
    _start_job(environment)
    sealing.wait_for_synced(environment.other.workload_namespace, REGISTRY, "True")
    sealing.wait_for_synced(environment.workload_namespace, REGISTRY, "False", _NO_KEY)
    wait_until("the pod that wants it to wait", lambda: _waits(environment), PATIENCE_SECONDS)


def clear_for_other_namespace(environment: Environment) -> None:
    """Sealed again, for the place where it is used; once the pod has started, all of it is taken away."""
    _apply(sealing.seal(environment.workload_namespace, REGISTRY, DATA))
    sealing.wait_for_synced(environment.workload_namespace, REGISTRY, "True")
    wait_until("the pod to start", lambda: _has_started(environment), PATIENCE_SECONDS)
    _stop_job(environment)
    _remove(environment.workload_namespace, REGISTRY)
    _remove(environment.other.workload_namespace, REGISTRY)


def stage_key_lost(_: Environment) -> None:
    """The cluster's controller was set up anew without the backup of its key: it makes a new one."""
    sealing.lose_keys()
    sealing.restart_controller()
    for environment in ENVIRONMENTS:
        sealing.wait_for_synced(environment.namespace, CONFIG_SECRET, "False", _NO_KEY)


def clear_key_lost(_: Environment) -> None:
    """The key from the team's copy; the one that was made in between goes, for nothing was sealed with it."""
    sealing.lose_keys()
    sealing.put_key_back()
    sealing.restart_controller()
    for environment in ENVIRONMENTS:
        sealing.wait_for_synced(environment.namespace, CONFIG_SECRET, "True")
    sealing.wait_for_controller()


def stage_in_the_way(environment: Environment) -> None:
    """Somebody had made the Secret by hand before the SealedSecret came."""
    namespace = environment.workload_namespace
    _make_by_hand(namespace, REGISTRY, {})
    _apply(sealing.seal(namespace, REGISTRY, DATA))
    sealing.wait_for_synced(namespace, REGISTRY, "False", _IN_THE_WAY)


def clear_in_the_way(environment: Environment) -> None:
    """The controller is told that it may take the Secret over. It looks again only as it starts."""
    namespace = environment.workload_namespace
    api.patch(sealing.secret_path(namespace, REGISTRY), {"metadata": {"annotations": {sealing.MANAGED: "true"}}})
    sealing.restart_controller()
    sealing.wait_for_synced(namespace, REGISTRY, "True")
    sealing.wait_for_controller()
    _remove(namespace, REGISTRY)


def stage_slack_of_other_environment(environment: Environment) -> None:
    """A new environment was set up from a copy of the other one's files, so the Secret never came to be."""
    _remove(environment.namespace, CONFIG_SECRET)
    labels = {"app": "alertmanager-config", "environment": environment.other.name}
    data = {"alertmanager.yaml": slack_config(environment.other)}
    _apply(_moved(sealing.seal(environment.other.namespace, CONFIG_SECRET, data, labels=labels), environment.namespace))
    sealing.wait_for_synced(environment.namespace, CONFIG_SECRET, "False", _NO_KEY)
    wait_for_config(environment, "the operator's fallback", lambda config: "slack_configs" not in config)


def clear_slack_of_other_environment(environment: Environment) -> None:
    """Made anew: where a repair by hand wrote it a moment ago, the controller may lose its word of a second change (0.40.0)."""
    _remove(environment.namespace, CONFIG_SECRET)
    sealing.apply_slack_config(environment)
    sealing.wait_for_synced(environment.namespace, CONFIG_SECRET, "True")
    wait_for_config(environment, "the Slack configuration", lambda config: "slack_configs" in config)


# --- look-alikes: nothing is wrong ------------------------------------------------------------------------------------


def stage_wider_scopes(environment: Environment) -> None:
    """Copied to another namespace or name as well, but sealed so that this is allowed."""
    here, there = environment.workload_namespace, environment.other.workload_namespace
    anywhere = sealing.seal(there, REGISTRY, DATA, scope="cluster-wide")
    renamed = sealing.seal(here, f"{REGISTRY}-old", DATA, scope="namespace-wide")
    renamed["metadata"]["name"] = f"{REGISTRY}-new"
    for sealed in (anywhere, _moved(anywhere, here), renamed):
        _apply(sealed)
    for namespace, name in ((there, REGISTRY), (here, REGISTRY), (here, f"{REGISTRY}-new")):
        sealing.wait_for_synced(namespace, name, "True")


def clear_wider_scopes(environment: Environment) -> None:
    here, there = environment.workload_namespace, environment.other.workload_namespace
    for namespace, name in ((there, REGISTRY), (here, REGISTRY), (here, f"{REGISTRY}-new")):
        _remove(namespace, name)


def stage_adopted(environment: Environment) -> None:
    """Secrets that were there before, and were given to the controller: one to own, one only to add to."""
    namespace = environment.workload_namespace
    _make_by_hand(namespace, REGISTRY, {sealing.MANAGED: "true"})
    _make_by_hand(namespace, f"{REGISTRY}-patched", {sealing.PATCH: "true"})
    for name in (REGISTRY, f"{REGISTRY}-patched"):
        _apply(sealing.seal(namespace, name, DATA))
    sealing.wait_for_synced(namespace, REGISTRY, "True")
    wait_until("the patched Secret", lambda: sealing.condition(namespace, f"{REGISTRY}-patched").get("status") == "True", PATIENCE_SECONDS)


def clear_adopted(environment: Environment) -> None:
    for name in (REGISTRY, f"{REGISTRY}-patched"):
        _remove(environment.workload_namespace, name)


def stage_just_created(environment: Environment) -> None:
    """The controller is being moved to another node, so a new SealedSecret has no status for a moment."""
    sealing.scale_controller(0)
    _apply(sealing.seal(environment.workload_namespace, REGISTRY, DATA))


def clear_just_created(environment: Environment) -> None:
    sealing.scale_controller(1)
    sealing.wait_for_synced(environment.workload_namespace, REGISTRY, "True")
    _remove(environment.workload_namespace, REGISTRY)


# --- steps ------------------------------------------------------------------------------------------------------------


def _apply(sealed: api.Object) -> None:
    api.apply(json.dumps(sealed))


def _moved(sealed: api.Object, namespace: str) -> api.Object:
    """A copy of the file as people make one: they change the first namespace that they see."""
    return {**sealed, "metadata": {**sealed["metadata"], "namespace": namespace}}


def _make_by_hand(namespace: str, name: str, annotations: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    data = {"password": base64.b64encode(b"from before").decode()}
    api.create(f"/api/v1/namespaces/{namespace}/secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def _remove(namespace: str, name: str) -> None:
    """The SealedSecret first: while it is there, the controller writes its Secret again."""
    api.delete(sealing.path(namespace, name))
    api.delete(sealing.secret_path(namespace, name))


def _start_job(environment: Environment) -> None:
    """A pod that takes a password from the Secret, as a scheduled refresh of the model does."""
    namespace = environment.workload_namespace
    container = {
        "name": "refresh",
        "image": "lab/busybox:1",
        "command": ["/bin/sh", "-c", "sleep 3600"],
        "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": REGISTRY, "key": "password"}}}],
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False}
    metadata = {"name": _JOB, "namespace": namespace, "labels": {"app.kubernetes.io/name": _JOB}}
    api.create(f"/api/v1/namespaces/{namespace}/pods", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def _stop_job(environment: Environment) -> None:
    api.delete(_job_path(environment), grace_seconds=0)
    wait_for_pod_gone(environment.workload_namespace, _JOB)


def _job_path(environment: Environment) -> str:
    return f"/api/v1/namespaces/{environment.workload_namespace}/pods/{_JOB}"


def _state(environment: Environment) -> dict[str, Any]:
    statuses = (api.find(_job_path(environment)) or {}).get("status", {}).get("containerStatuses", [])
    return dict(statuses[0]["state"]) if statuses else {}


def _waits(environment: Environment) -> bool:
    return bool(_state(environment).get("waiting", {}).get("reason") == "CreateContainerConfigError")


def _has_started(environment: Environment) -> bool:
    return "running" in _state(environment)


STAGES = (
    Stage(
        "sealed-for-other-namespace",
        "a SealedSecret was copied from the other environment: nothing opens it here, and a pod waits for its Secret",
        stage_for_other_namespace,
        clear_for_other_namespace,
        touches=(_PLACE,),
    ),
    Stage(
        "sealed-key-lost",
        "the controller has a new key and not the old one: no SealedSecret opens any more",
        stage_key_lost,
        clear_key_lost,
        touches=(_CONTROLLER, "the Alertmanager configuration of dev", "the Alertmanager configuration of prod"),
        per_environment=False,
    ),
    Stage(
        "secret-in-the-way",
        "a Secret made by hand has the SealedSecret's name: the controller leaves it alone",
        stage_in_the_way,
        clear_in_the_way,
        touches=(_PLACE, _CONTROLLER),
    ),
    Stage(
        "alertmanager-sealed-for-other-namespace",
        "Alertmanager's configSecret was sealed for the other environment: the operator's fallback serves",
        stage_slack_of_other_environment,
        clear_slack_of_other_environment,
        touches=("the Alertmanager configuration of {environment}",),
    ),
    Stage(
        "sealed-wider-scopes",
        "looks alike, and is fine: copied SealedSecrets that were sealed cluster-wide and namespace-wide",
        stage_wider_scopes,
        clear_wider_scopes,
        touches=(_PLACE,),
    ),
    Stage(
        "sealed-adopted",
        "looks alike, and is fine: Secrets from before that were given to the controller, managed or patched",
        stage_adopted,
        clear_adopted,
        touches=(_PLACE,),
    ),
    Stage(
        "sealed-just-created",
        "looks alike, and is fine: a SealedSecret without a status yet, for the controller is being moved",
        stage_just_created,
        clear_just_created,
        touches=(_PLACE, _CONTROLLER),
    ),
)
