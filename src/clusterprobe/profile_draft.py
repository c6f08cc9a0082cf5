"""A first profile from what a cluster shows: what was found as keys, and what somebody has to decide left commented out."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator

import yaml

from clusterprobe.environments import Environments
from clusterprobe.evidence import Evidence
from clusterprobe.known_systems import EXPECTED
from clusterprobe.model import Unchecked
from clusterprobe.redaction import redact_forms
from clusterprobe.report.environments import summary
from clusterprobe.systems.inventory.installations import Installation
from clusterprobe.systems.kubernetes.objects import StorageClass
from clusterprobe.systems.storage.natures import nature_of_class
from clusterprobe.words import listed, visible_line

SOURCES = ("installations", "pods", "storage_classes", *(f"{system.key}_servers" for system in EXPECTED))
"""What a draft is made of."""

MAX_UNREAD = 5
ACCEPTED_DAYS = 180


def draft(evidence: Evidence, schema: str) -> tuple[str, list[str]]:
    """The text of a profile, and what could not be read; no text where nothing of the cluster could be.

    `schema` is the name of the schema's file beside it.
    """
    readings = [evidence.get(name) for name in ("namespaces", "pods", "installations", "storage_classes")]
    unread = list(dict.fromkeys(_why(one) for each in readings for one in each.unreadable))
    if evidence.hopeless or not evidence.get("pods").items:
        return "", [evidence.hopeless or next(iter(unread), "there are no pods to recognise anything by")]
    today = datetime.datetime.fromtimestamp(evidence.clock.now, datetime.UTC).date()
    found: list[Installation] = evidence.get("installations").items
    sections = [
        _head(evidence, schema, today, unread),
        _environments(evidence.environments),
        _expected(evidence),
        _not_judged(found, today + datetime.timedelta(days=ACCEPTED_DAYS)),
        _storage_drivers(evidence.get("storage_classes").items),
    ]
    return "\n".join("\n".join(lines) + "\n" for section in sections if (lines := list(section))), unread[:MAX_UNREAD]


def _why(one: Unchecked) -> str:
    return visible_line(redact_forms(f"{one.subject}: {one.reason}"))


def _head(evidence: Evidence, schema: str, today: datetime.date, unread: list[str]) -> Iterator[str]:
    cluster = evidence.identity
    yield f"# yaml-language-server: $schema={schema}"
    where = f"{cluster.server or 'a cluster'} (context {cluster.context or 'none'})"
    yield _comment(f"What `clusterprobe profile init` found on {today} in {where}.")
    yield "# Read it, correct it, keep it in Git. `clusterprobe profile check` says whether it is right; docs/profiles.md has every key."
    if unread:
        some = listed(unread, MAX_UNREAD, between="; ")
        yield _comment(f"Not all could be read, so that something may be missing here: {some}")
    yield "extends: default"


def _environments(environments: Environments) -> Iterator[str]:
    placed = environments.placed()
    members = environments.members()
    if not members:
        yield "# Environments: none is named by a label, or shows in the names. Where yours are divided, name them:"
        yield from ("# environments:", "#   dev:", '#     namespaces: ["*-dev"]')
        return
    proofs = {one.namespace: one.by for one in placed}
    yield _comment(f"Environments: {summary(placed)}. Once one is named, all are: every other namespace is shared.")
    yield "environments:"
    for environment, namespaces in members.items():
        yield f"  {_scalar(environment)}:"
        yield "    namespaces:"
        yield from (f"      - {_scalar(name)}  {_comment(proofs[name])}" for name in namespaces)


def _expected(evidence: Evidence) -> Iterator[str]:
    """By the servers that are there, which `<system>/missing` looks for: a worker alone, of an Airflow elsewhere, is none."""
    servers = {system.key: evidence.get(f"{system.key}_servers") for system in EXPECTED}
    wanted = {key: sorted({subject.namespace for subject, _ in found}) for key, found in servers.items()}
    if any(wanted.values()):
        yield '# What must be there: each of these that is gone is a finding, not a quiet "not applicable".'
        yield "expect:"
        yield from (f"  {key}: [{', '.join(map(_scalar, namespaces))}]" for key, namespaces in wanted.items() if namespaces)


def _not_judged(found: Iterable[Installation], until: datetime.date) -> Iterator[str]:
    """What a run leaves open until somebody decides: nothing here is accepted by itself."""
    open_ones = [one for one in found if not one.pods or not (one.system.judged or one.system.groups)]
    if not open_ones:
        return
    yield "# These run here, or are scaled to 0, and no probe judges them: a run says that they could not be checked (exit status 2)."
    yield "# Where something else watches one, take its marks off, and write down why, and until when that holds."
    yield "# not_judged:"
    for one in open_ones:
        yield _comment(f"  - system: {one.system.key}  # {one.subject}, recognised by {one.seen}")
        yield f"#     namespaces: [{_scalar(one.namespace)}]"
        yield "#     why: something else watches it"
        yield f"#     until: {until}"


def _storage_drivers(classes: Iterable[StorageClass]) -> Iterator[str]:
    unknown: dict[str, list[str]] = {}
    for one in classes:
        if nature_of_class(one).kind == "unknown":
            unknown.setdefault(one.provisioner, []).append(one.metadata.name)
    if not unknown:
        return
    yield "# What the volumes of these drivers are is not known here. Say for each: local, block, nfs, shared, object or ephemeral."
    yield "# storage_drivers:"
    for driver, names in sorted(unknown.items()):
        yield _comment(f"  {_scalar(driver)}:  # of the {'class' if len(names) == 1 else 'classes'} {listed(names, 5)}")


def _comment(text: str) -> str:
    return f"# {visible_line(redact_forms(text))}"


def _scalar(text: str) -> str:
    """A text of the cluster as one value of YAML, in quotes where it needs some."""
    return yaml.safe_dump([visible_line(text)], default_flow_style=True, width=math.inf)[1:-2]
