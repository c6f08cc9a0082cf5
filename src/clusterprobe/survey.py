"""Which environments Clusterprobe takes the namespaces of a cluster for: what `clusterprobe environments` says, without any probe."""

from __future__ import annotations

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
    evidence = _read(request)
    placed = evidence.environments.placed()
    unread = [one for name in ("namespaces", "pods") for one in evidence.get(name).unreadable]
    blind = [f"not all was read: {one.subject}: {one.reason}" for one in unread[:MAX_UNREAD]]
    evidence.stop()
    lines = [f"Environments: {summary(placed)}.", *_columns(table(placed).rows), *blind]
    return [visible_line(redact_forms(one)) for one in lines], Exit.INCOMPLETE if unread else Exit.HEALTHY


def _read(request: Request) -> Evidence:
    profile = load_profile(request.profile, shipped("profiles"))
    try:
        limit = seconds(request.timeout) if request.timeout else profile.timeout_seconds
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
    deadline = Deadline.after(limit)
    if request.bundle:
        evidence = Evidence(["pods"], profile, bundle=Bundle(Path(request.bundle)), deadline=deadline)
    else:
        from clusterprobe.access.cluster import Cluster
        from clusterprobe.access.connection import connect

        evidence = Evidence(["pods"], profile, cluster=Cluster(connect(request.kubeconfig, request.context), deadline), deadline=deadline)
    evidence.start()
    return evidence


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max((len(one[column]) for one in rows), default=0) for column in (0, 1)]
    return [f"{environment:<{widths[0]}}  {namespace:<{widths[1]}}  {by}" for environment, namespace, by in rows]
