"""`tox -e probe` looks at what concerns the probe."""

import pytest

from clusterprobe.catalogue import Entry, catalogue, find
from clusterprobe.errors import UsageError
from tests import one_probe

PROBES = catalogue(one_probe.ROOT / "probes")
CLASSES = find(PROBES, "storage/classes")


def test_the_unit_tests_of_a_probe_are_found_by_what_they_import() -> None:
    assert one_probe.ROOT / "tests/unit/storage/test_classes.py" in one_probe.unit_tests(CLASSES)
    assert one_probe.ROOT / "tests/unit/storage/test_claims.py" not in one_probe.unit_tests(CLASSES)


def test_its_own_files_and_its_own_cases_are_checked() -> None:
    found = {one.title: one.command for one in one_probe.checks(CLASSES)}
    for title in ("style", "format", "spelling", "types", "tests and documents"):
        assert any(each.startswith(("probes/storage/probe_classes.py", "tests/unit/storage/")) for each in found[title])
    assert "probe_classes or not test_architecture" in found["tests and documents"]
    assert "--probe=storage/classes" in found["faults"]


@pytest.mark.parametrize("shared", one_probe.SHARED)
def test_the_tests_of_what_probes_share_are_there(shared: str) -> None:
    file, _, name = shared.partition("::")
    assert f"def {name}" in (one_probe.ROOT / file).read_text()


def test_a_probe_without_a_unit_test_is_refused() -> None:
    path = one_probe.ROOT / "probes" / "storage" / "probe_untested.py"
    entry = Entry("storage/untested", path, "Is it?", (), {})
    with pytest.raises(UsageError, match="has no unit test"):
        one_probe.checks(entry)


def test_one_check_that_fails_is_named_and_the_others_are_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []
    monkeypatch.setattr(one_probe, "_passes", lambda check: ran.append(check.title) or check.title != "types")
    assert one_probe.main(["storage/classes"]) == 1
    assert len(ran) == 6
    assert "storage/classes: types failed, 6 checks" in capsys.readouterr().out


def test_a_misspelt_probe_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert one_probe.main(["storage/class"]) == 4
    assert "did you mean storage/classes?" in capsys.readouterr().err
