"""Hosts that show the wrong certificate, as only a client sees it: the Ingress controller takes any Secret, or does without."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.platform import ingress
from lab.platform.effects import PATIENCE_SECONDS
from lab.platform.ingress import DOMAIN, Shown, host_of, put_certificate, secret_path
from lab.platform.manifests import Environment
from lab.stages import Stage

_OLD_NAMES = ("fastapi.old-platform.internal", "models.old-platform.internal")


def stage_missing(environment: Environment) -> None:
    """Somebody tidied up; Traefik says so in its log, and shows its default certificate."""
    api.delete(secret_path(environment))
    _wait(environment, "the default certificate", lambda one: "TRAEFIK DEFAULT CERT" in one.subject)


def stage_expired(environment: Environment) -> None:
    """Nobody renewed it."""
    put_certificate(environment, days_left=-3)
    _wait(environment, "an expired certificate", lambda one: one.ends < dt.datetime.now(dt.UTC))


def stage_expiring(environment: Environment) -> None:
    """The renewal fails, and there is still time to see it."""
    put_certificate(environment, days_left=3.1)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=4)
    _wait(environment, "a certificate that ends soon", lambda one: host_of(environment) in one.names and one.ends < soon)


def stage_wrong_names(environment: Environment) -> None:
    """The Secret was copied from the platform before this one. Without a match Traefik shows what it likes: here, the default."""
    put_certificate(environment, _OLD_NAMES)
    _wait(environment, "a certificate for other names", lambda one: host_of(environment) not in one.names)


def stage_wildcard(environment: Environment) -> None:
    put_certificate(environment, [f"*.{DOMAIN}"])
    _wait(environment, "the wildcard certificate", lambda one: f"*.{DOMAIN}" in one.names)


def clear_certificate(environment: Environment) -> None:
    """A new certificate for the host's own name, in the Secret that the Ingress names."""
    put_certificate(environment)
    host = host_of(environment)
    _wait(environment, "its own certificate", lambda one: host in one.names and one.ends > dt.datetime.now(dt.UTC))


def _wait(environment: Environment, what: str, is_so: Callable[[Shown], bool]) -> None:
    host = host_of(environment)
    wait_until(f"{host} to show {what}", lambda: is_so(ingress.shown(host)), PATIENCE_SECONDS)


def _stage(name: str, description: str, stage: Callable[[Environment], None]) -> Stage:
    return Stage(name, description, stage, clear_certificate, touches=("Secret fastapi-tls in {environment}",))


STAGES = (
    _stage("tls-secret-missing", "the Secret with the host's certificate is gone, and the default certificate shows", stage_missing),
    _stage("tls-expired", "the host's certificate ended three days ago", stage_expired),
    _stage("tls-expiring", "the host's certificate ends in three days", stage_expiring),
    _stage("tls-wrong-names", "the Secret holds a certificate for other hosts", stage_wrong_names),
    _stage("tls-wildcard", "a look-alike: a wildcard certificate, which covers the host", stage_wildcard),
)
