"""What makes two findings the same one in two runs, and the short name that it has in all of them."""

from __future__ import annotations

import hashlib
from collections import Counter

from clusterprobe.model import Finding, Place, RunResult

DIGITS = 10  # of the hash: among 10,000 findings the chance that two have the same is one in 20,000

Key = tuple[str, str, str]


def key_of(probe: str, finding: Finding) -> Key:
    """Findings are the same if probe, code and subject are. A pod's name changes with every rollout, its workload's does not."""
    subject = finding.subject
    return probe, finding.reason, f"{subject.kind} {subject.namespace}/{subject.owner or subject.name}"


def name_of(key: Key) -> str:
    """The name of a finding, such as `3f9c21d07a`."""
    return hashlib.sha256("\0".join(key).encode(errors="surrogatepass")).hexdigest()[:DIGITS]


def fingerprints(result: RunResult) -> dict[Place, str]:
    """The name of each finding; several that are the same by their keys are told apart as `3f9c21d07a-2`."""
    seen: Counter[Key] = Counter()
    found = {}
    for probe in result.probes:
        for number, finding in enumerate(probe.findings):
            key = key_of(probe.id, finding)
            seen[key] += 1
            name = name_of(key)
            found[probe.id, number] = name if seen[key] == 1 else f"{name}-{seen[key]}"
    return found
