"""Tells people what is new, worse and resolved: each once, and nothing where nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from clusterprobe.access.deadline import Deadline
from clusterprobe.model import RunResult
from clusterprobe.notify import alerts, slack, webhook
from clusterprobe.notify.changes import Changes, Told, alert_path_broken, changes, told_after
from clusterprobe.notify.sending import post
from clusterprobe.notify.state import read_last, write
from clusterprobe.profile import Notify
from clusterprobe.report.safe import safe


def tell(result: RunResult, folder: Path, beside: Path, wanted: Notify, environ: Mapping[str, str], limit: Deadline) -> list[str]:
    """Send what changed since each channel was last told; what could not be sent, as sentences.

    The last run of the same cluster beside the folder `beside` says what was told; what is told now is written into the run's own.
    A channel that could not be told is told the same the next time.
    """
    clean = safe(result)
    before = read_last(beside, clean)
    troubles: list[str] = []
    after: dict[str, dict[str, Told]] = {}
    for name, send in _channels(clean, wanted, environ, limit):
        told = before.get(name, {})
        found = changes(told, clean, wanted)
        trouble = send(found)
        troubles += [f"{name} was not told: {trouble}"] if trouble else []
        after[name] = told if trouble else told_after(told, found)
    if not after:
        return []
    try:
        write(folder, clean, after)
    except OSError as error:
        troubles.append(f"what was told could not be kept, so it will be told again: {error.strerror} ({folder})")
    return troubles


Send = Callable[[Changes], str]


def _channels(result: RunResult, wanted: Notify, environ: Mapping[str, str], limit: Deadline) -> list[tuple[str, Send]]:
    """The channels of the profile, each with how it is told; Slack last, since it also stands in for an Alertmanager."""
    refused: list[str] = []

    def to_alertmanager(found: Changes) -> str:
        body = alerts.payload(result, found, wanted)
        trouble = post(wanted.alertmanager_url, alerts.PATH, body, limit) if body else ""
        refused.extend([trouble] if trouble else [])
        return trouble

    def to_webhook(found: Changes) -> str:
        return post(environ.get(wanted.webhook_url_env, ""), "", webhook.payload(result, found, wanted), limit) if found else ""

    def to_slack(found: Changes) -> str:
        instead = not wanted.alertmanager_url or refused or alert_path_broken(found)
        return post(environ.get(wanted.slack_url_env, ""), "", slack.payload(result, found, wanted), limit) if found and instead else ""

    known: list[tuple[str, str, Send]] = [
        ("Alertmanager", wanted.alertmanager_url, to_alertmanager),
        ("the webhook", wanted.webhook_url_env, to_webhook),
        ("Slack", wanted.slack_url_env, to_slack),
    ]
    return [(name, send) for name, setting, send in known if setting]
