"""Classes of which two are the default one: of Ingresses, whose creation is refused then, and of PVCs, where the newest wins."""

from __future__ import annotations

import json

from lab import api
from lab.platform.manifests import Environment, document
from lab.stages import Stage
from lab.stages.prometheus_storage import LOCAL_CLASS

_INGRESS, _STORAGE = "traefik-internal", "fast"
_INGRESS_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
_STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def stage_ingress(_: Environment) -> None:
    """As in life: a second release of the chart, for hosts that only the own network reaches; its class is a default one as well."""
    found = document("traefik", "IngressClass", "traefik")
    api.create(_INGRESS_CLASSES, found | {"metadata": {**found["metadata"], "name": _INGRESS}})


def clear_ingress(_: Environment) -> None:
    api.delete(f"{_INGRESS_CLASSES}/{_INGRESS}")
    api.apply(json.dumps(document("traefik", "IngressClass", "traefik")))


def stage_storage(_: Environment) -> None:
    """As in life: a class for faster disks comes with a chart whose values mark it."""
    found = document("storage", "StorageClass", LOCAL_CLASS)
    api.create(_STORAGE_CLASSES, found | {"metadata": {**found["metadata"], "name": _STORAGE}})


def clear_storage(_: Environment) -> None:
    api.delete(f"{_STORAGE_CLASSES}/{_STORAGE}")
    api.apply(json.dumps(document("storage", "StorageClass", LOCAL_CLASS)))


STAGES = (
    Stage(
        "two-default-ingress-classes",
        "a second IngressClass is marked as the default one",
        stage_ingress,
        clear_ingress,
        touches=("IngressClasses",),
        per_environment=False,
    ),
    Stage(
        "two-default-storage-classes",
        "a second StorageClass is marked as the default one",
        stage_storage,
        clear_storage,
        touches=("the class local-path",),
        per_environment=False,
    ),
)
