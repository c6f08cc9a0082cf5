"""Which environment a name speaks of: by the pattern that the names of a cluster have in common, or by the words that teams use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from clusterprobe.patterns import ours

# The words that teams use, and the environment that they mean.
WORDS = {
    "dev": "dev",
    "develop": "dev",
    "development": "dev",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "qa": "qa",
    "uat": "uat",
    "acceptance": "acceptance",
    "acc": "acceptance",
    "int": "int",
    "integration": "int",
    "sit": "sit",
    "hml": "homolog",
    "homolog": "homolog",
    "stage": "staging",
    "staging": "staging",
    "stg": "staging",
    "preprod": "preprod",
    "preproduction": "preprod",
    "prelive": "preprod",
    "nonprod": "nonprod",
    "nonproduction": "nonprod",
    "nprd": "nonprod",
    "sandbox": "sandbox",
    "sbx": "sandbox",
    "prod": "prod",
    "production": "prod",
    "prd": "prod",
    "live": "prod",
}
# These are words of other things as well (`live-chat`, `test-runner`): they count at the beginning and the end of a name only.
_AT_AN_END = {"test", "testing", "int", "integration", "sit", "acc", "live", "stage"}
_BEFORE_PROD = {"pre": "preprod", "non": "nonprod"}
# What says that something is for all environments, as the value of a label.
SHARED = {
    *("platform", "shared", "common", "infra", "infrastructure", "monitoring", "observability", "all", "any", "none", "global"),
    *("management", "mgmt", "tools", "tooling", "system", "core", "central", "cluster"),
}
_REGIONS = ours(r"(?:eu|us|ap|sa|ca|me|af|cn|north|south|east|west|central|(?:north|south)(?:east|west)|[a-z]{2,4}\d+[a-z]?|\d+[a-z]?)")
_PARTS = ours(r"[^a-z0-9]+")
Parts = tuple[str, ...]


def parts(name: str) -> Parts:
    """A name's parts, as `("monitoring", "dev")`."""
    return tuple(one for one in _PARTS.split(name.lower()) if one)


def meaning(text: str) -> str:
    """What a word, or a value of a label, means: another spelling of an environment is that environment.

    >>> meaning("Production"), meaning("pre-prod"), meaning("blue")
    ('prod', 'preprod', 'blue')
    """
    found = parts(text)
    compound = _compound(found) if len(found) == 2 else ""
    return compound or WORDS.get(text.lower(), "") or "-".join(found)


def is_production(environment: str) -> bool:
    """Whether an environment is called as production is: `prod`, `prod-eu` or `live`, but not `preprod`."""
    return by_word(environment)[0] == "prod"


def by_word(name: str) -> tuple[str, str]:
    """The environment that a known word in a name means, and that word; both empty if there is none.

    >>> by_word("monitoring-pre-prod"), by_word("dev1-eu-shop"), by_word("live-chat-api"), by_word("shop")
    (('preprod', 'pre-prod'), ('dev', 'dev1'), ('prod', 'live'), ('', ''))
    """
    all_parts = parts(name)
    for index in range(len(all_parts) - 1):
        if compound := _compound(all_parts[index : index + 2]):
            return compound, "-".join(all_parts[index : index + 2])
    ends = _without_regions(all_parts)
    for part in (*ends[-1:], *ends[:1], *reversed(all_parts)):
        word = part.rstrip("0123456789")
        if word in WORDS and (word not in _AT_AN_END or part in (ends[-1], ends[0])):
            return WORDS[word], part
    return "", ""


def speaks_of(text: str, environment: str) -> bool:
    """Whether a text has an environment's name in it, or another word for it.

    >>> speaks_of("monitoring-prod-eu", "prod"), speaks_of("monitoring-prd", "prod"), speaks_of("monitoring", "prod")
    (True, True, False)
    """
    words = parts(text)
    return any(True for _ in _occurrences(words, parts(environment))) or by_word(text)[0] == meaning(environment)


def _compound(two: Parts) -> str:
    first, second = two
    return _BEFORE_PROD.get(first, "") if WORDS.get(second.rstrip("0123456789")) == "prod" else ""


def _without_regions(all_parts: Parts) -> Parts:
    ends = list(all_parts)
    while len(ends) > 1 and _REGIONS.fullmatch(ends[-1]) and ends[-1].rstrip("0123456789") not in WORDS:
        ends.pop()
    while len(ends) > 1 and _REGIONS.fullmatch(ends[0]) and ends[0].rstrip("0123456789") not in WORDS:
        ends.pop(0)
    return tuple(ends)


# --- the names' own pattern -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variant:
    """A part in which names differ, where it is in them, and the names that prove it."""

    part: Parts
    places: frozenset[str]
    proof: str

    @property
    def text(self) -> str:
        return "-".join(self.part)

    def is_in(self, name: Parts) -> bool:
        size = len(self.part)
        if name == self.part:
            return True
        ends = ("end" in self.places and name[-size:] == self.part) or ("start" in self.places and name[:size] == self.part)
        return ends or ("middle" in self.places and any(True for _ in _occurrences(name, self.part)))


def variants(stacks: Collection[str], names: Collection[str]) -> list[Variant]:
    """The parts in which namespaces of stacks differ, and others in the same way: `monitoring-blue`, `-green`; `shop-blue`, `-green`.

    `stacks` are the namespaces that hold a Prometheus, `names` all of them. The longest parts come first.
    """
    whole = {parts(one): one for one in names}
    others: dict[str, set[Parts]] = defaultdict(set)  # by each of their parts
    for one in (one for one, name in whole.items() if name not in stacks):
        for word in one:
            others[word].add(one)
    found: dict[Parts, Variant] = {}
    for first, second in combinations(sorted({parts(one) for one in stacks}), 2):
        place, one, other = _apart(first, second)
        longer = _with_the_word_before(first, second, one, other)
        if longer and any(_siblings(others, *longer)):
            one, other = longer
        for sibling, counterpart, where in _siblings(others, one, other):
            proof = f"{'-'.join(first)} and {'-'.join(second)} differ as {'-'.join(sibling)} and {'-'.join(counterpart)} do"
            for part in (one, other):
                known = found.get(part)
                found[part] = Variant(part, (known.places if known else frozenset()) | {place, where}, known.proof if known else proof)
    return sorted(found.values(), key=lambda one: (-len(one.part), one.part))


def _apart(first: Parts, second: Parts) -> tuple[str, Parts, Parts]:
    """Where two names differ, and by which parts; neither is empty, so that `prod` and `pre-prod` are what they are."""
    before = _common(first, second)
    after = _common(first[before:][::-1], second[before:][::-1])
    if min(len(first), len(second)) == before + after:
        before, after = (before, after - 1) if after else (before - 1, after)
    place = "end" if not after else "middle" if before else "start"
    return place, first[before : len(first) - after], second[before : len(second) - after]


def _with_the_word_before(first: Parts, second: Parts, one: Parts, other: Parts) -> tuple[Parts, Parts] | None:
    """`team-a` and `team-b` rather than `a` and `b`, where names differ in a letter or a number only."""
    before = _common(first, second)
    if not before or any(len(part) != 1 or not (len(part[0]) == 1 or part[0].isdecimal()) for part in (one, other)):
        return None
    return (first[before - 1], *one), (second[before - 1], *other)


def _common(first: Iterable[str], second: Iterable[str]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _siblings(others: Mapping[str, Collection[Parts]], one: Parts, other: Parts) -> Iterator[tuple[Parts, Parts, str]]:
    """Other names that differ from each other in just these parts, with where they have them."""
    for name in sorted(others.get(one[0], ())):
        for index in _occurrences(name, one):
            before, after = name[:index], name[index + len(one) :]
            counterpart = (*before, *other, *after)
            if counterpart in others.get(other[0], ()):
                yield name, counterpart, "end" if not after else "middle" if before else "start"


def _occurrences(name: Parts, part: Parts) -> Iterator[int]:
    size = len(part)
    return (index for index in range(len(name) - size + 1) if name[index : index + size] == part)
