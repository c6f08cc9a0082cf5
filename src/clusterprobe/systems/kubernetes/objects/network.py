"""Ingresses, their classes, and the endpoints behind Services."""

from __future__ import annotations

import msgspec

from clusterprobe.systems.kubernetes.objects.meta import Annotations, Metadata, Object
from clusterprobe.systems.kubernetes.objects.storage import Present


class IngressAnnotations(Annotations, rename=None):
    """What an Ingress may ask of its controller beyond its spec, as far as it changes what an answer means."""

    legacy_class: str = msgspec.field(default="", name="kubernetes.io/ingress.class")
    default_ingress_class: str = msgspec.field(default="", name="ingressclass.kubernetes.io/is-default-class")
    canary: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/canary")
    nginx_passthrough: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/ssl-passthrough")
    haproxy_passthrough: str = msgspec.field(default="", name="haproxy.org/ssl-passthrough")
    haproxy_ingress_passthrough: str = msgspec.field(default="", name="haproxy-ingress.github.io/ssl-passthrough")
    cluster_issuer: str = msgspec.field(default="", name="cert-manager.io/cluster-issuer")
    issuer: str = msgspec.field(default="", name="cert-manager.io/issuer")
    rewrite_target: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/rewrite-target")
    app_root: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/app-root")
    use_regex: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/use-regex")
    permanent_redirect: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/permanent-redirect")
    temporal_redirect: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/temporal-redirect")
    backend_protocol: str = msgspec.field(default="", name="nginx.ingress.kubernetes.io/backend-protocol")
    middlewares: str = msgspec.field(default="", name="traefik.ingress.kubernetes.io/router.middlewares")
    entry_points: str = msgspec.field(default="", name="traefik.ingress.kubernetes.io/router.entrypoints")
    path_rewrite: str = msgspec.field(default="", name="haproxy.org/path-rewrite")

    @property
    def passes_through(self) -> bool:
        """Whether TLS ends in the backend, so that the certificate is not the one of spec.tls."""
        return "true" in (self.nginx_passthrough, self.haproxy_passthrough, self.haproxy_ingress_passthrough)

    @property
    def changes_requests(self) -> str:
        """The annotation by which the backend is asked for something else than the client asked for; empty if none."""
        for field in (
            "rewrite_target",
            "app_root",
            "use_regex",
            "permanent_redirect",
            "temporal_redirect",
            "backend_protocol",
            "middlewares",
            "path_rewrite",
        ):
            if getattr(self, field):
                return field.replace("_", "-")
        return ""


class IngressMetadata(Metadata):
    annotations_: IngressAnnotations | None = msgspec.field(default=None, name="annotations")

    @property
    def annotations(self) -> IngressAnnotations:
        return self.annotations_ or IngressAnnotations()


class BackendPort(Object):
    name: str = ""
    number: int = 0

    def __str__(self) -> str:
        return self.name or str(self.number)


class ServiceBackend(Object):
    name: str = ""
    port: BackendPort = msgspec.field(default_factory=BackendPort)


class Backend(Object):
    service: ServiceBackend | None = None
    resource: Present | None = None


class HttpPath(Object):
    backend: Backend
    path: str = ""
    path_type: str = ""


class HttpRule(Object):
    paths: list[HttpPath] | None = None


class IngressRule(Object):
    host: str = ""
    http: HttpRule | None = None


class IngressTls(Object):
    hosts: list[str] | None = None
    secret_name: str = ""


class IngressSpec(Object):
    ingress_class_name: str = ""
    default_backend: Backend | None = None
    tls: list[IngressTls] | None = None
    rules: list[IngressRule] | None = None


class BalancedAddress(Object):
    ip: str = ""
    hostname: str = ""

    def __str__(self) -> str:
        return self.ip or self.hostname


class LoadBalancer(Object):
    ingress: list[BalancedAddress] | None = None


class BalancedStatus(Object):
    """Where a load balancer listens: of an Ingress, and of a Service."""

    load_balancer: LoadBalancer = msgspec.field(default_factory=LoadBalancer)

    @property
    def addresses(self) -> list[str]:
        return [str(one) for one in self.load_balancer.ingress or [] if str(one)]


class Ingress(Object):
    metadata: IngressMetadata
    spec: IngressSpec = msgspec.field(default_factory=IngressSpec)
    status: BalancedStatus = msgspec.field(default_factory=BalancedStatus)

    @property
    def class_name(self) -> str:
        """The class that it asks for, in the field or in the annotation that came before it."""
        return self.spec.ingress_class_name or self.metadata.annotations.legacy_class

    @property
    def rule_hosts(self) -> list[str]:
        return list(dict.fromkeys(one.host for one in self.spec.rules or [] if one.host))

    def hosts_of(self, tls: IngressTls) -> list[str]:
        """The hosts of one entry under spec.tls; without any, it is for those of the rules."""
        return list(dict.fromkeys(tls.hosts or [])) or self.rule_hosts


class IngressClassSpec(Object):
    controller: str = ""


class IngressClass(Object):
    metadata: IngressMetadata
    spec: IngressClassSpec = msgspec.field(default_factory=IngressClassSpec)

    @property
    def is_default(self) -> bool:
        return self.metadata.annotations.default_ingress_class == "true"


class EndpointConditions(Object):
    ready: bool | None = None


class EndpointTarget(Object):
    kind: str = ""
    name: str = ""


class SliceEndpoint(Object):
    conditions: EndpointConditions = msgspec.field(default_factory=EndpointConditions)
    target_ref: EndpointTarget | None = None

    @property
    def ready(self) -> bool:
        """As the API says: unknown is to be taken for ready."""
        return self.conditions.ready is not False


class SlicePort(Object):
    name: str = ""
    port: int | None = None


class EndpointSlice(Object):
    metadata: Metadata
    endpoints_: list[SliceEndpoint] | None = msgspec.field(default=None, name="endpoints")
    ports_: list[SlicePort] | None = msgspec.field(default=None, name="ports")

    @property
    def service(self) -> str:
        return self.metadata.labels.get("kubernetes.io/service-name", "")

    @property
    def endpoints(self) -> list[SliceEndpoint]:
        return self.endpoints_ or []

    @property
    def port_names(self) -> set[str]:
        return {one.name for one in self.ports_ or []}
