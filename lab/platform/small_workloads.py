"""Workloads of busybox that stages make: a script in a container, and no more than it needs."""

from __future__ import annotations

from lab import api

MEMORY = "32Mi"


def pod_spec(name: str, script: str) -> api.Object:
    """One container that runs a script as nobody."""
    container = {
        "name": name,
        "image": "lab/busybox:1",
        "command": ["/bin/sh", "-c", script],
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": MEMORY}},
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    security = {"runAsNonRoot": True, "runAsUser": 65534}
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": security,
        "containers": [container],
    }


def labels_of(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name}


def deployment(namespace: str, name: str, spec: api.Object, replicas: int = 1) -> api.Object:
    """A Deployment of such a pod, whose old pods end before new ones start."""
    labels = labels_of(name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def deployments_path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def pods_of(namespace: str, name: str) -> list[api.Object]:
    return api.items(f"/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io/name={name}")
