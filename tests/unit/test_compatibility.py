"""docs/compatibility.md and docs/glossary.md say what the code does."""

import re
from pathlib import Path

import msgspec
import pytest

from clusterprobe.access.bundle import SCHEMA as BUNDLE_SCHEMA
from clusterprobe.exits import Exit
from clusterprobe.model import SCHEMA, ProbeVerdict, RunVerdict, Severity
from clusterprobe.report.metrics import registry
from tests.report_factories import unwell

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text()
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()


def rows(text: str) -> list[list[str]]:
    """The cells of every table's rows, without heads."""
    lines = [line for line in text.split("\n") if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


# --- compatibility -----------------------------------------------------------------------------------------------------


def test_the_exit_statuses_are_those_of_the_code() -> None:
    (_, *found) = rows(section("Exit statuses"))
    assert [(int(one[0]), one[1]) for one in found] == [(one.value, one.name.lower().replace("_", " ")) for one in Exit]


def test_the_schemas_are_those_of_the_code() -> None:
    assert f"`{SCHEMA}`" in section("results.json")
    assert f"`{BUNDLE_SCHEMA}`" in section("Bundles")


def test_the_metrics_are_those_of_the_code_with_their_labels() -> None:
    now = unwell()
    named = msgspec.structs.replace(now, cluster=msgspec.structs.replace(now.cluster, name="prod-eu"))
    samples = [one for family in registry(named).collect() for one in family.samples]
    (_, *found) = rows(section("Metrics"))
    said = {one[0].strip("`"): set(re.findall(r"`(\w+)`", one[1])) if len(one) > 1 else set() for one in found}
    assert said == {one.name: set(one.labels) for one in samples}


# --- glossary ----------------------------------------------------------------------------------------------------------

WORDS = {cells[0]: cells[1] for cells in rows(GLOSSARY) if cells[0] != "word"}


def test_each_word_has_one_line() -> None:
    names = [cells[0] for cells in rows(GLOSSARY) if cells[0] != "word"]
    assert len(names) == len(set(names)) > 50
    assert [one for one, means in WORDS.items() if not means.endswith(".")] == []


def test_words_that_lead_on_have_a_line_of_their_own() -> None:
    used = {one for means in WORDS.values() for one in re.findall(r"\*([^*]+)\*", means)}
    plurals = {form for one in WORDS for form in (one, f"{one}s")} | {"accepted"}
    assert used - plurals == set()


@pytest.mark.parametrize("value", [*ProbeVerdict, *RunVerdict], ids=str)
def test_every_verdict_has_a_line(value: str) -> None:
    assert value in WORDS or any(f"On the wire: `{value}`" in means for means in WORDS.values())


def test_every_severity_is_named() -> None:
    assert [one for one in Severity if f"`{one}`" not in WORDS["severity"]] == []


def test_the_glossary_is_linked_from_where_a_reader_begins() -> None:
    assert "(docs/glossary.md)" in (ROOT / "README.md").read_text()
    assert "(docs/glossary.md)" in (ROOT / "ARCHITECTURE.md").read_text()
