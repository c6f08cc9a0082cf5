"""cert-manager: a self-signed issuer makes an authority of the cluster's own, and that one the certificate of a shop."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.build.images import published
from lab.build.modules import MAINS, Module
from lab.platform.system import System
from lab.platform.workloads import condition

_VERSION = "v1.21.2"
_PATH = "github.com/cert-manager/cert-manager"
_PROGRAMS = ("controller", "webhook", "cainjector")
# Each command is a module of its own there, which the proxy does not have: these are ours, and lie where theirs do.
_MODULE = Module(
    _PATH,
    _VERSION,
    {name: f"cmd/{name}" for name in _PROGRAMS},
    {f"{_PATH}/pkg/util.AppVersion": _VERSION},
    definitions="deploy/crds",
    without={_PATH: {f"cmd/{name}/main.go": (MAINS / f"cert-manager-{name}.go").read_text() for name in _PROGRAMS}},
)
CERTIFICATE = "/apis/cert-manager.io/v1/namespaces/checkout/certificates/checkout"
ISSUER = "internal-ca"  # which issues it


def _problems() -> Iterator[str]:
    if condition(api.find(CERTIFICATE), "Ready") != "True":
        yield "the shop's certificate is not issued"


SYSTEM = System(
    name="cert-manager",
    modules=(_MODULE,),
    images=tuple(published(f"quay.io/jetstack/cert-manager-{name}:{_VERSION}", _MODULE, f"/app/cmd/{name}/{name}") for name in _PROGRAMS),
    manifests=("cert-manager",),
    objects=("certificates",),
    problems=_problems,
)
