"""Findings that an object's own annotations accept: only as far as the profile allows, and never in silence."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from clusterprobe.access.bundle import Bundle
from clusterprobe.annotated import MOST_ENTRIES, Annotated
from clusterprobe.model import Accepted, Finding, ProbeResult, ProbeVerdict, Severity, Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.sources import all_sources
from clusterprobe.systems.kubernetes.objects import Ingress, Pod, ReplicaSet, StorageClass
from clusterprobe.systems.kubernetes.wishes import MOST_CHARACTERS, MOST_CODES, READ, wishes
from tests.factories import labelled, listing, make

NOW = datetime.datetime(2026, 6, 10, 12, tzinfo=datetime.UTC).timestamp()
REPORTING = {"Crashes": ["pods/crash-loop"], "NotStarted": ["pods/not-started"]}
ALLOWED = {"namespaces": ["shop-*"]}


def notes(accept: str = "Crashes", **given: str) -> dict[str, str]:
    return {"clusterprobe.io/accept": accept} | {f"clusterprobe.io/accept-{name}": value for name, value in given.items()}


def pod(annotations: dict[str, str], namespace: str = "shop-dev", name: str = "web-0", owner: str = "") -> Pod:
    owners = [{"kind": "ReplicaSet", "name": owner, "controller": True}] if owner else []
    return labelled(Pod, namespace, name, metadata={"annotations": annotations, "ownerReferences": owners}, spec={"containers": []})


def finding(namespace: str = "shop-dev", name: str = "web-0", owner: str = "", severity: Severity = Severity.WARNING) -> Finding:
    subject = Subject(kind="Pod", namespace=namespace, name=name, owner=owner)
    return Finding("Crashes", severity, subject, "problem", "cause", "fix", "prevention")


def annotated(*readings: Readings[Any], allowed: list[dict[str, Any]] | None = None, broken: bool = False) -> Annotated:
    profile = Profile.model_validate({"accept_annotations": [ALLOWED] if allowed is None else allowed})
    return Annotated(profile, NOW, lambda: wishes(readings), REPORTING, broken=broken)


def probe(name: str = "pods/crash-loop", **given: Any) -> ProbeResult:
    return ProbeResult(id=name, question="?", verdict=ProbeVerdict.PASS, examined=1, **given)


def entry(annotations: dict[str, str], result: ProbeResult, **given: Any) -> Accepted:
    (one,) = annotated(listing("Pod", [pod(annotations)]), **given).entries([result])
    return one


GOOD = notes(until="2026-06-30", why="OPS-1", owner="team-a")


def test_an_object_accepts_a_finding_about_itself_where_the_profile_lets_it() -> None:
    found = annotated(listing("Pod", [pod(GOOD)]))
    assert found.accepts("pods/crash-loop", finding())
    assert not found.accepts("pods/crash-loop", finding(name="web-1"))
    (one,) = found.entries([probe(known=[finding()])])
    assert (one.code, one.subject, one.by, one.probe) == ("Crashes", "Pod shop-dev/web-0", "Pod shop-dev/web-0", "")
    assert (one.why, one.owner, one.until, one.state, one.note) == ("OPS-1", "team-a", "2026-06-30", "applies", "")
    assert one.findings == [("pods/crash-loop", 0)]


@pytest.mark.parametrize(
    ("annotations", "allowed", "severity", "said"),
    [
        (GOOD, [], "info", "the profile lets no annotation of objects in shop-dev accept anything (`accept_annotations`)"),
        (GOOD, [{"namespaces": ["shop-prod"]}], "info", "the profile lets no annotation of objects in shop-dev accept anything"),
        (GOOD, [ALLOWED | {"probes": ["loki"]}], "info", "accept what pods/crash-loop finds (`accept_annotations`)"),
        (GOOD, [ALLOWED], "error", "the finding is error, and the profile lets annotations of objects in shop-dev accept warning at worst"),
        (notes(), [ALLOWED], "info", "it needs an end (clusterprobe.io/accept-until), at most 90 days ahead: the profile asks for that"),
        (notes(until="2026-09-09"), [ALLOWED], "info", "at most 90 days ahead"),
        (notes(until="soon"), [ALLOWED], "info", "clusterprobe.io/accept-until is “soon”: write a day such as 2027-06-30"),
        (notes(until="soon"), [], "info", "clusterprobe.io/accept-until is “soon”"),
    ],
)
def test_what_the_profile_does_not_allow_counts_and_is_told(
    annotations: dict[str, str], allowed: list[dict[str, Any]], severity: str, said: str
) -> None:
    one = finding(severity=Severity(severity))
    assert not annotated(listing("Pod", [pod(annotations)]), allowed=allowed).accepts("pods/crash-loop", one)
    told = entry(annotations, probe(findings=[one]), allowed=allowed)
    assert (told.state, told.findings) == ("refused", [])
    assert told.note.startswith("does not count: ")
    assert said in told.note


@pytest.mark.parametrize(
    ("annotations", "allowed"),
    [
        (notes(until="2026-09-08"), ALLOWED),  # 90 days ahead
        (notes(until="2026-06-10"), ALLOWED),  # to the end of its last day
        (notes(), ALLOWED | {"days": 0}),
        (notes("NotStarted, Crashes", until="2026-06-30"), ALLOWED | {"level": "error", "probes": ["pods"]}),
    ],
)
def test_what_the_profile_allows_is_accepted(annotations: dict[str, str], allowed: dict[str, Any]) -> None:
    assert annotated(listing("Pod", [pod(annotations)]), allowed=[allowed]).accepts("pods/crash-loop", finding())


def test_of_several_rules_one_has_to_allow_all_of_it() -> None:
    lesser, shorter = ALLOWED | {"level": "info"}, ALLOWED | {"level": "error", "days": 5}
    found = annotated(listing("Pod", [pod(GOOD)]), allowed=[lesser, shorter])
    assert not found.accepts("pods/crash-loop", finding())
    assert found.accepts("pods/crash-loop", finding(severity=Severity.INFO))


@pytest.mark.parametrize(
    ("annotations", "result", "state", "note"),
    [
        (notes(until="2026-06-09"), probe(findings=[finding()]), "over", "ended on 2026-06-09: what it accepted counts again"),
        (notes(until="2026-06-09"), probe(), "over", "ended on 2026-06-09, and nothing matches it: remove it"),
        (notes(until="2026-06-23"), probe(known=[finding()]), "ends soon", "ends on 2026-06-23: then what it accepts counts again"),
        (GOOD, probe(), "matches nothing", "matches nothing in this run: remove it"),
        (GOOD, probe(unchecked=[Unchecked(Subject(kind="Pod"), "not allowed to list")]), "not checked", ""),
        (GOOD, probe("loki/ruler"), "not checked", ""),
        (notes("Crashed"), probe(findings=[finding()]), "refused", "accepts nothing: no probe reports Crashed: did you mean Crashes?"),
        (notes("*"), probe(findings=[finding()]), "refused", "accepts nothing: no probe reports *"),
    ],
)
def test_what_becomes_of_an_annotation_is_told(annotations: dict[str, str], result: ProbeResult, state: str, note: str) -> None:
    told = entry(annotations, result)
    assert (told.state, told.note) == (state, note)


def test_a_code_that_only_a_probe_may_report_that_could_not_be_loaded_is_not_called_misspelt() -> None:
    assert entry(notes("OfMyOwn"), probe(), broken=True).state == "not checked"


def test_the_owner_of_a_pod_speaks_for_it_and_its_pods_are_told_of_once() -> None:
    replica_set = labelled(ReplicaSet, "shop-dev", "web-5f", metadata={"annotations": GOOD}, spec={}, status={})
    found = annotated(listing("ReplicaSet", [replica_set]))
    assert found.accepts("pods/crash-loop", finding(owner="ReplicaSet/web-5f"))
    assert not found.accepts("pods/crash-loop", finding(namespace="shop-test", owner="ReplicaSet/web-5f"))
    of_template = annotated(listing("Pod", [pod(GOOD, name=f"web-{one}", owner="web-5f") for one in range(3)]))
    known = [finding(name=f"web-{one}", owner="ReplicaSet/web-5f") for one in range(3)]
    (told,) = of_template.entries([probe(known=known)])
    assert told.findings == [("pods/crash-loop", 0), ("pods/crash-loop", 1), ("pods/crash-loop", 2)]


def test_what_belongs_to_no_namespace_accepts_nothing() -> None:
    one = make(StorageClass, metadata={"name": "fast", "annotations": GOOD}, provisioner="x")
    about = Finding("Crashes", Severity.INFO, Subject(kind="StorageClass", name="fast"), "problem", "cause", "fix", "prevention")
    found = annotated(listing("StorageClass", [one]), allowed=[{"namespaces": ["*"]}])
    assert not found.accepts("pods/crash-loop", about)
    (told,) = found.entries([probe(findings=[about])])
    assert "of objects without a namespace" in told.note


def test_kinds_with_annotations_of_their_own_are_read_as_well() -> None:
    one = labelled(Ingress, "shop-dev", "web", metadata={"annotations": GOOD}, spec={})
    assert [wish.codes for wish in wishes([listing("Ingress", [one])]).values()] == [("Crashes",)]


def test_the_kinds_that_are_said_to_be_read_are_those_that_are_listed() -> None:
    bundle = Bundle(Path(__file__).parents[2] / "demo" / "demo.zip")
    listed = [one for one in all_sources().values() if one.reads and one.lists_objects]
    kinds = {subject.kind for one in listed for subject, _ in bundle.readings(one) if subject.namespace}
    assert kinds - {"EndpointSlice"} <= READ
    assert len(kinds) > 10


def test_what_an_annotation_says_is_bounded_and_on_one_line() -> None:
    one = pod(notes(",".join(f"Code{each}" for each in range(99)), why="a\nb" + "x" * 5000, owner="\x1b[31mme"))
    (wish,) = wishes([listing("Pod", [one])]).values()
    assert len(wish.codes) == MOST_CODES
    assert wish.why.startswith("a b")
    assert len(wish.why) == MOST_CHARACTERS
    assert wish.owner == "\\x1b[31mme"
    many = listing("Pod", [pod(GOOD, name=f"web-{each}") for each in range(MOST_ENTRIES + 5)])
    assert len(annotated(many).entries([probe()])) == MOST_ENTRIES


def test_nothing_is_read_for_it_where_the_profile_allows_nobody() -> None:
    def read() -> dict[Any, Any]:
        raise AssertionError

    assert not Annotated(Profile(), NOW, read, REPORTING).accepts("pods/crash-loop", finding())
