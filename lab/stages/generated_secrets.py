"""Hands on the Secret that the Operator generates for Alertmanager: with the Operator running, and without it."""

from __future__ import annotations

import base64
import gzip

from lab import api
from lab.command import wait_until
from lab.platform import alertmanager, prometheus
from lab.platform.effects import PATIENCE_SECONDS, wait_for_config, wait_for_rollout
from lab.platform.manifests import CONFIG_SECRET, Environment, slack_config
from lab.stages import Stage

_CONFIGURATION = "the Alertmanager configuration of {environment}"
_KEY = "alertmanager.yaml.gz"
_CRITICAL = "slack-critical"


def stage_put_back(environment: Environment) -> None:
    """`kubectl edit` while the Operator runs: it is undone within a second, and `kubectl` says "edited"."""
    wait_until("no trace of an earlier change", lambda: not _changed(environment, 90), 2 * PATIENCE_SECONDS)
    before = _secret(environment)["metadata"]["resourceVersion"]
    _edit(environment)
    wait_until("the Operator to undo it", lambda: _is_undone(environment, before), PATIENCE_SECONDS)
    wait_until("kube-state-metrics to tell of it", lambda: _changed(environment, 30), PATIENCE_SECONDS)


def stage_edited(environment: Environment) -> None:
    """The Operator does not run, so that the change stays, and is served: until it runs again."""
    _run_operator(environment, 0)
    _edit(environment)
    wait_for_config(environment, "what was edited", lambda config: "severity=" not in config.partition("inhibit_rules:")[0])


def stage_deleted(environment: Environment) -> None:
    """Deleted "so that it is made anew": it is, at once, and just the same."""
    uid = _secret(environment)["metadata"]["uid"]
    api.delete(_path(environment))
    wait_until(
        "it to come back", lambda: (api.find(_path(environment)) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid, PATIENCE_SECONDS
    )


def stage_lost(environment: Environment) -> None:
    """Deleted while the Operator does not run."""
    _run_operator(environment, 0)
    api.delete(_path(environment))
    wait_until("it to be gone", lambda: api.find(_path(environment)) is None, PATIENCE_SECONDS)


def stage_source_changed(environment: Environment) -> None:
    """A look-alike: the team changes the source, as it should."""
    alertmanager.write_config(environment, slack_config(environment).replace("repeat_interval: 4h", "repeat_interval: 3h"))
    wait_for_config(environment, "the new configuration", lambda config: "repeat_interval: 3h" in config)


def clear_source_changed(environment: Environment) -> None:
    alertmanager.write_config(environment, slack_config(environment))
    wait_for_config(environment, "the old configuration", lambda config: "repeat_interval: 4h" in config)


def clear_nothing(environment: Environment) -> None:
    """There is nothing to repair: it is as it was."""
    wait_for_config(environment, "the Slack configuration", lambda config: _CRITICAL in config)


def clear_operator(environment: Environment) -> None:
    """The Operator runs again, and writes the Secret as its source says."""
    _run_operator(environment, 1)
    wait_until("the Operator to write it anew", lambda: _CRITICAL in _text(environment), PATIENCE_SECONDS)
    wait_for_config(environment, "the Slack configuration", lambda config: "severity=" in config.partition("inhibit_rules:")[0])


def _edit(environment: Environment) -> None:
    """Somebody takes out the route of critical alerts, to have some peace."""
    text = _text(environment)
    start = text.index("  - receiver: slack-critical")
    rest = text[start:].split("\n")
    end = next((number for number, line in enumerate(rest[1:], 1) if not line.startswith("    ")), len(rest))
    changed = text[:start] + "\n".join(rest[end:])
    value = base64.b64encode(gzip.compress(changed.encode())).decode()
    api.patch(f"{_path(environment)}?fieldManager=kubectl-edit", {"data": {_KEY: value}})


def _text(environment: Environment) -> str:
    found = api.find(_path(environment))
    return gzip.decompress(base64.b64decode(found["data"][_KEY])).decode() if found else ""


def _is_undone(environment: Environment, before: str) -> bool:
    return _secret(environment)["metadata"]["resourceVersion"] != before and _CRITICAL in _text(environment)


def _changed(environment: Environment, seconds: int) -> bool:
    """Whether Prometheus saw it, or its source, change of late: the lab's profile looks back 45 s, and as much again."""
    names = f"{_name(environment)}|{CONFIG_SECRET}"
    query = f'changes(kube_secret_metadata_resource_version{{namespace="{environment.namespace}",secret=~"{names}"}}[{seconds}s]) > 0'
    return prometheus.has_series(environment, query)


def _run_operator(environment: Environment, replicas: int) -> None:
    path = f"/apis/apps/v1/namespaces/{environment.namespace}/deployments/{environment.fullname}-operator"
    api.patch(path, {"spec": {"replicas": replicas}})
    pods = f"/api/v1/namespaces/{environment.namespace}/pods?labelSelector=app%3Dkube-prometheus-stack-operator"
    if replicas:
        wait_for_rollout(path)
    else:
        wait_until("the Operator to stop", lambda: not api.items(pods), PATIENCE_SECONDS)


def _secret(environment: Environment) -> api.Object:
    found: api.Object = api.get(_path(environment))
    return found


def _name(environment: Environment) -> str:
    return f"alertmanager-{environment.alertmanager}-generated"


def _path(environment: Environment) -> str:
    return f"/api/v1/namespaces/{environment.namespace}/secrets/{_name(environment)}"


STAGES = (
    Stage(
        "generated-secret-put-back",
        "the generated Secret is edited by hand: the Operator undoes it within a second",
        stage_put_back,
        clear_nothing,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "generated-secret-edited",
        "the Operator does not run, and the generated Secret was edited by hand: the edit serves, and will be lost",
        stage_edited,
        clear_operator,
        touches=(_CONFIGURATION, "the operator of {environment}"),
    ),
    Stage(
        "generated-secret-deleted",
        "the generated Secret was deleted: it comes back at once, as it was",
        stage_deleted,
        clear_nothing,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "generated-secret-lost",
        "the Operator does not run, and the generated Secret was deleted: it does not come back",
        stage_lost,
        clear_operator,
        touches=(_CONFIGURATION, "the operator of {environment}"),
    ),
    Stage(
        "source-secret-changed",
        "the team changes the Secret that Alertmanager is configured from: as it should be",
        stage_source_changed,
        clear_source_changed,
        touches=(_CONFIGURATION,),
    ),
)
