"""Probes of a user's own, as they meet them: what is found, what is refused, and what a broken one does to the others."""

import json
import os
from pathlib import Path

import pytest

from clusterprobe import model, sources
from clusterprobe.access.bundle import new_manifest, write_bundle
from clusterprobe.catalogue import probe_id
from clusterprobe.errors import UsageError
from clusterprobe.model import Subject
from clusterprobe.own_probes import entries, own_probes
from clusterprobe.profile import Profile, load_profile
from clusterprobe.readings import single
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.systems.kubernetes.objects import Namespace
from tests.factories import labelled, listing

pytest_plugins = ["pytester"]

SOURCES = """
from clusterprobe.api import Namespace, Readings, Struct, source


class Team(Struct, frozen=True):
    name: str


@source()
def teams(namespaces: Readings[Namespace]) -> Readings[Team]:
    return namespaces.map(lambda subject, one: Team(one.metadata.labels.get("team", "")))
"""
TEAM = """
from clusterprobe.api import Examined, Verdict

from .sources import Team


def probe_team(verdict: Verdict, teams: Examined[Team]) -> None:
    '''Has each namespace a team?'''
    for subject, one in teams:
        assert isinstance(one, Team)
"""
GOOD = """
from clusterprobe.api import Examined, Namespace


def probe_good(verdict, namespaces: Examined[Namespace]):
    '''Fine?'''
    list(namespaces)
"""


@pytest.fixture(autouse=True)
def _no_sources_stay():
    yield
    sources.include([])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    cluster = model.Cluster(context="somewhere", server="https://example.invalid")
    readings = {
        "identity": single(Subject(kind="Cluster", name="somewhere"), cluster),
        "namespaces": listing("Namespace", [labelled(Namespace, "", "shop", team="sales")]),
    }
    write_bundle(tmp_path / "bundle.zip", new_manifest(cluster, 1_800_000_000.0, active=False), readings)
    return tmp_path / "bundle.zip"


def write(folder: Path, **files: str) -> Path:
    """Files by `area__name`, or by `name` in the folder itself."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def run(pytester: pytest.Pytester, bundle: Path):
    """Run the probes of a folder beside one that is named to pytest, and return results.json and what pytest said."""
    pytester.makeini("[pytest]\npython_files = probe_*.py\npython_functions = probe_*\ncollect_imported_tests = false")
    write(pytester.path / "named" / "area", probe_good=GOOD)

    def with_folder(*options: str):
        out = pytester.path / "out"
        done = pytester.runpytest_inprocess(
            *("-p", "clusterprobe.plugin", "--import-mode=importlib", f"--clusterprobe-bundle={bundle}", f"--clusterprobe-output={out}"),
            *options,
            "named",
        )
        file = out / "results.json"
        return json.loads(file.read_text()) if file.is_file() else None, done

    return with_folder


def verdicts(results) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in results["probes"]}


def test_an_own_probe_runs_beside_the_others_and_imports_from_its_folder(run, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", acme__sources=SOURCES, acme__probe_team=TEAM)
    results, _ = run(f"--clusterprobe-probes={folder}")
    assert verdicts(results) == {"acme/team": "pass", "area/good": "pass"}


def test_a_folder_may_be_an_area_itself(run, tmp_path: Path) -> None:
    folder = write(tmp_path / "acme", sources=SOURCES, probe_team=TEAM)
    results, _ = run(f"--clusterprobe-probes={folder}")
    assert verdicts(results)["acme/team"] == "pass"


def test_two_folders_may_have_modules_of_the_same_name(run, tmp_path: Path) -> None:
    folder = write(tmp_path / "one", acme__sources=SOURCES, acme__probe_team=TEAM)
    other = write(tmp_path / "two", acme__sources="LEVEL = 3\n", acme__probe_good="from .sources import LEVEL\n" + GOOD)
    results, _ = run(f"--clusterprobe-probes={folder}", f"--clusterprobe-probes={other}")
    assert verdicts(results) == {"acme/team": "pass", "acme/good": "pass", "area/good": "pass"}


def test_files_that_a_config_map_mounts_are_found(run, tmp_path: Path) -> None:
    real = write(tmp_path / "mount" / "..2026", acme__sources=SOURCES, acme__probe_team=TEAM)
    (tmp_path / "mount" / "acme").symlink_to(real / "acme")
    results, _ = run(f"--clusterprobe-probes={tmp_path / 'mount'}")
    assert verdicts(results) == {"acme/team": "pass", "area/good": "pass"}


def test_a_profile_names_folders_relative_to_its_own_file(run, tmp_path: Path) -> None:
    write(tmp_path / "conf" / "mine", acme__sources=SOURCES, acme__probe_team=TEAM)
    (tmp_path / "conf" / "base.yaml").write_text("probes: {paths: [mine]}\n")
    (tmp_path / "mine.yaml").write_text("extends: conf/base.yaml\nknown: [{probe: acme/team, why: it is}]\n")
    results, _ = run(f"--clusterprobe-profile={tmp_path / 'mine.yaml'}")
    assert verdicts(results) == {"acme/team": "pass", "area/good": "pass"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import nope\n\n\ndef probe_team(verdict): ...\n",
            "probe_team.py:1: it cannot be loaded: ModuleNotFoundError: No module named 'nope'",
        ),
        ("def probe_team(verdict):\n    return (\n", "probe_team.py:2: not Python: "),
        ("def probe_other(verdict): ...\n", "probe_team.py: there is no function probe_team in it"),
        ("raise SystemExit(0)\n", "probe_team.py:1: it cannot be loaded: SystemExit: 0"),
        ("raise ValueError('password=hunter22222')\n", "probe_team.py:1: it cannot be loaded: ValueError: password="),
        ("def probe_team(verdict):\n    1 / 0\n", "ZeroDivisionError in probe_team.py:2: "),
        ("\ndef probe_team(verdict, namespaces): ...\n", "called from probe_team.py:2: namespaces is a reading without a role"),
        ("def probe_team(verdict: Nothing): ...\n", "name 'Nothing' is not defined"),
    ],
)
def test_an_own_probe_that_breaks_moves_no_other_verdict(run, tmp_path: Path, text: str, said: str) -> None:
    results, _ = run(f"--clusterprobe-probes={write(tmp_path / 'mine', acme__probe_team=text)}")
    assert verdicts(results) == {"acme/team": "broken", "area/good": "pass"}
    assert said in results["probes"][0]["reason"]
    assert "hunter22222" not in json.dumps(results)
    assert results["run"]["exit_status"] == 3


def test_a_broken_probe_that_is_not_selected_breaks_nothing(run, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", acme__probe_team="import nope\n")
    results, _ = run(f"--clusterprobe-probes={folder}", "--clusterprobe-select=area")
    assert (verdicts(results), results["run"]["exit_status"]) == ({"area/good": "pass"}, 0)


def test_a_broken_probe_that_is_selected_alone_is_reported(run, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", acme__probe_team="import nope\n")
    results, _ = run(f"--clusterprobe-probes={folder}", "--clusterprobe-select=acme")
    assert (verdicts(results), results["run"]["exit_status"]) == ({"acme/team": "broken"}, 3)


def test_a_probe_whose_source_cannot_be_loaded_says_why(run, tmp_path: Path) -> None:
    team = GOOD.replace("probe_good", "probe_team").replace("namespaces", "teams")
    folder = write(tmp_path / "mine", acme__sources="import nope\n", acme__probe_team=team)
    results, _ = run(f"--clusterprobe-probes={folder}")
    assert verdicts(results) == {"acme/team": "broken", "area/good": "pass"}
    assert "'teams' not found; " in results["probes"][0]["reason"]
    assert "sources.py:1: it cannot be loaded: ModuleNotFoundError" in results["probes"][0]["reason"]


def test_an_id_that_is_there_twice_is_refused(run, tmp_path: Path) -> None:
    results, done = run(f"--clusterprobe-probes={write(tmp_path / 'mine', area__probe_good=GOOD)}")
    assert (results, done.ret) == (None, pytest.ExitCode.USAGE_ERROR)
    done.stderr.fnmatch_lines(["*two probes have the id area/good: *"])


def refused(*folders: Path) -> str:
    with pytest.raises(UsageError) as caught:
        own_probes(Request(probes=tuple(map(str, folders))), Profile())
    return str(caught.value)


def test_a_folder_that_is_of_no_use_is_named_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "none") == f"--probes {tmp_path}/none: No such file or directory: {tmp_path}/none"
    assert "Not a directory" in refused(tmp_path / "file")
    assert refused(tmp_path / "empty") == f"--probes {tmp_path}/empty: there is no AREA/probe_NAME.py in this folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert "Permission denied" in refused(tmp_path / "closed")


def test_a_folder_that_the_profile_names_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("fail_on: error\nprobes:\n  paths:\n  - nope\n")
    profile = load_profile(str(tmp_path / "mine.yaml"), shipped("profiles"))
    with pytest.raises(UsageError, match=r"mine.yaml:4: probes.paths.0: No such file or directory: "):
        own_probes(Request(), profile)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SOURCES.replace("def teams", "def pods"), "two sources have one name: pods in "),
        (SOURCES.replace("def teams", "def clock"), "and what every run has"),
        (SOURCES.replace("teams(namespaces:", "teams(nemespaces:"), "needs nemespaces, which is not a source"),
        (SOURCES.replace("teams(namespaces:", "teams(teams:"), "in a circle: teams → teams"),
        (SOURCES.replace(" -> Readings[Team]", ""), "does not say what it returns: Readings[…]"),
    ],
)
def test_sources_that_cannot_be_together_are_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = write(tmp_path / "mine", acme__sources=text, acme__probe_team=TEAM)
    assert said in refused(folder)
    assert "pods" in sources.all_sources()


def test_every_own_probe_is_in_the_catalogue_with_what_it_needs(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", acme__sources=SOURCES, acme__probe_team=TEAM)
    (one,) = [one for one in entries(Request(probes=(str(folder),))) if one.area == "acme"]
    assert (one.id, one.question, one.parameters["teams"]) == ("acme/team", "Has each namespace a team?", "Examined")
    assert [each.name for each in sources.closure(["teams"])] == ["namespaces", "teams"]


@pytest.mark.parametrize(("name", "text"), [("probe_team", "import nope\n"), ("sources", "import nope\n")])
def test_a_catalogue_with_a_file_that_cannot_be_loaded_is_refused(tmp_path: Path, name: str, text: str) -> None:
    folder = write(tmp_path / "mine", **{"acme__probe_team": GOOD.replace("good", "team"), f"acme__{name}": text})
    with pytest.raises(UsageError, match=rf"{name}.py:1: it cannot be loaded"):
        entries(Request(probes=(str(folder),)))


def test_a_catalogue_has_no_id_twice(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", loki__probe_ready=GOOD.replace("good", "ready"))
    with pytest.raises(UsageError, match="two probes have the id loki/ready: "):
        entries(Request(probes=(str(folder),)))


def test_an_id_is_made_of_the_area_and_the_file() -> None:
    assert probe_id(Path("x/sealed_secrets/probe_unsealed_twice.py")) == "sealed-secrets/unsealed-twice"
