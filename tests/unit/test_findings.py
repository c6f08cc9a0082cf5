"""The registry of what probes can report: each code is declared once, means one thing, and is spelt right wherever it is named."""

from pathlib import Path

import pytest

from clusterprobe.catalogue import catalogue, kinds, refuse_unknown_code
from clusterprobe.errors import UsageError
from clusterprobe.findings import FindingKind
from clusterprobe.handbook import Example, examples
from tests.examples import SAID, check, is_there
from tests.lab.expectations import STAGES

PROBES = catalogue(Path(__file__).parents[2] / "probes")
KINDS = {one.id: kinds(one.path) for one in PROBES}
EVERY = sorted({kind for found in KINDS.values() for kind in found}, key=lambda one: one.code)


def test_a_code_means_the_same_whichever_probe_reports_it() -> None:
    codes = [one.code for one in EVERY]
    assert [code for code in codes if codes.count(code) > 1] == []


@pytest.mark.parametrize("kind", EVERY, ids=lambda one: one.code)
def test_a_kind_has_a_code_in_camel_case_and_one_sentence(kind: FindingKind) -> None:
    assert kind.code.isalnum()
    assert kind.code[0].isupper()
    assert (kind.meaning[0].isupper(), kind.meaning.endswith("."), kind.meaning.count(". ")) == (True, True, 0)


def test_only_a_probe_that_judges_nothing_reports_nothing() -> None:
    assert [name for name, found in KINDS.items() if not found] == ["inventory/judged", "loki/query-range"]


def test_each_kind_has_an_example_that_a_test_holds() -> None:
    """`tests/examples.py` says how they are written."""
    shown = {(probe, code): one for probe, found in examples().items() for code, one in found.items()}
    assert set(shown) ^ {(probe, kind.code) for probe, found in KINDS.items() for kind in found} == set()
    assert [one.test for one in shown.values() if not is_there(one.test)] == []


def test_an_example_fails_its_test_once_that_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXAMPLES", raising=False)
    monkeypatch.setattr("tests.examples.examples", lambda: {"a/b": {"Bad": Example("It is bad.", "here")}})
    monkeypatch.setitem(SAID, ("a/b", "Bad"), ["It is bad."])
    check("here")
    monkeypatch.setitem(SAID, ("a/b", "Bad"), ["It is worse."])
    check("elsewhere")
    with pytest.raises(AssertionError, match="no longer what the pages show"):
        check("here")


def test_the_lab_expects_only_what_is_declared() -> None:
    wanted = {pair for stage in STAGES.values() for pair in [*stage.wanted, *stage.besides]}
    assert wanted
    assert sorted((probe, code) for probe, code in wanted if code not in {one.code for one in KINDS[probe]}) == []


def test_a_pattern_is_refused_only_where_it_means_no_code() -> None:
    refuse_unknown_code("Targets*", ["TargetsDown"], "prometheus/targets", "here")
    with pytest.raises(UsageError, match=r"here: prometheus/targets reports no Scrapes\*"):
        refuse_unknown_code("Scrapes*", ["TargetsDown"], "prometheus/targets", "here")


@pytest.mark.parametrize(
    ("codes", "hint"),
    [
        (["TargetsDown", "ScrapesNearTimeout"], "here: prometheus/* reports no TargetDown: did you mean TargetsDown?"),
        (["Zzz"], "here: prometheus/* reports no TargetDown: it reports Zzz"),
        ([], "here: prometheus/* reports no TargetDown: it reports no findings"),
    ],
)
def test_a_code_that_no_probe_reports_is_refused_with_the_nearest(codes: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        refuse_unknown_code("TargetDown", codes, "prometheus/*", "here")
    assert str(raised.value) == hint
