"""The clock of the process is as far off as faketime was told, or not at all."""

import os
import subprocess
import sys
import time
from pathlib import Path

OFF = float(os.environ.get("FAKETIME", "0"))
NEAR_SECONDS = 300  # a busy machine may take its time between two looks


def test_the_time_of_day_is_as_far_from_the_kernels_as_it_was_told(tmp_path: Path) -> None:
    (tmp_path / "new").touch()
    assert abs(time.time() - (tmp_path / "new").stat().st_mtime - OFF) < NEAR_SECONDS


def test_the_programs_that_tests_start_have_the_same_clock() -> None:
    said = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], capture_output=True, text=True, check=True).stdout
    assert abs(time.time() - float(said)) < NEAR_SECONDS
