"""A cluster in which there is nothing: a second API server on the lab's etcd, under a prefix of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.running import clusterprobe
from tests.lab.second_server import second_server


@pytest.fixture
def empty_cluster(tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig for it."""
    with second_server(tmp_path) as config:
        yield config


def test_an_empty_cluster_is_incomplete_and_not_healthy(empty_cluster: Path, tmp_path: Path) -> None:
    done = clusterprobe(tmp_path / "out", kubeconfig=empty_cluster)
    assert (done.status, done.results["verdict"]) == (2, "incomplete"), done.said
    # The server makes four namespaces and its own APIs: that none is held in its deletion, and none unavailable, is true, and all that can be.
    assert set(done.verdicts("pass")) == {"objects/conditions", "objects/deletion"}
    assert done.found("info", "warning", "error", "critical") == set()
    assert (
        "there is no" in done.probe("prometheus/cross-scrape")["reason"]
        or "the API has no" in done.probe("prometheus/cross-scrape")["reason"]
    )
