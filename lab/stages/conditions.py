"""What a controller could not do, as its objects say; each controller is there for as long as its stage lasts."""

from __future__ import annotations

import json
from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.platform import cert_manager, external_secrets, flux, variants
from lab.platform.effects import PATIENCE_SECONDS
from lab.platform.manifests import Environment, document
from lab.platform.system import System
from lab.platform.workloads import condition
from lab.stages import Stage


def stage_certificate(_: Environment) -> None:
    """As in life: the issuer was renamed, and this Certificate was not."""
    variants.begin(cert_manager.SYSTEM)
    api.patch(cert_manager.CERTIFICATE, {"spec": {"issuerRef": {"name": "internal-ca-2025"}}})
    _wait_until_not_ready(cert_manager.CERTIFICATE)


def stage_external_secret(_: Environment) -> None:
    """As in life: who keeps the vault renamed a key."""
    variants.begin(external_secrets.SYSTEM)
    store = document("external-secrets-objects", "ClusterSecretStore", "vault")
    for each in store["spec"]["provider"]["fake"]["data"]:
        each["key"] = each["key"].replace("password", "passphrase")
    api.apply(json.dumps(store))
    _wait_until_not_ready(external_secrets.EXTERNAL_SECRET)


def stage_kustomization(_: Environment) -> None:
    """As in life: a folder was moved in Git, and the Kustomization still names the old one."""
    variants.begin(flux.SYSTEM)
    flux.move_folder()
    _wait_until_not_ready(flux.KUSTOMIZATION)


def stage_git_repository(_: Environment) -> None:
    """As in life: the branch was deleted once it was merged."""
    variants.begin(flux.SYSTEM)
    api.patch(flux.GIT_REPOSITORY, {"spec": {"ref": {"branch": "release-1.4"}}})
    _wait_until_not_ready(flux.GIT_REPOSITORY)


def _wait_until_not_ready(path: str) -> None:
    wait_until(f"{path} to say that it is not ready", lambda: condition(api.find(path), "Ready") == "False", PATIENCE_SECONDS)


def _stage(name: str, description: str, stage: Callable[[Environment], None], system: System) -> Stage:
    return Stage(name, description, stage, lambda _: system.remove(), touches=(system.name,), per_environment=False)


STAGES = (
    _stage("certificate-without-issuer", "a Certificate names an issuer that does not exist", stage_certificate, cert_manager.SYSTEM),
    _stage(
        "external-secret-without-key", "an ExternalSecret names a key that the vault lacks", stage_external_secret, external_secrets.SYSTEM
    ),
    _stage("kustomization-without-path", "Flux' Kustomization names a folder that is not in Git", stage_kustomization, flux.SYSTEM),
    _stage("git-repository-without-branch", "Flux' GitRepository names a branch that is not there", stage_git_repository, flux.SYSTEM),
)
