"""Which environments a run took namespaces for, and from what: for the page, the terminal and `clusterprobe environments`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from clusterprobe.model import Placed, Table
from clusterprobe.words import listed, number, visible_line

NONE = "none is named by the profile or a label, or shows in the names; what each Prometheus does is compared with the others"
# What a proof begins with, and what it is called for all namespaces together.
_SOURCES = {
    "the profile": "the profile",
    "its label": "labels",
    "its name": "the pattern of the names",
    "the word": "words in the names",
}


def summary(placed: Iterable[Placed]) -> str:
    """All of them in a line, such as `dev (3 namespaces), prod (2 namespaces), from labels`."""
    belonging = [one for one in placed if one.environment]
    if not belonging:
        return NONE
    counts = Counter(one.environment for one in belonging)
    named = [f"{environment} ({number(count, 'namespace')})" for environment, count in counts.items()]
    sources = [called for begin, called in _SOURCES.items() if any(one.by.startswith(begin) for one in belonging)]
    return visible_line(f"{listed(named, 8)}, from {' and '.join(sources)}")


def table(placed: Iterable[Placed]) -> Table:
    """Each namespace that belongs to an environment, or that something says is shared, with what says so."""
    rows = [[visible_line(one.environment or "(shared)"), visible_line(one.namespace), visible_line(one.by)] for one in placed]
    return Table(title="Environments", columns=["Environment", "Namespace", "Because of"], rows=rows)
