"""OpenReports: what a run writes into the cluster, that it is bounded, and that each run replaces what the last one wrote."""

from __future__ import annotations

from typing import Any

import jsonschema
import msgspec
import pytest

from clusterprobe import openreports
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.session import Origin
from clusterprobe.access.writer import Writer
from clusterprobe.fingerprints import fingerprints
from clusterprobe.model import Accepted, RunResult, Severity
from clusterprobe.profile_sections import ReportsProfile
from clusterprobe.words import number
from tests.apiserver import ApiServer
from tests.report_factories import finding, healthy, hostile, incomplete, probe, result, subject, unchecked, unwell

CLUSTER, SPREAD = ReportsProfile(openreports="cluster"), ReportsProfile(openreports="namespaces")
ALL = "/apis/openreports.io/v1alpha1/clusterreports/clusterprobe"
ONE = "/apis/openreports.io/v1alpha1/namespaces/shop/reports/clusterprobe"

# What the definitions of openreports.io/v1alpha1 (0.2.1) allow, of the fields that are written.
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
REFERENCE = {
    "type": "object",
    "additionalProperties": False,
    "properties": dict.fromkeys(("apiVersion", "kind", "namespace", "name"), TEXT),
}
RESULT = {
    "type": "object",
    "required": ["policy"],
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("source", "policy", "rule", "category", "message"), TEXT),
        "severity": {"enum": ["critical", "high", "low", "medium", "info"]},
        "result": {"enum": ["pass", "fail", "warn", "error", "skip"]},
        "scored": {"type": "boolean"},
        "timestamp": {"type": "object", "required": ["seconds", "nanos"], "additionalProperties": WHOLE},
        "resources": {"type": "array", "items": REFERENCE},
        "properties": {"type": "object", "additionalProperties": TEXT},
    },
}
SHAPE = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "openreports.io/v1alpha1"},
        "kind": {"enum": ["Report", "ClusterReport"]},
        "metadata": {"type": "object"},
        "source": TEXT,
        "configuration": {"type": "object", "required": ["limits"]},
        "summary": {"type": "object", "additionalProperties": WHOLE},
        "results": {"type": "array", "items": RESULT},
    },
}


@pytest.fixture(autouse=True)
def _shop(server: ApiServer) -> None:
    server.put("/api/v1/namespaces/shop")


def publish(server: ApiServer, run: RunResult, wanted: ReportsProfile = SPREAD) -> str:
    return openreports.publish(run, wanted, Writer(Origin(server.url)), Deadline.after(20))


def about(namespace: str, name: str = "web", severity: Severity = Severity.ERROR, **more: Any) -> Any:
    return finding(severity, about=subject("Deployment", name, namespace, environment="prod"), **more)


def found(*findings: Any) -> RunResult:
    return result(probe("pods/crash-loop", "findings", findings=list(findings)), probe("loki/ready", examined=2))


@pytest.mark.parametrize("make", [healthy, unwell, incomplete, lambda: hostile("x" * 100_000), result])
@pytest.mark.parametrize("wanted", [CLUSTER, SPREAD])
def test_the_objects_have_the_shape_of_their_definitions(make: Any, wanted: ReportsProfile) -> None:
    for one in openreports.objects(make(), wanted):
        jsonschema.Draft202012Validator(SHAPE).validate(msgspec.json.decode(msgspec.json.encode(one)))
        assert len(msgspec.json.encode(one)) < 1_000_000


def test_a_finding_is_a_result_about_its_object() -> None:
    run = found(about("shop"), about("shop", severity=Severity.WARNING), about("shop", severity=Severity.CRITICAL))
    everything, of_shop = openreports.objects(run, SPREAD)
    assert [(one["result"], one["severity"]) for one in of_shop["results"]] == [("fail", "critical"), ("fail", "high"), ("warn", "medium")]
    worst = of_shop["results"][0]
    assert (worst["policy"], worst["rule"], worst["category"]) == ("pods/crash-loop", "Wrong", "pods")
    assert worst["resources"] == [{"kind": "Deployment", "namespace": "shop", "name": "web"}]
    assert worst["message"] == "It is wrong. Cause: It was made so."
    assert worst["properties"]["fingerprint"] in fingerprints(run).values()
    assert "kubectl get pods" in worst["properties"]["fix"]
    assert of_shop["summary"] == {"fail": 2, "error": 0, "warn": 1, "skip": 0, "pass": 0}
    assert everything["summary"] == {"fail": 0, "error": 0, "warn": 0, "skip": 0, "pass": 1}
    assert everything["kind"] == "ClusterReport"
    (whole,) = openreports.objects(run, CLUSTER)
    assert whole["summary"] == {"fail": 2, "error": 0, "warn": 1, "skip": 0, "pass": 1}


def test_a_fix_is_there_whole_or_not_at_all() -> None:
    long = msgspec.structs.replace(about("shop"), fix="1. $ kubectl delete pod web --namespace shop\n" * 40)
    _, of_shop = openreports.objects(found(long), SPREAD)
    assert of_shop["results"][0]["properties"]["fix"] == f"{number(len(long.steps), 'step')}, in the report"


def test_what_could_not_be_checked_is_an_error_and_what_is_accepted_is_skipped_with_its_reason() -> None:
    blind = probe("loki/ready", "inconclusive", unchecked=[unchecked("it is silent")])
    entry = Accepted(probe="*", code="*", subject="*", why="OPS-1", state="applies", findings=[("pods/crash-loop", 0)])
    run = result(probe("pods/crash-loop", "known", known=[about("shop")]), blind, probe("loki/ruler", "broken", reason="KeyError"))
    (whole,) = openreports.objects(msgspec.structs.replace(run, accepted=[entry]), CLUSTER)
    assert whole["summary"] == {"fail": 0, "error": 2, "warn": 0, "skip": 1, "pass": 0}
    (skipped,) = [one for one in whole["results"] if one["result"] == "skip"]
    assert skipped["properties"] == {"accepted": "OPS-1"}


def test_an_object_holds_the_worst_and_says_how_many_it_leaves_out() -> None:
    many = [about("shop", f"web-{one}", Severity.WARNING) for one in range(openreports.MOST_RESULTS)] + [about("shop", "worst")]
    _, of_shop = openreports.objects(found(*many), SPREAD)
    assert len(of_shop["results"]) == openreports.MOST_RESULTS
    assert of_shop["results"][0]["resources"][0]["name"] == "worst"
    assert of_shop["metadata"]["annotations"] == {"clusterprobe.io/left-out": "1"}
    assert of_shop["summary"]["warn"] == openreports.MOST_RESULTS


def test_of_very_many_namespaces_the_others_are_in_the_cluster_report() -> None:
    made = openreports.objects(found(*(about(f"n{one}") for one in range(openreports.MOST_REPORTS + 3))), SPREAD)
    assert len(made) == openreports.MOST_REPORTS + 1
    assert made[0]["summary"]["fail"] == 3


def test_a_run_replaces_what_the_last_one_wrote_and_removes_only_its_own(server: ApiServer) -> None:
    assert publish(server, found(about("shop"))) == ""
    assert server.state.objects[ONE]["summary"]["fail"] == 1
    theirs = ONE.replace("clusterprobe", "theirs")
    server.put(theirs, labels={"app.kubernetes.io/managed-by": "kyverno"})
    assert publish(server, found(about("shop"), about("shop", "db"))) == ""
    assert server.state.objects[ONE]["summary"]["fail"] == 2
    assert publish(server, found()) == ""
    assert ONE not in server.state.objects
    assert theirs in server.state.objects
    assert server.state.objects[ALL]["summary"]["pass"] == 1


def test_only_a_whole_run_writes(server: ApiServer) -> None:
    run = found(about("shop"))
    part = msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, selected=["loki"]))
    assert "only some probes ran" in publish(server, part)
    assert server.state.requests == []


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "clusterreports.openreports.io is forbidden"), (404, "is OpenReports installed there?"), (409, "Apply failed with 1 conflict")],
)
def test_what_is_refused_is_told_and_not_tried_for_each_namespace(server: ApiServer, status: int, said: str) -> None:
    said_by_server = {403: "clusterreports.openreports.io is forbidden", 404: "not found", 409: "Apply failed with 1 conflict"}[status]
    server.state.refuse = lambda method, path, body: (status, said_by_server)
    told = publish(server, found(about("shop"), about("other")))
    assert told.startswith("OpenReports were not written, or not all: ")
    assert said in told
    assert len(server.state.requests) == 1


def test_a_namespace_that_is_going_costs_only_its_own_report(server: ApiServer) -> None:
    told = publish(server, found(about("gone"), about("shop")))
    assert 'namespaces "gone" not found' in told
    assert ONE in server.state.objects


def test_the_rules_reach_no_other_object() -> None:
    assert openreports.rules(ReportsProfile()) == []
    (whole,) = openreports.rules(CLUSTER)
    assert whole == {
        "apiGroups": ["openreports.io"],
        "resources": ["clusterreports"],
        "resourceNames": ["clusterprobe"],
        "verbs": ["create", "patch"],
    }
    unnamed = [one for one in openreports.rules(SPREAD) if "resourceNames" not in one]
    assert [one["verbs"] for one in unnamed] == [["list"]]
