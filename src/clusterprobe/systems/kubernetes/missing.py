"""What a controller's message misses: an object that it names by kind and name, in a namespace of which there is no doubt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from clusterprobe.fixes import look, shell
from clusterprobe.model import Step
from clusterprobe.patterns import ours
from clusterprobe.references import Ref
from clusterprobe.words import listed

# By kind, what others name, as kubectl calls it; those without a namespace apart.
_IN_NAMESPACES = {
    "AnalysisTemplate": "analysistemplates.argoproj.io",
    "Bucket": "buckets.source.toolkit.fluxcd.io",
    "ConfigMap": "configmaps",
    "Deployment": "deployments.apps",
    "GitRepository": "gitrepositories.source.toolkit.fluxcd.io",
    "HelmChart": "helmcharts.source.toolkit.fluxcd.io",
    "HelmRepository": "helmrepositories.source.toolkit.fluxcd.io",
    "Issuer": "issuers.cert-manager.io",
    "OCIRepository": "ocirepositories.source.toolkit.fluxcd.io",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Secret": "secrets",
    "SecretStore": "secretstores.external-secrets.io",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "StatefulSet": "statefulsets.apps",
    "TriggerAuthentication": "triggerauthentications.keda.sh",
}
_OF_THE_CLUSTER = {
    "ClusterAnalysisTemplate": "clusteranalysistemplates.argoproj.io",
    "ClusterIssuer": "clusterissuers.cert-manager.io",
    "ClusterSecretStore": "clustersecretstores.external-secrets.io",
    "ClusterTriggerAuthentication": "clustertriggerauthentications.keda.sh",
    "GatewayClass": "gatewayclasses.gateway.networking.k8s.io",
    "IngressClass": "ingressclasses.networking.k8s.io",
    "PriorityClass": "priorityclasses.scheduling.k8s.io",
    "RuntimeClass": "runtimeclasses.node.k8s.io",
    "StorageClass": "storageclasses.storage.k8s.io",
}
_RESOURCES = _IN_NAMESPACES | _OF_THE_CLUSTER
# As the API server, a controller's cache and people write a kind: `secrets`, `Secret`, `issuer.cert-manager.io`.
_KINDS = {word.lower(): kind for kind, name in _RESOURCES.items() for word in (kind, name.partition(".")[0])}
_NAME, _PLACE = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_GONE = r"(?:not found|does not exist)\b"
_NAMED = ours(rf"""\b([A-Za-z]+)(?:\.([a-z0-9.-]+))?(?: "({_NAME})"| '({_NAME})'|/({_NAME})') {_GONE}""")
_PLACED = ours(rf"""\b([A-Za-z]+)(?:/| "| '| )({_PLACE})/({_NAME})["']? {_GONE}""")
_SAID_PLACE, _NAMESPACE = ours(rf"""(?i)\bnamespace:? (?:"({_PLACE})"|'({_PLACE})')"""), ours(r"(?i)\bnamespaces?\b")
_SLASHED = ours(rf"([A-Za-z0-9_.-]+)/({_NAME})")


class MissingObject(NamedTuple):
    """An object that is not there."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def ref(self) -> Ref:
        return Ref.to(self.kind, self.namespace, self.name)


def missing_in(message: str, namespace: str) -> list[MissingObject]:
    """What a message about an object in this namespace misses; nothing where its kind or its namespace is not certain."""
    placed = [(_KINDS.get(one[1].lower(), ""), one[2], one[3]) for one in _PLACED.finditer(message)]
    found = [MissingObject(*one) for one in placed if one[0] in _IN_NAMESPACES]
    for one in _NAMED.finditer(message):
        kind, group, name = _KINDS.get(one[1].lower(), ""), one[2] or "", one[3] or one[4] or one[5]
        if resource_of(kind, group):
            place = _place(message, namespace, name) if kind in _IN_NAMESPACES else ""
            found += [MissingObject(kind, place, name)] if place or kind in _OF_THE_CLUSTER else []
    return list(dict.fromkeys(found))


def resource_of(kind: str, group: str = "") -> str:
    """What kubectl calls a kind, of this group if one is given; empty where it is none of those that others name."""
    resource = _RESOURCES.get(kind, "")
    return resource if group in ("", resource.partition(".")[2]) else ""


def all_missing(messages: Iterable[tuple[str, str]]) -> list[MissingObject]:
    """What several messages miss, each with the namespace of what it is about."""
    return list(dict.fromkeys(one for message, namespace in messages for one in missing_in(message, namespace)))


def _place(message: str, own: str, name: str) -> str:
    """The namespace that the message says, else the object's own; empty where it may be another."""
    said = {one[1] or one[2] for one in _SAID_PLACE.finditer(message)}
    place = next(iter(said or {own}))
    elsewhere = {one[1] for one in _SLASHED.finditer(message) if one[2] == name and one[1].lower() not in _KINDS} - {place}
    return "" if elsewhere or len(said) > 1 or (_NAMESPACE.search(message) and not said) else place


def named(missing: Iterable[MissingObject]) -> str:
    """A sentence that names them; empty where there is none."""
    names = listed([str(one) for one in missing], 3)
    return f" It misses {names}." if names else ""


def look_for(missing: Iterable[MissingObject]) -> list[Step]:
    """How to see whether they are there."""
    commands = [
        shell("kubectl -n {} get {} {}", one.namespace, _RESOURCES[one.kind], one.name)
        if one.namespace
        else shell("kubectl get {} {}", _RESOURCES[one.kind], one.name)
        for one in list(missing)[:3]
    ]
    text = "See whether what is missing is there meanwhile. If it is not, repair what makes it, or the name in what asks for it."
    return [look(text, *commands)] if commands else []
