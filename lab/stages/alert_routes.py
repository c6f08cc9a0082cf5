"""Routes that deliver nothing although Slack is there: muted for ever, inhibited by what always fires, or a team's own that none takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from lab import api
from lab.command import wait_until
from lab.platform import alertmanager
from lab.platform.effects import PATIENCE_SECONDS, wait_for_config, wait_until_old
from lab.platform.manifests import Environment, slack_config
from lab.stages import Stage

_CONFIGURATION = "the Alertmanager configuration of {environment}"
_TEAM = "checkout"
_SETTLED_SECONDS = 300  # how long Clusterprobe takes it for one that the Operator has not got to yet
_OBJECTS = "/apis/monitoring.coreos.com/v1alpha1/namespaces/{}/alertmanagerconfigs"


def stage_muted(environment: Environment) -> None:
    """As in life: critical alerts were muted for a migration, by an interval without any limit."""
    config: dict[str, Any] = yaml.safe_load(slack_config(environment))
    config["time_intervals"] = [{"name": "migration", "time_intervals": [{"months": ["1:12"]}]}]
    config["route"]["routes"][-1]["mute_time_intervals"] = ["migration"]
    _serve(environment, config, "mute_time_intervals")


def stage_inhibited(environment: Environment) -> None:
    """As in life: an inhibit rule for maintenance, whose matcher was widened until the heartbeat matched it."""
    config: dict[str, Any] = yaml.safe_load(slack_config(environment))
    rule = {"source_matchers": ['severity =~ "none|maintenance"'], "target_matchers": ['severity = "critical"']}
    config["inhibit_rules"].append(rule)
    _serve(environment, config, "none|maintenance")


def stage_critical_to_null(environment: Environment) -> None:
    """As in life: what a noisy team's alerts were sent to null by takes the critical ones, too, for it comes first."""
    config: dict[str, Any] = yaml.safe_load(slack_config(environment))
    noisy = {"matchers": [f'namespace = "{environment.workload_namespace}"'], "receiver": "null"}
    config["route"]["routes"].insert(0, noisy)
    _serve(environment, config, environment.workload_namespace)


def clear_routes(environment: Environment) -> None:
    alertmanager.write_config(environment, slack_config(environment))
    wanted = len(yaml.safe_load(slack_config(environment))["route"]["routes"])

    def is_healthy(text: str) -> bool:
        config = yaml.safe_load(text)
        return len(config["route"]["routes"]) == wanted and "migration" not in text and "none|maintenance" not in text

    wait_for_config(environment, "the Slack configuration", is_healthy)


def stage_unselected(environment: Environment) -> None:
    """As in life: the Alertmanager selects by a label, of which the team does not know."""
    _select(environment, {"matchLabels": {"alertmanagerConfig": "slack"}})
    _make(
        environment, {"name": "team", "webhookConfigs": [{"url": "http://slack.slack.svc.cluster.local/services/T00000000/B00000000/lab"}]}
    )


def _make(environment: Environment, receiver: api.Object) -> None:
    made = {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": {"name": _TEAM, "namespace": environment.workload_namespace},
        "spec": {"route": {"receiver": "team"}, "receivers": [receiver]},
    }
    api.create(_OBJECTS.format(environment.workload_namespace), made)


def stage_refused(environment: Environment) -> None:
    """As in life: its receiver names a Secret that was made in another namespace."""
    url = {"name": "checkout-slack", "key": "url"}
    _make(environment, {"name": "team", "slackConfigs": [{"apiURL": url, "channel": "#checkout"}]})
    wait_until_old(_own(environment), _SETTLED_SECONDS)


def clear_refused(environment: Environment) -> None:
    api.delete(_own(environment))
    wait_for_config(environment, "no configuration of a team", lambda text: f"/{_TEAM}/" not in text)


def clear_unselected(environment: Environment) -> None:
    clear_refused(environment)
    _select(environment, {})


def _own(environment: Environment) -> str:
    return f"{_OBJECTS.format(environment.workload_namespace)}/{_TEAM}"


def _select(environment: Environment, selector: api.Object) -> None:
    change = [{"op": "replace", "path": "/spec/alertmanagerConfigSelector", "value": selector}]
    api.patch(alertmanager.path_of(environment), change, api.JSON_PATCH)


def _serve(environment: Environment, config: api.Object, words: str) -> None:
    alertmanager.write_config(environment, yaml.safe_dump(config, sort_keys=False))
    wait_until(f"{environment.alertmanager} to serve {words}", lambda: words in alertmanager.served_config(environment), PATIENCE_SECONDS)


def _stage(name: str, description: str, stage: Callable[[Environment], None]) -> Stage:
    return Stage(name, description, stage, clear_routes, touches=(_CONFIGURATION,))


STAGES = (
    _stage("critical-muted", "the route of critical alerts is muted in every month", stage_muted),
    _stage("critical-inhibited", "an inhibit rule holds critical alerts back while something fires that always does", stage_inhibited),
    _stage(
        "critical-to-null",
        "a route that comes first sends all alerts of a namespace nowhere",
        stage_critical_to_null,
    ),
    Stage(
        "team-routes-unselected",
        "an AlertmanagerConfig without the label that the Alertmanager asks for",
        stage_unselected,
        clear_unselected,
        touches=("AlertmanagerConfigs of {environment}", _CONFIGURATION),
    ),
    Stage(
        "team-routes-refused",
        "an AlertmanagerConfig whose receiver names a Secret that is not there",
        stage_refused,
        clear_refused,
        touches=("AlertmanagerConfigs of {environment}",),
    ),
)
