"""The wheel as a stranger installs it: into a clean environment, away from the checkout."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from lab.build.product_image import contents
from tests.own_probes_example import write_example

ROOT = Path(__file__).parents[2]


def run(*argv: object, folder: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "KUBE", "PYTEST", "VIRTUAL_ENV"))}
    done = subprocess.run([str(one) for one in argv], capture_output=True, text=True, cwd=folder, env=environment, timeout=600, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    run(folder / "bin/python", "-m", "pip", "install", "--quiet", wheel, folder=folder)
    return folder / "bin"


def test_the_labs_image_holds_what_the_wheel_holds(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert set(contents()) == names


def test_the_wheel_carries_what_it_runs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    probes = {str(one.relative_to(ROOT)) for one in (ROOT / "probes").glob("*/probe_*.py")}
    assert {f"clusterprobe/_shipped/{one}" for one in probes} <= set(names)
    assert {"clusterprobe/_shipped/profiles/default.yaml", "clusterprobe/_shipped/demo/demo.zip", "clusterprobe/pytest.ini"} <= set(names)
    assert "clusterprobe/py.typed" in names
    assert any(name.endswith(".html") for name in names if "report/templates" in name)
    assert not [name for name in names if "tests/" in name or "lab/" in name]


def test_the_wheel_says_under_which_licence_it_comes_and_carries_its_text(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    (text,) = (archive.read(name) for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert text == (ROOT / "LICENSE").read_bytes()


def test_probes_of_ones_own_run_beside_the_installed_ones(installed: Path, tmp_path: Path) -> None:
    write_example(tmp_path)
    run(installed / "clusterprobe", "demo", "--probes", "own", "--select", "acme/team-label,loki/ready", "--output", "out", folder=tmp_path)
    probes = json.loads((tmp_path / "out" / "results.json").read_text())["probes"]
    assert {one["id"]: one["verdict"] for one in probes} == {"acme/team-label": "findings", "loki/ready": "pass"}


def test_the_installed_demo_answers_as_the_checkout_does(installed: Path, tmp_path: Path) -> None:
    run(installed / "clusterprobe", "demo", "--output", "out", folder=tmp_path, status=1)
    here = tmp_path / "checkout"
    run(sys.executable, "-c", "from clusterprobe.cli import main; main()", "demo", "--output", here, folder=ROOT, status=1)
    mine, theirs = (json.loads((folder / "results.json").read_text())["probes"] for folder in (tmp_path / "out", here))
    assert mine == theirs
    assert len(mine) == len(list((ROOT / "probes").glob("*/probe_*.py")))


def test_every_installed_probe_can_be_listed_and_explained(installed: Path, tmp_path: Path) -> None:
    listed = run(installed / "clusterprobe", "list", folder=tmp_path).stdout.split("\n")
    ids = [line.split()[0] for line in listed if line.strip() and not line.startswith(" ")]
    assert len(ids) == len(list((ROOT / "probes").glob("*/probe_*.py")))
    text = run(installed / "clusterprobe", "explain", ids[0], folder=tmp_path).stdout
    assert all(word in text for word in ("Problem", "Cause", "Fix", "Prevention", "Needs the permissions"))


def test_a_profile_that_comes_with_it_is_found_by_name(installed: Path, tmp_path: Path) -> None:
    bundle = ROOT / "demo" / "demo.zip"
    options = ["--bundle", bundle, "--profile", "prod", "--select", "storage", "--output", "out"]
    # Only warnings, which fail a run of the profile `prod` alone.
    run(installed / "clusterprobe", "run", *options, folder=tmp_path, status=1)
    assert json.loads((tmp_path / "out" / "results.json").read_text())["run"]["fail_on"] == "warning"
