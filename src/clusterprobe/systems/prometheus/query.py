"""Instant queries of a Prometheus, and of what answers as one does."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from clusterprobe.access.cluster import Endpoint
from clusterprobe.errors import BadResponse
from clusterprobe.numerals import number
from clusterprobe.systems.formats.answers import Answer, asked

Series = TypeVar("Series")


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One series of an instant query: its labels, and its value at `time` (epoch seconds)."""

    labels: dict[str, str]
    time: float
    value: float


class _Vector(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _QueryData(msgspec.Struct, Generic[Series], rename="camel"):
    result_type: str
    result: list[Series]


class _QueryAnswer(Answer, Generic[Series]):
    data: _QueryData[Series] | None = None


def ask(endpoint: Endpoint, expression: str, result_type: str, kind: type[Series]) -> list[Series]:
    """The series of a query, of the result type that it has. An answer with warnings is partial, and so unreadable."""
    answer = asked(endpoint, "/api/v1/query", _QueryAnswer[kind], {"query": expression})  # type: ignore[valid-type]
    if answer.data is None or answer.data.result_type != result_type:
        raise BadResponse(f"{endpoint.url}/api/v1/query: the result is not a {result_type}")
    return answer.data.result


def query(endpoint: Endpoint, expression: str) -> list[Sample]:
    """An instant query for counts, times or shares. A value that is none of them makes the answer unreadable."""
    what = f"{endpoint.url}/api/v1/query: a value of {expression}"
    return [Sample(one.metric, one.value[0], counted(one.value[1], what)) for one in ask(endpoint, expression, "vector", _Vector)]


def counted(text: str, what: str) -> float:
    """The number in a Prometheus' answer; no comparison holds with what is none, so that it would pass every threshold."""
    value = number(text)
    if value is None:
        raise BadResponse(f"{what} is not a number that counts anything: {text[:20]!r}")
    return value
