"""What the error of a rule's evaluation means: named where it is certain, and otherwise left to Prometheus' own words."""

from __future__ import annotations

from typing import Literal

from clusterprobe.fixes import SOURCE, change
from clusterprobe.model import Step
from clusterprobe.patterns import ours
from clusterprobe.words import listed

Fault = Literal["duplicates", "label set", "template", "limit", "timeout", "other"]
_FAULTS: tuple[tuple[Fault, str], ...] = (
    ("duplicates", r"found duplicate series for the match group|many-to-many matching not allowed|multiple matches for labels"),
    ("label set", r"vector (?:contains|cannot contain) metrics with the same labelset"),
    ("template", r"(?i)error executing template|error expanding|template: "),
    ("limit", r"exceeded limit|too many samples|would load too many"),
    ("timeout", r"query timed out|context deadline exceeded|context canceled"),
)
_PATTERNS = [(fault, ours(text)) for fault, text in _FAULTS]
_SERVICES = ours(r'\bservice="([^"]*)"')
_CAUSES: dict[Fault, str] = {
    "duplicates": "Its expression joins series of which there are two where it takes one: something is scraped twice, or `on (…)` lacks "
    "a label.",
    "label set": "Two of the series that it makes have the same labels.",
    "template": "A template in its labels or annotations fails.",
    "limit": "It needs more samples or series than it may.",
    "timeout": "It takes longer than a query may.",
    "other": "Its evaluation fails.",
}
_STEPS: dict[Fault, str] = {
    "duplicates": "Let what is scraped twice be scraped once (`prometheus/monitors`), or aggregate both sides to the labels of `on (…)`.",
    "label set": "Aggregate the expression to the labels that tell the series apart.",
    "template": "Correct the template.",
    "limit": "Let the expression read less, or raise the limit that the message names.",
    "timeout": "Make the expression cheaper, such as by a recording rule (`prometheus/pressure`).",
    "other": "Correct the expression, as the message says.",
}


def fault_of(error: str) -> Fault:
    """What is at fault, by the error's own words."""
    return next((fault for fault, pattern in _PATTERNS if pattern.search(error)), "other")


def services_in(error: str) -> list[str]:
    """The Services through which the series were scraped that an error names."""
    return list(dict.fromkeys(_SERVICES.findall(error)))


def error_cause(error: str) -> str:
    """A sentence; of series that are there twice, with the Services that they come from."""
    fault, services = fault_of(error), services_in(error)
    if fault == "duplicates" and len(services) > 1:
        return f"Its expression joins series that are scraped through {listed(services, 4, between=' and ')}, where it takes one of each."
    return _CAUSES[fault]


def error_steps(error: str) -> list[Step]:
    """What to change; a chart's own rule is not to be edited where it was made."""
    return [change(f"{_STEPS[fault_of(error)]} Change it {SOURCE}.")]
