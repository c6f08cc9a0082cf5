"""What can go wrong between a client and a server, one function each.

A fault gets the connection, the request and the answer that would have been right. `FAULTS` are all that one request can meet;
those of a whole server (refused, no such host, nobody home, bad certificates) are in `test_whole_server.py`.
"""

from __future__ import annotations

import copy
import gzip
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tests.faults.server import Misbehave, Reply, Request, Talk, status

CAP = 2 * 1024 * 1024  # what the tests set for the cap on a body: larger than any recorded answer
OTHER_HOST = "http://127.0.0.2:1/elsewhere"


@dataclass(frozen=True)
class Fault:
    """A fault. `slow` ones last until the deadline; `fits` tells the requests that it can happen to."""

    name: str
    misbehave: Misbehave
    slow: bool = False
    fits: Callable[[Request], bool] = lambda request: True


def reset(talk: Talk, request: Request, reply: Reply) -> None:
    talk.reset()


def reset_half_way(talk: Talk, request: Request, reply: Reply) -> None:
    talk.raw(talk.head(reply, len(reply.body)) + reply.body[: len(reply.body) // 2])
    talk.reset()


def silence(talk: Talk, request: Request, reply: Reply) -> None:
    talk.silence()


def slow_headers(talk: Talk, request: Request, reply: Reply) -> None:
    talk.drip(talk.head(reply, len(reply.body)))


def one_byte_a_second(talk: Talk, request: Request, reply: Reply) -> None:
    talk.socket.sendall(talk.head(reply, len(reply.body)))
    talk.drip(reply.body)


def truncated(talk: Talk, request: Request, reply: Reply) -> None:
    talk.raw(talk.head(reply, len(reply.body)) + reply.body[: len(reply.body) // 2])


def cut_without_length(talk: Talk, request: Request, reply: Reply) -> None:
    talk.raw(talk.head(reply, None) + reply.body[: len(reply.body) // 2])


def cut_chunks(talk: Talk, request: Request, reply: Reply) -> None:
    half = reply.body[: len(reply.body) // 2]
    head = talk.head(reply, None).replace(b"Connection: close", b"Transfer-Encoding: chunked")
    talk.raw(head + f"{len(half):x}\r\n".encode() + half + b"\r\n")


def no_http(talk: Talk, request: Request, reply: Reply) -> None:
    talk.raw(b"SSH-2.0-OpenSSH_9.6\r\n")


def half_gzip(talk: Talk, request: Request, reply: Reply) -> None:
    packed = gzip.compress(reply.body)
    talk.send(replace(reply, body=packed[: len(packed) // 2], headers=(("Content-Encoding", "gzip"),)))


def gzip_bomb(talk: Talk, request: Request, reply: Reply) -> None:
    talk.send(replace(reply, body=bomb(40 * CAP), headers=(("Content-Encoding", "gzip"),)))


@cache
def bomb(size: int) -> bytes:
    """So many bytes of white space as gzip, which is a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * 1024 * 1024) for _ in range(size // 1024 // 1024)) + packer.flush()


def over_the_cap(talk: Talk, request: Request, reply: Reply) -> None:
    """A right answer but for its length, which is not announced."""
    talk.raw(talk.head(reply, None) + b" " * (CAP + 1) + reply.body)


# --- a whole answer, but another one -----------------------------------------------------------------------------------


def refuse(code: int, reason: str, message: str, *headers: tuple[str, str]) -> Misbehave:
    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(code, status(code, reason, message), headers=headers))

    return misbehave


def plain(code: int, text: str, *headers: tuple[str, str], kind: str = "text/plain; charset=utf-8") -> Misbehave:
    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(Reply(code, text.encode(), kind, headers))

    return misbehave


def body(text: str | bytes) -> Misbehave:
    """This with 200 and the right content type."""
    content = text.encode() if isinstance(text, str) else text

    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(replace(reply, status=200, body=content))

    return misbehave


def changed(change: Callable[[Any], Any]) -> Misbehave:
    """The right answer's JSON, changed; what is no JSON is cut."""

    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        try:
            value = json.loads(reply.body)
        except ValueError:
            cut_without_length(talk, request, reply)
            return
        different = change(copy.deepcopy(value))
        if different == value:
            talk.server.harmless = True
        talk.send(replace(reply, body=json.dumps(different).encode()))

    return misbehave


def null_lists(value: Any, depth: int = 3) -> Any:
    """Every list near the top as null."""
    if isinstance(value, list):
        return None
    if isinstance(value, dict) and depth:
        return {key: null_lists(one, depth - 1) for key, one in value.items()}
    return value


def not_a_number(talk: Talk, request: Request, reply: Reply) -> None:
    """The first value as the token NaN, which is no JSON; in text, the last word of every line."""
    if reply.body[:1] in b"{[":
        talk.send(replace(reply, body=re.sub(rb":\s*(\"[^\"]*\"|\d+)", b": NaN", reply.body, count=1)))
    else:
        talk.send(replace(reply, body=re.sub(rb"(?m)^([^#\n]*) \S+$", rb"\1 garbage", reply.body)))


def samples(text: str) -> Misbehave:
    """Every sample of a Prometheus answer as this text: of these, "NaN" and "+Inf" are valid there."""

    def change(value: Any) -> Any:
        for one in (value.get("data") or {}).get("result") or []:
            for pair in [*([one["value"]] if "value" in one else []), *one.get("values", [])]:
                pair[1] = text
        return value

    return changed(change)


def metrics(text: str) -> Misbehave:
    """Every series of a page of metrics with this value."""

    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(replace(reply, body=re.sub(rb"(?m)^([^#\n]*) \S+$", rb"\1 " + text.encode(), reply.body)))

    return misbehave


def with_more(**more: Any) -> Misbehave:
    """A whole answer of Prometheus or Loki that says besides that it is not one."""
    return changed(lambda value: {**value, **more} if value.get("status") == "success" else value)


def nobody_receives(value: Any) -> Any:
    """An Alertmanager whose routes end at a receiver that is not defined."""
    original = re.sub(r"(?m)^(\s*)receiver: .*$", r"\1receiver: nobody", value["config"]["original"])
    return {**value, "config": {"original": original}}


# --- discovery and lists -----------------------------------------------------------------------------------------------


def stale(value: Any) -> Any:
    """Discovery while no API service answers that has not been asked before."""
    for group in value["items"]:
        group["versions"] = [{"version": one["version"], "freshness": "Stale"} for one in group["versions"]]
    return value


def more_than_came(value: Any) -> Any:
    return {**value, "metadata": {"remainingItemCount": 7}}


def empty_page(value: Any) -> Any:
    """A page without objects that says that more follow; of one that is alone it would be the whole list."""
    return {**value, "items": []} if value.get("metadata", {}).get("continue") else value


def seen_by_few(value: Any) -> Any:
    """A list of which a proxy leaves nothing to whoever asks."""
    return {**value, "metadata": {}, "items": []}


def one_twice(value: Any) -> Any:
    return {**value, "items": [*value["items"], *value["items"][:1]]}


def of_another_moment(value: Any) -> Any:
    """A page as of a list that was made anew; one that is alone is of one moment whatever it says."""
    metadata = value.get("metadata", {})
    return {**value, "metadata": {**metadata, "resourceVersion": "1"}} if metadata.get("continue") else value


def another_kind(value: Any) -> Any:
    return {**value, "kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1"}


def same_page_again(talk: Talk, request: Request, reply: Reply) -> None:
    """A list whose continue token leads back to itself."""
    value = json.loads(reply.body)
    value["metadata"] = {**value.get("metadata", {}), "continue": f"page-{request.page}"}
    talk.send(replace(reply, body=json.dumps(value).encode()))


def as_long_as_the_limit(talk: Talk, request: Request, reply: Reply) -> None:
    """A log of exactly as many lines as were asked for, all of the last moment: nothing tells what was before."""
    last = reply.body.rstrip(b"\n").rpartition(b"\n")[2]
    talk.send(replace(reply, body=(last + b"\n") * int(request.query["tailLines"])))


def _is_query(request: Request) -> bool:
    return "/proxy/" in request.path and request.path.endswith("/api/v1/query")


def _is_log(request: Request) -> bool:
    return request.path.endswith("/log") and "tailLines" in request.query


def _is_list(request: Request) -> bool:
    return request.pages > 0


def _is_answer(request: Request) -> bool:
    """What Prometheus and Loki wrap."""
    return "/api/v1/" in request.path.partition("/proxy")[2]


def _is_rules(request: Request) -> bool:
    return "/proxy/" in request.path and request.path.endswith("/api/v1/rules")


def _is_metrics(request: Request) -> bool:
    return request.path.endswith("/metrics")


def _is_discovery(request: Request) -> bool:
    return request.path == "/apis"


def _is_status(request: Request) -> bool:
    return request.path.endswith("/api/v2/status")


def _is_named(request: Request) -> bool:
    """A list of what other objects name."""
    return request.path.endswith(("/api/v1/nodes", "/api/v1/namespaces", "/persistentvolumeclaims", "/api/v1/persistentvolumes"))


def _is_unselected(request: Request) -> bool:
    """A list without selectors: of a selection, a page may well be empty."""
    return _is_list(request) and not request.query.keys() & {"labelSelector", "fieldSelector"}


def _is_json(request: Request) -> bool:
    return "/metrics" not in request.path


LOGIN = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form>user</form></body></html>"
NO_COUNTS = ("NaN", "+Inf", "-Inf", "-1", "1e300", "1_000", "many")
DEEP = '{"kind": ' + '{"a": ' * 10_000 + "1" + "}" * 10_001

FAULTS = [
    Fault("reset", reset),
    Fault("reset half-way", reset_half_way),
    Fault("no answer", silence, slow=True),
    Fault("slow headers", slow_headers, slow=True),
    Fault("one byte a second", one_byte_a_second, slow=True),
    Fault("truncated", truncated),
    Fault("cut without Content-Length", cut_without_length),
    Fault("cut chunks", cut_chunks),
    Fault("no HTTP", no_http),
    Fault("401", refuse(401, "Unauthorized", "Unauthorized")),
    Fault("403", refuse(403, "Forbidden", "forbidden: User cannot do this")),
    Fault("404", refuse(404, "NotFound", "the server could not find the requested resource")),
    Fault("404 of a proxy", plain(404, "404 page not found\n")),
    Fault("410", refuse(410, "Expired", "The provided continue parameter is too old")),
    Fault("429", refuse(429, "TooManyRequests", "too many requests")),
    Fault("429, Retry-After 1", refuse(429, "TooManyRequests", "too many requests", ("Retry-After", "1")), slow=True),
    Fault("429, Retry-After 86400", refuse(429, "TooManyRequests", "too many requests", ("Retry-After", "86400"))),
    Fault("429 of Loki", plain(429, "too many outstanding requests")),
    Fault("500", refuse(500, "InternalError", "etcdserver: request timed out")),
    Fault("502", plain(502, "Bad Gateway")),
    Fault("503", refuse(503, "ServiceUnavailable", "no endpoints available for service")),
    Fault("504", refuse(504, "Timeout", "the server was unable to return a response in the time allotted")),
    Fault("redirect", plain(302, "", ("Location", OTHER_HOST))),
    Fault("login page", plain(200, LOGIN, kind="text/html; charset=utf-8")),
    Fault("login page as JSON", body(LOGIN)),
    Fault("nothing", body("")),
    Fault("204", plain(204, "")),
    Fault("{}", body("{}")),
    Fault("[]", body("[]"), fits=lambda request: not request.path.endswith("/api/v2/alerts")),  # there it is what no alert looks like
    Fault("null", body("null")),
    Fault("lists null", changed(null_lists), fits=_is_json),
    Fault("Status with 200", body(status(500, "InternalError", "something is wrong"))),
    Fault("no UTF-8", body(b'{"kind": "\xff\xfe"}')),
    Fault("NaN", not_a_number),
    Fault("10,000 deep", body(DEEP)),
    Fault("over the cap", over_the_cap),
    Fault("gzip bomb", gzip_bomb),
    Fault("half a gzip", half_gzip),
    Fault("another kind", changed(another_kind), fits=_is_list),
    Fault("the same page again", same_page_again, fits=_is_list),
    Fault("more than came", changed(more_than_came), fits=_is_list),
    Fault("an empty page", changed(empty_page), fits=_is_unselected),
    Fault("one object twice", changed(one_twice), fits=_is_list),
    Fault("another moment", changed(of_another_moment), fits=_is_list),
    Fault("seen by few", changed(seen_by_few), fits=_is_named),
    Fault("stale discovery", changed(stale), fits=_is_discovery),
    Fault("warnings", with_more(warnings=["a store did not answer"]), fits=_is_answer),
    Fault("partial", with_more(isPartial=True), fits=_is_answer),
    Fault("success with an error", with_more(error="a store did not answer"), fits=_is_answer),
    Fault("more groups", with_more(groupNextToken="x"), fits=_is_rules),
    *(Fault(f"samples {text}", samples(text), fits=_is_query) for text in NO_COUNTS),
    *(Fault(f"metrics {text}", metrics(text), fits=_is_metrics) for text in NO_COUNTS),
    Fault("undefined receiver", changed(nobody_receives), fits=_is_status),
    Fault("as long as the limit", as_long_as_the_limit, fits=_is_log),
]
BY_NAME = {one.name: one for one in FAULTS}
QUICK = [one for one in FAULTS if not one.slow]
EVERYWHERE = [one for one in FAULTS if one.fits.__name__ == "<lambda>"]  # those that every request can meet
