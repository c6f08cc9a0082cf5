"""Whoever reads any output of a run reads the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterprobe import report
from clusterprobe.model import RunResult, Severity
from clusterprobe.report import terminal
from tests.counts import told
from tests.report_factories import finding, healthy, incomplete, probe, result, unwell


def of_every_severity() -> RunResult:
    many = [finding(severity, f"Code{number}") for severity in Severity for number in range(severity.rank + 1)]
    return result(probe("a/b", "findings", findings=many), probe("a/c", "findings", findings=many[::2]), verdict="findings")


@pytest.mark.parametrize("make", [healthy, unwell, incomplete, of_every_severity])
def test_every_output_tells_the_same_counts(make: Callable[[], RunResult], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = make()
    assert report.write_all(now, tmp_path) == []

    def printed(form: str) -> str:
        terminal.show(now, tmp_path, form=form)
        return capsys.readouterr().out

    counts = told(tmp_path, printed)
    assert counts["results.json"] == {str(one): n for one in Severity if (n := sum(f.severity is one for _, f in now.findings()))}
    assert counts == dict.fromkeys(counts, counts["results.json"])
