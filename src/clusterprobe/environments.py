"""Which namespace belongs to which environment: as the profile says, else by label, else by the namespace's name."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

from clusterprobe.profile import Profile
from clusterprobe.systems.kubernetes.objects import Namespace

# The words that teams use, and the environment that they mean.
WORDS = {
    "dev": "dev",
    "development": "dev",
    "test": "test",
    "testing": "test",
    "qa": "qa",
    "uat": "uat",
    "int": "int",
    "stage": "staging",
    "staging": "staging",
    "stg": "staging",
    "preprod": "preprod",
    "sandbox": "sandbox",
    "prod": "prod",
    "production": "prod",
    "prd": "prod",
    "live": "prod",
}


class Environments:
    """Maps namespaces to environments. Everything that belongs to none is shared, and maps to an empty string."""

    def __init__(self, profile: Profile, namespaces: Iterable[Namespace] = ()) -> None:
        self._profile = profile
        self._known = {one.metadata.name: self._infer(one.metadata.name, one.metadata.labels) for one in namespaces}

    def of(self, namespace: str) -> str:
        """The environment of a namespace; empty for a shared one, or for no namespace."""
        if namespace not in self._known:
            return self._infer(namespace, {})
        return self._known[namespace]

    def members(self) -> dict[str, list[str]]:
        """The namespaces of each environment."""
        found: dict[str, list[str]] = {}
        for namespace, environment in sorted(self._known.items()):
            if environment:
                found.setdefault(environment, []).append(namespace)
        return found

    def _infer(self, namespace: str, labels: dict[str, str]) -> str:
        for name, environment in self._profile.environments.items():
            if any(fnmatch.fnmatchcase(namespace, pattern) for pattern in environment.namespaces):
                return name
        if self._profile.environments:
            return ""  # a profile that names environments names all of them
        label = labels.get(self._profile.environment_label) or labels.get("env") or ""
        if label:
            return WORDS.get(label.lower(), label.lower())
        words = namespace.replace(".", "-").split("-")
        ends = [words[-1], words[0]] if len(words) > 1 else words
        return next((WORDS[word] for word in ends if word in WORDS), "")
