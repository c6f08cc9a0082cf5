from typing import Any

import pytest

from clusterprobe.model import Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.recognition import system_pods
from clusterprobe.systems.kubernetes.objects import IngressClass, Pod
from clusterprobe.verdict import Verdict
from probes.ingress.probe_classes import DEFAULT_CLASS, probe_classes
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons

NOBODY: Readings[Any] = Readings(absent="no pod runs a system that is known")


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
    assert reasons(judged(probe_classes, ingress_classes=listing("IngressClass", classes), system_pods=NOBODY)) == expected


def test_two_are_named_and_the_mark_of_the_first_is_left() -> None:
    (finding,) = judged(probe_classes, ingress_classes=listing("IngressClass", [one("nginx"), one("traefik")]), system_pods=NOBODY).findings
    assert "nginx and traefik have the annotation" in finding.cause
    assert f"kubectl annotate ingressclass traefik {DEFAULT_CLASS}=false --overwrite" in finding.fix
    assert "annotate ingressclass nginx" not in finding.fix


def test_without_a_class_it_does_not_apply() -> None:
    nothing: Readings[Any] = Readings(absent="there is no IngressClass")
    assert outcome(judged(probe_classes, ingress_classes=nothing, system_pods=NOBODY)) == "not_applicable"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_classes, {"ingress_classes": listing("IngressClass", [one("a"), one("b")]), "system_pods": NOBODY})


# --- two controllers of one class -----------------------------------------------------------------------------------------


def nginx(release: str, *args: str, phase: str = "Running", image: str = "registry.k8s.io/ingress-nginx/controller:v1.12.0") -> Pod:
    labels = {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/instance": release, "app.kubernetes.io/component": "controller"}
    container = {"name": "controller", "image": image, "args": ["/nginx-ingress-controller", *args]}
    owners = [{"kind": "DaemonSet", "name": f"{release}-controller", "uid": release, "controller": True}]
    metadata = {"labels": labels, "ownerReferences": owners}
    return labelled(Pod, release, f"{release}-1", metadata=metadata, spec={"containers": [container]}, status={"phase": phase})


def served(*pods: Pod, classes: tuple[str, ...] = ("nginx", "nginx-internal")) -> Verdict:
    there = [make(IngressClass, metadata={"name": name}, spec={"controller": "k8s.io/ingress-nginx"}) for name in classes]
    running = system_pods(listing("Pod", pods), Profile())
    return judged(probe_classes, ingress_classes=listing("IngressClass", there), system_pods=running)


def test_two_controllers_of_one_class_are_found_with_their_classes() -> None:
    (finding,) = served(nginx("edge"), nginx("internal", "--ingress-class=nginx-internal")).findings
    assert (finding.reason, finding.severity) == ("IngressClassShared", "warning")
    assert "DaemonSet edge/edge-controller and DaemonSet internal/internal-controller both serve" in finding.problem
    assert "the classes nginx and nginx-internal" in finding.problem
    assert "$ kubectl -n internal describe daemonset internal-controller" in finding.fix


@pytest.mark.parametrize(
    "pods",
    [
        (nginx("edge"),),
        (nginx("edge"), nginx("edge")),
        (nginx("edge"), nginx("internal", "--controller-class=k8s.io/internal")),
        (nginx("edge", "--watch-namespace=shop"), nginx("internal", "--watch-namespace", "other")),
        (nginx("edge"), nginx("internal", "--watch-namespace-selector=team=a")),
        (nginx("edge"), nginx("old", phase="Failed")),
        (nginx("edge"), nginx("other", image="traefik:v3")),
    ],
)
def test_controllers_that_serve_apart_are_no_finding(pods: tuple[Pod, ...]) -> None:
    assert reasons(served(*pods)) == []


def test_a_controller_that_no_class_names_shares_nothing() -> None:
    pods = nginx("edge", "--controller-class=example.org/a"), nginx("internal", "--controller-class=example.org/a")
    assert reasons(served(*pods)) == []


def test_without_the_pods_it_is_not_known_who_serves_a_class_of_nginx() -> None:
    there = [make(IngressClass, metadata={"name": "nginx"}, spec={"controller": "k8s.io/ingress-nginx"})]
    own = [make(IngressClass, metadata={"name": "edge"}, spec={"controller": "example.org/edge"})]
    unread: Readings[Any] = Readings((), (Unchecked(subject=Subject(kind="PodList"), reason="not allowed to list pods"),))
    for those in (there, own):
        assert outcome(judged(probe_classes, ingress_classes=listing("IngressClass", those), system_pods=unread)) == "inconclusive"
    traefik = [make(IngressClass, metadata={"name": "traefik"}, spec={"controller": "traefik.io/ingress-controller"})]
    other = judged(probe_classes, ingress_classes=listing("IngressClass", traefik), system_pods=unread)
    assert (outcome(other), len(other.notes)) == ("pass", 1)
