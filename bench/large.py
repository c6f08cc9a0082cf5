"""A large cluster: the healthy recording with so many pods, claims, volumes, targets and rules more, served by a process of its own.

    python -m bench.large [--pods 50000] [--claims 10000] [--targets 20000] [--rules 5000] [--kubeconfig FILE]

Prints its address, and serves until its standard input ends. Lists come in pages, and compressed where a client takes that, as an API
server does it. With a kubeconfig, the lists of pods, claims and volumes are those of that API server, handed on as they come.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from clusterprobe.access.connection import connect
from tests.faults.recording import Recording
from tests.faults.server import FaultServer, Reply, Request

Object = dict[str, Any]

SIZES = {"pods": 50_000, "claims": 10_000, "targets": 20_000, "rules": 5_000}
PODS, CLAIMS, VOLUMES = "/api/v1/pods", "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes"
LISTS = (PODS, CLAIMS, VOLUMES)
NAMESPACES = 40
NEWEST = datetime.datetime(2026, 11, 30, 8, 56, 27, tzinfo=datetime.UTC)  # shortly before the recording was made
MANY = 500_000  # bytes of a large answer
COMPRESSED = 128 * 1024  # bytes from which an API server compresses an answer
NODE_ADDRESSES = {"worker1": "10.88.0.12", "worker2": "10.88.0.13"}


def pod(index: int) -> Object:
    """A pod with the bulk of a real one: labels, an annotation, environment, probes, volumes."""
    labels = {"app.kubernetes.io/name": f"service-{index % 200}", "pod-template-hash": f"{index % 200:08x}", "team": f"team-{index % 20}"}
    environment = [{"name": f"SETTING_{i}", "value": f"value-{i}-{'x' * 40}"} for i in range(16)]
    container = {
        "name": "main",
        "image": "registry.example.org/team/service:1.2.3",
        "env": environment,
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"bench-{index:06d}", "labels": labels, "annotations": {"checksum/config": "0" * 64}},
        "spec": {
            "schedulerName": "nobody",
            "automountServiceAccountToken": False,
            "containers": [container, {**container, "name": "sidecar", "ports": []}],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    }


def running_pod(index: int, claims: int) -> Object:
    """The same as its kubelet shows it; each of the first ones mounts a claim."""
    made, node = pod(index), f"worker{index % 2 + 1}"
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"service-{index % 200}-abc", "uid": f"{index % 200:032x}"}
    made["metadata"] |= {
        **_identity(f"bench-{index:06d}", f"team-{index % NAMESPACES}", index),
        "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        "managedFields": _managed(made, moment(index)),
    }
    made["spec"] |= {"nodeName": node, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst"}
    token = f"kube-api-access-{index:05x}"  # each pod's own
    made["spec"]["volumes"].append(
        {"name": token, "projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}], "defaultMode": 420}}
    )
    mount = {"name": token, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    for one in made["spec"]["containers"]:
        one["volumeMounts"] = [*one["volumeMounts"], mount]
    if index < claims:
        made["spec"]["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": f"data-{index:06d}"}})
    conditions = {"PodReadyToStartContainers": 2, "Initialized": 0, "Ready": 9, "ContainersReady": 9, "PodScheduled": 0}
    image = made["spec"]["containers"][0]["image"]
    state = {"ready": True, "started": True, "restartCount": 0, "image": image, "imageID": f"sha256:{'0' * 64}", "lastState": {}}
    made["status"] = {
        "phase": "Running",
        "conditions": [
            {"type": one, "status": "True", "lastProbeTime": None, "lastTransitionTime": moment(index, late)}
            for one, late in conditions.items()
        ],
        "hostIP": NODE_ADDRESSES[node],
        "podIP": f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}",
        "startTime": moment(index),
        "qosClass": "Burstable",
        "containerStatuses": [
            {**state, "name": one, "state": {"running": {"startedAt": moment(index, 3)}}, "containerID": f"containerd://{index:064x}"}
            for one in ("main", "sidecar")
        ],
    }
    return made


def moment(index: int, seconds: int = 0) -> str:
    """When it was made, or so many seconds later: no two pods of a workload begin at once."""
    return f"{NEWEST - datetime.timedelta(seconds=41 * index - seconds):%FT%TZ}"


def _identity(name: str, namespace: str, index: int) -> Object:
    """What the API server fills in."""
    place = {"namespace": namespace} if namespace else {}
    uid = f"00000000-0000-4000-8000-{index:012x}"
    return {"name": name, **place, "uid": uid, "resourceVersion": str(1000 + index), "creationTimestamp": moment(index)}


def _managed(made: Object, time: str) -> list[Object]:
    """Who wrote which field, which is a good part of a real pod."""
    variables: Object = {
        f'k:{{"name":"{one["name"]}"}}': {".": {}, "f:name": {}, "f:value": {}} for one in made["spec"]["containers"][0]["env"]
    }
    of_one = {".": {}, "f:env": {".": {}, **variables}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {}}
    containers = {f'k:{{"name":"{one}"}}': of_one for one in ("main", "sidecar")}
    entry = {"apiVersion": "v1", "fieldsType": "FieldsV1", "time": time}
    return [
        {**entry, "manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:spec": {"f:containers": containers}}},
        {**entry, "manager": "kubelet", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {"f:phase": {}}}},
    ]


def claim(index: int) -> Object:
    """A claim that is bound."""
    size, modes = {"storage": "1Gi"}, ["ReadWriteOnce"]
    spec = {"accessModes": modes, "resources": {"requests": size}, "volumeName": f"pvc-{index:06d}", "storageClassName": "local-path"}
    labels = {"app.kubernetes.io/name": f"service-{index % 200}"}
    marks = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/storage-provisioner": "rancher.io/local-path"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**_identity(f"data-{index:06d}", f"team-{index % NAMESPACES}", index), "labels": labels, "annotations": marks},
        "spec": {**spec, "volumeMode": "Filesystem"},
        "status": {"phase": "Bound", "accessModes": modes, "capacity": size},
    }


def volume(index: int) -> Object:
    """The volume of that claim, on its pod's node."""
    of = claim(index)
    node = [{"key": "kubernetes.io/hostname", "operator": "In", "values": [f"worker{index % 2 + 1}"]}]
    kept = {key: of["metadata"][key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            **_identity(of["spec"]["volumeName"], "", index),
            "annotations": {"pv.kubernetes.io/provisioned-by": "rancher.io/local-path"},
        },
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **kept},
            "hostPath": {"path": f"/opt/local-path-provisioner/{of['spec']['volumeName']}", "type": "DirectoryOrCreate"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": node}]}},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "local-path",
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound", "lastPhaseTransitionTime": moment(index)},
    }


def objects(recording: Recording, path: str, sizes: Mapping[str, int]) -> Iterator[Object]:
    """The objects of one of the large lists, beginning with the recorded ones."""
    whole = json.loads(recording.exchanges[f"GET {path}"].body)
    for one in whole["items"]:
        yield {"apiVersion": "v1", "kind": whole["kind"].removesuffix("List"), **one}
    if path == PODS:
        yield from (running_pod(index, sizes["claims"]) for index in range(sizes["pods"]))
    else:
        yield from (claim(index) if path == CLAIMS else volume(index) for index in range(sizes["claims"]))


def grown(sizes: Mapping[str, int]) -> Recording:
    """The healthy recording with the namespaces of all these pods, and with so many targets and rules of one Prometheus."""
    made = Recording.load()
    _add(made, "GET /api/v1/namespaces", ["items"], [{"metadata": _identity(f"team-{one}", "", one)} for one in range(NAMESPACES)])
    dev = next(key.partition("/proxy/")[0] for key in made.exchanges if "/monitoring-dev/" in key and "/proxy/api/v1/targets" in key)
    path, targets = ["data", "activeTargets"], f"{dev}/proxy/api/v1/targets?state=active"
    # Like the one with the fewest labels: 20,000 like all of them are 94 MB, and an answer may have 64 MiB.
    like = min(json.loads(made.exchanges[targets].body)["data"]["activeTargets"], key=lambda one: len(_written(one)))
    _add(made, targets, path, [_target(like, one) for one in range(sizes["targets"])])
    rules = f"{dev}/proxy/api/v1/rules?exclude_alerts=true"
    group = json.loads(made.exchanges[rules].body)["data"]["groups"][0]
    _add(made, rules, ["data", "groups"], [_group(group, one) for one in range(sizes["rules"] // len(group["rules"]))])
    return made


def _target(first: Object, index: int) -> Object:
    """One more target like that one, of a pod of the large list."""
    made, address = copy.deepcopy(first), f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}:8080"
    name, namespace = f"bench-{index:06d}", f"team-{index % NAMESPACES}"
    made["discoveredLabels"] |= {"__address__": address, "__meta_kubernetes_namespace": namespace, "__meta_kubernetes_pod_name": name}
    made["labels"] |= {"instance": address, "namespace": namespace, "pod": name}
    made["scrapeUrl"] = made["globalUrl"] = f"http://{address}/metrics"
    return made


def _group(first: Object, index: int) -> Object:
    made = copy.deepcopy(first)
    made["name"] = f"bench-{index}.rules"
    for one in made["rules"]:
        one["name"] = f"{one['name']}{index}"
        one["query"] = one["query"].replace('job="', f'job="bench-{index}-')
    return made


def _add(made: Recording, key: str, path: list[str], more: list[Object]) -> None:
    whole = inner = json.loads(made.exchanges[key].body)
    for one in path:
        inner = inner[one]
    inner += more
    made.exchanges[key] = replace(made.exchanges[key], body=json.dumps(whole, separators=(",", ":")).encode())


class LargeServer(FaultServer):
    """Serves the whole lists in pages of the size that is asked for."""

    def __init__(self, sizes: Mapping[str, int], kubeconfig: str = "") -> None:
        super().__init__(grown(sizes))
        self._behind = connect(kubeconfig).origin if kubeconfig else None
        self._items = (
            {} if kubeconfig else {path: [_written(_in_list(one)) for one in objects(self.recording, path, sizes)] for path in LISTS}
        )

    def reply(self, request: Request) -> tuple[Request, Reply]:
        packed = "gzip" in request.headers.get("accept-encoding", "")
        if request.path in LISTS:
            return request, self._handed_on(request.target) if self._behind else self._page(request, packed=packed)
        request, reply = super().reply(request)
        return request, _packed(reply.body) if packed and reply.status == 200 and len(reply.body) > COMPRESSED else reply

    @cache  # noqa: B019 - one server a process
    def _of(self, path: str, begin: int, size: int, packed: bool) -> Reply:
        items = self._items[path]
        more = {"continue": str(begin + size), "remainingItemCount": len(items) - begin - size} if begin + size < len(items) else {}
        kind = json.loads(self.recording.exchanges[f"GET {path}"].body)["kind"]
        head = _written({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "99999", **more}})
        body = head[:-1] + b',"items":[' + b",".join(items[begin : begin + size]) + b"]}\n"
        return _packed(body) if packed and len(body) > COMPRESSED else Reply(200, body)

    def _page(self, request: Request, *, packed: bool) -> Reply:
        begin, size = int(request.query.get("continue", 0)), int(request.query.get("limit", len(self._items[request.path])))
        return self._of(request.path, begin, size, packed)

    def warm(self, size: int = 500) -> None:
        """Make all pages, so that none is made while somebody measures."""
        for path, items in self._items.items():
            for begin in range(0, len(items), size):
                self._of(path, begin, size, packed=True)
        for path in self.paths:
            _packed(self.recording.exchanges[f"GET {path}"].body)

    @property
    def paths(self) -> list[str]:
        """Of the large answers that are no lists."""
        return [
            key.removeprefix("GET ") for key, one in self.recording.exchanges.items() if "/proxy/api/v1/" in key and len(one.body) > MANY
        ]

    def _handed_on(self, target: str) -> Reply:
        """What the API server behind it says, as it says it."""
        import requests

        assert self._behind is not None
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **{k: str(v) for k, v in self._behind.headers().items()}}
        verify, cert = self._behind.verify, self._behind.certificate
        parts = urlsplit(target)
        url = f"{self._behind.url}{parts.path}?{parts.query}"
        with requests.get(url, headers=headers, verify=verify, cert=cert, stream=True, timeout=60) as answer:
            encoding = answer.headers.get("Content-Encoding", "")
            body = answer.raw.read(decode_content=False)
            return Reply(answer.status_code, body, headers=(("Content-Encoding", encoding),) if encoding else ())


def _in_list(one: Object) -> Object:
    """An object as a list has it, whose kind says what all of them are."""
    return {key: value for key, value in one.items() if key not in ("apiVersion", "kind")}


@cache
def _packed(body: bytes) -> Reply:
    return Reply(200, gzip.compress(body, 1), headers=(("Content-Encoding", "gzip"),))


def _written(one: Any) -> bytes:
    return json.dumps(one, separators=(",", ":")).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--kubeconfig", default="")
    options = parser.parse_args()
    sizes = {name: getattr(options, name) for name in SIZES}
    with LargeServer(sizes, options.kubeconfig) as server:
        server.warm()
        print(server.url, *LISTS, *server.paths, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
