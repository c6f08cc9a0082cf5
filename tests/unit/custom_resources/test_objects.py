"""What is kept of an object: whatever its shape, its conditions and what it names."""

from typing import Any

import pytest

from clusterprobe.decoding import from_tree
from clusterprobe.systems.custom_resources.objects import CustomObject, Raw, kept
from tests.unit.custom_resources.custom_world import condition, raw


def read(tree: dict[str, Any], kind: str = "Thing") -> CustomObject:
    return kept(from_tree({"metadata": {"name": "one", "namespace": "shop"}, **tree}, Raw), kind)


@pytest.mark.parametrize("odd", ["a word", 1, True, [], {}, None, ["a"], [1], {"Ready": "yes"}, [{"type": 1}], [{"status": "True"}]])
def test_what_is_shaped_otherwise_says_nothing(odd: Any) -> None:
    assert (
        read({"status": {"conditions": odd, "observedGeneration": odd if not isinstance(odd, int) else "3", "phase": odd}}).conditions == []
    )
    assert read({"status": odd}).conditions == []
    assert read({"spec": odd}).needs == []


def test_so_do_odd_fields_of_a_spec() -> None:
    odd = {"suspend": "no", "dependsOn": ["a"], "sourceRef": "here", "issuerRef": {"name": 1}, "parentRefs": {}, "target": "a"}
    assert read({"spec": odd}, "ExternalSecret").needs == []
    assert not read({"spec": odd}).suspended


@pytest.mark.parametrize(
    ("kind", "spec", "named"),
    [
        ("Kustomization", {"sourceRef": {"kind": "Bucket", "name": "a"}}, [("Bucket", "shop", "a")]),
        ("Kustomization", {"sourceRef": {"name": "a", "namespace": "flux"}}, [("GitRepository", "flux", "a")]),
        ("Kustomization", {"dependsOn": [{"name": "infra"}]}, [("Kustomization", "shop", "infra")]),
        ("ExternalSecret", {"secretStoreRef": {"name": "vault"}}, [("SecretStore", "shop", "vault")]),
        ("ExternalSecret", {"secretStoreRef": {"name": "v", "kind": "ClusterSecretStore"}}, [("ClusterSecretStore", "", "v")]),
        ("Certificate", {"issuerRef": {"name": "acme", "kind": "ClusterIssuer"}}, [("ClusterIssuer", "", "acme")]),
        ("HTTPRoute", {"parentRefs": [{"name": "public", "namespace": "edge"}]}, [("Gateway", "edge", "public")]),
        ("Gateway", {"gatewayClassName": "cilium"}, [("GatewayClass", "", "cilium")]),
    ],
)
def test_what_it_names_is_what_it_rests_on(kind: str, spec: dict[str, Any], named: list[tuple[str, str, str]]) -> None:
    assert [(one.kind, one.namespace, one.name) for one in read({"spec": spec}, kind).needs] == named


@pytest.mark.parametrize(
    ("kind", "spec", "secret"),
    [
        ("Certificate", {"secretName": "shop-tls"}, "shop-tls"),
        ("ExternalSecret", {"target": {"name": "db-made"}}, "db-made"),
        ("ExternalSecret", {}, "one"),
        ("Thing", {"secretName": "shop-tls"}, ""),
    ],
)
def test_the_secret_that_is_made_of_it(kind: str, spec: dict[str, Any], secret: str) -> None:
    assert read({"spec": spec}, kind).secret_name == secret


@pytest.mark.parametrize(
    ("key", "entry", "of"),
    [
        ("parents", {"parentRef": {"name": "public", "namespace": "edge", "sectionName": "https"}}, "Gateway edge/public (https)"),
        ("parents", {"parentRef": {"kind": "Service", "name": "shop"}}, "Service shop"),
        ("parent", {"parentRef": {"name": "public"}}, "Gateway public"),
        ("ancestors", {"ancestorRef": {"name": "public"}}, "Gateway public"),
        ("listeners", {"name": "https"}, "listener https"),
        ("ingress", {"routerName": "default"}, "router default"),
    ],
)
def test_the_part_that_a_condition_is_about(key: str, entry: dict[str, Any], of: str) -> None:
    found = kept(raw("shop", status={key: [{**entry, "conditions": [condition("Accepted")]}]}), "HTTPRoute")
    assert [one.of for one in found.conditions] == [of]


def test_an_object_keeps_a_bounded_part_of_what_it_says() -> None:
    found = kept(raw("shop", *(condition(message="x" * 9000) for _ in range(300))), "Thing")
    assert (len(found.conditions), len(found.conditions[0].message)) == (100, 2000)
