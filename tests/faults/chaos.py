"""A server that answers anything at all, and the command line run against it in a process of its own.

`BEHAVIOURS` are what it does to each request that `PLACES` picks; `observe` runs `clusterprobe run` and says how it ended.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults.faults import bomb, changed, no_http, one_byte_a_second, plain, silence, slow_headers
from tests.faults.recording import Recording
from tests.faults.server import FaultServer, Misbehave, Reply, Request, Talk

KUBECONFIG = """
current-context: chaos
contexts: [{{name: chaos, context: {{cluster: chaos, user: tester}}}}]
clusters: [{{name: chaos, cluster: {{server: "{url}"}}}}]
users: [{{name: tester, user: {{token: a-token}}}}]
"""
PROGRAM = "from clusterprobe.cli import main; main()"


INGRESSES = "GET /apis/networking.k8s.io/v1/ingresses"
NO_INGRESS = json.dumps({"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "metadata": {}, "items": []}).encode()


# --- what it does -----------------------------------------------------------------------------------------------------


def flood(head: bytes, again: bytes) -> Misbehave:
    """The same bytes for as long as somebody takes them."""
    block = again * max(1, 65536 // len(again))

    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        talk.over = True
        talk.socket.settimeout(30)
        with contextlib.suppress(OSError):
            talk.socket.sendall(head)
            while not talk.server.closing.is_set():
                talk.socket.sendall(block)

    return misbehave


def packed(body: Callable[[Reply], bytes]) -> Misbehave:
    """A body that is sent as gzip."""

    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        talk.send(replace(reply, status=200, body=body(reply), headers=(("Content-Encoding", "gzip"),)))

    return misbehave


def json_of(text: bytes) -> Misbehave:
    small = gzip.compress(text)
    return packed(lambda reply: small)


def garbage(talk: Talk, request: Request, reply: Reply) -> None:
    talk.send(replace(reply, body=random.Random(len(request.target)).randbytes(50_000)))


def to_itself(talk: Talk, request: Request, reply: Reply) -> None:
    talk.send(Reply(302, b"", headers=(("Location", request.target),)))


_tokens = itertools.count(1)


def endless_list(talk: Talk, request: Request, reply: Reply) -> None:
    """A page of 500 objects, and always one more; what is no list is as it should be."""
    try:
        whole = json.loads(reply.body)
        items = whole["items"]
    except (ValueError, KeyError, TypeError):
        talk.send(reply)
        return
    many = list(itertools.islice(itertools.cycle(items), 500)) if items else []
    talk.send(replace(reply, body=json.dumps({**whole, "items": many, "metadata": {"continue": str(next(_tokens))}}).encode()))


def long_texts(unit: str) -> Misbehave:
    """Every text that is a sentence becomes 60,000 characters of this, and so does every line."""
    text = (unit * 60_000)[:60_000]

    def longer(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: text if key in ("message", "reason", "description", "lastError") else longer(one) for key, one in value.items()}
        return [longer(one) for one in value] if isinstance(value, list) else value

    def misbehave(talk: Talk, request: Request, reply: Reply) -> None:
        if request.path.endswith("/log"):
            stamp = "2026-01-01T00:00:00.000000000Z "
            talk.send(replace(reply, status=200, body=f"{stamp}{text}\n".encode() * 100, content_type="text/plain"))
        elif reply.body.startswith((b"{", b"[")):
            changed(longer)(talk, request, reply)
        else:
            talk.send(replace(reply, body=text.encode()))

    return misbehave


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

BEHAVIOURS: dict[str, Misbehave] = {
    "silence": silence,
    "headers-drip": slow_headers,
    "body-drips": one_byte_a_second,
    "endless-status-line": flood(b"HTTP/1.1 200 ", b"a"),
    "endless-headers": flood(OK, b"X-A: b\r\n"),
    "endless-header": flood(OK + b"X-A: ", b"a"),
    "endless-interim-answers": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless-body": flood(OK + b"\r\n", b" "),
    "endless-chunks": flood(CHUNKED, b"1\r\n \r\n"),
    "endless-chunk-size": flood(CHUNKED, b"0"),
    "endless-chunk-extension": flood(CHUNKED + b"1;", b"a"),
    "endless-trailers": flood(CHUNKED + b"2\r\n{}\r\n0\r\n", b"A: b\r\n"),
    "endless-packed-members": flood(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"")),
    "bomb": packed(lambda reply: bomb(512 * 1024 * 1024)),
    "bomb-of-arrays": json_of(b"[" + b"[]," * 4_000_000 + b"[]]"),
    "bomb-of-objects": json_of(b'{"items": [' + b"{}," * 4_000_000 + b"{}]}"),
    "deep-arrays": json_of(b"[" * 1_000_000),
    "deep-objects": json_of(b'{"a":' * 200_000),
    "garbage": garbage,
    "no-http": no_http,
    "redirect-to-itself": to_itself,
    "login-page": plain(200, "<!doctype html><title>Sign in</title>", kind="text/html"),
    "nothing": plain(200, "", kind="application/json"),
    "endless-lists": endless_list,
    "long-letters": long_texts("a"),
    "long-dashes": long_texts("-"),
    "long-keys": long_texts("password_"),
}


def _knows_us(request: Request) -> bool:
    return "selfsubject" in request.path or request.path == "/version"


PLACES: dict[str, Callable[[Request], bool]] = {
    "everywhere": lambda request: True,
    "once-it-is-known-who-asks": lambda request: not _knows_us(request),
    "in-what-runs-there": lambda request: "/proxy" in request.path or request.path.endswith("/log"),
}


# --- a run against it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """How a run ended: its exit status, seconds in all and after the signal (0 without one), peak memory, and what it said.

    `cpu_seconds` are what it took of the processor, so that what a busy machine adds can be told from what is its own.
    """

    status: int
    seconds: float
    after_signal: float
    cpu_seconds: float
    peak_mb: float
    said: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "results.json").read_text())
        return found


def observe(
    behaviour: str, place: str, folder: Path, *, deadline_seconds: float, patience_seconds: float, signal_after: float = 0.0
) -> Seen:
    """Run every probe against the server, whose cluster has no Ingress: hosts would be asked elsewhere.

    `TimeoutError` if it has not ended that long after its deadline or the signal.
    """
    recording = Recording.load()
    recording.exchanges[INGRESSES] = replace(recording.exchanges[INGRESSES], body=NO_INGRESS)
    with FaultServer(recording) as server, server.misbehaving(BEHAVIOURS[behaviour], PLACES[place]):
        folder.mkdir(parents=True, exist_ok=True)
        config, said, output = folder / "kubeconfig", folder / "said.txt", folder / "report"
        config.write_text(KUBECONFIG.format(url=server.url))
        options = ["run", "--kubeconfig", str(config), "--output", str(output), "--timeout", f"{deadline_seconds:.0f}s"]
        with said.open("w") as stream:
            begun = time.monotonic()
            process = subprocess.Popen([sys.executable, "-c", PROGRAM, *options], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
            sent = _signal(process, server, begun, signal_after) if signal_after else 0.0
            until = (sent or begun + deadline_seconds) + patience_seconds
            status, cpu, peak = _await(process, until)
        ended = time.monotonic()
        return Seen(status, ended - begun, ended - sent if sent else 0.0, cpu, peak, said.read_text(), output)


def _signal(process: subprocess.Popen[bytes], server: FaultServer, begun: float, after: float) -> float:
    """Send SIGTERM that long after the first request."""
    while not server.seen and time.monotonic() < begun + 60:
        time.sleep(0.05)
    time.sleep(after)
    os.kill(process.pid, signal.SIGTERM)  # not `send_signal`, which would wait for one that has ended, and leave nothing to `_await`
    return time.monotonic()


def _await(process: subprocess.Popen[bytes], until: float) -> tuple[int, float, float]:
    """The exit status, the seconds of the processor, and the peak memory in MB."""
    late, peak, ended = False, 0.0, 0
    while not ended:
        peak = max(peak, _peak_mb(process.pid))
        ended, raw, usage = os.wait4(process.pid, os.WNOHANG)
        if not ended and time.monotonic() > until and not late:
            late = True
            process.kill()
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(raw)
    if late:
        raise TimeoutError("the run did not end")
    return process.returncode, usage.ru_utime + usage.ru_stime, peak


def _peak_mb(pid: int) -> float:
    """The most that it has held since it began; `ru_maxrss` counts what the process held that it was begun from, too. 0 elsewhere than Linux."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM:")), 0.0)


def pairs() -> Iterator[tuple[str, str]]:
    """Every behaviour, each in every place."""
    yield from itertools.product(BEHAVIOURS, PLACES)
