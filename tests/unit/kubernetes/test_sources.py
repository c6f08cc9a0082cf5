"""What Kubernetes says of itself, asked over real sockets: which groups are served, and lists that show only a part."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from clusterprobe.access import http as client
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.evidence import Evidence
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.api import list_custom, served
from clusterprobe.systems.kubernetes.sources import claims, namespaces, nodes, pods, volumes
from clusterprobe.systems.prometheus.objects import RULES, SERVICE_MONITORS, Monitor, Rule
from clusterprobe.systems.sealed_secrets.sources import SEALED_SECRETS

Answers = dict[str, Any]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
MONITORING, SEALED = "monitoring.coreos.com", "bitnami.com"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers a path with its JSON, or with a number as an HTTP status."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        answers: Mapping[str, Any] = self.server.answers  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        answer = answers.get(path, 404)
        body = json.dumps({"kind": "Status"} if isinstance(answer, int) else answer).encode()
        self.send_response(answer if isinstance(answer, int) else 200)
        aggregated = isinstance(answer, dict) and answer.get("kind") == "APIGroupDiscoveryList"
        self.send_header("Content-Type", AGGREGATED if aggregated else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answers() -> Answers:
    return {}


@pytest.fixture
def cluster(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(client, "FIRST_PAUSE_SECONDS", 0.01)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers = answers  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = Connection(Origin(f"http://127.0.0.1:{server.server_port}"), "test", "somebody", "default", "proxy")
        yield Cluster(connection, Deadline.after(5))
        server.shutdown()


def group(name: str, *plurals: str, freshness: str = "Current") -> dict[str, Any]:
    versions = [{"version": "v1", "freshness": freshness, "resources": [{"resource": one} for one in plurals]}]
    return {"metadata": {"name": name}, "versions": versions}


def discovery(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIGroupDiscoveryList", "items": list(groups)}


def listing(kind: str, *names: str) -> dict[str, Any]:
    return {"kind": f"{kind}List", "items": [{"metadata": {"name": name, "namespace": "shop"}} for name in names]}


def monitors(cluster: Cluster) -> Readings[Monitor]:
    return list_custom(cluster, served(cluster), Readings(), SERVICE_MONITORS, Monitor)


def blind(readings: Readings[Any]) -> list[str]:
    return [one.reason for one in readings.unreadable]


# --- which groups are served -------------------------------------------------------------------------------------------


def test_a_group_that_is_not_listed_has_no_objects(answers: Answers, cluster: Cluster):
    answers["/apis"] = discovery(group("apps", "deployments"))
    assert monitors(cluster) == Readings(absent=f"the API has no servicemonitors.{MONITORING}")


def test_a_stale_group_proves_no_absence(answers: Answers, cluster: Cluster):
    answers["/apis"] = discovery(group("apps", "deployments"), group(MONITORING, freshness="Stale"))
    assert blind(monitors(cluster)) == [f"discovery of {MONITORING} is stale: its API service does not answer"]


def test_a_group_without_resources_proves_no_absence(answers: Answers, cluster: Cluster):
    answers["/apis"] = discovery(group(MONITORING))
    assert blind(monitors(cluster)) == [f"discovery of {MONITORING} names no resource, so what it serves is not known"]


def test_a_group_without_versions_proves_no_absence(answers: Answers, cluster: Cluster):
    answers["/apis"] = discovery(group("apps", "deployments"), {"metadata": {"name": MONITORING}, "versions": []})
    assert blind(monitors(cluster)) == [f"discovery of {MONITORING} names no resource, so what it serves is not known"]
    answers["/apis"] = {"kind": "APIGroupList", "groups": [{"name": MONITORING, "versions": []}]}
    assert blind(monitors(cluster)) == [f"discovery of {MONITORING} names no resource, so what it serves is not known"]


def test_a_stale_group_leaves_the_others_as_they_are(answers: Answers, cluster: Cluster):
    answers["/apis"] = discovery(group("apps", "deployments"), group("metrics.k8s.io", freshness="Stale"))
    assert monitors(cluster).complete


def test_what_a_stale_group_still_names_is_listed(answers: Answers, cluster: Cluster):
    answers["/apis"] = discovery(group(MONITORING, "servicemonitors", freshness="Stale"))
    answers[f"/apis/{MONITORING}/v1/servicemonitors"] = listing("ServiceMonitor", "api")
    found = monitors(cluster)
    assert ([subject.name for subject, _ in found], found.complete) == (["api"], True)
    assert blind(list_custom(cluster, served(cluster), Readings(), RULES, Rule)) != []


def test_discovery_without_any_group_is_no_discovery(answers: Answers, cluster: Cluster):
    answers["/apis"] = discovery()
    with pytest.raises(Exception, match="of 0 groups"):
        served(cluster)


def old_discovery(*names: str) -> dict[str, Any]:
    return {"kind": "APIGroupList", "groups": [{"name": name, "versions": [{"version": "v1"}]} for name in names]}


def test_before_aggregation_a_group_that_does_not_answer_is_unreadable_by_itself(answers: Answers, cluster: Cluster):
    answers["/apis"] = old_discovery(MONITORING, SEALED)
    answers[f"/apis/{MONITORING}/v1"] = 503
    answers[f"/apis/{SEALED}/v1"] = {"kind": "APIResourceList", "resources": [{"name": "others"}]}
    (reason,) = blind(monitors(cluster))
    assert reason.startswith(f"discovery of {MONITORING} failed: ")
    assert "503" in reason
    assert list_custom(cluster, served(cluster), Readings(), SEALED_SECRETS, Rule).complete


def test_before_aggregation_every_group_counts(answers: Answers, cluster: Cluster):
    answers["/apis"] = old_discovery("operator.victoriametrics.com")
    answers["/apis/operator.victoriametrics.com/v1"] = {"kind": "APIResourceList", "resources": [{"name": "vmagents"}]}
    assert served(cluster).items[0].version("operator.victoriametrics.com", "vmagents") == "v1"


# --- lists that show only a part ---------------------------------------------------------------------------------------

PLACES = ("kube-system", "shop")


def pod(name: str, node: str, *, namespace: str = "shop", owner: str = "StatefulSet", claim: str = "", phase: str = "Running") -> Any:
    owners = [{"kind": owner, "name": name, "controller": True}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    return {
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": owners},
        "spec": {"containers": [], "nodeName": node, "volumes": volumes},
        "status": {"phase": phase, "podIP": "10.0.0.1"},
    }


def of(kind: str, *objects: Any) -> dict[str, Any]:
    return {"kind": f"{kind}List", "items": list(objects)}


def node_list(answers: Answers, cluster: Cluster, known: tuple[str, ...], *used_by: Any) -> Readings[Any]:
    answers["/api/v1/pods"] = of("Pod", *used_by)
    answers["/api/v1/nodes"] = of("Node", *({"metadata": {"name": name}} for name in known))
    return nodes(cluster, pods(cluster, Readings()))


def test_an_empty_list_of_nodes_is_unreadable_where_pods_name_some(answers: Answers, cluster: Cluster):
    found = node_list(answers, cluster, (), pod("a", "worker1"), pod("b", "worker2"), pod("c", "worker2", owner="DaemonSet"))
    assert blind(found) == ["the list of nodes is empty, but pods name 2 nodes"]


def test_a_list_of_nodes_that_lacks_one_of_a_running_pod_shows_only_a_part(answers: Answers, cluster: Cluster):
    found = node_list(answers, cluster, ("worker1",), pod("a", "worker1"), pod("b", "worker2"))
    assert ([subject.name for subject, _ in found], found.complete) == (["worker1"], False)
    assert blind(found) == ["the list of nodes lacks 1 in use, such as worker2, which Pod shop/b names"]


@pytest.mark.parametrize("left", [{"owner": "DaemonSet"}, {"owner": "Node"}, {"phase": "Succeeded"}, {"phase": "Failed"}])
def test_what_a_node_that_is_gone_leaves_behind_says_nothing_of_the_list(left: Any, answers: Answers, cluster: Cluster):
    assert node_list(answers, cluster, ("worker1",), pod("a", "worker1"), pod("b", "worker2", **left)).complete


def test_a_list_of_claims_that_lacks_one_of_a_running_pod_shows_only_a_part_there(answers: Answers, cluster: Cluster):
    answers["/api/v1/pods"] = of(
        "Pod", pod("a", "n", claim="data-a"), pod("b", "n", claim="data-b"), pod("c", "n", claim="new", phase="Pending")
    )
    answers["/api/v1/persistentvolumeclaims"] = listing("PersistentVolumeClaim", "data-a")
    found = claims(cluster, Readings(), pods(cluster, Readings()))
    assert [(one.subject.namespace, one.reason) for one in found.unreadable] == [
        ("shop", "the list of persistentvolumeclaims lacks 1 in use, such as data-b, which Pod shop/b names")
    ]


@pytest.mark.parametrize(("phase", "whole"), [("Bound", False), ("Lost", True)])
def test_a_list_of_volumes_that_lacks_one_that_is_bound_shows_only_a_part(phase: str, whole: bool, answers: Answers, cluster: Cluster):
    claim = {"metadata": {"name": "data", "namespace": "shop"}, "spec": {"volumeName": "pv-1"}, "status": {"phase": phase}}
    answers["/api/v1/persistentvolumeclaims"] = of("PersistentVolumeClaim", claim)
    answers["/api/v1/persistentvolumes"] = of("PersistentVolume")
    found = volumes(cluster, claims(cluster, Readings(), Readings()))
    assert found.complete is whole
    assert blind(found) == ([] if whole else ["the list of persistentvolumes is empty, but persistentvolumeclaims name 1 persistentvolume"])


@pytest.mark.parametrize(("names", "extent"), [((), "is empty"), (("shop",), "shows only a part")])
def test_a_list_of_namespaces_without_the_systems_own_is_unreadable(
    names: tuple[str, ...], extent: str, answers: Answers, cluster: Cluster
):
    answers["/api/v1/namespaces"] = of("Namespace", *({"metadata": {"name": name}} for name in names))
    assert blind(namespaces(cluster, None)) == [f"the list of namespaces {extent}: it has no kube-system, which every cluster has"]


@pytest.mark.parametrize(("place", "whole"), [("shop", True), ("shop-prod", False)])
def test_a_list_of_namespaces_that_lacks_one_with_a_running_pod_shows_only_a_part(
    place: str, whole: bool, answers: Answers, cluster: Cluster
):
    answers["/api/v1/namespaces"] = of("Namespace", *({"metadata": {"name": name}} for name in PLACES))
    answers["/api/v1/pods"] = of("Pod", pod("a", "worker1", namespace=place))
    answers["/version"] = {"gitVersion": "v1.34.1"}
    evidence = Evidence(["pods"], Profile(), cluster=cluster, deadline=cluster.deadline)
    evidence.start()
    assert evidence.get("namespaces").complete is whole
    assert evidence.unplaced.complete is whole
