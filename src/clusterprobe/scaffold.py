"""What a new probe begins with: the probe, its unit test, its stage in the lab and what that must lead to.

Nothing of it can be taken for finished: the probe can say nothing but "could not check", its test fails until it judges, and the stage
refuses to be staged.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from string import Template

from clusterprobe.catalogue import catalogue
from clusterprobe.errors import UsageError
from clusterprobe.shipped import shipped

STAGES, EXPECTATIONS = Path("lab/stages"), Path("tests/lab/expectations")
_PART = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_PROBE = Template('''\
from clusterprobe.findings import FindingKind, reports
from clusterprobe.model import Severity
from clusterprobe.roles import Examined
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.verdict import Verdict

$constant = FindingKind("$code", Severity.WARNING, "…")


@reports($constant)
def probe_$name(verdict: Verdict, pods: Examined[Pod]) -> None:
    """Write the question here, with a question mark at its end.

    Problem: …
    Cause: …
    Fix: …
    Prevention: …
    """
    for subject, _ in pods:
        verdict.unchecked(subject, "$id judges nothing yet")
''')

_TEST = Template('''\
from typing import Any

from clusterprobe.systems.kubernetes.objects import Pod
from probes.$folder.probe_$name import probe_$name
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons


def pod(**spec: Any) -> Pod:
    return labelled(Pod, "app", "web-0", spec={"containers": [], **spec})


def readings(**changed: Any) -> dict[str, Any]:
    """All that the probe reads: healthy, but for what is changed."""
    return {"pods": listing("Pod", [pod()]), **changed}


def test_what_is_healthy_passes() -> None:
    assert outcome(judged(probe_$name, **readings())) == "pass"


def test_what_is_wrong_is_found() -> None:
    wrong = listing("Pod", [pod()])  # say here what is wrong of it
    assert reasons(judged(probe_$name, **readings(pods=wrong))) == ["$code"]


def test_where_there_is_nothing_to_judge_it_does_not_apply() -> None:
    assert outcome(judged(probe_$name, **readings(pods=listing("Pod", [])))) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_$name, readings())
''')

_STAGE = Template('''\
"""Say here what happened in life, and how it was repaired."""

from __future__ import annotations

from lab.errors import LabError
from lab.platform.manifests import Environment
from lab.stages import Stage


def stage(environment: Environment) -> None:
    """Break it, and return once the effect is visible in the system itself."""
    raise LabError(f"nothing is broken yet in {environment.name}: write what $stage does")


def clear(_: Environment) -> None:
    """Repair it as it was repaired in life; nothing is broken yet."""


STAGES = (Stage("$stage", "what is broken, in one line", stage, clear, touches=("$stage in {environment}",)),)
''')

_EXPECTATION = Template('''\
"""What the stages of lab/stages/${folder}_$name.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "$stage": Expectation({("$id", "$code"): ["what its problem, cause or fix must say"]}),
}
''')


@dataclass(frozen=True, slots=True)
class New:
    """A probe that is to be, by its area and name."""

    area: str
    name: str

    @property
    def words(self) -> dict[str, str]:
        """What the templates name."""
        return {
            "id": f"{self.area}/{self.name}",
            "folder": self.area.replace("-", "_"),
            "name": self.name.replace("-", "_"),
            "stage": f"{self.area}-{self.name}",
            "constant": self.name.replace("-", "_").upper(),
            "code": "".join(part.capitalize() for part in self.name.split("-")),
        }

    def files(self, root: Path) -> dict[Path, str]:
        """The files to write, relative to the root, with their texts."""
        words = self.words
        stage = f"{words['folder']}_{words['name']}.py"
        return {
            Path("probes", words["folder"], f"probe_{words['name']}.py"): _PROBE.substitute(words),
            _room(root, words["folder"]) / f"test_{words['name']}.py": _TEST.substitute(words),
            STAGES / stage: _STAGE.substitute(words),
            EXPECTATIONS / stage: _EXPECTATION.substitute(words),
        }


def checkout() -> Path:
    """The clone of the repository that this runs from. Raises `UsageError` elsewhere."""
    root = shipped("probes").parent
    if not (root / EXPECTATIONS).is_dir() or not (root / STAGES).is_dir():
        raise UsageError("new-probe works in a clone of Clusterprobe's repository, installed with `pip install -e .`, and nowhere else")
    return root


def new_probe(root: Path, wanted: str, *, new_area: bool = False) -> list[Path]:
    """Write what a new probe begins with; returns the files, relative to the root. `UsageError` writes nothing."""
    new = _parsed(wanted)
    known = {one.id: one.area for one in catalogue(root / "probes")}
    if wanted in known:
        raise UsageError(f"there is a probe {wanted} already: `clusterprobe explain {wanted}`")
    if new.area not in known.values() and not new_area:
        raise _no_area(new.area, sorted(set(known.values())))
    _refuse_stage(root, new.words["stage"])
    files = new.files(root)
    if there := [one for one in files if (root / one).exists()]:
        raise UsageError(f"{there[0]} is there already, and nothing is replaced; choose another name")
    try:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            with (root / path).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None
    return list(files)


def _parsed(wanted: str) -> New:
    area, slash, name = wanted.partition("/")
    if not slash or not all(_PART.fullmatch(part) for part in (area, name)):
        raise UsageError(f"{wanted}: expected AREA/NAME, of small letters, digits and single dashes, such as storage/claims")
    return New(area, name)


def _no_area(wanted: str, areas: list[str]) -> UsageError:
    near = difflib.get_close_matches(wanted, areas, 1)
    hint = f"did you mean {near[0]}? There are" if near else "there are"
    return UsageError(f"there is no area {wanted}: {hint} {', '.join(areas)}; --new-area makes one")


def _room(root: Path, folder: str) -> Path:
    """Where the unit tests of an area are: where most of those that import its probes are."""
    wanted = re.compile(rf"^from probes\.{folder}\.", re.MULTILINE)
    tests = Path("tests", "unit")
    found = [one.parent for one in (root / tests).glob("*/test_*.py") if wanted.search(one.read_text(encoding="utf-8"))]
    return Counter(found).most_common(1)[0][0].relative_to(root) if found else tests / folder


def _refuse_stage(root: Path, stage: str) -> None:
    texts = [one.read_text(encoding="utf-8") for folder in (STAGES, EXPECTATIONS) for one in (root / folder).glob("*.py")]
    if any(f'"{stage}"' in text for text in texts):
        raise UsageError(f"there is a stage {stage} in the lab already; choose another name")
