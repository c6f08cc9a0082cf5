"""How much of an answer is read: each kind has a limit of its own, and nothing beyond it is unpacked or decoded."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import resource
import zlib
from collections.abc import Iterator
from pathlib import Path

import requests

from clusterprobe import errors
from clusterprobe.access.deadline import Deadline

KIB, MIB = 1024, 1024 * 1024

# Bytes after unpacking. What a new caller does not say is a small answer.
SMALL = 256 * KIB  # a health answer, a status page, a version, a refusal
REFUSAL = 64 * KIB  # what is read of an answer whose status is no answer; the rest of it says nothing more
OBJECT = 4 * MIB  # one object, a configuration; etcd takes no more than 1.5 MiB
PAGE = 16 * MIB  # a page of a list; a page that is larger is asked for in smaller ones
DISCOVERY = 16 * MIB  # all API groups in one document
METRICS = 32 * MIB  # an exposition
QUERY = 32 * MIB  # the result of a query, rules, alerts
TARGETS = 64 * MIB  # 20,000 targets with their discovered labels
LOGS = 8 * MIB  # the lines of one container
MOST = TARGETS  # of whatever kind

# What is decoded has no more values than this: `[[],[],…` costs thirty times its size.
MAX_NESTED = 500_000  # arrays and objects
MAX_VALUES = 4_000_000

MEMORY_VARIABLE = "CLUSTERPROBE_MEMORY"
MEMORY_MIB = 320  # the chart allows 512; Python with the libraries takes some 80, and the report some
MOST_LINES = 100  # interim answers, trailers: as many as the library takes headers
LONGEST_LINE = 65_536
PART = 64 * KIB  # what is read at once
PIECE = 256 * KIB  # … and unpacked

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # malloc.h of glibc

_before_run = 0  # bytes that the process held


def read(response: requests.Response, deadline: Deadline, what: str, limit: int, *, whole: bool = True) -> bytes:
    """The body, unpacked. Raises `TooLarge` beyond the limit, or cuts there if the whole is not wanted."""
    if (taken := resident_bytes() - _before_run) > memory_limit():
        raise errors.TooLarge(f"{what}: not read, since this run took {taken // MIB} MiB already; {MEMORY_VARIABLE} (MiB) allows more")
    limit = min(limit, MOST)
    members = _Members(what) if _is_packed(response, what) else None
    found = io.BytesIO()  # one piece of memory, however many pieces arrive, and handed on without a copy
    # `read` and not `stream`: where that takes chunks apart itself, the line with a chunk's size may be as long as it likes.
    while part := response.raw.read(PART, decode_content=False):
        for piece in members.unpack(part) if members else (part,):
            found.write(piece)
            if deadline.passed:
                raise errors.TimedOut(f"{what}: no whole answer in time")
            if found.tell() > limit:  # a bomb never gets to unfold
                found.truncate(limit)
                if whole:
                    found.close()  # the traceback holds this frame for as long as anybody keeps the error
                    raise errors.TooLarge(f"{what}: the answer is larger than {_size(limit)}")
                return found.getvalue()
    if members:
        members.finish()
    return found.getvalue()


def begin_run() -> None:
    """Count the run's memory from here: beside other tests, the process may hold much that no run took. Raises `UsageError`."""
    global _before_run  # noqa: PLW0603 - a process has one memory
    memory_limit()
    _give_memory_back()
    _before_run = resident_bytes()


def _give_memory_back() -> None:
    """Have glibc give large pieces back as they are freed: every thread that reads would keep its own, half as much again in all."""
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such setting
        import ctypes

        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, 2)
        library.mallopt(M_MMAP_THRESHOLD, MIB)


def memory_limit() -> int:
    """How many bytes a run may take and still read: to be killed for its memory would leave no report. Raises `UsageError`."""
    text = os.environ.get(MEMORY_VARIABLE) or str(MEMORY_MIB)
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text)):
        raise errors.UsageError(f"{MEMORY_VARIABLE} is {text[:40]!r}, and not a number of MiB such as {MEMORY_MIB}")
    return int(text) * MIB


def resident_bytes() -> int:
    """The memory that the process holds; 0 where Linux does not say so."""
    try:
        with Path("/proc/self/statm").open("rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


class Bounded(http.client.HTTPResponse):
    """An answer whose beginning and end are bounded, too: the library reads interim answers and trailers as long as they come."""

    _interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        self._interim += 1
        if self._interim > MOST_LINES:
            raise http.client.HTTPException("too many interim answers")
        return super()._read_status()  # type: ignore[misc,no-any-return]

    def _read_and_discard_trailer(self) -> None:
        for _ in range(MOST_LINES):
            line = self.fp.readline(LONGEST_LINE + 1)
            if len(line) > LONGEST_LINE:
                raise http.client.LineTooLong("trailer line")
            if line in (b"\r\n", b"\n", b""):
                return
        raise http.client.HTTPException("too many trailers")


class _Members:
    """The members of a gzip stream, which are one text together (RFC 1952, 2.2). What follows them may only be another."""

    def __init__(self, what: str) -> None:
        self._what, self._one = what, _member()
        self._begun = False

    def unpack(self, part: bytes) -> Iterator[bytes]:
        """What the next part holds, in pieces of a bounded size."""
        while part:
            if self._one.eof:
                self._one = _member()
            self._begun = True
            try:
                yield self._one.decompress(part, PIECE)
            except zlib.error as error:
                raise errors.BadResponse(f"{self._what}: half an answer: {error}") from None
            part = self._one.unused_data if self._one.eof else self._one.unconsumed_tail

    def finish(self) -> None:
        """The usual decoders hand out what there is, which in text nobody notices."""
        if not (self._begun and self._one.eof):
            raise errors.BadResponse(f"{self._what}: half an answer: its compressed data end too early")


def _member() -> zlib._Decompress:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _is_packed(response: requests.Response, what: str) -> bool:
    encoding = response.headers.get("Content-Encoding", "").lower()
    if encoding in ("", "identity"):
        return False
    if encoding != "gzip":
        raise errors.BadResponse(f"{what}: the answer is encoded as {encoding[:40]}, which was not asked for")
    return True


def check_values(body: bytes, what: str) -> None:
    """Refuse JSON that takes far more memory than it has bytes. Raises `TooLarge`."""
    if body.count(b"{") + body.count(b"[") > MAX_NESTED or body.count(b",") > MAX_VALUES:
        raise errors.TooLarge(f"{what}: the answer holds too many values")


def _size(limit: int) -> str:
    return f"{limit // MIB} MiB" if limit >= MIB else f"{limit // KIB} KiB"
