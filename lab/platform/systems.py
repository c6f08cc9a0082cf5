"""The systems of the lab: those of the healthy platform, and those that run for as long as a stage or a test lasts."""

from __future__ import annotations

from lab import api
from lab.build import product_image
from lab.build.images import AnyRecipe, own_images
from lab.build.modules import MODULES, Module
from lab.platform import (
    airflow,
    alertmanager,
    alloy,
    argocd,
    cert_manager,
    coredns,
    external_secrets,
    flux,
    gateway_api,
    grafana,
    hub,
    ingress,
    kube_state_metrics,
    loki,
    loki_scalable,
    mlflow,
    open_reports,
    plain_prometheus,
    prometheus,
    prometheus_agent,
    prometheus_operator,
    rollouts,
    sealing,
    serving,
    sharded_prometheus,
    slack,
    storage,
    victoria_metrics,
)
from lab.platform.manifests import render

# In the order in which they are installed: what others need comes first, then what takes long to start. Their problems are told
# in this order, too.
SYSTEMS = (
    coredns.SYSTEM,
    storage.SYSTEM,
    slack.SYSTEM,
    mlflow.SYSTEM,
    airflow.SYSTEM,
    prometheus_operator.SYSTEM,
    sealing.SYSTEM,
    loki.SYSTEM,
    ingress.SYSTEM,
    prometheus.SYSTEM,
    alertmanager.SYSTEM,
    kube_state_metrics.SYSTEM,
    serving.SYSTEM,
    grafana.SYSTEM,
    argocd.SYSTEM,
)
# Built with the others, and installed by `variants` only.
VARIANTS = (rollouts.SYSTEM,)
# Other ways to run a platform, begun by hand to see what Clusterprobe says of them, and built only then.
OTHERS = (
    plain_prometheus.SYSTEM,
    victoria_metrics.SYSTEM,
    alloy.SYSTEM,
    prometheus_agent.SYSTEM,
    loki_scalable.SYSTEM,
    sharded_prometheus.SYSTEM,
    gateway_api.SYSTEM,
    open_reports.SYSTEM,
    cert_manager.SYSTEM,
    external_secrets.SYSTEM,
    flux.SYSTEM,
    hub.SYSTEM,
)


def all_modules() -> list[Module]:
    """What is built, in this order: what the cluster itself needs first."""
    return [*MODULES, *(module for system in (*SYSTEMS, *VARIANTS) for module in system.modules)]


def platform_images() -> list[AnyRecipe]:
    """The images that the nodes of the healthy platform have."""
    return [*own_images(), product_image.recipe(), *(image for system in SYSTEMS for image in system.images)]


def all_images() -> list[AnyRecipe]:
    """The images that are packed."""
    return [*platform_images(), *(image for system in VARIANTS for image in system.images)]


def install_platform() -> None:
    """Hand everything to the API server; the cluster then starts it in whatever order works."""
    api.apply(render("namespaces"))
    for system in SYSTEMS:
        system.install()
