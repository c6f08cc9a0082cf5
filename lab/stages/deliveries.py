"""Notifications that Slack does not get, although every alert fires and is routed as it should be."""

from __future__ import annotations

import datetime as dt

from lab import api
from lab.command import wait_until
from lab.platform import alertmanager, slack
from lab.platform.effects import PATIENCE_SECONDS, wait_for_config
from lab.platform.manifests import Environment, slack_config
from lab.stages import Stage

_CONFIGURATION = "the Alertmanager configuration of {environment}"
_HOST = "slack.slack.svc.cluster.local"
_TOKEN = "B00000000/lab"
_REVOKED = "B00000000/revoked"


def stage_refused(environment: Environment) -> None:
    """The webhook was revoked, and made anew under another address that nobody told Alertmanager."""
    _break(environment, slack_config(environment).replace(_TOKEN, _REVOKED), "authError")


def stage_unreachable(environment: Environment) -> None:
    """The proxy before Slack was moved to another namespace, and Alertmanager still names the old one."""
    _break(environment, slack_config(environment).replace(_HOST, "slack.egress.svc.cluster.local"), "")


def _break(environment: Environment, text: str, reason: str) -> None:
    before = _given_up(environment, reason)
    _configure(environment, text)
    wait_until("two notifications to be given up", lambda: _given_up(environment, reason) >= before + 2, PATIENCE_SECONDS)


def stage_silenced(environment: Environment) -> None:
    """A look-alike: somebody has silenced everything for a while, after it was delivered."""
    _silence(environment, dt.timedelta(hours=2))


def stage_silenced_for_ever(environment: Environment) -> None:
    """As in life: a silence for a move to other machines, whose end nobody knew yet."""
    _silence(environment, dt.timedelta(days=365))


def _silence(environment: Environment, time: dt.timedelta) -> None:
    wait_until("a delivery", lambda: bool(slack.messages(environment)), PATIENCE_SECONDS)
    before = _suppressed(environment)
    matcher = {"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True}
    now = dt.datetime.now(dt.UTC)
    times = {"startsAt": now.isoformat(), "endsAt": (now + time).isoformat()}
    api.create(f"{_pod(environment)}/api/v2/silences", {"matchers": [matcher], **times, "createdBy": "lab", "comment": "maintenance"})
    wait_until("the alerts to be suppressed", lambda: _suppressed(environment) > before, PATIENCE_SECONDS)


def clear_silenced(environment: Environment) -> None:
    for one in alertmanager.answer(environment, "silences"):
        if one["status"]["state"] != "expired":
            api.delete(f"{_pod(environment)}/api/v2/silence/{one['id']}")
    _wait_for_delivery(environment)


def clear_delivery(environment: Environment) -> None:
    _configure(environment, slack_config(environment))
    _wait_for_delivery(environment)


def _configure(environment: Environment, text: str) -> None:
    alertmanager.write_config(environment, text)
    wait_for_config(environment, "the Slack configuration", lambda config: "slack_configs" in config)


def _wait_for_delivery(environment: Environment) -> None:
    before = len(slack.messages(environment))
    newest = slack.messages(environment)[-1:]

    def arrived() -> bool:
        messages = slack.messages(environment)
        return len(messages) > before or messages[-1:] != newest  # the oldest are forgotten

    wait_until("a notification to arrive", arrived, PATIENCE_SECONDS)


def _given_up(environment: Environment, reason: str) -> float:
    """How many notifications were, for this reason or for any, but for those that a reload interrupted."""
    start = f'alertmanager_notifications_failed_total{{integration="slack",reason="{reason}'
    lines = [line for line in _counted(environment) if line.startswith(start) and "contextCanceled" not in line]
    return sum(float(line.split()[-1]) for line in lines)


def _suppressed(environment: Environment) -> float:
    """How many alerts a silence has held back since the Alertmanager was started."""
    start = 'alertmanager_notifications_suppressed_total{reason="silence"}'
    return sum(float(line.split()[-1]) for line in _counted(environment) if line.startswith(start))


def _counted(environment: Environment) -> list[str]:
    """The counters that are not 0."""
    text = api.call("GET", f"{_pod(environment)}/metrics").decode()
    return [line for line in text.splitlines() if line.startswith("alertmanager_notifications_") and not line.endswith(" 0")]


def _pod(environment: Environment) -> str:
    return f"/api/v1/namespaces/{environment.namespace}/pods/{environment.alertmanager_pod}:9093/proxy"


STAGES = (
    Stage(
        "slack-refuses",
        "the webhook of Slack was revoked: every notification is refused for good",
        stage_refused,
        clear_delivery,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "slack-unreachable",
        "the name under which Slack is reached does not resolve: every notification is given up in the end",
        stage_unreachable,
        clear_delivery,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "alerts-silenced",
        "somebody has silenced everything: nothing is sent, and nothing fails",
        stage_silenced,
        clear_silenced,
        touches=(_CONFIGURATION,),
    ),
    Stage(
        "alerts-silenced-for-ever",
        "somebody has silenced everything for a year",
        stage_silenced_for_ever,
        clear_silenced,
        touches=(_CONFIGURATION,),
    ),
)
