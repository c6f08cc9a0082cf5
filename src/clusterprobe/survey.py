"""What is read of a cluster without any probe, and which environments its namespaces are taken for (`clusterprobe environments`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from clusterprobe.access.bundle import Bundle
from clusterprobe.access.deadline import Deadline
from clusterprobe.errors import UsageError
from clusterprobe.evidence import Evidence
from clusterprobe.exits import Exit
from clusterprobe.profile import load_profile, seconds
from clusterprobe.redaction import redact_forms
from clusterprobe.report.environments import summary, table
from clusterprobe.request import Request
from clusterprobe.shipped import shipped
from clusterprobe.words import visible_line

MAX_UNREAD = 3


def survey(request: Request) -> tuple[list[str], int]:
    """The lines to print, and the exit status: 2 where the namespaces or the pods could not all be read.

    Raises `ProfileError`, `BundleError` or `UsageError` for a request that cannot be.
    """
    evidence = read(request, ["pods"])
    placed = evidence.environments.placed()
    unread = [one for name in ("namespaces", "pods") for one in evidence.get(name).unreadable]
    blind = [f"not all was read: {one.subject}: {one.reason}" for one in unread[:MAX_UNREAD]]
    evidence.stop()
    lines = [f"Environments: {summary(placed)}.", *columns(table(placed).rows), *blind]
    return [visible_line(redact_forms(one)) for one in lines], Exit.INCOMPLETE if unread else Exit.HEALTHY


def read(request: Request, names: Iterable[str]) -> Evidence:
    """Begin to read these sources, of a cluster or of a bundle, without any probe. Raises as `survey` does."""
    profile = load_profile(request.profile, shipped("profiles"))
    try:
        limit = seconds(request.timeout) if request.timeout else profile.timeout_seconds
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
    deadline = Deadline.after(limit)
    if request.bundle:
        evidence = Evidence(names, profile, bundle=Bundle(Path(request.bundle)), deadline=deadline)
    else:
        from clusterprobe.access.cluster import Cluster
        from clusterprobe.access.connection import connect

        cluster = Cluster(connect(request.kubeconfig, request.context), deadline)
        evidence = Evidence(names, profile, cluster=cluster, deadline=deadline)
    evidence.start()
    return evidence


def columns(rows: list[list[str]]) -> list[str]:
    """Rows as lines, with each column but the last as wide as its widest cell."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)][:-1]
    return ["  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows]
