"""SealedSecrets: the objects, the controller's pods and its newest certificate. Encrypted values are kept as digests only."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from clusterprobe.access.cluster import Cluster, Endpoint, Resource
from clusterprobe.access.servers import Server, read_each
from clusterprobe.decoding import from_tree
from clusterprobe.errors import BadResponse
from clusterprobe.known_systems import SEALED_SECRETS as CONTROLLER
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.inventory.recognition import SystemPod, of_system
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import Annotations, Condition, ManagedMetadata, Metadata, Namespace, Object
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.systems.kubernetes.workloads import workload_of

SEALED_SECRETS = Resource("v1alpha1", "sealedsecrets", "SealedSecret", "bitnami.com")

Scope = Literal["strict", "namespace-wide", "cluster-wide"]


class Sealed(Object):
    """One encrypted value: its key, and a digest by which the same one is recognised elsewhere."""

    key: str
    digest: str


class Template(Object):
    """Where and how it was sealed: kubeseal writes here what it was told, and the controller overwrites the place unseen.

    `type` is that of the Secret to be made; empty where it is the usual one, or was not read.
    """

    namespace: str = ""
    name: str = ""
    annotations: Annotations = msgspec.field(default_factory=Annotations)
    type: str = ""


class SealedStatus(Object):
    observed_generation: int = 0
    conditions: list[Condition] | None = None


class SealedSecret(Object):
    """`changed_at` is when its spec was written last, as far as the API server has kept it; RFC 3339."""

    metadata: Metadata
    sealed: list[Sealed] = []
    template: Template = msgspec.field(default_factory=Template)
    status: SealedStatus | None = None
    changed_at: str = ""

    @property
    def place(self) -> tuple[str, str]:
        return self.metadata.namespace, self.metadata.name

    @property
    def scope(self) -> Scope:
        """As the controller takes it: from its own annotations, not from the template's."""
        return scope_of(self.metadata.annotations)

    @property
    def synced(self) -> Condition | None:
        """What the controller says of its newest generation."""
        status = self.status
        if status is None or status.observed_generation != self.metadata.generation:
            return None
        return next((one for one in status.conditions or [] if one.type == "Synced"), None)

    @property
    def opens(self) -> bool:
        return self.synced is not None and self.synced.status == "True"


def scope_of(annotations: Annotations) -> Scope:
    if annotations.sealed_cluster_wide == "true":
        return "cluster-wide"
    return "namespace-wide" if annotations.sealed_namespace_wide == "true" else "strict"


# --- as the API server has them ---------------------------------------------------------------------------------------


class _TemplateMetadata(Object):
    namespace: str = ""
    name: str = ""
    annotations: Annotations | None = None


class _Template(Object):
    metadata: _TemplateMetadata | None = None
    type: str | None = None


class _Spec(Object):
    template: _Template | None = None
    encrypted_data: dict[str, Any] | None = None  # the API server lets anything pass here
    data: str | None = None


class _SealedSecret(Object):
    metadata: ManagedMetadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: SealedStatus | None = None


@source(Call("list", "sealedsecrets", "bitnami.com"))
def sealed_secrets(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[SealedSecret]:
    """Every SealedSecret with its status; of what is encrypted only digests are kept."""
    return list_custom(cluster, served, namespaces, SEALED_SECRETS, _SealedSecret).map(lambda _, one: _reduced(one))


def _reduced(one: _SealedSecret) -> SealedSecret:
    given = one.spec.template or _Template()
    template = given.metadata or _TemplateMetadata()
    values = {**({"": one.spec.data} if one.spec.data else {}), **(one.spec.encrypted_data or {})}
    written = [each.time for each in one.metadata.managed if each.time and not each.subresource]
    return SealedSecret(
        metadata=from_tree(msgspec.to_builtins(one.metadata), Metadata),
        sealed=[Sealed(key, hashlib.sha256(str(value).encode()).hexdigest()[:16]) for key, value in sorted(values.items())],
        template=Template(template.namespace, template.name, template.annotations or Annotations(), given.type or ""),
        status=one.status,
        changed_at=max(written, default=""),
    )


# --- the controller ---------------------------------------------------------------------------------------------------


@source()
def sealed_secrets_controllers(system_pods: Readings[SystemPod]) -> Readings[Server]:
    """The pods that unseal; ready ones only can be asked."""
    controllers = of_system(system_pods, CONTROLLER)
    found: Collector[Server] = Collector(unreadable=list(controllers.unreadable))
    for subject, one in controllers:
        pod = one.pod
        if pod.running and pod.ready:
            server = Server(
                system="sealed-secrets",
                namespace=subject.namespace,
                name=workload_of(pod).name,
                pod=subject.name,
                ip=pod.status.pod_ip,
                port=CONTROLLER.port,
            )
            found.add(PODS.subject(subject.namespace, subject.name, owner=f"Deployment/{server.name}"), server)
    return found.readings("no pod looks like the SealedSecrets controller")


class SealingCertificate(msgspec.Struct, frozen=True):
    """The newest key's certificate, which kubeseal seals with: since when it is valid (RFC 3339), which is when it was made."""

    not_before: str


@source(proxied("pods"))
def sealing_certificates(
    cluster: Cluster, sealed_secrets: Readings[SealedSecret], sealed_secrets_controllers: Readings[Server], profile: Profile
) -> Readings[SealingCertificate]:
    """The public certificate that each controller hands out to whoever asks; not asked for where everything opens."""
    if sealed_secrets.complete and all(one.opens for one in sealed_secrets.items):
        return Readings(absent="every SealedSecret opens")

    return read_each(cluster, profile, sealed_secrets_controllers, lambda endpoint, _: certificate_of(endpoint))


def certificate_of(endpoint: Endpoint) -> SealingCertificate:
    """What a controller hands out. Raises a `BadResponse` for anything but a certificate."""
    from cryptography import x509

    body = endpoint.get("/v1/cert.pem").body
    try:
        certificate = x509.load_pem_x509_certificate(body)
    except ValueError:
        raise BadResponse(f"GET {endpoint.url}/v1/cert.pem: the answer is not a certificate") from None
    return SealingCertificate(certificate.not_valid_before_utc.isoformat())
