"""How a fix is followed: which commands are run, in which order, and what becomes of one that fails."""

from pathlib import Path
from typing import Any

import pytest

from tests.lab import editor, following
from tests.lab.following import Failed, follow, steps_of, to_run
from tests.lab.repairs import EDITS, Edit, in_yaml
from tests.lab.running import Done


def step(kind: str, text: str, *words: str, target: str = "") -> dict[str, Any]:
    return {"kind": kind, "text": text, "commands": [{"pipeline": [list(words)], "target": target}] if words else []}


def done(*findings: dict[str, Any], explained: list[dict[str, Any]] | None = None) -> Done:
    return Done(1, {"probes": [{"id": "area/name", "findings": list(findings)}], "explained": explained or []}, "")


def finding(reason: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"reason": reason, "severity": "error", "problem": "It is broken.", "steps": list(steps)}


WAIT = "kubectl -n shop wait --for=delete pod/web-0"
FIX = [
    step("look", "See it.", "kubectl", "get", "pods"),
    step("look", "Wait.", "kubectl", "-n", "shop", "wait", "--for=delete", "pod/web-0"),
    step("look", "Save it.", "kubectl", "get", "class", target="class.yaml"),
    step("change", "Apply it.", "kubectl", "apply"),
    step("change", "Or restart it.", "kubectl", "rollout"),
    step("destroys", "This destroys it. Delete it.", "kubectl", "delete"),
]


def test_what_changes_something_is_run_and_what_writes_a_file_for_it() -> None:
    steps = steps_of(done(finding("Broken", *FIX)), {("area/name", "Broken")})
    assert list(to_run(steps)) == [WAIT, "kubectl get class > class.yaml", "kubectl apply", "kubectl delete"]


def test_the_way_that_applies_is_taken_beside_the_first() -> None:
    steps = steps_of(done(finding("Broken", *FIX)), {("area/name", "Broken")})
    assert "kubectl rollout" in list(to_run(steps, "Or restart"))


def test_only_its_own_findings_count_and_what_they_share_is_done_once() -> None:
    one, other = finding("Broken", FIX[3]), finding("Other", FIX[5])
    assert list(to_run(steps_of(done(one, one, other), {("area/name", "Broken")}))) == ["kubectl apply"]


def test_a_consequence_of_its_own_cause_is_not_repaired_by_itself() -> None:
    explained = [{"finding": ["area/name", 1], "cause": ["area/name", 0], "through": "Secret/a/b"}]
    both = done(finding("Cause", FIX[3]), finding("Consequence", FIX[5]), explained=explained)
    assert list(to_run(steps_of(both, {("area/name", "Cause"), ("area/name", "Consequence")}))) == ["kubectl apply"]
    assert list(to_run(steps_of(both, {("area/name", "Consequence")}))) == ["kubectl delete"]  # its cause is another stage's


def test_commands_run_in_their_own_folder_one_after_the_other(tmp_path: Path) -> None:
    follow(["echo one > file", "cat file > copy"], tmp_path, "no-stage")
    assert (tmp_path / "copy").read_text() == "one\n"


@pytest.mark.parametrize("command", ["echo why >&2; exit 3", "false | cat"])
def test_a_command_that_fails_ends_it(command: str, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"^\$ "):
        follow([command, "touch after"], tmp_path, "no-stage")
    assert not (tmp_path / "after").exists()


def test_a_command_that_does_not_end_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "COMMAND_SECONDS", 0.2)
    with pytest.raises(Failed, match="did not end within"):
        follow(["sleep 60"], tmp_path, "no-stage")


def test_a_file_is_changed_once_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EDITS, "some", Edit(in_yaml(lambda found: found.update(a=2)), "it.yaml"))
    follow(["echo 'a: 1' > it.yaml", "cp it.yaml after.yaml"], tmp_path, "some")
    assert (tmp_path / "after.yaml").read_text() == "a: 2\n"


def test_the_editor_changes_what_kubectl_edit_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EDITS, "some", Edit(in_yaml(lambda found: found["spec"].update(replicas=1))))
    shown = tmp_path / "shown.yaml"
    shown.write_text("# Please edit the object below.\nspec: {replicas: 0}\n")
    editor.main("some", shown)
    assert shown.read_text() == "spec:\n  replicas: 1\n"
    with pytest.raises(SystemExit, match="nothing says what"):
        editor.main("no-stage", shown)
