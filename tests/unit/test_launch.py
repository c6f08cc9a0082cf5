"""The folder of a run that names none."""

from pathlib import Path

import pytest

from clusterprobe import launch


def test_two_runs_that_start_in_one_second_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["2026-01-01T00-00-00Z"] * 3 + ["2026-01-01T00-00-01Z"])
    monkeypatch.setattr(launch, "default_folder", lambda: tmp_path / "reports" / next(names))
    monkeypatch.setattr(launch, "PAUSE_FOR_NAME_SECONDS", 0.0)
    first, second = launch._own_folder(), launch._own_folder()
    assert first == (tmp_path / "reports/2026-01-01T00-00-00Z", [tmp_path / "reports/2026-01-01T00-00-00Z", tmp_path / "reports"])
    assert second == (tmp_path / "reports/2026-01-01T00-00-01Z", [tmp_path / "reports/2026-01-01T00-00-01Z"])
