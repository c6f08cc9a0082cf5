"""What a report of 2,000 findings costs to open in Chromium, beside an empty page and the demo's: the least of some rounds.

    python -m bench.page [ROUNDS]

Prints seconds from the request until the page is loaded, and until it is painted first; then its size, and how many screens of 1280 × 800
it is. All at once in one browser, in turns, each time as a page of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clusterprobe.report import html
from tests.report_factories import two_thousand

ROUNDS = 5
EMPTY = '<!doctype html><html lang="en"><title>empty</title><p>empty</p></html>'
TIMES = """async () => {
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const [page] = performance.getEntriesByType('navigation'), paint = performance.getEntriesByName('first-contentful-paint')[0];
  return [page.loadEventEnd / 1000, (paint ? paint.startTime : NaN) / 1000, document.documentElement.scrollHeight / 800];
}"""


def opened(browser: Any, file: Path) -> list[float]:
    """Loaded, painted, screens."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(file.as_uri())
    found: list[float] = page.evaluate(TIMES)
    page.close()
    return found


def pages(folder: Path) -> dict[str, Path]:
    """The pages by what they are."""
    (folder / "empty.html").write_text(EMPTY)
    (folder / "large").mkdir()
    html.write(two_thousand(), folder / "large")
    demo = [sys.executable, "-c", "from clusterprobe.start import main; main()", "demo", "--output", str(folder / "demo")]
    subprocess.run(demo, capture_output=True, check=False)
    return {"empty": folder / "empty.html", "demo": folder / "demo" / "index.html", "2,000 findings": folder / "large" / "index.html"}


def main() -> None:
    from playwright.sync_api import sync_playwright

    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        files = pages(Path(folder))
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
        found: dict[str, list[list[float]]] = {name: [] for name in files}
        for _ in range(rounds):
            for name, file in files.items():
                found[name].append(opened(browser, file))
        for name, file in files.items():
            loaded, painted, screens = (min(values) for values in zip(*found[name], strict=True))
            ratio = loaded / min(one[0] for one in found["empty"])
            size = file.stat().st_size / 1_000_000
            print(f"{name:15} loaded {loaded:.2f} s ({ratio:.1f} × empty), painted {painted:.2f} s, {size:.2f} MB, {screens:.0f} screens")
        browser.close()


if __name__ == "__main__":
    main()
