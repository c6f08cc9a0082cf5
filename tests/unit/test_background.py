"""A process that ends while a thread of ours hangs inside RE2 says its status, and all that it wrote."""

from __future__ import annotations

import subprocess
import sys

import pytest

# RE2 lets go of the interpreter while it searches, and wants it back when Python is about to end.
HANGING = """
import re2, sys, time
from clusterprobe import background
pattern = re2.compile("(a*)*(b*)*[c-z]{1,200}$")
text = "ab" * 200_000
def search():
    while True:
        pattern.search(text)
for number in range(4):
    background.start(f"search-{number}", search)
time.sleep(0.1)
sys.stdout.write("said")
sys.stdout.flush()
background.end_process(2)
"""


@pytest.mark.parametrize("attempt", range(6))
def test_it_ends_with_its_status_while_threads_search(attempt: int) -> None:
    ended = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "said", "")


def test_what_is_registered_for_the_end_has_run_by_then() -> None:
    program = "import atexit; atexit.register(print, 'after')\nfrom clusterprobe import background; background.end_process(1)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "after\n")
