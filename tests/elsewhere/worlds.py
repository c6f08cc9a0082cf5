"""Clusters that are nothing like the lab, made of a few objects: what their API server answers to each request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clusterprobe.sources import all_sources
from clusterprobe.systems.custom_resources.kinds import BUILT_IN
from clusterprobe.systems.kubernetes.logs import MAX_BYTES
from clusterprobe.systems.pods.crashes import LINES
from tests.faults.recording import Exchange, Recording

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
HOURS_AGO = "2027-01-15T02:00:00Z"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
NODE = "node-1"

Object = dict[str, Any]


class Answers(dict[str, Exchange]):
    """Answers by request; of a list without objects, each choice of them by selectors is without any as well."""

    def get(self, key: str, default: Any = None) -> Any:
        if key in self or "?" not in key:
            return super().get(key, default)
        whole = super().get(key.partition("?")[0])
        return whole if whole is not None and whole.is_list and not whole.items else default


def pod(namespace: str, name: str, image: str, labels: dict[str, str] | None = None, args: Iterable[str] = (), port: int = 0) -> Object:
    """A pod that has been running and ready for hours."""
    container: Object = {"name": "main", "image": image, "args": list(args)}
    if port:
        container["ports"] = [{"containerPort": port, "name": "http"}]
    conditions = [{"type": one, "status": "True", "lastTransitionTime": HOURS_AGO} for one in ("Ready", "ContainersReady", "PodScheduled")]
    running = {"name": "main", "ready": True, "restartCount": 0, "image": image, "state": {"running": {"startedAt": HOURS_AGO}}}
    return {
        **named(name, namespace, labels),
        "spec": {"nodeName": NODE, "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": "10.1.0.9",
            "startTime": HOURS_AGO,
            "conditions": conditions,
            "containerStatuses": [running],
        },
    }


def crashing(namespace: str, name: str) -> Object:
    """A pod whose container ends with an error, again and again."""
    made = pod(namespace, name, "corp.example/shop/web:7")
    for one in made["status"]["conditions"][:2]:
        one["status"] = "False"
    ended = {"exitCode": 1, "reason": "Error", "startedAt": HOURS_AGO, "finishedAt": HOURS_AGO}
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
    made["status"]["containerStatuses"][0].update(ready=False, restartCount=9, state={"waiting": waiting}, lastState={"terminated": ended})
    return made


def unplaced(namespace: str, name: str, says: str, *, owner: str, host_port: int) -> Object:
    """A pod of a DaemonSet that its node does not take."""
    made = pod(namespace, name, "corp.example/agent:7")
    made["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": owner, "uid": owner, "controller": True}]
    made["spec"].pop("nodeName")
    made["spec"]["containers"][0]["ports"] = [{"containerPort": host_port, "hostPort": host_port}]
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": says, "lastTransitionTime": HOURS_AGO}
    made["status"] = {"phase": "Pending", "conditions": [said]}
    return made


def named(name: str, namespace: str = "", labels: dict[str, str] | None = None) -> Object:
    metadata = {"name": name, "uid": f"uid-{namespace}-{name}", "creationTimestamp": HOURS_AGO, "labels": labels or {}}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {})}}


def ready(namespace: str, name: str) -> Object:
    """An object of a custom resource that its controller is content with."""
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": HOURS_AGO, "observedGeneration": 1}
    return {**named(name, namespace), "status": {"observedGeneration": 1, "conditions": [condition]}}


@dataclass
class World:
    """Pods, and the objects of custom resources by `plural.group`, each with its kind. Namespaces and a node come by themselves.

    `last_words` are the lines of crashing pods, by `namespace/name`.
    """

    pods: list[Object]
    custom: dict[tuple[str, str], list[Object]] = field(default_factory=dict)
    last_words: dict[str, str] = field(default_factory=dict)

    def recording(self) -> Recording:
        """What the API server of this cluster answers; what is not known here is a 404."""
        made = Recording(NOW, Answers())
        _add(made, "GET /version", {"gitVersion": "v1.34.4"})
        _add(made, "POST /apis/authentication.k8s.io/v1/selfsubjectreviews", {"status": {"userInfo": {"username": "somebody"}}})
        _add(made, "GET /api/v1/namespaces/kube-system", named("kube-system"))
        for call in {call for one in all_sources().values() for call in one.calls if call.verb == "list" and call.group in BUILT_IN}:
            _list(made, call.group, call.resource, KINDS.get(call.resource, call.resource), [])
        everywhere = sorted({"default", "kube-system", *(one["metadata"]["namespace"] for one in self.pods)})
        _list(made, "", "namespaces", "Namespace", [named(one) for one in everywhere])
        _list(made, "", "nodes", "Node", [_node()])
        _list(made, "", "pods", "Pod", self.pods)
        for (resource, kind), objects in self.custom.items():
            plural, _, group = resource.partition(".")
            _list(made, group, plural, kind, objects)
        for place, line in self.last_words.items():
            namespace, _, name = place.partition("/")
            asked = f"container=main&limitBytes={MAX_BYTES}&previous=true&tailLines={LINES}&timestamps=true"
            body = f"2027-01-15T02:00:00.000000000Z {line}\n".encode()
            made.exchanges[f"GET /api/v1/namespaces/{namespace}/pods/{name}/log?{asked}"] = Exchange(200, "text/plain", body)
        made.exchanges["GET /apis"] = Exchange(200, DISCOVERY, json.dumps(self._discovery()).encode())
        return made

    def _discovery(self) -> Object:
        groups: dict[str, list[Object]] = {"apps": [_resource("deployments", "Deployment")]}
        for resource, kind in self.custom:
            plural, _, group = resource.partition(".")
            groups.setdefault(group, []).append(_resource(plural, kind))
        items = [
            {"metadata": {"name": name}, "versions": [{"version": "v1", "freshness": "Current", "resources": resources}]}
            for name, resources in groups.items()
        ]
        return {"kind": "APIGroupDiscoveryList", "items": items}


KINDS = {
    "configmaps": "ConfigMap",
    "cronjobs": "CronJob",
    "csidrivers": "CSIDriver",
    "daemonsets": "DaemonSet",
    "deployments": "Deployment",
    "endpointslices": "EndpointSlice",
    "events": "Event",
    "ingressclasses": "IngressClass",
    "ingresses": "Ingress",
    "jobs": "Job",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "persistentvolumes": "PersistentVolume",
    "replicasets": "ReplicaSet",
    "services": "Service",
    "statefulsets": "StatefulSet",
    "storageclasses": "StorageClass",
}


def _node() -> Object:
    return {**named(NODE), "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": HOURS_AGO}]}}


def _resource(plural: str, kind: str) -> Object:
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced", "verbs": ["list"]}


def _add(made: Recording, key: str, answer: Object) -> None:
    made.exchanges[key] = Exchange(200, "application/json", json.dumps(answer).encode())


def _list(made: Recording, group: str, plural: str, kind: str, objects: list[Object]) -> None:
    place = f"/apis/{group}/v1" if group else "/api/v1"
    _add(made, f"GET {place}/{plural}", {"kind": f"{kind}List", "apiVersion": "v1", "items": objects})
