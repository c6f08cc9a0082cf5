import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from clusterprobe import errors
from clusterprobe.access import bodies, http
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Answer, Http, Origin, _retry_after, decode, refusal
from tests.faults.faults import bomb, plain, refuse
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer, Reply, Request, Talk

THING = Exchange(200, "application/json", b'{"kind": "Thing", "size": 3}')


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)
    with FaultServer(Recording(time.time(), {"GET /thing": THING, "GET /api/thing": THING})) as running:
        yield running


def ask(server: FaultServer, seconds: float = 5, **origin) -> Answer:
    return Http(Origin(server.url, **origin)).get("/thing", Deadline.after(seconds))


def always(request: Request) -> bool:
    return True


# --- the plain way -----------------------------------------------------------------------------------------------------


def test_an_answer_comes_whole_with_its_headers(server: FaultServer):
    answer = ask(server)
    assert (answer.status, json.loads(answer.body)["size"]) == (200, 3)
    assert answer.headers["content-type"] == "application/json"


def test_headers_are_asked_for_anew_with_every_request(server: FaultServer):
    tokens = iter(["one", "two"])
    client = Http(Origin(server.url, headers=lambda: {"Authorization": f"Bearer {next(tokens)}"}))
    for _ in range(2):
        client.get("/thing", Deadline.after(5))
    assert [request.headers["authorization"] for request in server.seen] == ["Bearer one", "Bearer two"]


def test_neither_netrc_nor_proxy_variables_matter(server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    ask(server)
    assert "authorization" not in server.seen[0].headers


def test_a_packed_answer_is_unpacked(server: FaultServer):
    def packed(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, gzip.compress(reply.body), headers=(("Content-Encoding", "gzip"),)))

    with server.misbehaving(packed, always):
        assert ask(server).body == THING.body
    assert ask(server).body == THING.body


@pytest.mark.parametrize("keep", [0, 5, 20])
def test_half_a_packed_answer_is_none(keep: int, server: FaultServer):
    def half(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, gzip.compress(reply.body)[:keep], headers=(("Content-Encoding", "gzip"),)))

    with server.misbehaving(half, always), pytest.raises(errors.BadResponse, match="half an answer"):
        ask(server)


def test_an_encoding_that_was_not_asked_for_is_named(server: FaultServer):
    def packed(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, reply.body, headers=(("Content-Encoding", "br"),)))

    with server.misbehaving(packed, always), pytest.raises(errors.BadResponse, match="encoded as br"):
        ask(server)


def test_a_bomb_is_stopped_at_the_cap_and_costs_no_more_memory_than_that(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "MOST", 4 * 1024**2)
    big = bomb(256 * 1024**2)

    def explode(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, big, headers=(("Content-Encoding", "gzip"),)))

    tracemalloc.start()
    try:
        with server.misbehaving(explode, always), pytest.raises(errors.TooLarge, match="larger than 4 MiB"):
            Http(Origin(server.url)).get("/thing", Deadline.after(5), limit_bytes=bodies.TARGETS)
        assert tracemalloc.get_traced_memory()[1] < 24 * 1024**2
    finally:
        tracemalloc.stop()


def test_an_answer_just_at_the_cap_is_fine_and_one_byte_more_is_not(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "MOST", len(THING.body))
    assert ask(server).body == THING.body
    monkeypatch.setattr(bodies, "MOST", len(THING.body) - 1)
    with pytest.raises(errors.BadResponse, match="larger than"):
        ask(server)


def test_an_answer_of_no_known_kind_is_bounded(server: FaultServer):
    def large(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, b" " * (bodies.SMALL + 1)))

    with server.misbehaving(large, always), pytest.raises(errors.TooLarge, match="larger than 256 KiB"):
        ask(server)


@pytest.mark.parametrize("limit", [bodies.SMALL, bodies.OBJECT, bodies.LOGS, bodies.PAGE, bodies.METRICS, bodies.QUERY])
def test_a_bomb_of_each_kind_is_refused_at_its_own_limit(limit: int, server: FaultServer):
    big = bomb(max(2 * limit, 4 * bodies.MIB))

    def explode(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, big, headers=(("Content-Encoding", "gzip"),)))

    tracemalloc.start()
    try:
        with server.misbehaving(explode, always), pytest.raises(errors.TooLarge):
            Http(Origin(server.url)).get("/thing", Deadline.after(20), limit_bytes=limit)
        assert tracemalloc.get_traced_memory()[1] < limit + 24 * 1024**2
    finally:
        tracemalloc.stop()


def test_a_large_refusal_is_still_the_refusal_that_it_is(server: FaultServer):
    def refuse_at_length(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(403, b"go away\n" + b"x" * bodies.TARGETS))

    with server.misbehaving(refuse_at_length, always), pytest.raises(errors.Forbidden, match="go away"):
        ask(server)


@pytest.mark.parametrize("cut", [0, 1, 5, 17])
def test_several_members_are_one_text(cut: int, server: FaultServer):
    def packed(talk: Talk, request: Request, reply: Reply) -> None:
        body = gzip.compress(reply.body[:cut]) + gzip.compress(reply.body[cut:])
        talk.send(Reply(200, body, headers=(("Content-Encoding", "gzip"),)))

    with server.misbehaving(packed, always):
        assert ask(server).body == THING.body


@pytest.mark.parametrize("tail", [b"x", b"\0" * 8, b"\x1f\x8b", gzip.compress(b"more", mtime=0)[:-1], THING.body])
def test_what_follows_a_member_and_is_none_is_refused(tail: bytes, server: FaultServer):
    def packed(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(200, gzip.compress(reply.body) + tail, headers=(("Content-Encoding", "gzip"),)))

    with server.misbehaving(packed, always), pytest.raises(errors.BadResponse, match="half an answer"):
        ask(server)


def test_a_run_that_took_too_much_reads_nothing_more(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(bodies.MEMORY_VARIABLE, "1")
    monkeypatch.setattr(bodies, "_before_run", 0)
    with pytest.raises(errors.TooLarge, match="CLUSTERPROBE_MEMORY"):
        ask(server)


def test_what_the_process_held_before_the_run_is_not_the_runs(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(bodies.MEMORY_VARIABLE, "1")
    monkeypatch.setattr(bodies, "_before_run", 0)
    monkeypatch.setattr(bodies, "resident_bytes", lambda: 1000 * bodies.MIB)
    bodies.begin_run()
    assert ask(server).body == THING.body


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "512Mi", "9" * 5000, "²"])
def test_a_limit_that_is_no_number_of_mib_is_refused(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(bodies.MEMORY_VARIABLE, text)
    with pytest.raises(errors.UsageError, match=r"CLUSTERPROBE_MEMORY is .* number of MiB such as 320"):
        bodies.begin_run()


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 50_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 500_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"a" * 500_000,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000,
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 500_000,
        b"HTTP/1.1 200 " + b"O" * 500_000,
    ],
    ids=["interim-answers", "trailers", "chunk-size", "chunk-extension", "headers", "header", "status-line"],
)
def test_what_comes_without_an_end_around_an_answer_is_given_up(data: bytes, server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "ATTEMPTS", 1)

    def endless(talk: Talk, request: Request, reply: Reply) -> None:
        talk.socket.sendall(data)
        talk.silence()

    with server.misbehaving(endless, always), pytest.raises(errors.Unreadable) as caught:
        ask(server, 20)
    assert not isinstance(caught.value, errors.TimedOut)


# Of the last three only what stands behind them tells what they are.
@pytest.mark.parametrize(
    "secret",
    [
        "ghp_" + "a1B2c3D4e5" * 4,
        '{"value":"tulip99garden","name":"DB_PASSWORD"}',
        "<password>tulip99garden</password>",
        "https://a1B2c3D4e5f6G7h8J9@git.example.org/x.git",
    ],
)
def test_a_secret_that_a_cut_would_split_is_not_told_by_half(secret: str):
    for before in range(0, 1400, 7):
        said = str(refusal(Answer(400, {}, ("x " * (before // 2) + secret).encode(), 0.0), "GET x"))
        assert not any(half in said for half in ("a1B2c3D4", "tulip99g", "9garden"))


def test_a_status_with_much_in_it_costs_nothing_to_decode():
    body = b'{"details": [' + b"[]," * 20_000 + b'[]], "message": "no"}'
    tracemalloc.start()
    try:
        assert str(refusal(Answer(403, {}, body, 0.0), "GET x")).endswith("HTTP 403: no")
        assert tracemalloc.get_traced_memory()[1] < 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("body", [b"[" + b"[]," * 500_000 + b"[]]", b"[" + b"0," * 4_000_001 + b"0]"])
def test_json_that_is_worth_far_more_memory_than_its_size_is_refused(body: bytes):
    with pytest.raises(errors.TooLarge, match="too many values"):
        decode(Answer(200, {}, body, 0.0), list, "GET x")


# --- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, errors.BadResponse),
        (301, errors.BadResponse),
        (400, errors.BadResponse),
        (401, errors.Unauthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (410, errors.Expired),
        (418, errors.BadResponse),
        (429, errors.Unreachable),
        (500, errors.Unreachable),
        (501, errors.BadResponse),
        (503, errors.Unreachable),
    ],
)
def test_a_status_becomes_the_error_that_it_means(status: int, kind: type[Exception], server: FaultServer):
    with server.misbehaving(plain(status, "no"), always), pytest.raises(errors.Unreadable, match=f"HTTP {status}") as caught:
        ask(server)
    assert isinstance(caught.value, kind)


def test_a_refusal_passes_on_what_the_server_says(server: FaultServer):
    no = refuse(403, "Forbidden", "pods is forbidden")
    with server.misbehaving(no, always), pytest.raises(errors.Forbidden, match="HTTP 403: pods is forbidden"):
        ask(server)


def test_a_refusal_passes_on_no_page_of_html_and_no_secret():
    page = Answer(403, {"Content-Type": "text/html"}, b"<html>no</html>", 0)
    assert "<html>" not in str(refusal(page, "GET x"))
    said = Answer(500, {}, b'{"message": "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"}', 0)
    assert "eyJzdWIiOiJ4In0" not in str(refusal(said, "GET x"))


@pytest.mark.parametrize("body", [b"\xff", b"[]", b'"x"', b"", b"[" * 20_000])
def test_a_refusal_with_an_odd_body_is_still_a_refusal(body: bytes):
    assert isinstance(refusal(Answer(403, {}, body, 0), "GET x"), errors.Forbidden)


def test_a_status_that_is_expected_is_an_answer(server: FaultServer):
    with server.misbehaving(plain(404, "gone"), always):
        assert Http(Origin(server.url)).get("/thing", Deadline.after(5), accept=(200, 404)).status == 404


# --- retries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_by_itself_is_tried_again(status: int, server: FaultServer):
    with server.misbehaving(plain(status, "later"), always, times=2):
        assert ask(server).status == 200
        assert len(server.seen) == 3


def test_it_is_tried_three_times_and_then_given_up(server: FaultServer):
    with server.misbehaving(plain(503, "later"), always), pytest.raises(errors.Unreachable):
        ask(server)
    assert len(server.seen) == http.ATTEMPTS == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_will_not_pass_is_not_tried_again(status: int, server: FaultServer):
    with server.misbehaving(plain(status, "no"), always), pytest.raises(errors.Unreadable):
        ask(server)
    assert len(server.seen) == 1


def test_what_changes_something_is_not_tried_again(server: FaultServer):
    with server.misbehaving(plain(503, "later"), always), pytest.raises(errors.Unreachable):
        Http(Origin(server.url)).send("POST", "/thing", Deadline.after(5), body={}, retry=False)
    assert len(server.seen) == 1


@pytest.mark.parametrize("after", ["1", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-3"])
def test_a_retry_after_is_waited_for_if_it_says_how_long(after: str, server: FaultServer):
    begun = time.monotonic()
    with server.misbehaving(plain(429, "later", ("Retry-After", after)), always, times=1):
        ask(server)
    assert (time.monotonic() - begun >= 1) == (after == "1")


@pytest.mark.parametrize("after", ["\xb2", "1_0", "-1", "soon", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_retry_after_that_is_none_breaks_nothing(after: str):
    answer = Answer(429, {"Retry-After": after}, b"", 0.0)
    assert _retry_after(answer) == 0


@pytest.mark.parametrize("after", ["86400", "Fri, 31 Dec 2999 23:59:59 GMT"])
def test_a_retry_after_beyond_the_deadline_is_not_waited_for(after: str, server: FaultServer):
    begun = time.monotonic()
    with server.misbehaving(plain(429, "later", ("Retry-After", after)), always), pytest.raises(errors.Unreachable, match="429"):
        ask(server)
    assert time.monotonic() - begun < 2
    assert len(server.seen) == 1


def test_no_retry_outlives_the_deadline(server: FaultServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 3)
    monkeypatch.setattr(http, "ATTEMPTS", 50)
    for _ in range(5):
        begun = time.monotonic()
        with server.misbehaving(plain(503, "later"), always), pytest.raises(errors.Unreadable):
            ask(server, seconds=0.3)
        assert time.monotonic() - begun < 0.8


# --- deadlines ---------------------------------------------------------------------------------------------------------


def test_with_no_time_left_nothing_is_asked(server: FaultServer):
    with pytest.raises(errors.TimedOut, match="no time left"):
        ask(server, seconds=0)
    assert server.seen == []


def test_a_request_has_a_limit_of_its_own(server: FaultServer):
    client = Http(Origin(server.url), request_seconds=0.2)
    with server.misbehaving(lambda talk, request, reply: talk.silence(), always), pytest.raises(errors.TimedOut):
        client.get("/thing", Deadline.after(60))


def test_a_server_that_drips_is_late(server: FaultServer):
    def drip(talk: Talk, request: Request, reply: Reply) -> None:
        talk.drip(talk.head(reply, 100) + reply.body, 0.05)

    begun = time.monotonic()
    with server.misbehaving(drip, always), pytest.raises(errors.TimedOut, match="no whole answer in time"):
        ask(server, seconds=0.5)
    assert time.monotonic() - begun < 1.5


def test_no_more_than_four_are_asked_at_once_and_who_waits_too_long_says_so(server: FaultServer):
    client = Http(Origin(server.url))
    failed: list[str] = []

    def one(seconds: float) -> None:
        try:
            client.get("/thing", Deadline.after(seconds))
        except errors.TimedOut as error:
            failed.append(str(error))

    with server.misbehaving(lambda talk, request, reply: talk.silence(), always):
        threads = [threading.Thread(target=one, args=(1.0,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        one(0.3)
        assert len(server.seen) == http.MAX_IN_FLIGHT == 4
        assert "other requests took all the time" in failed[0]
        for thread in threads:
            thread.join()


# --- what the answer is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><p>Sign in", "an HTML page with status 200 (a login page?)"),
        (b"", "not the JSON that was asked for"),
        (b'{"a": NaN}', "not the JSON that was asked for"),
        (b'{"a": 1', "not the JSON that was asked for"),
        (b'{"a": "\xff"}', "not the JSON that was asked for"),
        (b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_json_says_what_it_seems_to_be(body: bytes, said: str):
    with pytest.raises(errors.BadResponse) as caught:
        decode(Answer(200, {}, body, 0), dict[str, object], "GET x")
    assert said in str(caught.value)


def test_a_name_that_does_not_exist_is_named():
    with pytest.raises(errors.Unreadable, match=r"no-such-host\.invalid"):
        Http(Origin("http://no-such-host.invalid")).get("/", Deadline.after(3))


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "http://"])
def test_an_address_that_is_none_is_no_crash(url: str):
    with pytest.raises(errors.Unreadable):
        Http(Origin(url)).get("/", Deadline.after(2))
