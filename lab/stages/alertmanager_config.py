"""How an Alertmanager comes to serve another configuration than the one that the team wrote."""

from __future__ import annotations

import base64

from lab import api
from lab.command import wait_until
from lab.platform import alertmanager, sealing
from lab.platform.effects import PATIENCE_SECONDS, wait_for_config
from lab.platform.manifests import CONFIG_SECRET, Environment, slack_config
from lab.stages import Stage

_KEY = "alertmanager.yaml"
_WRONG_KEY = "alertmanager.yml"
_CONFIGURATION = "the Alertmanager configuration of {environment}"


def stage_wrong_key(environment: Environment) -> None:
    """A value that the chart does not know is ignored, so the resource has no configSecret at all."""
    _name_secret(environment, None)
    wait_for_config(environment, "the chart's default", _is_chart_default)


def stage_missing_secret(environment: Environment) -> None:
    """Its SealedSecret was pruned; without that, the controller would at once write the Secret again."""
    api.delete(sealing.path(environment.namespace, CONFIG_SECRET))
    api.delete(_secret_path(environment))
    wait_for_config(environment, "the operator's fallback", _is_operator_fallback)


def stage_empty_secret(environment: Environment) -> None:
    _write_secret(environment, {_KEY: None, _WRONG_KEY: slack_config(environment)})
    wait_for_config(environment, "the operator's fallback", _is_operator_fallback)


def stage_receiver_without_name(environment: Environment) -> None:
    """Unquoted, `null` is no name but nothing."""
    _write_secret(environment, {_KEY: slack_config(environment).replace('- name: "null"', "- name: null")})
    _wait_for_refusal(environment, "missing name in receiver")


def stage_undefined_receiver(environment: Environment) -> None:
    _write_secret(environment, {_KEY: slack_config(environment).replace('  - name: "null"\n', "")})
    _wait_for_refusal(environment, "undefined receiver")


def clear_config(environment: Environment) -> None:
    """The Secret as the team wrote it, under the name and the key that the operator reads."""
    if api.find(sealing.path(environment.namespace, CONFIG_SECRET)) is None:
        sealing.adopt(environment.namespace, CONFIG_SECRET)
        sealing.apply_slack_config(environment)
        sealing.wait_for_synced(environment.namespace, CONFIG_SECRET, "True")
    _write_secret(environment, {_KEY: slack_config(environment), _WRONG_KEY: None})
    _name_secret(environment, CONFIG_SECRET)
    wait_for_config(environment, "the Slack configuration", lambda config: "slack_configs" in config)
    wait_until("the operator to accept it", lambda: _reconciled(environment)["status"] == "True", PATIENCE_SECONDS)


def _name_secret(environment: Environment, name: str | None) -> None:
    api.patch(alertmanager.path_of(environment), {"spec": {"configSecret": name}})


def _write_secret(environment: Environment, files: dict[str, str | None]) -> None:
    data = {key: text if text is None else base64.b64encode(text.encode()).decode() for key, text in files.items()}
    api.patch(_secret_path(environment), {"data": data})


def _secret_path(environment: Environment) -> str:
    return f"/api/v1/namespaces/{environment.namespace}/secrets/{CONFIG_SECRET}"


def _is_chart_default(config: str) -> bool:
    return "slack_configs" not in config and "InfoInhibitor" in config


def _is_operator_fallback(config: str) -> bool:
    return "slack_configs" not in config and "InfoInhibitor" not in config


def _wait_for_refusal(environment: Environment, message: str) -> None:
    def is_refused() -> bool:
        condition = _reconciled(environment)
        return condition["status"] == "False" and message in condition.get("message", "")

    wait_until(f"the operator to refuse it: {message}", is_refused, PATIENCE_SECONDS)


def _reconciled(environment: Environment) -> api.Object:
    conditions = api.get(alertmanager.path_of(environment))["status"]["conditions"]
    found: api.Object = next(condition for condition in conditions if condition["type"] == "Reconciled")
    return found


STAGES = (
    Stage(
        "alertmanager-wrong-key",
        "the resource has no configSecret: the chart's own Secret serves, and everything goes to null",
        stage_wrong_key,
        clear_config,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "alertmanager-missing-secret",
        "configSecret names a Secret that is not there: the operator's fallback serves",
        stage_missing_secret,
        clear_config,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "alertmanager-empty-secret",
        "the Secret has alertmanager.yml, not alertmanager.yaml: the operator's fallback serves",
        stage_empty_secret,
        clear_config,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "receiver-without-name",
        "a receiver is called null, unquoted: the operator refuses, the old configuration keeps serving",
        stage_receiver_without_name,
        clear_config,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "undefined-receiver",
        "a route names a receiver that is not defined: the operator refuses, the old configuration keeps serving",
        stage_undefined_receiver,
        clear_config,
        touches=(_CONFIGURATION,),
    ),
)
