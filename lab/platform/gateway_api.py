"""The Gateway API: the lab's Traefik takes its routes, too, for as long; a shop with a host of its own, and a warehouse behind it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

from lab import api
from lab.build.modules import Module
from lab.platform import ingress, serving
from lab.platform.effects import wait_for_rollout
from lab.platform.manifests import document, render
from lab.platform.system import System

HOST = f"shop.{ingress.DOMAIN}"
# Only the definitions, of the version that Traefik is built with; these are the kinds that it watches.
_MODULE = Module("sigs.k8s.io/gateway-api", "v1.6.1", {}, definitions="config/crd/standard")
_KINDS = ("backendtlspolicies", "gatewayclasses", "gateways", "grpcroutes", "httproutes", "referencegrants", "tlsroutes")
_GROUP = "gateway.networking.k8s.io"
# What its chart adds with `providers.kubernetesGateway.enabled`.
_ARGUMENTS = (
    "--providers.kubernetesgateway",
    "--providers.kubernetesgateway.statusaddress.service.name=traefik",
    "--providers.kubernetesgateway.statusaddress.service.namespace=traefik",
)
_RULES = (
    {"apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [_GROUP], "resources": list(_KINDS), "verbs": ["get", "list", "watch"]},
    {"apiGroups": [_GROUP], "resources": [f"{kind}/status" for kind in _KINDS], "verbs": ["update"]},
)
_DEPLOYMENT = "/apis/apps/v1/namespaces/traefik/deployments/traefik"


def put_certificate(days_left: float = 60) -> None:
    """The shop's Secret, with a new certificate for its host."""
    ingress.put_secret("storefront", "storefront-tls", [HOST], days_left)


def _let_traefik_take_routes() -> None:
    role, deployment = (document("traefik", *each) for each in (("ClusterRole", "traefik-traefik"), ("Deployment", "traefik")))
    role["rules"].extend(_RULES)
    deployment["spec"]["template"]["spec"]["containers"][0]["args"].extend(_ARGUMENTS)
    api.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": [role, deployment]}))


def _put_traefik_back() -> None:
    api.apply(render("traefik"))
    ingress.balance_load()
    wait_for_rollout(_DEPLOYMENT)


def _problems() -> Iterator[str]:
    found = ingress.shown(HOST)
    if HOST not in found.names:
        yield f"{HOST} shows the certificate of {found.subject}"
    for path in ("/health", "/metrics"):
        if (answered := ingress.status(HOST, path)) != http.client.OK:
            yield f"{HOST}{path} answers {answered}"


SYSTEM = System(
    name="gateway-api",
    modules=(_MODULE,),
    definitions=tuple(f"{_GROUP}_{kind}.yaml" for kind in _KINDS),
    images=serving.SYSTEM.images,
    manifests=("gateway-api",),
    prepare=_let_traefik_take_routes,
    finish=put_certificate,
    end=_put_traefik_back,
    problems=_problems,
)
