"""After a canary was deployed: ask `serving/canary`, and roll the canary back where, and only where, that says so.

python canary_hook.py NAMESPACE/DEPLOYMENT [--profile PROFILE] [--context CONTEXT] [--patience SECONDS] [--output FOLDER] [--dry-run]

It needs Python 3.11, and `clusterprobe` and `kubectl` on PATH; docs/rollback.md says how it is used, and what it may do.
Exit status: 0 promote it; 1 it was rolled back; 2 undecided, nothing was done; 3 it should be
rolled back, and was not, or is not ready again; 4 bad usage.
"""

from __future__ import annotations

import argparse
import enum
import json
import re
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

PROBE = "serving/canary"
SCHEMA = "clusterprobe/results/v1"
RUN_SECONDS = 300  # longer than any profile lets a run take
BAD_USAGE = 4
# Argo CD and Flux mark what they manage, and undo what was not done in Git. (Of Argo CD's label tracking there is no sure sign.)
GIT = ("argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/")


class Action(enum.IntEnum):
    """What the results say; what is neither of the first two is a reason to do nothing."""

    PROMOTE = 0
    ROLL_BACK = 1
    WAIT = 2
    REFUSE = 3


@dataclass(frozen=True)
class Decision:
    """What to do and why: for the revision that was judged, by the command that the finding names."""

    action: Action
    why: str
    revision: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Canary:
    """The Deployment that this hook may roll back."""

    namespace: str
    name: str

    def is_meant(self, one: dict[str, Any]) -> bool:
        subject = one["subject"]
        return (subject["kind"], subject.get("namespace", ""), subject["name"]) == ("Deployment", self.namespace, self.name)


# --- what the results say: pure -----------------------------------------------------------------------------------------


def decide(results: Any, canary: Canary) -> Decision:
    """From a results.json (docs/results.schema.json). What is not as it should be is nothing to act on."""
    try:
        return _decide(results, canary)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Decision(Action.WAIT, f"the results are not what a run writes: {type(error).__name__}: {error}")


def _decide(results: Any, canary: Canary) -> Decision:
    if results["schema"] != SCHEMA:
        raise ValueError(f"schema {results['schema']}, not {SCHEMA}")
    if results["run"]["interrupted"]:
        return Decision(Action.WAIT, "the run was interrupted")
    if results["run"]["bundle"]:
        return Decision(Action.WAIT, "a bundle shows what was, not what is")
    (probe,) = [one for one in results["probes"] if one["id"] == PROBE]
    unchecked = probe.get("unchecked", [])
    own = [one for one in probe.get("findings", []) if canary.is_meant(one)]
    for one in unchecked:
        if canary.is_meant(one):
            return Decision(Action.WAIT, one["reason"])
    if len(own) != 1:
        return Decision(Action.WAIT, f"{probe['verdict']}: {_why_nothing(probe, canary)}")
    (finding,) = own
    judged = re.search(r"\(revision (\d+)[,)]", finding["problem"])
    if judged is None:
        return Decision(Action.WAIT, f"which revision was judged could not be seen: {finding['problem']}")
    if finding["reason"] == "CanaryRollBack" and probe["verdict"] == "findings":
        return _roll_back(finding, judged[1], canary)
    # That another canary has to wait is nothing against this one; that something could not be read is.
    seen = probe["verdict"] != "broken" and all(one["subject"]["kind"] == "Deployment" for one in unchecked)
    if finding["reason"] == "CanaryPromote" and seen:
        return Decision(Action.PROMOTE, finding["problem"], judged[1])
    return Decision(Action.WAIT, f"{probe['verdict']}: {finding['problem']}")


def _why_nothing(probe: dict[str, Any], canary: Canary) -> str:
    if probe["verdict"] in ("pass", "findings"):
        return f"nothing is said of {canary.namespace}/{canary.name}"
    return str(probe["reason"])


def _roll_back(finding: dict[str, Any], revision: str, canary: Canary) -> Decision:
    """By the one command of the fix that changes something, if it is one of the two that this hook knows."""
    target = [f"deployment/{canary.name}", "-n", canary.namespace]
    every = [one["pipeline"] for step in finding["steps"] for one in step["commands"] if _is_plain(one)]
    found = [words for (words,) in every if _undoes(words, target)]
    said = f"{finding['problem']} {finding['cause']}"
    if len(found) != 1:
        return Decision(Action.REFUSE, f"{said} How to roll it back is not said in a way that this hook knows: {finding['fix']}", revision)
    return Decision(Action.ROLL_BACK, said, revision, tuple(found[0]))


def _is_plain(command: dict[str, Any]) -> bool:
    """One program, which reads and writes no file."""
    return len(command["pipeline"]) == 1 and not (command.get("source") or command.get("target") or command.get("background"))


def _undoes(words: list[str], target: list[str]) -> bool:
    """Whether it is one of the two commands that this hook knows, on its own canary."""
    if words[:3] == ["kubectl", "rollout", "undo"]:
        return words[3:-1] == target and re.fullmatch(r"--to-revision=[1-9]\d*", words[-1]) is not None
    return words == ["kubectl", "scale", *target, "--replicas=0"]


def objection(deployment: Any, decision: Decision) -> Decision | None:
    """What the Deployment, as it is now, has against what was decided; None if nothing."""
    metadata, status = deployment["metadata"], deployment.get("status", {})
    now = metadata.get("annotations", {}).get("deployment.kubernetes.io/revision", "")
    if status.get("observedGeneration") != metadata["generation"] or now != decision.revision:
        return Decision(Action.WAIT, f"revision {decision.revision} was judged, and another one is deployed by now ({now or 'not known'})")
    marks = [key for key in (*metadata.get("annotations", {}), *metadata.get("labels", {})) if key.startswith(GIT)]
    if marks and decision.action is Action.ROLL_BACK:
        why = f"{decision.why} Git says what is deployed ({marks[0]}): revert the commit, for what is undone here would be put back."
        return Decision(Action.REFUSE, why, decision.revision)
    return None


# --- asking and acting ----------------------------------------------------------------------------------------------------


class Hook:
    """One canary after one deployment."""

    def __init__(self, canary: Canary, options: argparse.Namespace) -> None:
        self.canary, self.options = canary, options

    def run(self) -> int:
        """Ask until it is decided or patience ends; then act."""
        deadline = time.monotonic() + self.options.patience
        while True:
            decision = self._decided()
            label = decision.action.name.lower().replace("_", " ")
            why = decision.why if decision.why.lower().startswith(label) else f"{label}: {decision.why}"
            say(f"{self.canary.namespace}/{self.canary.name}: {why}")
            if decision.action is Action.ROLL_BACK:
                return self._roll_back(decision)
            if decision.action is not Action.WAIT or time.monotonic() + self.options.pause > deadline:
                break
            time.sleep(self.options.pause)
        if decision.action is not Action.PROMOTE:
            say("nothing was done")
        return decision.action.value

    def _decided(self) -> Decision:
        """A decision that still holds for what is deployed when it has been made."""
        decision = decide(self._results(), self.canary)
        if decision.action not in (Action.PROMOTE, Action.ROLL_BACK):
            return decision
        try:
            return objection(json.loads(self._kubectl("get", *self._target, "-o", "json")), decision) or decision
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, AttributeError) as error:
            return Decision(Action.WAIT, f"the Deployment could not be read: {_reason(error)}")

    def _results(self) -> Any:
        """What a run of the one probe writes; None if it wrote nothing that can be read."""
        file = Path(self.options.output) / "results.json"
        file.unlink(missing_ok=True)  # those of a run before are no answer
        chosen = [("--profile", self.options.profile), ("--context", self.options.context)]
        more = [part for pair in chosen if pair[1] for part in pair]
        command = ["clusterprobe", "run", "--select", PROBE, "--fail-on", "error", "--output", str(file.parent), *more]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, stdin=subprocess.DEVNULL)
            if done.returncode == BAD_USAGE:
                say(done.stderr.strip())
                sys.exit(BAD_USAGE)
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            say(f"no results: {_reason(error)}")
            return None

    def _roll_back(self, decision: Decision) -> int:
        say(f"$ {' '.join(decision.command)}")
        if self.options.dry_run:
            say("nothing was done: --dry-run")
            return Action.REFUSE.value
        for what, command in (
            ("it was not rolled back", decision.command[1:]),
            ("it was rolled back, and is not ready", ("rollout", "status", *self._target, "--timeout=120s")),
        ):
            try:
                say(self._kubectl(*command).strip())
            except (OSError, subprocess.SubprocessError) as error:
                say(f"{what}: {_reason(error)}")
                return Action.REFUSE.value
        return Action.ROLL_BACK.value

    @property
    def _target(self) -> tuple[str, ...]:
        return f"deployment/{self.canary.name}", "-n", self.canary.namespace

    def _kubectl(self, *arguments: str) -> str:
        place = ["--context", self.options.context] if self.options.context else []
        done = subprocess.run(
            ["kubectl", *arguments, *place], capture_output=True, text=True, timeout=180, check=True, stdin=subprocess.DEVNULL
        )
        return done.stdout


def _reason(error: Exception) -> str:
    """What a command said before it failed, or the error itself."""
    return str(getattr(error, "stderr", None) or error).strip()


def say(text: str) -> None:
    """Findings quote what workloads log: no line of that is to be a command to a CI system or to a terminal."""
    for line in text.splitlines():
        plain = "".join(one if one.isprintable() else "?" for one in line)
        print("canary hook: " + re.sub("#(?=#)", r"#\\", plain), flush=True)


class Parser(argparse.ArgumentParser):
    """With an exit status of its own for what it does not understand: argparse's is 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_USAGE, f"{self.format_usage()}{message}\n")


def main() -> int:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("canary", metavar="NAMESPACE/DEPLOYMENT", help="the Deployment that it may roll back")
    parser.add_argument("--profile", default="", help="as on clusterprobe's command line")
    parser.add_argument("--context", default="", help="the kubeconfig's context, for clusterprobe and kubectl")
    parser.add_argument("--patience", type=float, default=600, help="how many seconds to wait for a decision (600)")
    parser.add_argument("--pause", type=float, default=10, help="how many seconds between two runs (10)")
    parser.add_argument("--output", default="canary-hook", help="the folder of the run's report (canary-hook)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    options = parser.parse_args()
    namespace, _, name = options.canary.partition("/")
    if not re.fullmatch(r"[a-z0-9-]+", namespace) or not re.fullmatch(r"[a-z0-9.-]+", name):
        say(f"{options.canary} is no NAMESPACE/DEPLOYMENT")
        return BAD_USAGE
    return Hook(Canary(namespace, name), options).run()


if __name__ == "__main__":
    try:
        status = main()
    except Exception:  # whatever it is: Python's own status would be 1, which says that it was rolled back
        traceback.print_exc()
        status = Action.REFUSE.value
    sys.exit(status)
