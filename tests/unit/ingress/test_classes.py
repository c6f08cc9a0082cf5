from typing import Any

import pytest

from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import IngressClass
from probes.ingress.probe_classes import DEFAULT_CLASS, probe_classes
from tests.factories import assert_blindness_is_no_health, judged, listing, make, outcome, reasons


def one(name: str, mark: str = "true") -> IngressClass:
    metadata = {"name": name, "annotations": {DEFAULT_CLASS: mark} if mark else {}}
    return make(IngressClass, metadata=metadata, spec={"controller": f"example.org/{name}"})


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([one("a")], []),
        ([one("a", "")], []),
        ([one("a"), one("b", "false")], []),
        ([one("a"), one("b")], ["SeveralDefaultIngressClasses"]),
    ],
)
def test_one_default_class_at_most_is_well(classes: list[IngressClass], expected: list[str]) -> None:
    assert reasons(judged(probe_classes, ingress_classes=listing("IngressClass", classes))) == expected


def test_two_are_named_and_the_mark_of_the_first_is_left() -> None:
    (finding,) = judged(probe_classes, ingress_classes=listing("IngressClass", [one("nginx"), one("traefik")])).findings
    assert "nginx and traefik have the annotation" in finding.cause
    assert f"kubectl annotate ingressclass traefik {DEFAULT_CLASS}=false --overwrite" in finding.fix
    assert "annotate ingressclass nginx" not in finding.fix


def test_without_a_class_it_does_not_apply() -> None:
    nothing: Readings[Any] = Readings(absent="there is no IngressClass")
    assert outcome(judged(probe_classes, ingress_classes=nothing)) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_classes, {"ingress_classes": listing("IngressClass", [one("a"), one("b")])})
