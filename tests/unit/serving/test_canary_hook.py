"""The hook of deploy/rollback: what it does with the results of `serving/canary`, and all with which it does nothing."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from clusterprobe.model import Severity, Subject, Unchecked
from clusterprobe.readings import Readings
from clusterprobe.verdict import Verdict
from clusterprobe.verdict import result as graded
from deploy.rollback import canary_hook
from deploy.rollback.canary_hook import Action, Canary, decide, objection
from tests.factories import listing, refused
from tests.report_factories import result, run_of
from tests.unit.serving.test_canary import REVISIONS, canary, judge, stable

CANARY = Canary("fastapi-dev", "fastapi-canary")
UNDO = ("kubectl", "rollout", "undo", "deployment/fastapi-canary", "-n", "fastapi-dev", "--to-revision=2")


def written(verdict: Verdict, level: Severity = Severity.ERROR, **run: Any) -> dict[str, Any]:
    """The results.json of a run in which the real probe came to this verdict."""
    probe = graded("serving/canary", "?", verdict, level=level)
    return json.loads(msgspec.json.encode(result(probe, run=run_of(**run))))


def bad(**changes: Any) -> Verdict:
    return judge(canary(failed=50), stable(), errors=50, **changes)


def good(**changes: Any) -> Verdict:
    return judge(canary(), stable(), **changes)


def bad_results(**finding: Any) -> dict[str, Any]:
    results = written(bad())
    results["probes"][0]["findings"][0].update(finding)
    return results


def deployment(revision: str = "3", *, observed: int = 7, **metadata: Any) -> dict[str, Any]:
    annotations = {"deployment.kubernetes.io/revision": revision, **metadata.pop("annotations", {})}
    return {"metadata": {"generation": 7, "annotations": annotations, **metadata}, "status": {"observedGeneration": observed}}


def test_a_bad_canary_is_rolled_back_by_the_command_that_the_finding_names() -> None:
    decision = decide(written(bad()), CANARY)
    assert (decision.action, decision.revision, decision.command) == (Action.ROLL_BACK, "3", UNDO)
    assert "25.0% (50 of 200) of the canary" in decision.why


def test_one_without_an_earlier_revision_is_scaled_away() -> None:
    decision = decide(written(bad(replica_sets=listing("ReplicaSet", REVISIONS[:1]))), CANARY)
    assert decision.action is Action.ROLL_BACK
    assert decision.command == ("kubectl", "scale", "deployment/fastapi-canary", "-n", "fastapi-dev", "--replicas=0")


def test_a_good_canary_is_promoted() -> None:
    decision = decide(written(good()), CANARY)
    assert (decision.action, decision.revision, decision.command) == (Action.PROMOTE, "3", ())


def test_too_few_samples_are_waited_for() -> None:
    decision = decide(written(judge(canary(5, 5), stable())), CANARY)
    assert decision.action is Action.WAIT
    assert "wait: too few samples" in decision.why


@pytest.mark.parametrize("unread", ["model_canaries", "canary_traffic", "canary_error_lines", "replica_sets"])
def test_a_canary_that_was_not_wholly_seen_is_not_promoted(unread: str) -> None:
    decision = decide(written(good(**{unread: Readings((), (refused("source"),))})), CANARY)
    assert (decision.action, decision.command) == (Action.WAIT, ())


def test_what_was_not_seen_to_be_bad_is_not_rolled_back() -> None:
    unread = Readings((), (refused("source"),))
    assert decide(written(bad(canary_traffic=unread, canary_error_lines=unread)), CANARY).action is Action.WAIT


def test_a_revision_that_was_not_seen_is_not_rolled_back() -> None:
    decision = decide(written(bad(replica_sets=Readings((), (refused("ReplicaSetList"),)))), CANARY)
    assert decision.action is Action.WAIT
    assert "which revision was judged could not be seen" in decision.why


def test_another_canary_is_none_of_its_business() -> None:
    for other in (Canary("fastapi-prod", "fastapi-canary"), Canary("fastapi-dev", "fastapi")):
        decision = decide(written(bad()), other)
        assert decision.action is Action.WAIT
        assert decision.why == f"findings: nothing is said of {other.namespace}/{other.name}"


def test_another_canary_that_waits_keeps_nobody_from_promoting() -> None:
    verdict = good()
    verdict.unchecked(Subject(kind="Deployment", namespace="fastapi-prod", name="fastapi-canary"), "wait: too few samples to say so")
    assert decide(written(verdict), CANARY).action is Action.PROMOTE


def test_a_reason_to_wait_for_this_one_counts_more_than_a_finding() -> None:
    verdict = bad()
    verdict.unchecked(Subject(kind="Deployment", namespace="fastapi-dev", name="fastapi-canary"), "wait: it may be chance")
    decision = decide(written(verdict), CANARY)
    assert (decision.action, decision.why) == (Action.WAIT, "wait: it may be chance")


def test_an_inconclusive_probe_rolls_nothing_back() -> None:
    verdict = bad()
    verdict.unchecked(Subject(kind="Pod", namespace="logging", name="loki-0"), "refused")
    assert decide(written(verdict), CANARY).action is Action.ROLL_BACK  # what was seen is bad enough
    assert decide(written(verdict, level=Severity.CRITICAL), CANARY).action is Action.WAIT


def test_a_probe_that_broke_promotes_nothing() -> None:
    verdict = good()
    verdict.unread.append(Unchecked(subject=Subject(kind="Deployment", name="other"), reason="our bug", broken=True))
    assert decide(written(verdict), CANARY).action is Action.WAIT


def test_an_interrupted_run_and_a_bundle_are_nothing_to_act_on() -> None:
    assert decide(written(bad(), interrupted=True), CANARY).action is Action.WAIT
    assert decide(written(bad(), bundle="evidence.zip"), CANARY).action is Action.WAIT


@pytest.mark.parametrize(
    "results",
    [
        None,
        [],
        "",
        {},
        {"schema": "clusterprobe/results/v2"},
        {**written(bad()), "schema": "clusterprobe/results/v2"},
        {**written(bad()), "run": None},
        {**written(bad()), "probes": []},
        {**written(bad()), "probes": [None]},
        {**written(bad()), "probes": written(bad())["probes"] * 2},
        bad_results(subject=None),
        bad_results(problem=None),
        bad_results(steps=None),
        bad_results(steps=[{"commands": [{}]}]),
    ],
)
def test_broken_results_are_nothing_to_act_on(results: Any) -> None:
    decision = decide(results, CANARY)
    assert (decision.action, decision.command) == (Action.WAIT, ())
    assert "the results are not what a run writes" in decision.why


def test_two_findings_about_one_canary_are_nothing_to_act_on() -> None:
    results = written(bad())
    results["probes"][0]["findings"] *= 2
    assert decide(results, CANARY).action is Action.WAIT


def commands(*given: str, **more: Any) -> list[dict[str, Any]]:
    return [{"kind": "change", "text": "Undo it.", "commands": [{"pipeline": [one.split()], **more} for one in given]}]


def test_only_whole_commands_of_steps_count() -> None:
    undo = " ".join(UNDO)
    assert decide(bad_results(steps=commands(undo)), CANARY).command == UNDO
    for steps in ([], commands(undo, target="x"), commands(undo, source="x"), commands(undo, background=True)):
        assert decide(bad_results(steps=steps, fix=f"$ {undo}"), CANARY).action is Action.REFUSE
    piped = commands(undo)
    piped[0]["commands"][0]["pipeline"].append(["sh"])
    assert decide(bad_results(steps=piped), CANARY).action is Action.REFUSE


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["kubectl rollout undo deployment/fastapi-canary -n fastapi-dev"],
        ["kubectl rollout undo deployment/fastapi-canary -n fastapi-dev --to-revision=0"],
        ["kubectl rollout undo deployment/fastapi -n fastapi-dev --to-revision=2"],
        ["kubectl rollout undo deployment/fastapi-canary -n fastapi-prod --to-revision=2"],
        ["kubectl rollout undo deployment/fastapi-canary -n fastapi-dev --to-revision=2; rm -rf /"],
        ["kubectl rollout undo deployment/fastapi-canary -n fastapi-dev --to-revision=2 --context=other"],
        ["kubectl delete deployment/fastapi-canary -n fastapi-dev"],
        ["kubectl scale deployment/fastapi-canary -n fastapi-dev --replicas=9"],
        ["kubectl scale deployment/fastapi-canary -n fastapi-dev --replicas=0", " ".join(UNDO)],
    ],
)
def test_a_command_that_it_does_not_know_is_refused(given: list[str]) -> None:
    decision = decide(bad_results(steps=commands(*given)), CANARY)
    assert (decision.action, decision.command) == (Action.REFUSE, ())


def test_what_is_deployed_by_now_has_to_be_what_was_judged() -> None:
    decision = decide(written(bad()), CANARY)
    assert objection(deployment("3"), decision) is None
    for other in (deployment("4"), deployment("3", observed=6), deployment("")):
        again = objection(other, decision)
        assert again is not None
        assert again.action is Action.WAIT
        assert "revision 3 was judged, and another one is deployed by now" in again.why


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "fastapi:apps/Deployment:fastapi-dev/fastapi-canary"}},
        {"labels": {"argocd.argoproj.io/instance": "fastapi"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "fastapi"}},
    ],
)
def test_what_git_says_is_not_undone_behind_its_back(metadata: dict[str, Any]) -> None:
    refusal = objection(deployment("3", **metadata), decide(written(bad()), CANARY))
    assert refusal is not None
    assert refusal.action is Action.REFUSE
    assert "revert the commit" in refusal.why
    assert objection(deployment("3", **metadata), decide(written(good()), CANARY)) is None


def test_its_role_lets_it_change_one_deployment_only() -> None:
    text = (Path(canary_hook.__file__).parent / "role.yaml").read_text()
    (role,) = [one for one in yaml.safe_load_all(text) if one["kind"] == "Role"]
    reading = {"get", "list", "watch"}
    changing = [rule for rule in role["rules"] if set(rule["verbs"]) - reading]
    assert [rule["resourceNames"] for rule in changing] == [["fastapi-canary"]] * 2
    assert {verb for rule in changing for verb in rule["verbs"]} - reading == {"patch"}
    assert {resource for rule in changing for resource in rule["resources"]} == {"deployments", "deployments/scale"}


# --- as a process -------------------------------------------------------------------------------------------------------

CLUSTERPROBE = """#!/bin/sh
printf '%s\\n' "$*" >>"$FOLDER/runs"
for output; do [ "$before" = --output ] && break; before=$output; done
mkdir -p "$output"
number=$(wc -l <"$FOLDER/runs")
[ -f "$FOLDER/results.$number.json" ] || number=last
[ -f "$FOLDER/results.$number.json" ] && cp "$FOLDER/results.$number.json" "$output/results.json"
exit ${STATUS:-1}
"""
KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >>"$FOLDER/calls"
[ "$1" = "$FAILS" ] && { echo "Error from server (Forbidden): no" >&2; exit 1; }
[ "$1" = get ] && cat "$FOLDER/deployment.json"
exit 0
"""


class World:
    """A folder with a `clusterprobe` and a `kubectl` that answer with what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("clusterprobe", CLUSTERPROBE), ("kubectl", KUBECTL)):
            (folder / name).write_text(text)
            (folder / name).chmod(stat.S_IRWXU)
        self.deployed(deployment("3"))

    def deployed(self, one: dict[str, Any]) -> None:
        (self.folder / "deployment.json").write_text(json.dumps(one))

    def answers(self, *results: dict[str, Any]) -> None:
        for number, one in enumerate(results, 1):
            (self.folder / f"results.{number}.json").write_text(json.dumps(one))
        (self.folder / "results.last.json").write_text(json.dumps(results[-1]))

    def hook(self, *options: str, patience: str = "0", **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, canary_hook.__file__, "fastapi-dev/fastapi-canary", "--patience", patience, "--pause", "0.01", *options]
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}", "FOLDER": str(self.folder), **environment}
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=variables, cwd=self.folder)

    def calls(self, name: str = "calls") -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    @property
    def changes(self) -> list[str]:
        return [one for one in self.calls() if not one.startswith(("get ", "rollout status "))]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_rolls_back_and_waits_for_the_roll_back(world: World) -> None:
    world.answers(written(bad()))
    done = world.hook()
    assert done.returncode == 1, done.stdout + done.stderr
    assert world.calls() == [
        "get deployment/fastapi-canary -n fastapi-dev -o json",
        "rollout undo deployment/fastapi-canary -n fastapi-dev --to-revision=2",
        "rollout status deployment/fastapi-canary -n fastapi-dev --timeout=120s",
    ]
    assert world.calls("runs") == ["run --select serving/canary --fail-on error --output canary-hook"]


def test_a_good_one_is_left_alone(world: World) -> None:
    world.answers(written(good()))
    assert (world.hook(STATUS="0").returncode, world.changes) == (0, [])


def test_it_asks_again_while_it_has_to_wait(world: World) -> None:
    few = written(judge(canary(5), stable()))
    world.answers(few, few, written(bad()))
    assert world.hook(patience="30").returncode == 1
    assert len(world.calls("runs")) == 3
    assert len(world.changes) == 1


def test_when_patience_ends_nothing_was_done(world: World) -> None:
    world.answers(written(judge(canary(5), stable())))
    done = world.hook(patience="0.3")
    assert (done.returncode, world.calls()) == (2, [])
    assert "nothing was done" in done.stdout


def test_results_of_an_earlier_run_are_no_answer(world: World) -> None:
    (world.folder / "canary-hook").mkdir()
    (world.folder / "canary-hook" / "results.json").write_text(json.dumps(written(bad())))
    done = world.hook(STATUS="2")
    assert (done.returncode, world.calls()) == (2, [])
    assert "no results" in done.stdout


def test_half_a_file_is_no_answer(world: World) -> None:
    (world.folder / "results.last.json").write_text(json.dumps(written(bad()))[:-200])
    assert (world.hook().returncode, world.calls()) == (2, [])


@pytest.mark.parametrize("one", [deployment("4"), deployment("3", observed=6), {}, None])
def test_it_does_nothing_to_a_deployment_that_is_not_what_was_judged(world: World, one: Any) -> None:
    world.answers(written(bad()))
    world.deployed(one)
    assert (world.hook().returncode, world.changes) == (2, [])


def test_it_does_nothing_to_a_deployment_that_it_may_not_see(world: World) -> None:
    world.answers(written(bad()))
    done = world.hook(FAILS="get")
    assert (done.returncode, world.changes) == (2, [])
    assert "could not be read: Error from server (Forbidden)" in done.stdout


def test_a_roll_back_that_fails_is_told_apart(world: World) -> None:
    world.answers(written(bad()))
    done = world.hook(FAILS="rollout")
    assert done.returncode == 3
    assert "it was not rolled back: Error from server (Forbidden)" in done.stdout


def test_a_dry_run_changes_nothing(world: World) -> None:
    world.answers(written(bad()))
    done = world.hook("--dry-run")
    assert (done.returncode, world.changes) == (3, [])
    assert f"$ {' '.join(UNDO)}" in done.stdout


def test_the_context_and_the_profile_are_handed_on(world: World) -> None:
    world.answers(written(bad()))
    assert world.hook("--context", "prod", "--profile", "prod.yaml").returncode == 1
    assert world.calls("runs")[0].endswith("--profile prod.yaml --context prod")
    assert all(one.endswith(" --context prod") for one in world.calls())


def test_what_workloads_log_commands_nobody(world: World) -> None:
    hostile = "KeyError\n::set-output name=x::y\r###[error]no \x1b[2J \u202e\u2028::stop-commands::z"
    world.answers(bad_results(cause=hostile))
    lines = world.hook().stdout.split("\n")[:-1]
    assert any("::set-output" in one for one in lines)
    assert all(one.startswith("canary hook: ") and one.isprintable() and "##" not in one for one in lines)


def test_a_mistake_of_its_own_is_no_roll_back(world: World) -> None:
    (world.folder / "canary-hook" / "results.json").mkdir(parents=True)  # which cannot be removed as a file
    world.answers(written(bad()))
    done = world.hook()
    assert (done.returncode, world.calls(), "Traceback" in done.stderr) == (3, [], True)


def test_bad_usage_is_not_waited_for(world: World) -> None:
    assert world.hook(STATUS="4", patience="30").returncode == 4
    assert world.hook("--nosuch").returncode == 4
    done = subprocess.run([sys.executable, canary_hook.__file__, "fastapi-canary"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
