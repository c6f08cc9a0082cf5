"""What a browser makes of fleet.html, on a desk by day and on a phone by night."""

import pytest

from clusterprobe.fleet.page import render
from tests.browser.test_report import LOW_CONTRAST, OPEN, SEEN
from tests.unit.fleet.test_overview import NOW, over, record
from tests.unit.fleet.test_page import HOSTILE, hostile, world


@pytest.fixture
def open_fleet(chromium, tmp_path):
    contexts = []

    def open_it(one, width=1280, scheme="light"):
        (tmp_path / "fleet.html").write_text(render(one, "s3://reports", NOW, "26h"), encoding="utf-8")
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.goto((tmp_path / "fleet.html").as_uri())
        page.evaluate(OPEN)
        return page

    yield open_it
    for one in contexts:
        one.close()


def many():
    return over(*(record(f"{number}", *(["Bad"] if number % 3 == 0 else []), name="x" * 60 + str(number)) for number in range(60)))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")])
@pytest.mark.parametrize("made", [world, many, lambda: over(*hostile(), expected=[HOSTILE]), over])
def test_it_is_read_without_scrolling_sideways_and_with_contrast(open_fleet, made, width, scheme):
    page = open_fleet(made(), width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(LOW_CONTRAST) == []


def test_no_state_is_told_by_its_colour_alone(open_fleet):
    page = open_fleet(world())
    texts = page.evaluate("[...document.querySelectorAll('.cell')].map(one => one.textContent.trim())")
    assert all(texts)


def test_a_clusters_text_does_nothing(open_fleet):
    seen = open_fleet(over(*hostile(), expected=[HOSTILE], troubles=[HOSTILE])).evaluate(SEEN)
    assert seen["planted"] is None
    assert seen["handlers"] == []
    assert not {"SCRIPT", "IMG"} & set(seen["elements"])


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(open_fleet, violations, width, scheme):
    assert violations(open_fleet(world(), width, scheme)) == []
