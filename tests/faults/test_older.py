"""Recordings of the healthy lab on older versions: what was healthy then is healthy now."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterprobe.model import ProbeVerdict
from tests.faults.harness import run
from tests.faults.recording import HEALTHY, Recording
from tests.faults.server import FaultServer

OLDER = sorted(HEALTHY.parent.glob("healthy-*.json.gz"))
HANDSHAKES = "ingress/tls"  # no answer of the API server, so that none was recorded


@pytest.mark.parametrize("path", OLDER, ids=lambda one: one.name)
def test_what_was_healthy_on_an_older_version_is_healthy(path: Path) -> None:
    recording = Recording.load(path)
    with FaultServer(recording) as server:
        outcome = run(server.url, 60)
    assert server.unknown == []
    fine = (ProbeVerdict.PASS, ProbeVerdict.NOT_APPLICABLE)
    wrong = [(one.id, one.reason, one.findings) for one in outcome.results.values() if one.verdict not in fine and one.id != HANDSHAKES]
    assert wrong == []


def test_an_older_one_is_kept() -> None:
    assert OLDER
