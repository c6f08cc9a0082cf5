import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from clusterprobe import errors
from clusterprobe.access import bodies, cluster, http
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.model import Subject
from clusterprobe.readings import Clean, Readings, unreadable
from clusterprobe.redaction import MASK
from clusterprobe.systems.kubernetes.objects import Namespace, Node, Pod
from clusterprobe.systems.kubernetes.resources import NODES, PODS
from tests.factories import labelled, listing
from tests.faults.faults import body, changed, plain, refuse, same_page_again
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer, Reply, Request, Talk

FORBIDDEN = refuse(403, "Forbidden", "no")
GONE = refuse(410, "Expired", "too old")


def pod(namespace: str, name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}"}, "spec": {"containers": []}, **more}


def recorded(kind: str, items: list[dict[str, Any]]) -> Exchange:
    return Exchange(200, "application/json", json.dumps({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items}).encode())


PODS_OF_TWO = [pod("a", "one"), pod("a", "two"), pod("a", "three"), pod("b", "four"), pod("b", "five"), pod("b", "six")]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)
    recording = Recording(
        time.time(),
        {
            "GET /api/v1/pods": recorded("PodList", PODS_OF_TWO),
            "GET /api/v1/nodes": recorded("NodeList", [{"metadata": {"name": "n"}}]),
            "GET /version": Exchange(200, "application/json", b"{}"),
        },
    )
    with FaultServer(recording) as running:
        yield running


def cluster_of(server: FaultServer, route: str = "proxy") -> Cluster:
    return Cluster(Connection(Origin(server.url), "test", "me", "default", route), Deadline.after(20))


NAMESPACES = listing("Namespace", [labelled(Namespace, "", "a"), labelled(Namespace, "", "b")])


def pods(server: FaultServer, namespaces: Readings[Namespace] | None = NAMESPACES) -> Readings[Pod]:
    return cluster_of(server).list(PODS, Pod, namespaces)


def names(readings: Readings[Any]) -> list[str]:
    return [subject.name for subject, _ in readings]


def at(page: int, path: str = "/api/v1/pods"):
    return lambda request: request.page == page and request.path == path


# --- pages -------------------------------------------------------------------------------------------------------------


def test_a_list_is_read_page_by_page_to_its_end(server: FaultServer):
    assert names(pods(server)) == ["one", "two", "three", "four", "five", "six"]
    assert [request.page for request in server.seen] == [0, 1, 2]


def test_a_list_that_is_handed_on_as_it_is_has_no_secret_and_all_objects(server: FaultServer):
    labels = {"db-password": "Zx9qLm27"}
    telling = [{"metadata": {"name": one, "namespace": "a", "labels": {**labels, "app": one}}, "spec": {"containers": []}} for one in "abc"]
    server.recording.exchanges["GET /api/v1/pods"] = recorded("PodList", telling)
    found = cluster_of(server).list(PODS, Pod, NAMESPACES, as_it_is=True)
    assert isinstance(found.values, Clean)
    assert [one.metadata.labels for one in found.items] == [{"db-password": MASK, "app": one} for one in "abc"]
    assert not isinstance(found.keep(lambda on, one: True).values, Clean)


def test_the_next_page_is_asked_for_while_one_is_looked_through(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    began: list[int] = []

    def look(one: Pod) -> Pod:
        limit = time.monotonic() + 20
        while len(server.seen) < min(3, len(began) // 2 + 2) and time.monotonic() < limit:
            time.sleep(0.01)
        began.append(len(server.seen))
        return one

    monkeypatch.setattr(cluster, "cleaned", look)
    assert names(cluster_of(server).list(PODS, Pod, NAMESPACES, as_it_is=True)) == ["one", "two", "three", "four", "five", "six"]
    assert began == [2, 2, 3, 3, 3, 3]


def test_an_empty_list_that_was_read_proves_that_there_is_none(server: FaultServer):
    server.recording.exchanges["GET /api/v1/pods"] = recorded("PodList", [])
    found = pods(server)
    assert (len(found), found.complete, found.absent) == (0, True, "there is no Pod in the cluster")


@pytest.mark.parametrize("page", [0, 1, 2])
@pytest.mark.parametrize("trouble", [plain(500, "no"), plain(200, "{}"), body('{"kind": "Status"}')])
def test_part_of_a_list_is_never_the_list(page: int, trouble, server: FaultServer):
    with server.misbehaving(trouble, at(page)), pytest.raises(errors.Unreadable):
        pods(server)


def test_a_list_that_expired_is_read_once_more_from_its_start(server: FaultServer):
    with server.misbehaving(GONE, at(2), times=1):
        assert names(pods(server)) == ["one", "two", "three", "four", "five", "six"]
    assert [request.page for request in server.seen] == [0, 1, 2, 0, 1, 2]


def test_a_list_that_expires_again_is_given_up(server: FaultServer):
    with server.misbehaving(GONE, at(2)), pytest.raises(errors.Expired):
        pods(server)
    assert len(server.seen) == 6


def test_pages_that_go_round_in_a_circle_end(server: FaultServer):
    with server.misbehaving(same_page_again, always), pytest.raises(errors.BadResponse, match="the same page again and again"):
        pods(server)


def always(request: Request) -> bool:
    return True


def paged(change: Any) -> Any:
    """The list's page, changed: `change` gets the page's number and its JSON, and may change it."""

    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        value = json.loads(reply.body)
        change(request.page, value)
        talk.send(replace(reply, body=json.dumps(value).encode()))

    return misbehave


def without_a_token(page: int, value: Any) -> None:
    value["metadata"].pop("continue", None)


def shorter_at_the_end(page: int, value: Any) -> None:
    if page == 2:
        value["items"] = value["items"][:1]


def without_objects(page: int, value: Any) -> None:
    value["items"] = [] if page == 1 else value["items"]


def one_twice(page: int, value: Any) -> None:
    value["items"] = [*value["items"], {"metadata": {"namespace": "a", "name": "one"}, "spec": {"containers": []}}]


def of_another_moment(page: int, value: Any) -> None:
    value["metadata"]["resourceVersion"] = str(page)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_a_token, "only a part came: 2 objects, and 4 more are there"),
        (shorter_at_the_end, "only a part came: 5 objects, and 1 more are there"),
        (without_objects, "a page without objects says that more follow"),
        (one_twice, "Pod a/one came twice"),
        (of_another_moment, "its pages are of different moments"),
        (lambda _, value: value.update(items=None), "not what is expected|items"),
        (lambda _, value: value.pop("items"), "items"),
    ],
)
def test_pages_that_make_no_whole_are_no_list(change: Any, said: str, server: FaultServer):
    with server.misbehaving(paged(change), always), pytest.raises(errors.Unreadable, match=f"^list pods: .*(?:{said})"):
        pods(server)


def test_a_list_that_changed_half_way_is_read_once_more(server: FaultServer):
    with server.misbehaving(paged(lambda _, value: value["metadata"].update(resourceVersion="2")), at(1)), pytest.raises(errors.Expired):
        server.recording.exchanges["GET /api/v1/pods"] = Exchange(
            200, "application/json", json.dumps({"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": PODS_OF_TWO}).encode()
        )
        pods(server)
    assert [request.page for request in server.seen] == [0, 1, 0, 1]


def test_an_empty_page_of_a_selection_is_followed(server: FaultServer):
    chosen = Resource("v1", "pods", "Pod", label_selector="app=x")
    unknown = paged(lambda page, value: (without_objects(page, value), value["metadata"].pop("remainingItemCount", None)))
    server.recording.exchanges["GET /api/v1/pods?labelSelector=app%3Dx"] = server.recording.exchanges["GET /api/v1/pods"]
    with server.misbehaving(unknown, always):
        assert names(cluster_of(server).list(chosen, Pod, NAMESPACES)) == ["one", "two", "five", "six"]


def test_a_list_of_another_kind_is_refused(server: FaultServer):
    other = changed(lambda value: {**value, "kind": "NodeList"})
    with server.misbehaving(other, always), pytest.raises(errors.BadResponse, match="the answer is a NodeList, not a PodList"):
        pods(server)


def test_a_list_that_is_not_found_is_no_empty_list(server: FaultServer):
    del server.recording.exchanges["GET /api/v1/pods"]
    with pytest.raises(errors.NotFound, match="although discovery says that it is served"):
        pods(server)


# --- objects that do not fit -------------------------------------------------------------------------------------------


def test_one_odd_object_is_unreadable_by_itself(server: FaultServer):
    odd = {"metadata": {"namespace": "a", "name": "odd"}, "spec": {"containers": 3}}
    server.recording.exchanges["GET /api/v1/pods"] = recorded("PodList", [*PODS_OF_TWO, odd])
    found = pods(server)
    assert len(found) == 6
    assert [(one.subject.namespace, one.subject.name) for one in found.unreadable] == [("a", "odd")]
    assert "not as the API describes it" in found.unreadable[0].reason


@pytest.mark.parametrize("odd", [3, None, [], {}, {"metadata": 4}, {"metadata": {"name": 5}}])
def test_an_object_without_a_name_is_unreadable_all_the_same(odd: Any, server: FaultServer):
    page = json.dumps({"kind": "PodList", "items": [PODS_OF_TWO[0], odd], "metadata": {}})
    with server.misbehaving(body(page), always):
        found = pods(server)
    assert names(found) == ["one"]
    assert len(found.unreadable) == 1


# --- not allowed -------------------------------------------------------------------------------------------------------


def test_what_is_forbidden_as_a_whole_is_read_namespace_by_namespace(server: FaultServer):
    with server.misbehaving(FORBIDDEN, lambda request: request.path == "/api/v1/pods"):
        found = pods(server)
    assert sorted(names(found)) == ["five", "four", "one", "six", "three", "two"]
    assert found.complete


def test_a_forbidden_namespace_is_named_and_the_others_are_kept(server: FaultServer):
    with server.misbehaving(FORBIDDEN, lambda request: request.path in ("/api/v1/pods", "/api/v1/namespaces/b/pods")):
        found = pods(server)
    assert names(found) == ["one", "two", "three"]
    assert [(one.subject.namespace, one.reason) for one in found.unreadable] == [("b", "not allowed to list pods in namespace b")]


def test_a_namespace_that_fails_half_way_is_left_out_whole(server: FaultServer):
    def where(request: Request) -> bool:
        return request.path == "/api/v1/pods" or (request.path == "/api/v1/namespaces/b/pods" and request.page == 2)

    with server.misbehaving(FORBIDDEN, where):
        found = pods(server)
    assert names(found) == ["one", "two", "three"]
    assert found.missing_reason("b")
    assert not found.missing_reason("a")


def test_what_turns_forbidden_half_way_leaves_no_double(server: FaultServer):
    with server.misbehaving(FORBIDDEN, at(1)):
        assert sorted(names(pods(server))) == ["five", "four", "one", "six", "three", "two"]


def test_where_the_namespaces_are_not_all_known_the_rest_is_unreadable(server: FaultServer):
    some = Readings(NAMESPACES.values[:1], unreadable(Subject(kind="NamespaceList"), "no").unreadable)
    with server.misbehaving(FORBIDDEN, lambda request: request.path == "/api/v1/pods"):
        found = pods(server, some)
    assert names(found) == ["one", "two", "three"]
    assert "namespaces are not all known" in found.missing_reason("b")


def test_what_has_no_namespaces_is_forbidden_as_a_whole(server: FaultServer):
    with server.misbehaving(FORBIDDEN, always), pytest.raises(errors.Forbidden, match="not allowed to list nodes cluster-wide") as caught:
        cluster_of(server).list(NODES, Node, NAMESPACES)
    assert (caught.value.verb, caught.value.resource, caught.value.namespace) == ("list", "nodes", "")


def test_a_resource_of_a_group_is_named_with_it():
    monitors = Resource("v1", "servicemonitors", "ServiceMonitor", "monitoring.coreos.com")
    assert monitors.name == "servicemonitors.monitoring.coreos.com"
    assert monitors.path("x", "y") == "/apis/monitoring.coreos.com/v1/namespaces/x/servicemonitors/y"


# --- the clock ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-10, 10])
def test_the_servers_clock_is_learnt_from_its_answers(minutes: int, server: FaultServer):
    server._skew = minutes * 60
    cluster = cluster_of(server)
    cluster.get("/version", dict)
    assert abs(cluster.skew_seconds - minutes * 60) < 3
    assert abs(cluster.now() - time.time() - minutes * 60) < 3


def test_a_clock_that_is_right_but_for_the_seconds_of_the_header_is_right(server: FaultServer):
    server._skew = 0.0
    cluster = cluster_of(server)
    cluster.get("/version", dict)
    assert cluster.skew_seconds == 0


@pytest.mark.parametrize(
    "date",
    [
        *("", "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT"),
        *("Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 31 Dec 1969 23:59:59 GMT"),
    ],
)
def test_a_date_that_is_none_teaches_nothing(date: str, server: FaultServer):
    def undated(talk: Talk, request: Request, reply: Reply) -> None:
        talk.raw(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n{{}}".encode())

    cluster = cluster_of(server)
    with server.misbehaving(undated, always):
        cluster.get("/version", dict)
    assert cluster.skew_seconds == 0


# --- ways to what runs in it -------------------------------------------------------------------------------------------


def test_from_outside_a_pod_is_reached_through_the_api_server(server: FaultServer):
    cluster = cluster_of(server)
    assert cluster.pod("a", "p", "10.0.0.1", 80, prefix="/x").url == f"{server.url}/api/v1/namespaces/a/pods/p:80/proxy/x"
    assert cluster.service("a", "s", 80, scheme="https").url == f"{server.url}/api/v1/namespaces/a/services/https:s:80/proxy"


def test_from_inside_a_pod_is_reached_at_its_address(server: FaultServer):
    cluster = cluster_of(server, "in-cluster")
    assert cluster.pod("a", "p", "10.0.0.1", 80, prefix="/x").url == "http://10.0.0.1:80/x"
    assert cluster.pod("a", "p", "fd00::1", 80).url == "http://[fd00::1]:80"
    assert cluster.service("a", "s", 80).url == "http://s.a.svc:80"


def test_an_endpoint_keeps_the_path_of_its_url(server: FaultServer):
    server.recording.exchanges["GET /under/thing"] = Exchange(200, "application/json", b'{"a": 1}')
    endpoint = cluster_of(server).url(f"{server.url}/under/")
    assert endpoint.json("/thing", dict[str, int]) == {"a": 1}


def test_each_reads_a_few_at_a_time_and_keeps_what_failed_apart(server: FaultServer):
    def read(subject: Subject, value: Pod) -> str:
        if subject.name == "two":
            raise errors.TimedOut("late")
        return value.metadata.uid

    found = cluster_of(server).each(pods(server), read)
    assert len(found) == 5
    assert [(one.subject.name, one.reason) for one in found.unreadable] == [("two", "late")]


def test_each_passes_on_what_was_unreadable_before(server: FaultServer):
    before: Readings[Pod] = unreadable(Subject(kind="PodList"), "no")
    assert cluster_of(server).each(before, lambda subject, value: value).unreadable == before.unreadable


def test_a_status_with_200_is_no_object(server: FaultServer):
    class Thing(msgspec.Struct):
        spec: dict[str, int]

    with server.misbehaving(body('{"kind": "Status", "status": "Failure"}'), always), pytest.raises(errors.BadResponse):
        cluster_of(server).get("/version", Thing)


# --- bounds


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PAGE", 10_000)


@pytest.mark.usefixtures("small_pages")
def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(server: FaultServer):
    sizes: list[int] = []

    def by_size(talk: Talk, request: Request, reply: Reply) -> None:
        sizes.append(int(request.query["limit"]))
        large = sizes[-1] > 10
        talk.send(Reply(200, b" " * (bodies.PAGE + 1) if large else recorded("PodList", PODS_OF_TWO).body))

    with server.misbehaving(by_size, lambda request: "/pods" in request.target):
        found = cluster_of(server).list(PODS, Pod)
    assert len(found) == 6
    assert found.complete
    assert sizes == [500, 62, 7]


@pytest.mark.usefixtures("small_pages")
def test_one_object_that_is_too_large_is_unreadable(server: FaultServer):
    def large(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, b" " * (bodies.PAGE + 1)))

    with server.misbehaving(large, lambda request: "/pods" in request.target), pytest.raises(errors.TooLarge):
        cluster_of(server).list(PODS, Pod)


def test_a_list_without_an_end_is_given_up(server: FaultServer):
    def endless(talk: Talk, request: Request, reply: Reply) -> None:
        token = int(request.query.get("continue", 0)) + 1
        items = [{"metadata": {"namespace": "a", "name": f"{token}-{number}"}} for number in range(2)]
        page = {"kind": "PodList", "metadata": {"continue": str(token)}, "items": items}
        talk.send(Reply(200, json.dumps(page).encode()))

    with (
        server.misbehaving(endless, lambda request: "/pods" in request.target),
        pytest.raises(errors.TooLarge, match=r"^list pods: more than 20 objects$"),
    ):
        cluster_of(server).list(replace(PODS, most=20), Pod)


def test_a_page_of_nothing_but_odd_objects_is_given_up(server: FaultServer):
    odd = b'{"kind": "PodList", "items": [' + b"{}," * 400_000 + b"{}]}"
    with server.misbehaving(body(odd), lambda request: "/pods" in request.target), pytest.raises(errors.BadResponse, match="more than 500"):
        cluster_of(server).list(PODS, Pod)


# --- what does not answer ------------------------------------------------------------------------------------------------


def ask_in_turn(ask: Callable[[], Any], times: int) -> list[str]:
    """What went wrong with each of so many requests."""
    failed = []
    for _ in range(times):
        with pytest.raises(errors.TimedOut) as caught:
            ask()
        failed.append(str(caught.value))
    return failed


def test_a_pod_that_does_not_answer_is_asked_twice_and_others_still_are(server: FaultServer) -> None:
    cluster = cluster_of(server)
    dead = "/api/v1/namespaces/a/pods/one:9090/proxy"
    with server.misbehaving(lambda talk, request, reply: talk.silence(), lambda request: request.path.startswith(dead)):
        failed = ask_in_turn(lambda: cluster.pod("a", "one", "10.0.0.1", 9090).get("/-/ready", seconds=0.2), 5)
        assert len([one for one in server.seen if one.path.startswith(dead)]) == 2
        assert all("is not asked again: the last 2 requests to it had no answer" in one for one in failed[2:])
        assert cluster.list(PODS, Pod, NAMESPACES).complete


def test_the_logs_of_a_node_whose_kubelet_does_not_answer_are_asked_for_twice(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_of(server)
    monkeypatch.setattr(cluster.api, "_request_seconds", 0.2)
    pods = [(f"pod-{number}", "dead") for number in range(20)]
    with server.misbehaving(lambda talk, request, reply: talk.silence(), lambda request: request.path.endswith("/log")):
        for name, node in pods:
            ask_in_turn(lambda name=name, node=node: cluster.log(PODS.path("a", name), "a", node, {}), 1)
        assert len(server.seen) == 2
        ask_in_turn(lambda: cluster.log(PODS.path("a", "other"), "a", "another", {}), 1)
        assert len(server.seen) == 3


def test_what_the_api_server_does_not_reach_is_late_as_well_and_any_answer_starts_anew(server: FaultServer) -> None:
    cluster = cluster_of(server)
    unreached = refuse(503, "ServiceUnavailable", "error trying to reach service: dial tcp 10.0.0.1:9090: i/o timeout")
    endpoint = cluster.pod("a", "one", "10.0.0.1", 9090)
    with server.misbehaving(unreached, lambda request: True), pytest.raises(errors.Unreachable):
        endpoint.get("/-/ready")
    with server.misbehaving(body("{}"), lambda request: True):
        endpoint.get("/-/ready")
    with server.misbehaving(unreached, lambda request: True):
        for _ in range(2):
            with pytest.raises(errors.Unreachable):
                endpoint.get("/-/ready")
        with pytest.raises(errors.TimedOut):
            endpoint.get("/-/ready")
