"""Whatever a server, a kubeconfig or a bundle says, no line that a command prints moves a cursor or is a command to a CI system."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterprobe.shipped import shipped
from clusterprobe.words import UNSEEN
from tests.faults.recording import Recording
from tests.faults.server import FaultServer, Reply

HOSTILE = "no\n::set-output name=a::b\r\x1b[2J\u202e ##[error]c ##vso[task.setvariable variable=d]e\u2028::stop-commands::f"
MAIN = "from clusterprobe.cli import main; main()"
FORMS = ["wide", "markdown", "junit", "json", "sarif", "ctrf"]


def kubeconfig(folder: Path, url: str, name: str = "lab") -> str:
    """The path of a kubeconfig whose context, cluster and user have this name."""
    config = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {"token": "t"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return str(folder / "kubeconfig")


def printed(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", MAIN, *arguments], cwd=folder, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode()


def acts(text: str) -> list[str]:
    """The lines that would do something to a terminal, or to the logs of GitHub and Azure."""
    return [one for one in text.split("\n") if UNSEEN.search(one) or re.search(r"^\s*::|##\w*\[", one)]


@pytest.fixture
def refusing() -> Iterator[FaultServer]:
    """An API server, and systems behind it, whose every answer but who we are is a refusal of hostile words."""

    def refuse(talk: Any, request: Any, reply: Reply) -> None:
        talk.send(Reply(400, json.dumps({"kind": "Status", "message": HOSTILE}).encode(), "application/json"))

    with FaultServer(Recording.load()) as server, server.misbehaving(refuse, lambda request: "selfsubject" not in request.path):
        yield server


@pytest.mark.parametrize(
    "arguments", [["doctor"], ["environments"], ["profile", "init", "mine.yaml"], ["run", "--select", "pods"]], ids=lambda one: one[0]
)
def test_what_a_server_says_acts_on_nothing(arguments: list[str], refusing: FaultServer, tmp_path: Path) -> None:
    said = printed(tmp_path, *arguments, "--kubeconfig", kubeconfig(tmp_path, refusing.url))
    assert "set-output" in said
    assert acts(said) == []


@pytest.mark.parametrize("arguments", [["doctor"], ["environments"], ["run", "--select", "pods"]], ids=lambda one: one[0])
def test_what_a_kubeconfig_calls_things_acts_on_nothing(arguments: list[str], tmp_path: Path) -> None:
    with FaultServer(Recording.load()) as server:
        said = printed(tmp_path, *arguments, "--kubeconfig", kubeconfig(tmp_path, server.url, HOSTILE))
    assert "set-output" in said or arguments == ["environments"]
    assert acts(said) == []


def test_a_question_shows_what_a_kubeconfig_hides(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "http://127.0.0.1:1", f"prod{HOSTILE}")
    child, terminal = pty.fork()
    if not child:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-c", MAIN, "run", "--active", "--kubeconfig", file])
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, b"n\n")
    os.waitpid(child, 0)
    os.close(terminal)
    assert "context prod" in said.decode()
    assert acts(said.decode().replace("\r\n", "\n")) == []


def hostile(value: Any) -> Any:
    """A reading whose every text that somebody writes freely ends in hostile words."""
    if isinstance(value, list):
        return [hostile(one) for one in value]
    if not isinstance(value, dict):
        return value
    free = {"message", "reason", "lastError", "last_error", "said", "text", "error", "description", "summary", "query", "note"}
    return {key: one + HOSTILE if key in free and isinstance(one, str) else hostile(one) for key, one in value.items()}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, A and B, on a bundle of the demo's incidents with hostile words in it."""
    folder = tmp_path_factory.mktemp("kept")
    with zipfile.ZipFile(shipped("demo") / "demo.zip") as read, zipfile.ZipFile(folder / "hostile.zip", "w") as write:
        for name in read.namelist():
            tree = json.loads(read.read(name))
            if name == "manifest.json":
                tree["cluster"] |= {"context": HOSTILE, "user": HOSTILE, "version": HOSTILE}
            write.writestr(name, json.dumps(hostile(tree)))
    areas = ["alertmanager", "pods", "sealed-secrets", "argocd", "prometheus"]
    said = printed(folder, "run", "--bundle", "hostile.zip", "--output", "A", *(f"--select={one}" for one in areas))
    assert acts(said) == []
    printed(folder, "run", "--bundle", "hostile.zip", "--output", "B", *(f"--select={one}" for one in areas[1:]))
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_an_answer_acts_on_anything(form: str, kept: Path) -> None:
    said = printed(kept, "show", "--run", "A", "-o", form)
    assert "set-output" in said.replace("\\", "")
    assert acts(said) == []
    if form in ("json", "sarif", "ctrf"):
        json.loads(said)


def test_no_finding_acts_on_anything(kept: Path) -> None:
    quoted = 0
    for number in range(1, 12):
        said = printed(kept, "show", str(number), "--run", "A", "-o", "wide")
        quoted += "set-output" in said
        assert acts(said) == []
    assert quoted


@pytest.mark.parametrize("form", [[], ["-o", "json"], ["-o", "markdown"]])
def test_no_form_of_a_difference_acts_on_anything(form: list[str], kept: Path) -> None:
    said = printed(kept, "diff", "A", "B", *form)
    assert len(said) > 100
    assert acts(said) == []


@pytest.mark.parametrize("arguments", [["accept", "1", "--run", "A", "--why", HOSTILE], ["environments", "--bundle", "hostile.zip"]])
def test_no_other_command_on_them_acts_on_anything(arguments: list[str], kept: Path) -> None:
    said = printed(kept, *arguments)
    assert len(said) > 20
    assert acts(said) == []
