"""External Secrets with a store of its provider `fake`: what a vault would hold stands in the store's own object."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.build.images import published
from lab.build.modules import Module
from lab.command import wait_until
from lab.platform.system import System
from lab.platform.workloads import condition

_VERSION = "v0.16.2"  # later ones consist of modules that the proxy does not have
_PATH = "github.com/external-secrets/external-secrets"
# Of its providers only that one, and no generators: the others need the clients of each vault and cloud.
_MODULE = Module(
    _PATH,
    _VERSION,
    {"external-secrets": ""},
    definitions="config/crds/bases",
    without={
        _PATH: {
            "pkg/provider/register/register.go": f'package register\n\nimport _ "{_PATH}/pkg/provider/fake"\n',
            "pkg/generator/register/register.go": "package register\n",
        }
    },
)
EXTERNAL_SECRET = "/apis/external-secrets.io/v1/namespaces/billing/externalsecrets/database"
_SECRET = "/api/v1/namespaces/billing/secrets/database"  # which is made of it
_OWN = "/api/v1/namespaces/external-secrets"


def _give_webhook_its_certificate() -> None:
    """Its pod begins before there is one, and the kubelet would bring it up to two minutes later."""
    path = f"{_OWN}/secrets/external-secrets-webhook"
    wait_until("the certificate of External Secrets' webhook", lambda: "tls.crt" in api.get(path)["data"], 90)
    for pod in api.items(f"{_OWN}/pods?labelSelector=app.kubernetes.io/name=external-secrets-webhook"):
        api.delete(f"{_OWN}/pods/{pod['metadata']['name']}", grace_seconds=1)


def _problems() -> Iterator[str]:
    if condition(api.find(EXTERNAL_SECRET), "Ready") != "True":
        yield "the database's ExternalSecret is not ready"
    if api.find(_SECRET) is None:
        yield "the database's Secret is not made"


SYSTEM = System(
    name="external-secrets",
    modules=(_MODULE,),
    images=(published(f"oci.external-secrets.io/external-secrets/external-secrets:{_VERSION}", _MODULE, "/bin/external-secrets"),),
    manifests=("external-secrets",),
    objects=("external-secrets-objects",),
    finish=_give_webhook_its_certificate,
    problems=_problems,
)
