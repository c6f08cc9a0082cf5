"""The files keep to the schemas that are published for them, as check-jsonschema carries them."""

import os
import sys
from pathlib import Path

import pytest

from tests.ci.steps import ACTION, CI, TEMPLATE, execute

FILES = [
    ("vendor.github-actions", ACTION),
    ("vendor.github-workflows", CI / "github" / "example.yml"),
    ("vendor.gitlab-ci", TEMPLATE),
    ("vendor.gitlab-ci", CI / "gitlab" / "example.gitlab-ci.yml"),
]


def check(schema: str, file: Path):
    return execute([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)], os.environ, file.parent)


@pytest.mark.parametrize(("schema", "file"), FILES, ids=lambda one: getattr(one, "name", one))
def test_the_file_fits_its_schema(schema: str, file: Path) -> None:
    done = check(schema, file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "action.yml"
    wrong.write_text(ACTION.read_text().replace("using: composite", "using: composit"))
    assert check("vendor.github-actions", wrong).returncode == 1
