"""How many findings of each severity the outputs of a run tell, each output read for itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from prometheus_client.parser import text_string_to_metric_families

Counts = dict[str, int]

_SENTENCE = {"critical finding": "critical", "error": "error", "warning": "warning", "note": "info"}
_DESCRIBED = re.compile(r"^\[(critical|error|warning|info)\] \w+: ", re.MULTILINE)
_ROW = re.compile(r"^\| (critical|error|warning|info) \| ", re.MULTILINE)


def told(folder: Path, printed: Callable[[str], str]) -> dict[str, Counts]:
    """The counts by output: of the files in a run's folder, and of what is `printed` in each form (`""` is the short answer).

    Only for a run with 50 findings at most, for Markdown lists no more.
    """
    files = {one: (folder / one).read_text(encoding="utf-8") for one in ("results.json", "index.html", "junit.xml", "metrics.prom")}
    return {
        "results.json": _of_results(json.loads(files["results.json"])),
        "index.html": _of_sentence(re.findall(r'<p class="tally">(.*?)</p>', files["index.html"])[0]),
        "junit.xml": _of_junit(files["junit.xml"]),
        "metrics.prom": _of_metrics(files["metrics.prom"]),
        "the terminal": _of_sentence(printed("").rstrip().rpartition("\n")[2]),
        "wide": _of_sentence(printed("wide").rstrip().rpartition("\n")[2]),
        "json": _of_results(json.loads(printed("json"))),
        "markdown": _of_sentence(printed("markdown").splitlines()[2]),
        "markdown's table": _counted(_ROW.findall(printed("markdown"))),
        "junit": _of_junit(printed("junit")),
        "sarif": _of_sarif(json.loads(printed("sarif"))),
    }


def _counted(severities: Iterable[str]) -> Counts:
    return dict(Counter(severities))


def _of_results(results: dict[str, Any]) -> Counts:
    return _counted(finding["severity"] for probe in results["probes"] for finding in probe["findings"])


def _of_sentence(text: str) -> Counts:
    said = re.findall(r"(\d+) (critical finding|error|warning|note)s?\b", text)
    return {_SENTENCE[noun]: int(count) for count, noun in said}


def _of_junit(text: str) -> Counts:
    elements = ET.fromstring(text.encode()).iter()
    return _counted(one for each in elements if each.tag in ("failure", "system-out") for one in _DESCRIBED.findall(each.text or ""))


def _of_metrics(text: str) -> Counts:
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "clusterprobe_findings":
                found[sample.labels["severity"]] += int(sample.value)
    return dict(found)


def _of_sarif(log: dict[str, Any]) -> Counts:
    results = [one for one in log["runs"][0]["results"] if "kind" not in one and "suppressions" not in one]
    return _counted(one["properties"]["severity"] for one in results)
