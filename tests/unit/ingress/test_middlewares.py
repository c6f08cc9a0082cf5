"""Middlewares of Traefik: which names lead to one, and what is said where none does."""

from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.systems.ingress.middlewares import (
    Absent,
    Middleware,
    Middlewares,
    Reference,
    goes_to_traefik,
    of_annotation,
    traefik_middlewares,
)
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass, Namespace
from tests.factories import labelled, listing, make, refused
from tests.listserver import ListServer, discovered, serving


@pytest.fixture
def server() -> Iterator[ListServer]:
    with serving() as one:
        yield one


def there(*places: tuple[str, str], unreadable: Any = ()) -> Middlewares:
    found = [labelled(_Named, *place) for place in places]
    readings = listing("Middleware", found, unreadable=unreadable)
    return Middlewares(readings.map(lambda _, one: Middleware(one.metadata)))


class _Named(Ingress):
    """Anything with metadata."""


SHOP = there(("shop", "strip-prefix"), ("shop", "auth.basic"), ("traefik", "redirect"))


def absent(given: list[Reference], known: Middlewares = SHOP) -> list[Absent | str]:
    return list(known.absent(given, "shop"))


@pytest.mark.parametrize(
    "name",
    [
        "shop-strip-prefix@kubernetescrd",
        "shop-auth-basic@kubernetescrd",  # Traefik puts a dash for whatever is no letter and no digit
        "traefik-redirect@kubernetescrd",
        "secure@file",
        "shop-strip-prefix@kubernetescrd, traefik-redirect@KubernetesCRD",
    ],
)
def test_what_an_annotation_names_as_traefik_does_is_there(name: str) -> None:
    assert absent(of_annotation(name)) == []


@pytest.mark.parametrize(
    ("name", "known_as", "here", "elsewhere"),
    [
        ("strip-prefix@kubernetescrd", "strip-prefix", ("strip-prefix",), ()),
        ("redirect@kubernetescrd", "redirect", (), ("traefik",)),
        ("shop-redirect@kubernetescrd", "shop-redirect", (), ()),
        ("strip-prefix", None, ("strip-prefix",), ()),
    ],
)
def test_what_an_annotation_names_otherwise_is_not(
    name: str, known_as: str | None, here: tuple[str, ...], elsewhere: tuple[str, ...]
) -> None:
    (one,) = absent(of_annotation(name))
    assert isinstance(one, Absent)
    assert (one.known_as, one.here, one.elsewhere) == (known_as, here, elsewhere)


def test_a_route_names_by_namespace_and_name() -> None:
    assert absent([Reference("Middleware", "strip-prefix", "shop"), Reference("Middleware", "redirect", "traefik")]) == []
    (one,) = absent([Reference("Middleware", "redirect", "shop")])
    assert isinstance(one, Absent)
    assert one.elsewhere == ("traefik",)
    (other,) = absent([Reference("MiddlewareTCP", "strip-prefix", "shop")])
    assert isinstance(other, Absent)
    assert other.here == ()


def test_what_could_not_be_listed_may_be_there() -> None:
    blind = there(unreadable=[refused("Middleware")])
    assert absent([Reference("Middleware", "redirect", "shop")], blind) == [
        "whether the Middleware redirect is there is not known: not allowed to list it"
    ]
    assert isinstance(absent(of_annotation("redirect@kubernetescrd"), blind)[0], str)


def test_chains_are_read_with_what_they_are_made_of(server: ListServer) -> None:
    chain = {"chain": {"middlewares": [{"name": "auth"}, {"name": "redirect", "namespace": "traefik"}, {"name": "x@file"}]}}
    items = [{"metadata": {"name": "all", "namespace": "shop"}, "spec": chain}, {"metadata": {"name": "auth", "namespace": "shop"}}]
    server.answers = {"/apis/traefik.io/v1alpha1/middlewares": {"kind": "MiddlewareList", "items": items}}
    read = traefik_middlewares(
        server.cluster(),
        discovered({"middlewares.traefik.io": "Middleware"}, version="v1alpha1"),
        listing("Namespace", [make(Namespace, metadata={"name": "shop"})]),
    )
    assert [one.chain for one in read.items] == [
        [Reference("Middleware", "auth", "shop"), Reference("Middleware", "redirect", "traefik"), Reference("Middleware", "x@file")],
        [],
    ]


@pytest.mark.parametrize(("name", "mine"), [("traefik", True), ("nginx", False), ("", True), ("gone", False), ("traefik-2", True)])
def test_only_what_traefik_serves_asks_for_its_middlewares(name: str, mine: bool) -> None:
    classes = listing(
        "IngressClass",
        [
            make(
                IngressClass,
                metadata={"name": "traefik", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
                spec={"controller": "traefik.io/ingress-controller"},
            ),
            make(IngressClass, metadata={"name": "nginx"}, spec={"controller": "k8s.io/ingress-nginx"}),
        ],
    )
    assert goes_to_traefik(labelled(Ingress, "shop", "api", spec={"ingressClassName": name}), classes) is mine
