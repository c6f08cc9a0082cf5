"""Secrets in everything that a cluster answers, through whole runs of the command line: none is in any output."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clusterprobe.shipped import shipped
from tests.faults.faults import CAP
from tests.faults.recording import Recording
from tests.faults.server import FaultServer, Reply
from tests.secrets.corpus import SHAPES, parts
from tests.secrets.planting import WRITTEN, contents, leaks, planted_bundle, planted_recording
from tests.secrets.sinks import leaked

KUBECONFIG = """
current-context: lab
contexts: [{{name: lab, context: {{cluster: lab, user: tester}}}}]
clusters: [{{name: lab, cluster: {{server: "{url}"}}}}]
users: [{{name: tester, user: {{token: a-token}}}}]
"""
OUTPUTS = {"index.html", "results.json", "junit.xml", "metrics.prom", "pytest.html"}


def clusterprobe(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """One run of the command line: its exit status, and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "clusterprobe", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outputs of a run on a bundle of the demo's incidents, with a secret in every text."""
    folder = tmp_path_factory.mktemp("replayed")
    planted_bundle(shipped("demo") / "demo.zip", folder / "planted.zip")
    status, said = clusterprobe(folder, "run", "--bundle", folder / "planted.zip", "--output", folder / "out")
    assert status in (1, 2), said
    return {**contents(folder / "out"), "terminal": said}


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outputs, and the bundle, of a capture from a server that answers with secrets."""
    folder = tmp_path_factory.mktemp("captured")
    with FaultServer(planted_recording(Recording.load())) as server:
        (folder / "kubeconfig").write_text(KUBECONFIG.format(url=server.url))
        arguments = ["capture", folder / "out" / "evidence.zip", "--kubeconfig", folder / "kubeconfig", "--output", folder / "out"]
        status, said = clusterprobe(folder, *arguments)
    assert status in (1, 2), said
    return {**contents(folder / "out"), "terminal": said}


def test_a_replayed_bundle_leaks_nothing(replayed: dict[str, str]) -> None:
    assert replayed.keys() >= OUTPUTS
    assert "[redacted]" in replayed["results.json"]
    assert {name: found for name, text in replayed.items() if (found := leaks(text))} == {}


def test_a_captured_cluster_leaks_nothing(captured: dict[str, str]) -> None:
    assert captured.keys() >= OUTPUTS
    assert any(name.startswith("evidence.zip:") for name in captured)
    assert any("[redacted]" in text for name, text in captured.items() if name.startswith("evidence.zip:"))
    assert {name: found for name, text in captured.items() if (found := leaks(text))} == {}


@pytest.mark.parametrize("status", [302, 403, 503])
def test_what_a_server_says_of_its_trouble_leaks_nothing(tmp_path: Path, status: int) -> None:
    shapes = [one for one in SHAPES if "\n" not in one.text]
    texts = iter(shapes * 50)

    def refuse(talk, request, reply) -> None:
        text = next(texts).text
        body = json.dumps({"kind": "Status", "message": text}) if status % 2 else text
        location = (("Location", f"https://elsewhere.example.org/?x={text}".encode("ascii", "ignore").decode()),) if status == 302 else ()
        talk.send(Reply(status, body.encode(), "application/json" if status % 2 else "text/plain", location))

    with FaultServer(Recording.load()) as server:
        (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(url=server.url))
        with server.misbehaving(refuse, lambda request: "proxy" in request.path or "/apis/" in request.path or "/log" in request.path):
            _, said = clusterprobe(
                tmp_path, "run", "--kubeconfig", tmp_path / "kubeconfig", "--output", tmp_path / "out", "--timeout", "60s"
            )
    assert {name: found for name, text in {**contents(tmp_path / "out"), "terminal": said}.items() if (found := leaks(text, shapes))} == {}


def test_a_credential_plugin_s_complaint_leaks_nothing(tmp_path: Path) -> None:
    for number, shape in enumerate(SHAPES[:: max(1, len(SHAPES) // 6)]):
        plugin = tmp_path / f"plugin{number}"
        plugin.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write({shape.text!r} + '\\n')\nsys.exit(1)\n")
        plugin.chmod(0o755)
        user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}}
        config = json.loads(
            json.dumps({"current-context": "lab", "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "x"}}]})
        )
        config |= {"clusters": [{"name": "lab", "cluster": {"server": "http://127.0.0.1:1"}}], "users": [{"name": "x", "user": user}]}
        (tmp_path / "kubeconfig").write_text(json.dumps({"kind": "Config", "apiVersion": "v1", **config}))
        _, said = clusterprobe(tmp_path, "run", "--kubeconfig", tmp_path / "kubeconfig", "--output", tmp_path / f"out{number}")
        assert not leaks(said, [shape])


def test_no_cap_of_the_fault_server_hides_what_was_planted() -> None:
    assert CAP > 400_000


def test_every_shape_is_seen_where_it_comes_out() -> None:
    for shape in SHAPES:
        for planted in shape.planted:
            for text in (planted, WRITTEN["url"](planted), html.escape(planted)):
                assert f"{shape.name}: {parts(planted)[0]}" in leaks(f"before {text} after")


@pytest.mark.parametrize("way", WRITTEN)
def test_no_shape_in_any_writing_is_in_any_output(way: str, tmp_path: Path) -> None:
    assert {name: found for name, found in leaked(way, tmp_path).items() if found} == {}


def test_what_a_ci_system_keeps_in_variables_is_in_no_output(tmp_path: Path) -> None:
    token = "glpat-" + "tulip99garden42monkey"
    kept = {"JENKINS_URL": "https://ci.example.org", "GIT_URL": f"https://bot:{token}@git.example.org/x.git", "GIT_BRANCH": token}
    program = [sys.executable, "-m", "clusterprobe", "demo", "--select", "prometheus/storage", "--output", str(tmp_path / "out")]
    subprocess.run(program, env={**os.environ, **kept}, capture_output=True, check=False)
    found = contents(tmp_path / "out")
    assert found.keys() >= OUTPUTS
    assert [name for name, text in found.items() if token in text] == []
