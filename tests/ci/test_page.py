"""What docs/ci.md shows is what there is."""

import os
import re
from pathlib import Path

import yaml

from tests.ci.steps import ACTION, ROOT, TEMPLATE, documented, execute, read

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


def shown() -> list:
    return [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_workflows_that_are_shown_fit_the_action() -> None:
    steps = [step for one in shown() if isinstance(one, list) for step in one if "/deploy/ci/github" in step.get("uses", "")]
    assert len(steps) == 2
    assert all(set(step["with"]) <= set(read(ACTION)["inputs"]) for step in steps)
    assert set(re.findall(r"steps\.probe\.outputs\.([a-z-]+)", PAGE)) <= set(read(ACTION)["outputs"])


def test_the_job_that_is_shown_fits_the_template() -> None:
    (pipeline,) = [one for one in shown() if isinstance(one, dict)]
    assert pipeline["smoke"]["extends"] in read(TEMPLATE)
    assert set(pipeline["smoke"]["variables"]) <= set(read(TEMPLATE)["variables"])


def test_every_input_is_explained() -> None:
    table = PAGE[PAGE.index("| input |") : PAGE.index("The step fails")]
    assert set(re.findall(r"^\| (.*?) \|", table, re.MULTILINE)[0:1]) == {"input"}
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([a-z-]+)`", row)}
    assert named == set(read(ACTION)["inputs"])


def test_the_demo_can_be_tried_as_shown(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    done = execute(
        ["bash", "-euo", "pipefail", "-c", documented("try")],
        {**os.environ, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"},
        tmp_path,
    )
    assert (done.returncode, (tmp_path / "clusterprobe-report" / "junit.xml").is_file()) == (1, True), done.stderr
