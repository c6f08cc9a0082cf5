from pathlib import Path

import pytest

from lab import api
from lab.paths import STATE
from lab.stages import staged


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.lab)
    items.sort(key=lambda item: item.path.name == "test_closing_picture.py")  # last: it is what all the others lead to


@pytest.fixture(scope="session", autouse=True)
def healthy_lab():
    """The lab has to be up, with nothing staged: a test that cannot see the real thing fails, and is not skipped."""
    assert STATE.exists(), "the lab is not up: python -m lab up"
    assert api.answers("/readyz"), "the lab is not up: python -m lab up"
    assert staged() == [], "something is staged already: clear it first"
