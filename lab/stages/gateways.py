"""What listeners of a Gateway show, and routes that lead nowhere; the Gateway API is there for as long as a stage lasts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.platform import gateway_api, ingress, variants
from lab.platform.effects import PATIENCE_SECONDS
from lab.platform.ingress import Shown
from lab.platform.manifests import Environment
from lab.stages import Stage

_GROUP = "/apis/gateway.networking.k8s.io/v1"
_ROUTE = f"{_GROUP}/namespaces/storefront/httproutes/shop"
_GRANT = "/apis/gateway.networking.k8s.io/v1beta1/namespaces/storefront/referencegrants/certificate"


def stage_expired(_: Environment) -> None:
    """Nobody renewed it."""
    variants.begin(gateway_api.SYSTEM)
    gateway_api.put_certificate(days_left=-3)
    _wait("an expired certificate", lambda one: one.ends < dt.datetime.now(dt.UTC))


def stage_not_granted(_: Environment) -> None:
    """As in life: the Secret is in the application's namespace, and the ReferenceGrant was left behind in another repository."""
    variants.begin(gateway_api.SYSTEM)
    api.delete(_GRANT)
    _wait("the default certificate", lambda one: gateway_api.HOST not in one.names)


def stage_no_backend(_: Environment) -> None:
    """As in life: the Service was renamed, and the route was not."""
    variants.begin(gateway_api.SYSTEM)
    api.patch(_ROUTE, [{"op": "replace", "path": "/spec/rules/1/backendRefs/0/name", "value": "shop-old"}], api.JSON_PATCH)
    wait_until("the route to say so", _lacks_backend, PATIENCE_SECONDS)


def clear_gateways(_: Environment) -> None:
    gateway_api.SYSTEM.remove()


def _wait(what: str, is_so: Callable[[Shown], bool]) -> None:
    wait_until(f"{gateway_api.HOST} to show {what}", lambda: is_so(ingress.shown(gateway_api.HOST)), PATIENCE_SECONDS)


def _lacks_backend() -> bool:
    parents = api.get(_ROUTE)["status"]["parents"]
    conditions = [one for parent in parents for one in parent["conditions"]]
    return any(one["type"] == "ResolvedRefs" and one["status"] == "False" for one in conditions)


def _stage(name: str, description: str, stage: Callable[[Environment], None]) -> Stage:
    return Stage(name, description, stage, clear_gateways, touches=("Traefik",), per_environment=False)


STAGES = (
    _stage("gateway-expired", "the certificate of a Gateway's listener ended three days ago", stage_expired),
    _stage("gateway-not-granted", "no ReferenceGrant lets a Gateway use the Secret that its listener names", stage_not_granted),
    _stage("gateway-without-backend", "an HTTPRoute names a Service that does not exist", stage_no_backend),
)
