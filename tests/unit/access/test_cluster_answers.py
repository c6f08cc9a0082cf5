"""What each answer of a cluster is about: who is named, what was asked, and which clock counts."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clusterprobe import errors
from clusterprobe.access import bodies
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.session import Origin
from clusterprobe.access.urls import written
from clusterprobe.model import Subject
from clusterprobe.readings import Clean, Readings, unreadable
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.resources import PODS
from tests.faults.faults import body
from tests.faults.server import FaultServer, Reply, Request, Talk
from tests.unit.access import test_cluster
from tests.unit.access.test_cluster import FORBIDDEN, NAMESPACES, always, cluster_of, names, pods

server = test_cluster.server


def as_a_whole(request: Request) -> bool:
    return request.path == "/api/v1/pods"


def test_a_namespace_whose_list_is_odd_is_named_with_its_reason_and_the_others_are_kept(server: FaultServer):
    def odd(talk: Talk, request: Request, reply: Reply) -> None:
        (FORBIDDEN if as_a_whole(request) else body("[]"))(talk, request, reply)

    with server.misbehaving(odd, lambda request: request.path in ("/api/v1/pods", "/api/v1/namespaces/a/pods")):
        found = pods(server)
    assert names(found) == ["four", "five", "six"]
    [one] = found.unreadable
    assert one.subject == Subject(kind="PodList", namespace="a")
    assert one.reason.startswith("list pods: not the JSON that was asked for: ")


def test_a_namespace_that_is_forbidden_is_a_list_that_was_not_read(server: FaultServer):
    with server.misbehaving(FORBIDDEN, lambda request: request.path.endswith("/pods")):
        found = pods(server)
    assert [one.subject for one in found.unreadable] == [Subject(kind="PodList", namespace=one) for one in ("a", "b")]
    assert [one.reason for one in found.unreadable] == [f"not allowed to list pods in namespace {one}" for one in ("a", "b")]


def test_namespaces_that_are_not_all_known_leave_the_whole_list_unread(server: FaultServer):
    some = Readings(NAMESPACES.values[:1], unreadable(Subject(kind="NamespaceList"), "no").unreadable)
    with server.misbehaving(FORBIDDEN, as_a_whole):
        found = pods(server, some)
    said = "list pods is forbidden cluster-wide, and the namespaces are not all known"
    assert [(one.subject, one.reason) for one in found.unreadable] == [(Subject(kind="PodList"), said)]


@pytest.mark.parametrize("forbidden", [False, True])
def test_whoever_lists_may_say_what_each_object_is_called(forbidden: bool, server: FaultServer):
    def called(one: Pod) -> Subject:
        return Subject(kind="Other", name=f"my-{one.metadata.name}")

    with server.misbehaving(FORBIDDEN, lambda request: forbidden and as_a_whole(request)):
        found = cluster_of(server).list(PODS, Pod, NAMESPACES, called)
    assert {subject.kind for subject, _ in found} == {"Other"}
    assert len(found) == 6


def test_what_is_read_of_each_keeps_its_subject(server: FaultServer):
    def read(subject: Subject, one: Pod) -> str:
        if one.metadata.name == "two":
            raise errors.BadResponse("odd")
        return one.metadata.uid

    given = pods(server)
    found = cluster_of(server).each(given, read)
    assert list(found) == [(subject, one.metadata.uid) for subject, one in given if one.metadata.name != "two"]
    assert [(one.subject.name, one.reason) for one in found.unreadable] == [("two", "odd")]
    assert cluster_of(server).each(pods(server).keep(lambda *_: False, "none is wanted"), read).absent == "none is wanted"


def test_what_is_asked_is_sent_with_the_question(server: FaultServer):
    cluster_of(server).get("/version", dict, {"timeout": "32s"})
    assert server.seen[-1].query == {"timeout": "32s"}


def test_an_answer_that_is_not_as_it_should_be_names_the_question(server: FaultServer):
    with server.misbehaving(body("[]"), always), pytest.raises(errors.BadResponse, match=rf"^GET {server.url}/version: not the JSON"):
        cluster_of(server).get("/version", dict)
    with server.misbehaving(body("[]"), always), pytest.raises(errors.BadResponse, match=rf"^POST {server.url}/version: not the JSON"):
        cluster_of(server).post("/version", {}, dict, retry=True)


def test_what_creates_is_sent_once_and_a_review_again(server: FaultServer):
    with server.misbehaving(test_cluster.plain(503, "later"), always):
        for how, times in (({}, 1), ({"retry": False}, 1), ({"retry": True}, 3)):
            before = len(server.seen)
            with pytest.raises(errors.Unreachable):
                cluster_of(server).post("/version", {}, dict, **how)
            assert len(server.seen) - before == times


@pytest.mark.parametrize("status", [200, 201, 202])
def test_what_is_posted_is_sent_whole_and_its_answer_is_of_the_kind_that_was_asked_for(status: int, server: FaultServer):
    with server.misbehaving(lambda talk, request, reply: talk.send(Reply(status, b'{"a": 1}')), always):
        assert cluster_of(server).post("/version", {"b": 2}, dict[str, int]) == {"a": 1}
        assert (server.seen[-1].method, server.seen[-1].headers["content-length"]) == ("POST", str(len('{"b":2}')))
        with pytest.raises(errors.BadResponse):
            cluster_of(server).post("/version", {"b": 2}, dict[str, str])


def test_what_is_answered_otherwise_made_nothing(server: FaultServer):
    with server.misbehaving(lambda talk, request, reply: talk.send(Reply(203, b'{"a": 1}')), always), pytest.raises(errors.Unreadable):
        cluster_of(server).post("/version", {}, dict)


def test_the_first_answer_that_says_when_it_is_sets_the_clock(server: FaultServer):
    server._skew = 600
    cluster = cluster_of(server)
    cluster.get("/version", dict)
    learnt = cluster.skew_seconds
    server._skew = -600
    cluster.get("/version", dict)
    assert cluster.skew_seconds == learnt > 0


@pytest.mark.parametrize(("tenths", "skew"), [(20, 0.0), (-20, 0.0), (21, 2.1), (-21, -2.1)])
def test_up_to_two_seconds_are_the_headers_rounding_and_the_way(tenths: int, skew: float, server: FaultServer):
    cluster, received = cluster_of(server), 1_800_000_000.5
    date = "Fri, 15 Jan 2027 08:00:00 GMT"
    cluster._learn_skew(test_cluster.http.Answer(200, {"Date": date}, b"", received - tenths / 10))
    assert cluster.skew_seconds == pytest.approx(skew, abs=1e-6)


@pytest.fixture
def asked(server: FaultServer) -> Iterator[list[dict[str, str]]]:
    heads: list[dict[str, str]] = []

    def answer(talk: Talk, request: Request, reply: Reply) -> None:
        heads.append(request.headers)
        talk.send(Reply(200, b"{}"))

    with server.misbehaving(answer, always):
        yield heads


def test_a_server_is_asked_under_another_name_with_all_else_as_it_was(server: FaultServer, asked: list[dict[str, str]]):
    way = cluster_of(server).url(f"{server.url}/base", headers=lambda: {"Authorization": "Bearer x"}, fixed={"X-Scope-OrgID": "t"})
    way.called("mlflow.example:5000").get("/health")
    way.get("/health")
    named = [{name: one[name] for name in ("host", "authorization", "x-scope-orgid")} for one in asked]
    own = server.url.partition("//")[2]
    assert [one["host"] for one in named] == ["mlflow.example:5000", own]
    assert {(one["authorization"], one["x-scope-orgid"]) for one in named} == {("Bearer x", "t")}


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "A", "a/b"])
def test_a_name_that_is_none_is_not_asked_for(host: str, server: FaultServer):
    with pytest.raises(errors.BadAddress):
        cluster_of(server).url(server.url).called(host)


def test_a_tenant_is_asked_as_with_all_else_as_it_was(server: FaultServer, asked: list[dict[str, str]]):
    way = cluster_of(server).url(f"{server.url}/base", headers=lambda: {"Authorization": "Bearer x"}, fixed={"X-Other": "y"})
    tenant = way.as_tenant("a|b")
    assert tenant.url == way.url == f"{server.url}/base"
    tenant.get("/loki")
    assert server.seen[-1].path == "/base/loki"
    way.get("/loki")
    named = [[one.get(name) for name in ("x-scope-orgid", "authorization", "x-other")] for one in asked]
    assert named == [["a|b", "Bearer x", "y"], [None, "Bearer x", "y"]]


UNREACHED = test_cluster.refuse(503, "ServiceUnavailable", "error trying to reach service: dial tcp 10.0.0.1:9090: i/o timeout")


def without_an_answer(ask: Callable[[], Any]) -> None:
    """As often as one is asked that does not answer."""
    for _ in range(2):
        with pytest.raises(errors.Unreachable, match="i/o timeout"):
            ask()


def test_whoever_does_not_answer_one_tenant_is_not_asked_for_another(server: FaultServer):
    way = cluster_of(server).url(f"{server.url}/base")
    with server.misbehaving(UNREACHED, always):
        without_an_answer(lambda: way.as_tenant("a").get("/loki"))
        for other in (way.as_tenant("b"), way.called("other.example"), way):
            with pytest.raises(errors.TimedOut, match=f"^{server.url}/base is not asked again: the last 2 requests to it had no answer$"):
                other.get("/loki")


def test_json_is_asked_for_with_its_question_and_its_limits(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    way = cluster_of(server).url(f"{server.url}/base")
    with server.misbehaving(body('{"a": 1}'), always):
        assert way.json("/thing", dict[str, int], {"q": "x"}, limit_bytes=8) == {"a": 1}
        assert (server.seen[-1].path, server.seen[-1].query) == ("/base/thing", {"q": "x"})
        with pytest.raises(errors.TooLarge):
            way.json("/thing", dict[str, int], limit_bytes=7)
        with pytest.raises(errors.BadResponse, match=rf"^GET {server.url}/base/thing: not the JSON"):
            way.json("/thing", list[int])
        limits: list[Deadline] = []
        monkeypatch.setattr(
            way._http, "get", lambda path, limit, get=way._http.get, **more: (limits.append(limit), get(path, limit, **more))[1]
        )
        way.json("/thing", dict[str, int], seconds=5)
        assert 0 < limits[0].remaining < 5


@pytest.mark.parametrize("route", ["in-cluster", "proxy"])
def test_every_way_ends_with_the_run_and_knows_who_did_not_answer(route: str):
    cluster = Cluster(Connection(Origin("https://10.0.0.1"), "c", "me", "default", route), Deadline.after(20))
    for way in (cluster.pod("a", "p", "10.1.2.3", 80), cluster.service("a", "s", 80), cluster.url("https://loki.example")):
        assert (way._deadline, way._patience) == (cluster.deadline, cluster._patience)
        assert way._http._slots is cluster._slots  # so many are in flight, wherever they go


# --- logs --------------------------------------------------------------------------------------------------------------

LOG = PODS.path("a", "one")


def test_a_log_is_asked_for_as_the_text_that_it_is(server: FaultServer):
    heads: list[dict[str, str]] = []

    def answer(talk: Talk, request: Request, reply: Reply) -> None:
        heads.append(request.headers)
        talk.send(Reply(200, b"one\ntwo\n"))

    with server.misbehaving(answer, always):
        assert cluster_of(server).log(LOG, "a", "n", {"tailLines": 5}).body == b"one\ntwo\n"
    assert (server.seen[-1].method, server.seen[-1].path) == ("GET", "/api/v1/namespaces/a/pods/one/log")
    assert (server.seen[-1].query, heads[0]["accept"]) == ({"tailLines": "5"}, "*/*")


def test_a_log_has_a_limit_of_its_own(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "LOGS", 1000)
    with server.misbehaving(body("x" * 1000), always):
        assert len(cluster_of(server).log(LOG, "a", "n", {}).body) == 1000
    with server.misbehaving(body("x" * 1001), always), pytest.raises(errors.TooLarge):
        cluster_of(server).log(LOG, "a", "n", {})


def test_a_log_that_is_forbidden_names_the_permission(server: FaultServer):
    with (
        server.misbehaving(FORBIDDEN, always),
        pytest.raises(errors.Forbidden, match=r"^not allowed to get pods/log in namespace a$") as caught,
    ):
        cluster_of(server).log(LOG, "a", "n", {})
    assert (caught.value.verb, caught.value.resource, caught.value.namespace) == ("get", "pods/log", "a")


def test_the_logs_of_a_node_that_does_not_answer_are_asked_for_no_more_and_those_of_others_are(server: FaultServer):
    cluster = cluster_of(server)
    with server.misbehaving(UNREACHED, always):
        without_an_answer(lambda: cluster.log(LOG, "a", "n", {}))
        with pytest.raises(errors.TimedOut, match=r"^the kubelet of node n is not asked again"):
            cluster.log(PODS.path("b", "other"), "b", "n", {})
    with server.misbehaving(body("x"), always):
        assert cluster.log(LOG, "a", "m", {}).body == b"x"


def in_cluster() -> Cluster:
    return Cluster(Connection(Origin("https://10.0.0.1"), "c", "me", "default", "in-cluster"), Deadline.after(20))


def origin_of(way: Any) -> Origin:
    found: Origin = way._http.origin
    return found


def test_what_the_cluster_says_is_asked_without_credentials_and_never_on_this_machine():
    for way in (in_cluster().pod("a", "p", "10.1.2.3", 9090), in_cluster().service("a", "web", 80, scheme="https")):
        one = origin_of(way)
        assert (one.found, one.verify, dict(one.headers()), one.proxy, one.certificate) == (True, False, {}, "", None)


def test_what_a_user_gave_is_verified_and_may_be_anywhere():
    one = origin_of(in_cluster().url("https://loki.example/x"))
    assert (one.found, one.verify, dict(one.headers())) == (False, True, {})
    assert origin_of(in_cluster().url("https://loki.example/x", verify="/ca.pem")).verify == "/ca.pem"


@pytest.mark.parametrize("prefix", ["", "/", "/prom", "/prom/"])
def test_a_prefix_ends_without_a_slash(prefix: str, server: FaultServer):
    bare = prefix.rstrip("/")
    way = in_cluster().pod("a", "p", "10.1.2.3", 80, prefix=prefix)
    assert (way.url, str(way._base)) == (f"http://10.1.2.3:80{bare}", bare)
    proxied = cluster_of(server).pod("a", "p", "10.1.2.3", 80, prefix=prefix)
    assert proxied.url.endswith(f"/pods/p:80/proxy{bare}")
    # Without a slash the API server answers 301 itself, and passes nothing on.
    assert str(proxied._base / written("/")).endswith(f"/pods/p:80/proxy{bare or '/'}")
    assert str(proxied._base / written("/-/ready")).endswith(f"/pods/p:80/proxy{bare}/-/ready")


# --- lists -------------------------------------------------------------------------------------------------------------


def listed(items: list[dict[str, Any]], padding: int = 0) -> Any:
    return body(json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}) + " " * padding)


def test_what_an_object_belongs_to_is_told_with_it(server: FaultServer):
    owners = [{"kind": "Other", "name": "a", "uid": "1"}, {"kind": "ReplicaSet", "name": "web-1", "uid": "2", "controller": True}]
    one = test_cluster.pod("a", "web-1-x")
    one["metadata"]["ownerReferences"] = owners
    with server.misbehaving(listed([one, test_cluster.pod("a", "alone")]), always):
        found = pods(server)
    assert [subject.owner for subject, _ in found] == ["ReplicaSet/web-1", ""]


def test_a_selection_is_asked_for_by_fields_and_labels(server: FaultServer):
    chosen = Resource("v1", "pods", "Pod", field_selector="status.phase=Running", label_selector="app=web")
    with server.misbehaving(listed([]), always):
        cluster_of(server).list(chosen, Pod)
    assert server.seen[-1].query == {"limit": "500", "fieldSelector": "status.phase=Running", "labelSelector": "app=web"}


def test_a_page_may_be_larger_than_one_object(server: FaultServer):
    with server.misbehaving(listed([test_cluster.pod("a", "one")], padding=bodies.OBJECT), always):
        assert names(pods(server)) == ["one"]
    assert len(server.seen) == 1


@pytest.mark.parametrize("clean", [False, True])
def test_a_list_that_its_source_looks_through_itself_comes_as_it_was(clean: bool, server: FaultServer):
    one = test_cluster.pod("a", "one")
    one["metadata"]["labels"] = {"db-password": "Zx9qLm27"}
    with server.misbehaving(listed([one]), always):
        found = cluster_of(server).list(PODS, Pod, **({"as_it_is": True} if clean else {}))
    assert isinstance(found.values, Clean) is clean
    assert (found.items[0].metadata.labels["db-password"] == "Zx9qLm27") is not clean


def test_as_many_odd_objects_as_a_page_holds_are_named_page_by_page(server: FaultServer):
    def odd(talk: Talk, request: Request, reply: Reply) -> None:
        more = "continue" not in request.query
        items = [{"metadata": {"namespace": "a", "name": f"{more}-{number}"}, "spec": 3} for number in range(500)]
        talk.send(Reply(200, json.dumps({"kind": "PodList", "metadata": {"continue": "1"} if more else {}, "items": items}).encode()))

    with server.misbehaving(odd, always):
        found = pods(server)
    assert (len(found), len(found.unreadable)) == (0, 1000)
    assert found.unreadable[-1].subject == Subject(api_version="v1", kind="Pod", namespace="a", name="False-499")


def test_a_page_with_too_many_values_is_refused_by_name(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "MAX_VALUES", 10)
    with pytest.raises(errors.TooLarge, match=r"^list pods: the answer holds too many values$"):
        pods(server)


def test_a_page_that_is_too_large_half_way_is_asked_for_in_smaller_ones_from_there(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "PAGE", 10_000)

    def large(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, b" " * 10_001) if (request.page, request.query["limit"]) == (1, "500") else reply)

    with server.misbehaving(large, always):
        assert names(pods(server)) == ["one", "two", "three", "four", "five", "six"]
    assert [(request.page, request.query["limit"]) for request in server.seen] == [(0, "500"), (1, "500"), (1, "62"), (2, "62")]
