"""Kubeconfigs for those who may not see everything: a ServiceAccount that may read one namespace."""

from __future__ import annotations

from lab import api
from lab.cluster.certificates import kubeconfig_text

_READ = ["get", "list", "watch"]
_NAME = "namespace-reader"
_RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods", "services", "endpoints", "configmaps", "persistentvolumeclaims", "events"],
        "verbs": _READ,
    },
    {"apiGroups": [""], "resources": ["pods/log", "pods/proxy", "services/proxy"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets", "replicasets"], "verbs": _READ},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": _READ},
    {"apiGroups": ["monitoring.coreos.com"], "resources": ["*"], "verbs": _READ},
]
_HOURS = 24


def namespace_kubeconfig(namespace: str) -> str:
    """A kubeconfig that reads this namespace and nothing else: nothing of other namespaces or of the whole cluster."""
    api.get(f"/api/v1/namespaces/{namespace}")
    metadata = {"name": _NAME, "namespace": namespace}
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    _create(account, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    group = "rbac.authorization.k8s.io"
    _create(f"{roles}/roles", {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": _RULES})
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": _NAME},
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }
    _create(f"{roles}/rolebindings", binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": _HOURS * 3600}}
    token = api.create(f"{account}/{_NAME}/token", request)["status"]["token"]
    return kubeconfig_text(_NAME, {"token": token}, "127.0.0.1", namespace)


def _create(collection: str, body: api.Object) -> None:
    if api.find(f"{collection}/{_NAME}") is None:
        api.create(collection, body)
