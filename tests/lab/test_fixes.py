"""Every incident repaired as its own finding says: the printed commands are run as they are, and the next run has to be without it.

Where a fix is made elsewhere, such as in Git, `repairs.py` says so, and the stage's own repair does just that. What no command repairs, and
is not named there, fails. `python -m lab verify --fixes` runs them all, in rounds, and goes on where it was interrupted.
"""

import json
import time
from pathlib import Path

import pytest

from lab.verify import FAILED, repairs_in
from tests.lab.following import repair
from tests.lab.repairs import ALONE
from tests.lab.rounds import rounds_of_fixes
from tests.lab.test_stages import healthy


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What has been repaired already is left out; what has failed among others is tried alone."""
    record: Path | None = metafunc.config.getoption("--repaired")
    metafunc.parametrize("names", rounds_of_fixes(repairs_in(record) if record else {}, ALONE), ids=" + ".join)


def test_what_is_printed_repairs_it(names: tuple[str, ...], tmp_path: Path, pytestconfig: pytest.Config) -> None:
    begun = time.monotonic()
    how, after = repair(names, tmp_path)
    record: Path | None = pytestconfig.getoption("--repaired")
    if record:
        seconds = round(time.monotonic() - begun, 1)
        with record.open("a") as file:
            file.writelines(json.dumps({"stage": name, "repaired": how[name], "seconds": seconds}) + "\n" for name in names)
    failed = [f"{name}: {said}" for name, said in how.items() if said.startswith(FAILED)]
    assert not failed, "\n".join(failed)
    assert healthy(after), after.said
