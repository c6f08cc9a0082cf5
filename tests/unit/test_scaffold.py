"""A new probe's beginnings: they run, and can be taken for nothing finished."""

import ast
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from clusterprobe import scaffold
from clusterprobe.catalogue import catalogue
from clusterprobe.errors import UsageError
from clusterprobe.scaffold import checkout, new_probe
from clusterprobe.systems.kubernetes.objects import Pod
from tests.factories import judged, labelled, listing, outcome

ROOT = Path(__file__).parents[2]
COPIED = ["probes/storage", "probes/promtail", "tests/unit/storage", "tests/unit/log_agents", "lab/stages", "tests/lab/expectations"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """As much of a clone as a new probe concerns."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def everything(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*.*") if one.is_file()}


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # where dataclasses look
    spec.loader.exec_module(module)
    return module


def test_four_files_are_written_and_no_other_is_touched(clone: Path) -> None:
    before = everything(clone)
    written = [str(one) for one in new_probe(clone, "storage/old-snapshots")]
    assert written == [
        "probes/storage/probe_old_snapshots.py",
        "tests/unit/storage/test_old_snapshots.py",
        "lab/stages/storage_old_snapshots.py",
        "tests/lab/expectations/storage_old_snapshots.py",
    ]
    after = everything(clone)
    assert {name for name, text in after.items() if before.get(name) != text} == set(written)


def test_the_tests_lie_where_those_of_the_area_do(clone: Path) -> None:
    assert new_probe(clone, "promtail/lag")[1] == Path("tests/unit/log_agents/test_lag.py")
    assert new_probe(clone, "backup/age", new_area=True)[1] == Path("tests/unit/backup/test_age.py")


def test_the_probe_is_found_and_can_say_nothing_but_that_it_could_not_check(clone: Path) -> None:
    path = clone / new_probe(clone, "storage/old-snapshots")[0]
    (entry,) = [one for one in catalogue(clone / "probes") if one.id == "storage/old-snapshots"]
    assert not entry.question.endswith("?")
    probe = loaded(path).probe_old_snapshots
    pod = labelled(Pod, "app", "web-0", spec={"containers": []})
    assert outcome(judged(probe, pods=listing("Pod", [pod]))) == "inconclusive"


def test_its_test_runs_and_fails_until_the_probe_judges(clone: Path) -> None:
    test = new_probe(clone, "storage/old-snapshots")[1]
    for support in ("factories.py", "examples.py"):
        shutil.copy(ROOT / "tests" / support, clone / "tests" / Path(support).name)
    command = [sys.executable, "-m", "pytest", "-q", "-n0", f"--rootdir={clone}", str(test)]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert "2 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "assert 'inconclusive' == 'pass'" in done.stdout
    assert "assert [] == ['OldSnapshots']" in done.stdout


def test_the_stage_refuses_to_be_staged_and_is_expected(clone: Path) -> None:
    written = new_probe(clone, "storage/old-snapshots")
    text = (clone / written[2]).read_text()
    assert "raise LabError(" in text
    assert 'Stage("storage-old-snapshots"' in text
    ((stage, expectation),) = loaded(clone / written[3]).STAGES.items()
    assert (stage, list(expectation.findings)) == ("storage-old-snapshots", [("storage/old-snapshots", "OldSnapshots")])


OURS = 'lint.isort.known-first-party = ["clusterprobe", "lab", "probes", "tests"]'  # ruff looks for the file, which is elsewhere


@pytest.mark.parametrize("check", [["check", "--config", OURS], ["format", "--check"]], ids=lambda one: one[0])
def test_what_is_written_keeps_to_the_style(check: list[str], clone: Path) -> None:
    for path in new_probe(clone, "storage/old-snapshots"):
        command = [sys.executable, "-m", "ruff", *check, "--stdin-filename", str(ROOT / path), "-"]
        done = subprocess.run(command, cwd=ROOT, input=(clone / path).read_text(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("storage/claims", "there is a probe storage/claims already"),
        ("storge/snapshots", "there is no area storge: did you mean storage?"),
        ("backup/age", "--new-area makes one"),
        ("storage", "expected AREA/NAME"),
        ("storage/", "expected AREA/NAME"),
        ("storage/a/b", "expected AREA/NAME"),
        ("Storage/x", "expected AREA/NAME"),
        ("storage/x_y", "expected AREA/NAME"),
        ("storage/-x", "expected AREA/NAME"),
        ("storage/../../x", "expected AREA/NAME"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(wanted: str, said: str, clone: Path) -> None:
    before = everything(clone)
    with pytest.raises(UsageError) as refused:
        new_probe(clone, wanted)
    assert said in str(refused.value)
    assert everything(clone) == before


@pytest.mark.parametrize("there", ["tests/unit/storage/test_new.py", "lab/stages/storage_new.py", "tests/lab/expectations/storage_new.py"])
def test_nothing_is_replaced(there: str, clone: Path) -> None:
    (clone / there).write_text("mine\n")
    before = everything(clone)
    with pytest.raises(UsageError, match="is there already"):
        new_probe(clone, "storage/new")
    assert everything(clone) == before


def test_a_stage_of_that_name_is_not_made_twice(clone: Path) -> None:
    (clone / "lab" / "stages" / "other.py").write_text('NAME = "storage-new"\n')
    with pytest.raises(UsageError, match="there is a stage storage-new in the lab already"):
        new_probe(clone, "storage/new")


def test_it_works_in_a_clone_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkout() == ROOT
    monkeypatch.setattr(scaffold, "shipped", lambda name: tmp_path / name)
    with pytest.raises(UsageError, match="in a clone of Clusterprobe's repository"):
        checkout()


def test_every_template_is_whole_python(clone: Path) -> None:
    for path in new_probe(clone, "storage/old-snapshots"):
        assert ast.parse((clone / path).read_text()).body
        assert "$" not in (clone / path).read_text()
