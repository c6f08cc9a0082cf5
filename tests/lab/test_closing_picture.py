"""The closing picture: a bad version, from its deployment through every system to Slack, rolled back, and healthy again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest

from lab import api
from lab.paths import KUBECONFIG
from lab.platform import alertmanager, loki, slack
from lab.platform.manifests import PROD
from lab.stages.serving import NEEDS_A_FEATURE, clear_canary
from tests.lab.running import PROFILE, clusterprobe
from tests.lab.test_stages import healthy, wait_until_healthy

ROOT = Path(__file__).parents[2]
HOOK = ROOT / "deploy" / "rollback" / "canary_hook.py"
NAMESPACE, NAME = PROD.workload_namespace, "fastapi-canary"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ALERT = "ErrorLines"
HOP_SECONDS = 90
RESOLVED_SECONDS = 180  # a minute until the rule has forgotten, and half a minute of group_interval

Seen = TypeVar("Seen")


class Timeline:
    """When each hop was reached, in seconds since the deployment; each later than the one before."""

    def __init__(self) -> None:
        self.begun = time.time()
        self.rows: list[tuple[float, str, str]] = []

    def reach(self, at: float, what: str, where: str) -> None:
        self.rows.append((at - self.begun, what, where))
        assert self.rows == sorted(self.rows, key=lambda row: row[0]), f"out of order:\n{self}"

    def wait(self, look: Callable[[], Seen | None], seconds: float, what: str) -> Seen:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.5)
        raise AssertionError(f"within {seconds} s not seen: {what}\n{self}")

    def __str__(self) -> str:
        lines = [f"| {seconds:.0f} | {what} | {where} |" for seconds, what, where in self.rows]
        return "\n".join(["| s | what | seen in |", "| ---: | --- | --- |", *lines])


# --- what each system shows -----------------------------------------------------------------------------------------------


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def error_line(begun: float) -> tuple[float, str] | None:
    """The canary's first error line since then, as Loki has it."""
    selector = f'{{namespace="{NAMESPACE}", track="canary"}} |= `"level":"error"`'
    query = urlencode({"query": selector, "start": int(begun * 1e9), "limit": 1, "direction": "forward"})
    streams = api.get(f"{loki.PROXY}/loki/api/v1/query_range?{query}")["data"]["result"]
    lines = sorted(tuple(value[:2]) for one in streams for value in one["values"])
    return (int(lines[0][0]) / 1e9, lines[0][1]) if lines else None


def is_the_canarys(alert: dict[str, Any]) -> bool:
    labels = alert["labels"]
    return (labels["alertname"], labels.get("namespace"), labels.get("track")) == (ALERT, NAMESPACE, "canary")


def firing() -> dict[str, Any] | None:
    """The alert as Loki's ruler has it."""
    alerts = api.get(f"{loki.PROXY}/prometheus/api/v1/alerts")["data"]["alerts"]
    return next((one for one in alerts if one["state"] == "firing" and is_the_canarys(one)), None)


def arrived() -> dict[str, Any] | None:
    """The alert as production's Alertmanager has it."""
    return next((one for one in alertmanager.answer(PROD, "alerts?active=true") if is_the_canarys(one)), None)


def told(begun: float, color: str) -> tuple[float, str] | None:
    """What Slack shows: Alertmanager's colour for firing is danger, for resolved good."""
    for message in slack.messages(PROD):
        for one in message["body"].get("attachments", []):
            meant = one.get("title") == ALERT and f"(canary) in {NAMESPACE}" in one.get("text", "")
            if meant and one.get("color") == color and epoch(message["received_at"]) > begun:
                return epoch(message["received_at"]), str(one["text"])
    return None


def version() -> str:
    (container,) = api.get(DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    return next(str(one["value"]) for one in container["env"] if one["name"] == "MODEL_VERSION")


def kubectl(*arguments: str, kubeconfig: Path = KUBECONFIG) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", "--kubeconfig", str(kubeconfig), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# --- the hook ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Whom the hook acts as: what the commands of docs/rollback.md make."""
    folder = tmp_path_factory.mktemp("account")
    text = (ROOT / "docs" / "rollback.md").read_text(encoding="utf-8")
    kubeconfig = folder / "canary-hook.kubeconfig"
    text = text.partition("<!-- account -->\n```sh\n")[2].partition("```")[0].replace(kubeconfig.name, str(kubeconfig))
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG), "HOME": str(folder), "PATH": programs}
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield kubeconfig
    finally:
        for path in (
            f"{RBAC}/clusterrolebindings/canary-hook",
            f"{RBAC}/clusterroles/canary-hook",
            f"{RBAC}/namespaces/{NAMESPACE}/rolebindings/canary-hook",
            f"{RBAC}/namespaces/{NAMESPACE}/roles/canary-hook",
            f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/canary-hook",
        ):
            api.delete(path)


def hook(kubeconfig: Path, output: Path) -> tuple[int, list[tuple[float, str]]]:
    """Its exit status, and when it said what."""
    command = [sys.executable, str(HOOK), f"{NAMESPACE}/{NAME}", "--profile", str(PROFILE), "--output", str(output)]
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": programs}
    said: list[tuple[float, str]] = []
    with subprocess.Popen(
        [*command, "--patience", str(HOP_SECONDS), "--pause", "2"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append((time.time(), line.rstrip("\n")))
    return process.returncode, said


@pytest.fixture
def restored() -> Iterator[None]:
    """Whatever happens, the canary is the healthy one again."""
    yield
    clear_canary(PROD)


def test_the_hooks_account_may_change_that_one_deployment_only(account: Path) -> None:
    def scaled(name: str) -> subprocess.CompletedProcess[str]:
        command = ("scale", f"deployment/{name}", "-n", NAMESPACE, "--replicas=0", "--dry-run=server")
        return kubectl(*command, kubeconfig=account)

    assert scaled(NAME).returncode == 0, scaled(NAME).stderr
    assert "is forbidden" in scaled("fastapi").stderr


def test_a_bad_version_is_told_in_slack_rolled_back_and_the_next_run_is_healthy(
    account: Path, restored: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = wait_until_healthy(tmp_path / "before")
    assert healthy(before), before.said
    good = version()
    assert good != NEEDS_A_FEATURE
    Timeline().wait(lambda: not firing() and not arrived(), HOP_SECONDS, "no alert about the canary")

    line = Timeline()
    done = kubectl("set", "env", f"deployment/{NAME}", "-n", NAMESPACE, f"MODEL_VERSION={NEEDS_A_FEATURE}")
    assert done.returncode == 0, done.stderr
    line.reach(line.begun, f"version {NEEDS_A_FEATURE} of the model is deployed as canary, instead of {good}", "the Deployment")

    at, text = line.wait(lambda: error_line(line.begun), HOP_SECONDS, "an error line of the canary in Loki")
    assert "region_risk" in text
    line.reach(at, f"its first error line: `{json.loads(text)['message']}`", "Loki")

    alert = line.wait(firing, HOP_SECONDS, "the ruler's alert")
    line.reach(epoch(alert["activeAt"]), f"the alert {ALERT} fires", "Loki's ruler")

    alert = line.wait(arrived, HOP_SECONDS, "the alert in Alertmanager")
    assert [one["name"] for one in alert["receivers"]] == ["slack"]
    line.reach(epoch(alert["updatedAt"]), "the alert has arrived, for the receiver slack", "production's Alertmanager")

    at, text = line.wait(lambda: told(line.begun, "danger"), HOP_SECONDS, "the message in Slack")
    line.reach(at, f"“{text}”", f"Slack, #alerts-{PROD.name}")
    assert version() == NEEDS_A_FEATURE, "nobody has rolled it back yet"

    status, said = hook(account, tmp_path / "hook")
    ended = time.time()
    assert status == 1, said
    results = json.loads((tmp_path / "hook" / "results.json").read_text())
    assert results["cluster"]["user"] == f"system:serviceaccount:{NAMESPACE}:canary-hook"
    (probe,) = [one for one in results["probes"] if one["id"] == "serving/canary"]
    (finding,) = [one for one in probe["findings"] if one["subject"]["namespace"] == NAMESPACE]
    assert finding["reason"] == "CanaryRollBack"
    decided = next(at for at, text in said if "Roll back: " in text)
    line.reach(decided, f"“{finding['problem']}”", "`serving/canary`")
    undone, command = next((at, text.partition("$ ")[2]) for at, text in said if "$ kubectl" in text)
    assert f"$ {command}" in finding["fix"].splitlines()
    line.reach(undone, f"`{command}`", "the hook")
    line.reach(ended, f"version {good} is ready again; the hook ends with {status}", "the Deployment")
    assert version() == good

    against = str(tmp_path / "before" / "results.json")
    after = clusterprobe(tmp_path / "after", "--wait", "3m", "--against", against, seconds=300)
    assert healthy(after), after.said
    # A note may be new: what an earlier stage left in Loki's counters is one as soon as ten minutes have passed since.
    probes = {one["id"]: one["findings"] for one in after.results["probes"]}
    new = [(probe, number) for probe, number in after.results["since"]["new"] if probes[probe][number]["severity"] != "info"]
    assert (after.results["verdict"], new) == ("healthy", []), after.said
    ended = time.time()
    generation = api.get(DEPLOYMENT)["metadata"]["generation"]
    assert hook(account, tmp_path / "again")[0] == 0
    assert api.get(DEPLOYMENT)["metadata"]["generation"] == generation, "a good one is left alone"
    resolved, text = line.wait(lambda: told(line.begun, "good"), RESOLVED_SECONDS, "that it is resolved, in Slack")
    last = [
        (ended, "the next run is healthy, with nothing new since the one before the deployment", "`clusterprobe run`"),
        (resolved, f"resolved: “{text}”", f"Slack, #alerts-{PROD.name}"),
    ]
    for row in sorted(last):
        line.reach(*row)
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")
