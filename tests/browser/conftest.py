"""A real browser, with JavaScript on: what keeps scripts from running must be the page itself."""

from __future__ import annotations

import shutil

import pytest

from clusterprobe.report import html, write_all

BROWSER = shutil.which("chromium")
PATIENCE_MS = 180_000  # a machine that does much else is slow, not wrong
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    assert BROWSER is not None, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def violations():
    """What axe finds wrong with a page that is open, with every `details` open: the rule, and the first place."""
    from axe_playwright_python.sync_playwright import Axe

    def found(page):
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        response = Axe().run(page).response
        assert len(response["passes"]) > 10  # it has looked
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in response["violations"]]

    return found


@pytest.fixture
def open_report(chromium, tmp_path):
    """Writes a result and opens its page; gives the page, with what it asked for and said in `page.requests` and `page.said`."""
    contexts = []

    def open_it(result, width=1280, scheme="light", scripts=True):
        assert write_all(result, tmp_path) == []
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.requests, page.said = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("dialog", lambda dialog: (page.said.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto((tmp_path / "index.html").as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def reopen(tmp_path):
    """Writes the page of another result, unredacted, in place of the one that is shown, and shows it."""

    def reopen_it(page, result):
        html.write(result, tmp_path)
        page.goto((tmp_path / "index.html").as_uri())

    return reopen_it
