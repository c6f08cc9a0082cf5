"""Which namespace belongs to which environment: as the profile says, else by label, by the names' own pattern, or by a known word."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace

from clusterprobe.environment_names import SHARED, WORDS, Variant, by_word, is_production, meaning, parts, speaks_of, variants
from clusterprobe.model import Placed
from clusterprobe.profile import Profile
from clusterprobe.systems.kubernetes.objects import Namespace

# The labels that usually name an environment, after the profile's own. Of the loose ones only known words count.
LABELS = ("environment", "env", "app.kubernetes.io/environment")
LABELS_OF_ANYBODY = ("environment", "env")  # below a prefix of one's own, such as tags.datadoghq.com/env
LOOSE_LABELS = ("stage", "tier", "app.kubernetes.io/stage")
BY_PROFILE = "the profile"


@dataclass(frozen=True, slots=True)
class Placing:
    """The environment of a namespace, and what says so. Without an environment it is shared; without a proof nothing names one."""

    environment: str
    proof: str = ""
    stated: bool = False  # by the profile or a label; else it is only inferred from names


class Environments:
    """Maps namespaces to environments. Everything that belongs to none is shared, and maps to an empty string.

    `stacks` are the namespaces that hold a Prometheus, or what is like it, as far as that is known.
    """

    def __init__(self, profile: Profile, namespaces: Iterable[Namespace] = (), stacks: Iterable[str] = ()) -> None:
        self._profile = profile
        labels = {one.metadata.name: one.metadata.labels for one in namespaces}
        self._stacks = frozenset(stacks)
        self._variants: list[Variant] = [] if profile.environments else variants(self._stacks, {*labels, *self._stacks})
        self._values = _values(profile, labels.values())
        self._divided: frozenset[str] | None = None
        self._named: Mapping[tuple[str, str], str] = {}
        self._known = {name: self._infer(name, own) for name, own in labels.items()}
        self._share_unshared_values()

    def of(self, namespace: str) -> str:
        """The environment of a namespace; empty for a shared one, or for no namespace."""
        return self.placing(namespace).environment

    def placing(self, namespace: str) -> Placing:
        """The environment of a namespace, and what says so."""
        found = self._known[namespace] if namespace in self._known else self._infer(namespace, {})
        return found if self._divided is None or found.environment in self._divided else replace(found, environment="")

    def differ(self, one: str, other: str) -> bool:
        """Whether two namespaces belong to two environments; what is shared belongs to each."""
        return "" not in (self.of(one), self.of(other)) and self.of(one) != self.of(other)

    def members(self) -> dict[str, list[str]]:
        """The namespaces of each environment."""
        found: dict[str, list[str]] = {}
        for namespace in sorted(self._known):
            if environment := self.of(namespace):
                found.setdefault(environment, []).append(namespace)
        return found

    def production(self, environments: Iterable[str]) -> list[str]:
        """Those of these environments that are production: as the profile says, else by their names."""
        said = {name: one.production for name, one in self._profile.environments.items() if one.production is not None}
        return sorted(one for one in {*environments} if one and said.get(one, is_production(one)))

    def placed(self) -> list[Placed]:
        """Each namespace that belongs to an environment, and then those that something says are shared, with what says so."""
        found = [Placed(namespace=name, environment=one.environment, by=one.proof) for name, one in self._known.items() if one.proof]
        return sorted(found, key=lambda one: (not one.environment, one.environment, one.namespace))

    def divided_by(self, stacks: Iterable[str], named: Mapping[tuple[str, str], str] | None = None) -> Environments:
        """The same for judging what `stacks` (the namespaces of each Prometheus) do across environments.

        An environment without a Prometheus of its own is looked after by another's, and where only one environment has any, that looks
        after all: here they are shared. What the profile says holds as it stands. `named` are stacks that their own names tell apart.
        """
        if self._profile.environments:
            return self
        own = frozenset({self.of(one) for one in stacks} | {*(named or {}).values()}) - {""}
        view = copy(self)
        vars(view).update(_divided=own if len(own) > 1 else frozenset(), _named=named or {})
        return view

    def of_stack(self, namespace: str, name: str) -> str:
        """The environment of a Prometheus: that of its namespace, or, where several share one, that of its own name."""
        return self._named.get((namespace, name), "") or self.of(namespace)

    def by_own_names(self, stacks: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The environments of stacks (namespace, name) that share a namespace of none, where their names tell each of them apart."""
        found: dict[tuple[str, str], str] = {}
        together: dict[str, set[str]] = defaultdict(set)
        for namespace, name in stacks:
            together[namespace].add(name)
        known = self.members()
        for namespace, names in together.items():
            told = {(namespace, name): [one for one in known if speaks_of(name, one)] for name in names}
            apart = all(len(one) == 1 for one in told.values()) and len({one[0] for one in told.values()}) == len(names) > 1
            if apart and not self.of(namespace) and not self._profile.environments:
                found |= {stack: one[0] for stack, one in told.items()}
        return found

    def _infer(self, namespace: str, labels: dict[str, str]) -> Placing:
        for name, environment in self._profile.environments.items():
            if any(fnmatch.fnmatchcase(namespace, pattern) for pattern in environment.namespaces):
                return Placing(name, BY_PROFILE, stated=True)
        if self._profile.environments:
            return Placing("", BY_PROFILE, stated=True)  # a profile that names environments names all of them
        return self._by_label(labels) or self._by_name(namespace)

    def _by_label(self, labels: dict[str, str]) -> Placing | None:
        for key in (*_keys(self._profile, labels), *LOOSE_LABELS):
            value = labels.get(key, "")
            if not value or (key in LOOSE_LABELS and key != self._profile.environment_label and meaning(value) not in WORDS.values()):
                continue
            proof = f"its label {key}={value}"
            if meaning(value) in SHARED:
                return Placing("", proof, stated=True)
            if meaning(value) in WORDS.values() or len(self._values) > 1:
                return Placing(meaning(value), proof, stated=True)
        return None

    def _by_name(self, namespace: str) -> Placing:
        name = parts(namespace)
        for one in self._variants:
            if one.is_in(name):
                return Placing(self._called(one), f"its name's part {one.text}: {one.proof}")
        environment, word = by_word(namespace)
        same = next((self._called(one) for one in self._variants if meaning(one.text) == environment), environment)
        return Placing(same, f"the word {word} in its name") if environment else Placing("")

    def _called(self, variant: Variant) -> str:
        """How the environment of a part is called: as a label calls it, if one does, or as the names do."""
        means = meaning(variant.text)
        alone = sum(meaning(one.text) == means for one in self._variants) == 1
        return means if alone and means in self._values else variant.text

    def _share_unshared_values(self) -> None:
        """A value that only namespaces of stacks carry, and that is no known word, groups what is for all environments."""
        members: dict[str, set[str]] = defaultdict(set)
        for name, one in self._known.items():
            members[one.environment].add(name)
        for environment, names in members.items():
            if environment and environment not in WORDS.values() and names <= self._stacks and not self._profile.environments:
                self._known |= {name: replace(self._known[name], environment="") for name in names if self._known[name].stated}


def _values(profile: Profile, labels: Iterable[dict[str, str]]) -> set[str]:
    """What the labels of all namespaces call environments."""
    found = {meaning(own[key]) for own in labels for key in _keys(profile, own) if own.get(key)}
    return found - SHARED


def _keys(profile: Profile, labels: Iterable[str]) -> list[str]:
    """Which of a namespace's labels name its environment: the profile's, the usual ones, and those of a prefix of one's own."""
    own = sorted(key for key in labels if key not in LABELS and key.partition("/")[2] in LABELS_OF_ANYBODY)
    return [profile.environment_label, *LABELS, *own]
