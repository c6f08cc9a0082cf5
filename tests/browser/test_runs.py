"""What a browser makes of the list of kept runs."""

import dataclasses
from pathlib import Path

import pytest

from clusterprobe.archive import Kept
from clusterprobe.report.runs import page as listed
from clusterprobe.report.runs import row_of
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_report import LOW_CONTRAST
from tests.report_factories import healthy, unwell

ROWS = [
    row_of(Kept(Path("2026-11-24T03-00-00Z"), unwell())),
    dataclasses.replace(row_of(Kept(Path("2026-11-23T03-00-00Z"), healthy())), limits=("only loki, grafana", "interrupted")),
    dataclasses.replace(row_of(Kept(Path("2026-11-22T03-00-00Z"), healthy())), cluster="very-long-name-without-a-blank" * 12),
    dataclasses.replace(row_of(Kept(Path("2026-11-21T03-00-00Z"), unwell())), profile="w" * 2000, fresh=3, resolved=1),
    row_of(Kept(Path("2026-11-20T03-00-00Z"), None)),
]


@pytest.fixture
def open_list(chromium):
    contexts = []

    def open_it(asked=None, width=1280, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        opened = context.new_page()
        opened.set_content(listed(ROWS, asked or {}))
        return opened

    yield open_it
    for one in contexts:
        one.close()


@pytest.mark.parametrize("width", [320, 390, 900, 1280])
def test_nothing_reaches_over_the_edge(open_list, width):
    assert open_list(width=width).evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(open_list, scheme):
    assert open_list(scheme=scheme).evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_table_stays_one_with_headers(open_list, width):
    table = open_list(width=width).get_by_role("table")
    assert table.get_by_role("rowheader").count() == len(ROWS)
    assert table.get_by_role("row").count() >= len(ROWS)


def test_the_filter_in_force_is_told(open_list):
    page = open_list({"verdict": ["findings"]})
    assert "findings 2" in page.locator("[aria-current]").all_inner_texts()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(open_list, violations, width, scheme):
    assert violations(open_list(width=width, scheme=scheme)) == []
