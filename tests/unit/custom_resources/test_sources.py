"""Which kinds are listed, asked over a real socket; and what becomes of those that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.access import http as client
from clusterprobe.model import Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources import sources
from clusterprobe.systems.custom_resources.kinds import BUILT_IN, MOST_KINDS, OWN, REPORTING, chosen, may_be_read, own
from clusterprobe.systems.custom_resources.objects import CustomKind
from clusterprobe.systems.custom_resources.sources import custom_kinds, own_kinds
from clusterprobe.systems.kubernetes.objects import Namespace
from tests.factories import listing, make
from tests.listserver import ListServer, discovered, serving

CERTIFICATES, WIDGETS = "/apis/cert-manager.io/v1/certificates", "/apis/example.org/v1/widgets"
SERVED = {"certificates.cert-manager.io": "Certificate", "widgets.example.org": "Widget"}
SHOP = listing("Namespace", [make(Namespace, metadata={"name": "shop"})])


@pytest.fixture
def server() -> Iterator[ListServer]:
    with serving() as one:
        yield one


def read(server: Any, names: dict[str, str] | None = None, skip: tuple[str, ...] = (), **more: Any) -> Readings[CustomKind]:
    profile = Profile(custom_resources={"skip": list(skip)})
    return custom_kinds(server.cluster(), discovered(SERVED if names is None else names, **more), SHOP, profile)


def items(kind: str, *names: str, **more: Any) -> dict[str, Any]:
    return {"kind": f"{kind}List", "items": [{"metadata": {"name": one, "namespace": "shop"}, **more} for one in names]}


def test_each_kind_is_listed_once_known_or_not(server: Any) -> None:
    server.answers = {CERTIFICATES: items("Certificate", "tls"), WIDGETS: items("Widget", "a", "b")}
    found = read(server)
    assert {one.resource: [each.name for each in one.objects] for one in found.items} == {
        "certificates.cert-manager.io": ["tls"],
        "widgets.example.org": ["a", "b"],
    }
    assert (found.complete, sorted(server.asked)) == (True, [CERTIFICATES, WIDGETS])


def test_those_that_may_not_be_listed_are_named_in_one_with_the_ways_to_settle_it(server: Any) -> None:
    server.answers = {CERTIFICATES: 403, "/apis/cert-manager.io/v1/namespaces/shop/certificates": 403, WIDGETS: 403}
    (one,) = read(server).unreadable
    assert one.reason == (
        "not allowed to list certificates.cert-manager.io, widgets.example.org: allow it, or name what is to be left out under "
        "custom_resources.skip in the profile"
    )


def test_a_known_kind_is_read_namespace_by_namespace_where_it_is_forbidden_as_a_whole(server: Any) -> None:
    server.answers = {CERTIFICATES: 403, "/apis/cert-manager.io/v1/namespaces/shop/certificates": items("Certificate", "tls"), WIDGETS: 403}
    found = read(server)
    assert [one.resource for one in found.items] == ["certificates.cert-manager.io"]
    assert "/apis/example.org/v1/namespaces/shop/widgets" not in server.asked


def test_what_the_profile_leaves_out_is_not_asked_for(server: Any) -> None:
    server.answers = {CERTIFICATES: items("Certificate")}
    assert read(server, skip=("*.example.org",)).complete
    assert server.asked == [CERTIFICATES]


def test_a_list_that_fails_is_unreadable_by_itself(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE_SECONDS", 0.01)
    server.answers = {CERTIFICATES: items("Certificate", "tls"), WIDGETS: 500}
    found = read(server)
    assert [one.resource for one in found.items] == ["certificates.cert-manager.io"]
    assert [one.subject.name for one in found.unreadable] == ["widgets.example.org"]


def test_a_kind_with_too_many_objects_is_not_read_in_part(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_OBJECTS", 1)
    server.answers = {CERTIFICATES: items("Certificate", "a", "b"), WIDGETS: items("Widget")}
    found = read(server)
    assert [one.resource for one in found.items] == ["widgets.example.org"]
    assert "more than 1 objects" in found.unreadable[0].reason


def test_where_no_kind_is_served_that_is_proved(server: Any) -> None:
    found = read(server, {"pods.metrics.k8s.io": "PodMetrics", "deployments.apps": "Deployment"})
    assert (len(found), found.complete) == (0, True)
    assert found.absent


@pytest.mark.parametrize(("group", "complete"), [("metrics.k8s.io", True), ("apps", True), ("example.org", False)])
def test_a_group_that_does_not_answer_counts_if_it_may_hold_such_kinds(server: Any, group: str, complete: bool) -> None:
    stale = Unchecked(subject=Subject(kind="APIGroup", name=group), reason="it is stale")
    assert read(server, {}, unreadable=(stale,)).complete is complete


def test_a_schedule_is_given_its_last_backup_and_backups_are_no_kind(server: Any) -> None:
    labels = {"velero.io/schedule-name": "daily"}
    backup = {"metadata": {"name": "daily-1", "namespace": "shop", "labels": labels}, "status": {"phase": "Failed"}}
    server.answers = {
        "/apis/velero.io/v1/schedules": items("Schedule", "daily"),
        "/apis/velero.io/v1/backups": {"kind": "BackupList", "items": [backup]},
    }
    (schedules,) = read(server, {"schedules.velero.io": "Schedule", "backups.velero.io": "Backup"}).items
    assert (schedules.resource, schedules.objects[0].words[0].status) == ("schedules.velero.io", "Failed")


# --- those of Kubernetes itself ---------------------------------------------------------------------------------------------

APIS, SCALERS = "/apis/apiregistration.k8s.io/v1/apiservices", "/apis/autoscaling/v1/horizontalpodautoscalers"
OWN_SERVED = {"apiservices.apiregistration.k8s.io": "APIService", "horizontalpodautoscalers.autoscaling": "HorizontalPodAutoscaler"}


def read_own(server: Any, skip: tuple[str, ...] = (), **more: Any) -> Readings[CustomKind]:
    return own_kinds(server.cluster(), discovered({**SERVED, **OWN_SERVED}, **more), SHOP, Profile(custom_resources={"skip": list(skip)}))


def test_those_of_kubernetes_itself_are_listed_and_no_others(server: Any) -> None:
    server.answers = {APIS: items("APIService", "v1.apps"), SCALERS: items("HorizontalPodAutoscaler", "web")}
    found = read_own(server)
    assert [one.resource for one in found.items] == sorted(OWN_SERVED)
    assert (found.complete, sorted(server.asked)) == (True, [APIS, SCALERS])


def test_those_of_kubernetes_that_may_not_be_listed_are_named(server: Any) -> None:
    of_shop = {one: one.replace("/v1/", "/v1/namespaces/shop/") for one in (APIS, SCALERS)}
    server.answers = {APIS: 403, SCALERS: 403, of_shop[APIS]: 403, of_shop[SCALERS]: items("HorizontalPodAutoscaler", "web")}
    found = read_own(server)
    assert [one.kind for one in found.items] == ["HorizontalPodAutoscaler"]
    assert [one.reason.partition(":")[0] for one in found.unreadable] == ["not allowed to list apiservices.apiregistration.k8s.io"]


def test_those_of_kubernetes_can_be_left_out(server: Any) -> None:
    server.answers = {APIS: items("APIService", "v1.apps")}
    assert read_own(server, skip=("*.autoscaling",)).complete
    assert server.asked == [APIS]


@pytest.mark.parametrize(("group", "complete"), [("autoscaling", False), ("metrics.k8s.io", True)])
def test_a_group_of_kubernetes_that_does_not_answer_counts_if_it_has_such_kinds(server: Any, group: str, complete: bool) -> None:
    server.answers = {APIS: items("APIService", "v1.apps"), SCALERS: items("HorizontalPodAutoscaler", "web")}
    stale = Unchecked(subject=Subject(kind="APIGroup", name=group), reason="it is stale")
    assert read_own(server, unreadable=(stale,)).complete is complete


# --- which kinds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("deployments.apps", "ingresses.networking.k8s.io", "applications.argoproj.io", "sealedsecrets.bitnami.com"),
        *("prometheuses.monitoring.coreos.com", "certificaterequests.cert-manager.io", "restores.velero.io", "ciliumendpoints.cilium.io"),
    ],
)
def test_what_is_judged_elsewhere_or_says_nothing_is_not_listed(name: str) -> None:
    assert chosen([name], []) == ([], [])


def test_the_known_kinds_come_first_and_the_number_is_bounded() -> None:
    many = [f"k{number:03}.aws.example.org" for number in range(MOST_KINDS)]
    names, beyond = chosen([*many, "helmreleases.helm.toolkit.fluxcd.io"], [])
    assert (names[0], len(names), beyond) == ("helmreleases.helm.toolkit.fluxcd.io", MOST_KINDS, [many[-1]])


def test_each_kind_that_is_known_is_one_that_is_read() -> None:
    known = [f"{plural}.{group}" for group, plurals in REPORTING.items() for plural in plurals]
    assert sorted(chosen(known, [])[0]) == sorted(known)
    assert all(may_be_read(group, []) for group in REPORTING)
    assert not BUILT_IN & set(REPORTING)
    assert set(OWN) <= BUILT_IN


def test_those_of_kubernetes_are_not_among_the_custom_ones() -> None:
    names = [f"{plural}.{group}" for group, plurals in OWN.items() for plural in plurals]
    assert chosen(names, []) == ([], [])
    assert own([*names, "deployments.apps"], []) == sorted(names)
