"""The shell steps of the examples for CI, taken out of their YAML, and run as their platform runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / "deploy" / "ci"
ACTION = CI / "github" / "action.yml"
TEMPLATE = CI / "gitlab" / "clusterprobe.gitlab-ci.yml"


def read(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def documented(mark: str) -> str:
    """The commands that docs/ci.md shows after this mark."""
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    return text.partition(f"<!-- {mark} -->\n```sh\n")[2].partition("```")[0]


@dataclass(frozen=True)
class Ran:
    """What a step left: its exit status, what it said, and what it handed on."""

    status: int
    said: str
    outputs: dict[str, str]
    summary: str = ""


def pairs(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return dict(line.split("=", 1) for line in lines)


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a machine that knows no cluster, and nothing of the checkout."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    home, temporary = folder / "home", folder / "tmp"
    for one in (home, temporary):
        one.mkdir(exist_ok=True)
    return {**kept, "CI": "true", "HOME": str(home), "TMPDIR": str(temporary)}


def execute(command: list[str], environment: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL
    )


# pip is given no index and no dependencies, so that a test needs no network: those of the tests' own environment are lent.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1"}


def wheel(folder: Path) -> Path:
    """The checkout's wheel, which the input `package` names."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = execute(command, os.environ, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def lend_dependencies(environment: Path) -> None:
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")


# --- GitHub -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """The composite action on a runner of its own below `folder`: a workspace, and a temporary folder."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        return self._made("workspace")

    @property
    def temporary(self) -> Path:
        return self._made("temporary")

    def _made(self, name: str) -> Path:
        made = self.folder / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def prepared(self, step: dict[str, Any], inputs: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """The command and the environment with which GitHub's runner starts the step."""
        known = {name: str(one["default"]) for name, one in read(ACTION)["inputs"].items()}
        assert set(inputs) <= set(known), "the action has no such input"
        given = {f"${{{{ inputs.{name} }}}}": value for name, value in {**known, **inputs}.items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        for name in ("outputs", "summary.md"):
            (self.folder / name).write_text("")
        environment = {
            **surroundings(self.folder),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION.parent),
            "GITHUB_OUTPUT": str(self.folder / "outputs"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temporary),
            **self.extra,
            **{name: given[value] for name, value in step["env"].items()},
        }
        return ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], environment

    def step(self, name: str, **inputs: str) -> Ran:
        """Run one step; an input's hyphen is an underscore here."""
        step = next(one for one in read(ACTION)["runs"]["steps"] if one["name"] == name)
        command, environment = self.prepared(step, {key.replace("_", "-"): value for key, value in inputs.items()})
        done = execute(command, environment, self.workspace)
        summary = (self.folder / "summary.md").read_text(encoding="utf-8")
        return Ran(done.returncode, done.stdout + done.stderr, pairs(self.folder / "outputs"), summary)


# --- GitLab -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """The hidden job in a project's folder. The runner puts its script's parts into one shell, with a trap of its own."""

    folder: Path
    shell: str = "bash"
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        made = self.folder / "project"
        made.mkdir(parents=True, exist_ok=True)
        return made

    def run(self, *parts: int, **variables: str) -> Ran:
        """Run these parts of the script (all, if none is named) with these variables; what the trap saw is the exit status."""
        template = read(TEMPLATE)
        assert set(variables) <= set(template["variables"]), "the template has no such variable"
        environment = {
            **surroundings(self.folder),
            "GITLAB_CI": "true",
            "CI_PROJECT_DIR": str(self.project),
            **self.extra,
            **template["variables"],
            **variables,
        }
        script = template[".clusterprobe"]["script"]
        chosen = [script[number] for number in parts] or script
        seen = self.folder / "status"
        seen.unlink(missing_ok=True)
        text = "\n".join([f"trap 'echo $? >{seen}; exit 0' EXIT", "set -e", *chosen])
        done = execute([self.shell, "-c", text], environment, self.project)
        output = self.project / environment["CLUSTERPROBE_OUTPUT"]
        return Ran(int(seen.read_text()), done.stdout + done.stderr, pairs(output / "verdict.env"))
