"""Whether an answer of Prometheus or Loki is a whole one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from clusterprobe.errors import BadResponse
from clusterprobe.systems.formats.answers import Answer, whole

HALVES: list[tuple[dict[str, Any], str]] = [
    ({"status": "error", "error": "query timed out"}, "status error: query timed out"),
    ({}, "status : without the expected data"),
    ({"status": "success", "error": "a store did not answer"}, "status success: a store did not answer"),
    ({"status": "success", "warnings": ["a store did not answer"]}, "a partial answer: a store did not answer"),
    ({"status": "success", "isPartial": True}, "a partial answer: not all that stores data has answered"),
    ({"status": "success", "groupNextToken": "x"}, "a partial answer: there are more groups"),
]


@pytest.mark.parametrize(("said", "why"), HALVES)
def test_an_answer_that_says_that_it_is_not_whole_is_unreadable(said: dict[str, Any], why: str):
    with pytest.raises(BadResponse, match=f"^GET /x: {why}$"):
        whole(msgspec.convert(said, Answer), "GET /x")


@pytest.mark.parametrize(
    "more", [{}, {"warnings": []}, {"warnings": None}, {"infos": ["a metric might be no counter"]}, {"isPartial": False}]
)
def test_an_answer_that_only_remarks_on_something_is_whole(more: dict[str, Any]):
    assert whole(msgspec.convert({"status": "success", **more}, Answer), "GET /x").lack == ""
