"""The name of a finding stays the same from run to run, and is nobody else's."""

from clusterprobe.fingerprints import fingerprints
from tests.report_factories import finding, probe, result, subject


def of(*findings, name="a/b"):
    found = fingerprints(result(probe(name, "findings", findings=list(findings))))
    return list(found.values())


def test_a_pod_that_its_workload_made_anew_keeps_the_name():
    pods = [subject("Pod", f"api-{one}", "shop", owner="Deployment/api") for one in ("x", "y")]
    assert of(finding(about=pods[0])) == of(finding(about=pods[1]))


def test_what_is_said_of_it_and_how_bad_it_is_does_not_change_the_name():
    assert of(finding()) == of(finding(problem="It is worse.", cause="Other."))


def test_another_probe_code_or_subject_is_another_name():
    about = [finding(), finding(reason="Other"), finding(about=subject("Node")), finding(about=subject(namespace="x"))]
    assert len({*of(*about), *of(finding(), name="a/c")}) == 5


def test_several_that_are_the_same_are_told_apart_in_their_order():
    first, second, third = of(finding(), finding(), finding())
    assert (second, third) == (f"{first}-2", f"{first}-3")
    assert len(first) == 10
