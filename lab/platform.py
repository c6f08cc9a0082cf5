"""Installs the healthy platform on the bare cluster."""

from __future__ import annotations

from lab import api
from lab.argocd import install_argocd
from lab.definitions import definitions_of, install_definitions
from lab.images import bring_image, python_recipes, recipes
from lab.ingress import balance_load, put_certificate
from lab.manifests import BASE, ENVIRONMENTS, PER_ENVIRONMENT, SHARED, render
from lab.programs import PROMETHEUS_OPERATOR, SEALED_SECRETS
from lab.sealing import install_sealed_secrets
from lab.storage import create_volume, healthy_volumes

_WITH_DEFINITIONS = (PROMETHEUS_OPERATOR, SEALED_SECRETS)


def install_platform() -> None:
    """Hand everything to the API server; the cluster then starts it in whatever order works."""
    api.apply(_together([render("namespaces"), *(render(name) for name in BASE)]))
    for volume in healthy_volumes():
        create_volume(volume)
    install_definitions(*(file for module in _WITH_DEFINITIONS for file in definitions_of(module)))
    install_sealed_secrets()
    per_environment = [render(name, environment) for environment in ENVIRONMENTS for name in PER_ENVIRONMENT]
    api.apply(_together([*(render(name) for name in SHARED), *per_environment]))
    show_certificates()
    install_argocd()


def install_ingress() -> None:
    """The Ingress controller and the hosts alone, in a lab that is up."""
    for recipe in recipes():
        if "traefik" in recipe.image.name:
            bring_image(recipe)
    hosts = [render("ingress", environment) for environment in ENVIRONMENTS]
    api.apply(_together([render("namespaces"), render("traefik"), *hosts]))
    show_certificates()


def show_certificates() -> None:
    """The Secrets of the hosts, and the load balancer that leads to them."""
    balance_load()
    for environment in ENVIRONMENTS:
        put_certificate(environment)


def install_serving() -> None:
    """The models' services alone, in a lab that is up: what follows a change of theirs."""
    for recipe in python_recipes():
        bring_image(recipe)
    api.apply(_together([render(name, environment) for environment in ENVIRONMENTS for name in ("monitors", "fastapi")]))


def install_pipeline() -> None:
    """Airflow and MLflow alone, in a lab that is up."""
    for recipe in python_recipes():
        bring_image(recipe)
    api.apply(_together([render(name) for name in ("namespaces", "mlflow", "airflow")]))


def _together(manifests: list[str]) -> str:
    return "\n---\n".join(manifests)
