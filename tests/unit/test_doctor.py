"""What `clusterprobe doctor` says before the first run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clusterprobe.access.reviews import PATH
from clusterprobe.doctor import examine
from clusterprobe.exits import Exit
from clusterprobe.request import Request
from tests.elsewhere.worlds import World, pod
from tests.faults.recording import Exchange
from tests.faults.server import FaultServer

PODS = [
    pod("kube-system", "coredns-0", "registry.k8s.io/coredns/coredns:v1.12.1"),
    pod("watch", "netdata-0", "netdata/netdata:v2.5.4"),
]


def kubeconfig(folder: Path, url: str) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "elsewhere",
        "contexts": [{"name": "elsewhere", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return str(folder / "kubeconfig")


def answers(**status: object) -> Exchange:
    return Exchange(201, "application/json", json.dumps({"kind": "SelfSubjectAccessReview", "status": status}).encode())


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(World(PODS).recording()) as running:
        yield running


def said(server: FaultServer, folder: Path, review: Exchange | None) -> tuple[list[str], int]:
    if review is not None:
        server.recording.exchanges[f"POST {PATH}"] = review
    return examine(Request(kubeconfig=kubeconfig(folder, server.url), select=("pods", "inventory")))


def test_where_all_is_allowed_it_says_who_asks_and_what_is_there(server: FaultServer, tmp_path: Path) -> None:
    lines, status = said(server, tmp_path, answers(allowed=True))
    assert status == Exit.HEALTHY, lines
    text = "\n".join(lines)
    assert f"Cluster: {server.url} (context elsewhere, Kubernetes v1.34.4)" in lines
    assert "User: somebody; systems are asked through the API server's proxy." in lines
    assert "Recognised: 1 system among 2 pods in 3 namespaces." in lines
    assert "  Netdata  watch/netdata  2.5.4  -  not judged" in lines
    assert "missing" not in text
    assert "makes at least about" in lines[-1]


def test_what_is_refused_is_named_with_the_rules_that_are_missing(server: FaultServer, tmp_path: Path) -> None:
    lines, status = said(server, tmp_path, answers(allowed=False))
    assert status == Exit.INCOMPLETE
    assert any(one.startswith("  missing in all namespaces together: list pods, for inventory/judged, pods/") for one in lines)
    missing = yaml.safe_load("\n".join(lines[lines.index("") :]))
    assert {"apiGroups": [""], "verbs": ["list"]} in [{key: one[key] for key in ("apiGroups", "verbs")} for one in missing]
    assert any("pods" in one["resources"] for one in missing)


@pytest.mark.parametrize(
    "review",
    [None, answers(allowed=False, evaluationError="the webhook is down"), Exchange(201, "application/json", b'{"kind": "Status"}')],
)
def test_what_cannot_be_told_is_neither_allowed_nor_missing(server: FaultServer, tmp_path: Path, review: Exchange | None) -> None:
    lines, status = said(server, tmp_path, review)
    assert status == Exit.INCOMPLETE
    assert any(one.startswith("  not known: ") for one in lines)
    assert not any(one.startswith("  missing") for one in lines)
    assert "" not in lines


def test_a_server_that_cannot_be_reached_is_three_lines_and_a_hint(tmp_path: Path) -> None:
    lines, status = examine(Request(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:9")))
    assert (status, len(lines)) == (Exit.INCOMPLETE, 3)
    assert lines[1].startswith("No access: ")
    assert lines[2].endswith(f"kubectl --kubeconfig {tmp_path / 'kubeconfig'} --context elsewhere auth whoami")
