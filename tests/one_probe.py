"""Everything that concerns one probe, and nothing else: `tox -e probe -- AREA/NAME`.

Style, spelling and types of its files, its unit tests, its pages, and the probe under every quick fault on the recording.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from clusterprobe.catalogue import Entry, catalogue, find
from clusterprobe.errors import UsageError

ROOT = Path(__file__).parents[1]
SHARED = (
    "tests/unit/test_findings.py",
    "tests/unit/test_handbook.py::test_the_pages_in_the_repository_are_those_of_the_probes",
    "tests/unit/test_findings.py::test_each_kind_has_an_example_that_a_test_holds",
    "tests/unit/test_documents.py::test_the_readme_names_every_probe",
    "tests/unit/test_deploy.py::test_the_charts_permissions_are_those_of_the_probes",
)
ARCHITECTURE = "tests/unit/test_architecture.py"


@dataclass(frozen=True)
class Check:
    """A module of this Python to run, with its arguments, and what it is about."""

    title: str
    command: tuple[str, ...]


def unit_tests(entry: Entry) -> list[Path]:
    """The files of unit tests that import the probe."""
    wanted = f"from probes.{entry.path.parent.name}.{entry.path.stem} import"
    return sorted(one for one in (ROOT / "tests" / "unit").rglob("test_*.py") if wanted in one.read_text(encoding="utf-8"))


def checks(entry: Entry) -> list[Check]:
    """What is run, in this order. `UsageError` where there is no unit test, for nothing else would notice."""
    tests = [str(one.relative_to(ROOT)) for one in unit_tests(entry)]
    if not tests:
        raise UsageError(f"{entry.id} has no unit test: nothing below tests/unit imports {entry.path.stem}")
    probe = str(entry.path.relative_to(ROOT))
    pytest = ("pytest", "-q", "-n0")
    return [
        Check("style", ("ruff", "check", probe, *tests)),
        Check("format", ("ruff", "format", "--check", probe, *tests)),
        Check("spelling", ("codespell_lib", probe, *tests)),
        Check("types", ("mypy", probe)),
        # Of what every probe has, its own cases only.
        Check("tests and documents", (*pytest, *tests, *SHARED, ARCHITECTURE, "-k", f"{entry.path.stem} or not test_architecture")),
        Check("faults", (*pytest, "tests/faults/one_probe.py", f"--probe={entry.id}")),
    ]


def main(arguments: list[str]) -> int:
    """Run all checks, also after one that failed; 0 if all passed, 1 if not, else bad usage."""
    parser = argparse.ArgumentParser(prog="tox -e probe --", description="Check one probe.")
    parser.add_argument("probe", metavar="AREA/NAME")
    name = parser.parse_args(arguments).probe
    try:
        wanted = checks(find(catalogue(ROOT / "probes"), name))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 4
    begun = time.monotonic()
    failed = [one.title for one in wanted if not _passes(one)]
    print(f"{name}: {', '.join(failed) or 'nothing'} failed, {len(wanted)} checks in {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _passes(check: Check) -> bool:
    print(f"--- {check.title}: {' '.join(check.command)}", flush=True)
    return subprocess.run([sys.executable, "-m", *check.command], cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
