import json
from pathlib import Path

import pytest

from tests.ci.steps import OFFLINE, Action, Job, lend_dependencies, wheel

# Stands in for the program, and tells what it was started with.
STAND_IN = """#!{python}
import json, os, pathlib, signal, sys, time
given = dict(one.split("=", 1) for one in sys.argv[2:])
file = pathlib.Path(given.get("--kubeconfig", "nowhere"))
told = {{"arguments": sys.argv[1:], "leaked": "token-of-ours" in str(os.environ)}}
if file.is_file():
    told |= {{"kubeconfig": file.read_text(), "mode": oct(file.stat().st_mode & 0o777), "folder": oct(file.parent.stat().st_mode & 0o777)}}
pathlib.Path({told!r}).write_text(json.dumps(told))
def finish(*_):
    pathlib.Path(given["--output"]).mkdir(exist_ok=True)
    pathlib.Path(given["--output"], "results.json").write_text('{{"verdict": "incomplete"}}')
    sys.exit(2)
signal.signal(signal.SIGTERM, finish)
if os.environ.get("LONG_RUN"):
    time.sleep(60)
finish()
"""


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Path:
    return wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def environment(package: Path, tmp_path_factory) -> Path:
    """What the action's own step installs."""
    action = Action(tmp_path_factory.mktemp("installed"), OFFLINE)
    done = action.step("Install Clusterprobe", package=str(package))
    assert done.status == 0, done.said
    lend_dependencies(action.temporary / "clusterprobe")
    return action.temporary / "clusterprobe"


@pytest.fixture
def action(environment: Path, tmp_path: Path) -> Action:
    action = Action(tmp_path)
    (action.temporary / "clusterprobe").symlink_to(environment)
    return action


@pytest.fixture
def job(environment: Path, tmp_path: Path) -> Job:
    """In whatever `sh` is, for not every image has bash."""
    job = Job(tmp_path, "sh")
    (job.project / ".clusterprobe").symlink_to(environment)
    return job


@pytest.fixture
def stand_in(environment: Path, tmp_path: Path):
    """Puts a stand-in where the steps look for the program; returns what it was started with."""
    told = tmp_path / "told.json"

    def put(programs: Path) -> None:
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(environment / "bin" / "python")
        (programs / "clusterprobe").write_text(STAND_IN.format(python=environment / "bin" / "python", told=str(told)))
        (programs / "clusterprobe").chmod(0o755)

    put.told = lambda: json.loads(told.read_text())
    put.file = told
    return put
