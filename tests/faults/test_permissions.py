"""Take away one permission at a time: what needs it says which, and everything else stays as it was."""

from __future__ import annotations

import json
import re

import pytest

from clusterprobe.sources import Call, all_sources
from tests.faults.faults import refuse
from tests.faults.harness import Baseline, rerun, run, unnoticed, wrongs
from tests.faults.recording import Recording
from tests.faults.server import FaultServer, Request

LISTS = sorted(key for key, one in Recording.load().exchanges.items() if one.is_list)
NAMESPACED = [key for key in LISTS if all(one["metadata"].get("namespace") for one in Recording.load().exchanges[key].items)]
FORBIDDEN = refuse(403, "Forbidden", "forbidden: User somebody cannot do this")


def resource_of(key: str) -> str:
    """As RBAC names it: `pods`, `servicemonitors.monitoring.coreos.com`."""
    path = key.split(" ")[1].partition("?")[0]
    group = path.split("/")[2] if path.startswith("/apis/") else ""
    return path.rsplit("/", 1)[1] + (f".{group}" if group else "")


@pytest.mark.parametrize("resource", LISTS, ids=resource_of)
def test_a_forbidden_list_is_named_by_all_that_need_it(resource: str, healthy: Baseline, server: FaultServer):
    with server.misbehaving(FORBIDDEN, lambda request: request.resource == resource):
        outcome = rerun(healthy, server, resource, 10)
    assert wrongs(outcome, healthy.outcome) + unnoticed(outcome, healthy.outcome) == []
    said = f"list {resource_of(resource)}"
    for one in outcome.results.values():
        # With no namespace known to be another environment's, logs and lines of more pods are asked for than were recorded.
        more = all(unchecked.reason.endswith("HTTP 404: the server could not find the requested resource") for unchecked in one.unchecked)
        if str(one.verdict) == "inconclusive" and not more:
            assert any(said in unchecked.reason for unchecked in one.unchecked), (one.id, one.unchecked)


@pytest.mark.parametrize("resource", NAMESPACED, ids=resource_of)
def test_what_is_forbidden_as_a_whole_is_read_namespace_by_namespace(resource: str, healthy: Baseline, server: FaultServer):
    path = resource.split(" ")[1].partition("?")[0]
    with server.misbehaving(FORBIDDEN, lambda request: request.path == path) as injection:
        outcome = rerun(healthy, server, resource, 30)
    assert injection.struck
    assert {name: healthy.outcome.verdicts()[name] for name in outcome.results} == outcome.verdicts()


def test_a_namespace_that_is_forbidden_is_named(healthy: Baseline, server: FaultServer):
    refused = ("/api/v1/pods", "/api/v1/namespaces/logging/pods")
    with server.misbehaving(FORBIDDEN, lambda request: request.path in refused):
        outcome = rerun(healthy, server, "GET /api/v1/pods", 30)
    assert wrongs(outcome, healthy.outcome) == []
    one = outcome.results["loki/ready"]
    assert str(one.verdict) == "inconclusive"
    assert [item.reason for item in one.unchecked if item.subject.namespace == "logging"] == [
        "not allowed to list pods in namespace logging"
    ]


def test_without_the_list_of_namespaces_only_the_named_ones_are_read_and_nothing_passes_for_the_rest(
    healthy: Baseline, server: FaultServer
):
    def refused(request: Request) -> bool:
        return (
            request.method == "GET" and "/proxy" not in request.path and not request.path.startswith("/api/v1/namespaces/monitoring-dev/")
        )

    with server.misbehaving(FORBIDDEN, lambda request: refused(request) and request.path not in ("/version", "/apis")):
        outcome = run(server.url, 30)
    assert wrongs(outcome, healthy.outcome) == []
    assert {name for name, verdict in outcome.verdicts().items() if verdict == "pass"} == set()
    asked = {request.path for request in server.seen if request.path.endswith("/pods")}
    assert asked >= {"/api/v1/pods", "/api/v1/namespaces/monitoring-dev/pods", "/api/v1/namespaces/default/pods"}


# --- what is declared --------------------------------------------------------------------------------------------------


def call_of(key: str) -> Call | None:
    """The call that a request is, as RBAC sees it; none for a path that is no resource."""
    method, target = key.split(" ", 1)
    match = re.fullmatch(
        r"/(?:api/v1|apis/([^/]+)/[^/]+)(?:/namespaces/[^/]+)?/([^/]+)(?:/[^/]+(?:/(proxy|log|status)(?:/.*)?)?)?", target.partition("?")[0]
    )
    if match is None:
        return None
    group, plural, under = match[1] or "", match[2], match[3]
    path = target.partition("?")[0]
    if under:
        return Call("get", f"{plural}/{under}", group, "proxy" if under == "proxy" else "")
    if method == "POST":
        return Call("create", plural, group)
    if re.fullmatch(r"/api/v1/namespaces/[^/]+", path):
        return Call("get", "namespaces")
    return Call("list" if path.endswith(f"/{plural}") else "get", plural, group)


def test_a_source_makes_only_the_calls_that_it_declares(healthy: Baseline):
    undeclared = [
        f"{name}: {call}"
        for key, names in healthy.asked.items()
        for name in names
        if (call := call_of(key)) is not None and call not in all_sources()[name].calls
    ]
    assert undeclared == []


def test_a_source_declares_only_the_calls_that_it_makes(healthy: Baseline):
    made = {(name, call_of(key)) for key, names in healthy.asked.items() for name in names}
    asking = {name for name, _ in made}
    idle = [(one.name, call) for one in all_sources().values() if one.name in asking for call in one.calls if (one.name, call) not in made]
    groups = {group["metadata"]["name"] for group in json.loads(Recording.load().exchanges["GET /apis"].body)["items"]}
    assert [one for one in idle if one[1].group in {"", *groups}] == []  # of what is not served nothing is asked
