"""Budgets over the same pods, and what makes the same Secret."""

from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.objects import CustomKind, Raw
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.verdict import Verdict
from probes.objects.probe_conditions import probe_conditions
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons
from tests.unit.custom_resources.custom_world import NOW, condition, kind, raw, readings

WELL = condition("DisruptionAllowed", "True", reason="SufficientPods")
READY = condition("Ready", "True", reason="Ready")


def budget(name: str, namespace: str = "shop", **selector: Any) -> Raw:
    return raw(name, WELL, namespace=namespace, spec={"minAvailable": 1, "selector": selector or {"matchLabels": {"app": "web"}}})


def budgets(*objects: Raw) -> CustomKind:
    return kind("poddisruptionbudgets.policy", "PodDisruptionBudget", *objects)


def pod(name: str = "web-1", phase: str = "Running", app: str = "web", **metadata: Any) -> Pod:
    owners = [{"kind": "StatefulSet", "name": "web", "uid": "u", "controller": True}]
    return labelled(
        Pod, "shop", name, {"app": app}, metadata={"ownerReferences": owners, **metadata}, spec={"containers": []}, status={"phase": phase}
    )


def world(*own: CustomKind, custom: tuple[CustomKind, ...] = (), pods: Any = None) -> dict[str, Any]:
    kinds = {"custom_kinds": readings(*custom), "own_kinds": readings(*own), "acme_challenges": Readings(), "object_warnings": Readings()}
    there = listing("Pod", [pod(), pod("web-2")]) if pods is None else pods
    return {**kinds, "pods": there, "profile": Profile(), "clock": Clock(NOW)}


def judge(*own: CustomKind, **more: Any) -> Verdict:
    return judged(probe_conditions, **world(*own, **more))


# --- budgets -----------------------------------------------------------------------------------------------------------


def test_pods_that_two_budgets_select_cannot_be_evicted() -> None:
    (finding,) = judge(budgets(budget("web"), budget("keep-one", matchLabels={"app": "web"}))).findings
    assert (finding.reason, finding.severity, str(finding.subject)) == ("BudgetsOverlap", Severity.WARNING, "StatefulSet shop/web")
    assert finding.problem == (
        "PodDisruptionBudgets web and keep-one both select the pods of StatefulSet shop/web: none of them can be evicted, so a drain of "
        "their node does not end."
    )
    assert "web-1, web-2" in finding.cause
    assert "$ kubectl -n shop get poddisruptionbudgets web keep-one -o yaml" in finding.fix


@pytest.mark.parametrize(
    "other",
    [
        budget("other", matchLabels={"app": "api"}),
        budget("other", namespace="billing"),
        budget("other", matchLabels={"app": "web"}, matchExpressions=[{"key": "tier", "operator": "Exists"}]),
        raw("other", WELL, spec={"minAvailable": 1}),  # without a selector it selects nothing
        raw("other", WELL, spec={"selector": "web"}),  # of no shape that is known
        budget("other"),
    ],
)
def test_budgets_of_other_pods_are_none_of_it(other: Raw) -> None:
    pods = listing("Pod", [pod(app="db")]) if other.metadata.name == "other" and other.spec and other.spec == budget("other").spec else None
    assert outcome(judge(budgets(budget("web"), other), pods=pods)) == "pass"


def test_an_empty_selector_selects_every_pod() -> None:
    every = raw("every", WELL, spec={"selector": {}})
    assert reasons(judge(budgets(budget("web"), every))) == ["BudgetsOverlap"]


@pytest.mark.parametrize(("phase", "deleted"), [("Pending", None), ("Succeeded", None), ("Running", "2027-01-15T07:00:00Z")])
def test_what_does_not_run_is_evicted_all_the_same(phase: str, deleted: str | None) -> None:
    one = listing("Pod", [pod(phase=phase, deletionTimestamp=deleted)])
    assert outcome(judge(budgets(budget("web"), budget("keep-one")), pods=one)) == "pass"


# --- secrets -----------------------------------------------------------------------------------------------------------


def certificate(name: str, secret: str = "shop-tls", namespace: str = "shop") -> Raw:
    return raw(name, READY, namespace=namespace, spec={"secretName": secret})


def certificates(*objects: Raw) -> CustomKind:
    return kind("certificates.cert-manager.io", "Certificate", *objects)


def external(name: str, policy: str = "Owner") -> CustomKind:
    spec = {"target": {"name": "shop-tls", "creationPolicy": policy}}
    return kind("externalsecrets.external-secrets.io", "ExternalSecret", raw(name, READY, spec=spec))


def test_two_certificates_of_one_secret_are_found_although_both_are_ready() -> None:
    (finding,) = judge(custom=(certificates(certificate("shop"), certificate("wildcard")),)).findings
    assert (finding.reason, finding.severity) == ("SecretMadeTwice", Severity.WARNING)
    assert finding.problem == "Certificate shop/shop and Certificate shop/wildcard make the same Secret shop/shop-tls."
    assert "cert-manager issues each anew whenever the other has written" in finding.cause
    assert "spec.secretName" in finding.fix


def test_a_certificate_and_what_overwrites_its_secret_are_found() -> None:
    (finding,) = judge(custom=(certificates(certificate("shop")), external("copy"))).findings
    assert "ExternalSecret shop/copy" in finding.problem
    assert "spec.target.name" in finding.fix


@pytest.mark.parametrize(
    "custom",
    [
        (certificates(certificate("shop"), certificate("wildcard", "wildcard-tls")),),
        (certificates(certificate("shop"), certificate("shop", namespace="billing")),),
        (certificates(certificate("shop")), external("keys", "Merge")),
        (certificates(certificate("shop")), external("keys", "None")),
    ],
)
def test_secrets_of_their_own_pass(custom: tuple[CustomKind, ...]) -> None:
    assert outcome(judge(custom=custom)) == "pass"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    own = budgets(budget("web"), budget("keep-one"))
    assert_blindness_is_no_health(probe_conditions, world(own, custom=(certificates(certificate("a"), certificate("b")),)))
