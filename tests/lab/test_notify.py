"""Telling people, with the lab's own receivers: each change once, by the team's own route and directly, and nothing in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import api
from lab.platform import alertmanager, slack
from lab.platform.effects import wait_for_config
from lab.platform.manifests import DEV, slack_config
from lab.stages import clear, stage
from tests.counts import told
from tests.lab.release import ROOT, until
from tests.lab.running import PROFILE, Done, clusterprobe, printed
from tests.lab.test_stages import ALERT_PATH, wait_until_found, wait_until_healthy

INCIDENT, FOUND = "datasource-of-other-environment", ("grafana/datasources", "DatasourceOfOtherEnvironment")
BROKEN = "slack-refuses"
CHANNEL = "#platform-team"
LINK = "https://reports.example.org/{run}/"
TOLD_SECONDS = 90  # a group's interval, and what a busy machine takes


# --- the receivers ------------------------------------------------------------------------------------------------------


def address(namespace: str, selector: str, port: int) -> str:
    """Of a pod, as this machine reaches it."""
    [pod] = api.items(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")
    return f"http://{pod['status']['podIP']}:{port}"


def hook(name: str) -> str:
    """The address of a webhook of this name at the stand-in for Slack."""
    return f"{address('slack', 'app.kubernetes.io/name=slack', 8080)}{path(name)}"


def path(name: str) -> str:
    return f"/services/T00000000/{name}/lab"


def inbox() -> list[api.Object]:
    kept: list[api.Object] = api.get(f"{slack.PROXY}/messages")["messages"]
    return kept


def posted(name: str) -> list[Any]:
    """What was sent to a webhook, the oldest first."""
    return [one["body"] for one in inbox() if one["path"] == path(name)]


def routed() -> list[dict[str, Any]]:
    """What Alertmanager sent by the team's route, the oldest first."""
    return [attachment for one in inbox() if one["body"].get("channel") == CHANNEL for attachment in one["body"]["attachments"]]


def let_a_group_pass() -> None:
    """Until Alertmanager has sent two more heartbeats, between which every group of the team's route is due at least once."""
    for _ in range(2):
        newest = slack.messages(DEV)[-1:]
        until("a heartbeat arrives", lambda newest=newest: slack.messages(DEV)[-1:] != newest, TOLD_SECONDS)


# --- who is told --------------------------------------------------------------------------------------------------------


@dataclass
class Team:
    """Runs one after the other in folders beside each other, each with what this profile's `notify` says."""

    folder: Path
    notify: dict[str, str]
    runs: int = 0
    newest: Path = Path()

    def run(self) -> Done:
        self.folder.mkdir(exist_ok=True)
        profile = self.folder / "profile.yaml"
        profile.write_text(yaml.safe_dump({"extends": str(PROFILE), "notify": {**self.notify, "link": LINK, "alerts_end_after": "30m"}}))
        self.newest = self.folder / f"run-{self.runs}"
        self.runs += 1
        done = clusterprobe(self.newest, "--profile", str(profile))
        assert "was not told" not in done.said, done.said
        return done


@pytest.fixture
def by_route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team with an Alertmanager and a webhook; Slack is only for when alerts reach nobody."""
    monkeypatch.setenv("INSTEAD", hook("INSTEAD"))
    monkeypatch.setenv("CHANGES", hook("CHANGES"))
    selector = f"alertmanager={DEV.alertmanager}"
    return Team(
        tmp_path / "by-route",
        {"alertmanager_url": address(DEV.namespace, selector, 9093), "slack_url_env": "INSTEAD", "webhook_url_env": "CHANGES"},
    )


@pytest.fixture
def directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("DIRECTLY", hook("DIRECTLY"))
    return Team(tmp_path / "directly", {"slack_url_env": "DIRECTLY"})


@pytest.fixture
def route() -> Iterator[None]:
    """The route and the receiver of docs/notifications.md, in dev's Alertmanager, with the lab's shorter waits."""
    shown = documented()
    config = yaml.safe_load(slack_config(DEV))
    waits = {"group_wait": "1s", "group_interval": "5s", "repeat_interval": "4h"}
    config["route"]["routes"][:0] = [one | waits for one in shown["route"]["routes"]]
    config["receivers"] += shown["receivers"]
    [receiver] = shown["receivers"]
    assert receiver["slack_configs"][0]["channel"] == CHANNEL
    alertmanager.write_config(DEV, yaml.safe_dump(config))
    wait_for_config(DEV, "the documented route", lambda text: CHANNEL in text)
    yield
    alertmanager.write_config(DEV, slack_config(DEV))
    wait_for_config(DEV, "the configuration as it was", lambda text: CHANNEL not in text)


def documented() -> dict[str, Any]:
    text = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text.partition("<!-- alertmanager -->\n```yaml\n")[2].partition("```")[0])
    return found


def told_of(done: Done) -> list[dict[str, Any]]:
    """The findings of a run of which somebody is told."""
    findings = [finding for probe in done.results["probes"] for finding in probe["findings"]]
    return [one for one in findings if one["severity"] in ("warning", "error", "critical")]


def link(done: Done) -> str:
    return LINK.replace("{run}", done.results["run"]["id"]) + "#f-"


# --- tests --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("route")
def test_each_change_is_told_once_by_the_teams_route_and_directly(by_route: Team, directly: Team, tmp_path: Path) -> None:
    wait_until_healthy(tmp_path / "before")
    teams, before = (by_route, directly), counts()
    for team in teams:
        team.run()
    let_a_group_pass()
    assert counts() == before, "nothing is wrong, and so nothing is told"
    try:
        stage(INCIDENT)
        wait_until_found(tmp_path / "staged", (INCIDENT,))
        new = [team.run() for team in teams]
        [finding] = told_of(new[0])
        assert new[0].finding(*FOUND) == finding
        until("the team's route tells of it", lambda: counts()[CHANNEL] > before[CHANNEL], TOLD_SECONDS)
        check_new(finding, *new)
        assert counts() == one_more(before)
        for team in teams:
            team.run()
        let_a_group_pass()
        assert counts() == one_more(before), "nothing has changed, and so nothing is told"
        counted = told(by_route.newest, lambda form: printed(by_route.newest, form))
        assert counted == dict.fromkeys(counted, counted["results.json"])
    finally:
        clear(INCIDENT)
    wait_until_healthy(tmp_path / "after")
    for team in teams:
        team.run()
    until("the team's route tells of the end", lambda: counts()[CHANNEL] > before[CHANNEL] + 1, TOLD_SECONDS)
    check_resolved(finding)
    assert counts() == one_more(one_more(before))
    for team in teams:
        team.run()
    let_a_group_pass()
    assert counts() == one_more(one_more(before)), "nothing is wrong any more, and that was told"


def counts() -> dict[str, int]:
    """How many messages have arrived, by the way that they took."""
    return {CHANNEL: len(routed()), **{name: len(posted(name)) for name in ("DIRECTLY", "CHANGES", "INSTEAD")}}


def one_more(before: dict[str, int]) -> dict[str, int]:
    """How many once each way was used for one message more; the last is only for when alerts reach nobody."""
    return {way: count + (way != "INSTEAD") for way, count in before.items()}


def check_new(finding: dict[str, Any], of_route: Done, of_direct: Done) -> None:
    """The newest message of each way has the problem, the cause, every step of the fix, and a link to it."""
    by_team = routed()[-1]
    assert by_team["title"].startswith("FIRING")
    direct, change = posted("DIRECTLY")[-1]["text"], posted("CHANGES")[-1]
    assert direct.startswith("*Clusterprobe, lab: 1 new*"), direct
    assert (change["summary"], [one["code"] for one in change["new"]]) == ("Clusterprobe, lab: 1 new", [FOUND[1]])
    for text, run in ((by_team["text"], of_route), (unescaped(direct), of_direct), (json.dumps(change), of_route)):
        assert link(run) in text
    for text in map(unescaped, (by_team["text"], direct)):
        for said in (finding["problem"], finding["cause"], finding["fix"]):
            assert plain(said) in plain(text), text
    assert [change["new"][0][one] for one in ("problem", "cause", "fix")] == [finding[one] for one in ("problem", "cause", "fix")]


def check_resolved(finding: dict[str, Any]) -> None:
    by_team, direct, change = routed()[-1], posted("DIRECTLY")[-1]["text"], posted("CHANGES")[-1]
    assert by_team["title"].startswith("RESOLVED")
    assert plain(finding["problem"]) in plain(unescaped(by_team["text"]))
    assert direct.startswith("*Clusterprobe, lab: 1 resolved*"), direct
    assert ([one["code"] for one in change["resolved"]], change["new"], change["worse"]) == ([FOUND[1]], [], [])


def unescaped(text: str) -> str:
    """As Slack shows it."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain(text: str) -> str:
    """Without the marks that are replaced where text must stay text, and without white space."""
    return "".join(one for one in text if one.isalnum())


def test_where_alerts_reach_nobody_the_direct_way_is_used_by_itself(by_route: Team, tmp_path: Path) -> None:
    wait_until_healthy(tmp_path / "before")
    by_route.run()
    before = len(posted("INSTEAD"))
    try:
        stage(BROKEN)
        wait_until_found(tmp_path / "staged", (BROKEN,))
        done = by_route.run()
        assert {("alertmanager/delivery", "DeliveryFails"), (ALERT_PATH, "AlertPathBroken")} & done.found("error", "critical")
        [message] = posted("INSTEAD")[before:]
        for said in (f"{len(told_of(done))} new", "alertmanager/delivery DeliveryFails", "Cause: ", "Fix:", link(done)):
            assert said in message["text"], message["text"]
        by_route.run()
        assert len(posted("INSTEAD")) == before + 1, "nothing has changed"
    finally:
        clear(BROKEN)
    wait_until_healthy(tmp_path / "after")
    by_route.run()
    [_, message] = posted("INSTEAD")[before:]
    assert f"{len(told_of(done))} resolved" in message["text"]
    by_route.run()
    assert len(posted("INSTEAD")) == before + 2, "that was told"
