"""CoreDNS, by which pods find Services."""

from __future__ import annotations

from lab.build.images import published
from lab.build.modules import OURS, Module
from lab.platform.system import System

_MODULE = Module("github.com/coredns/coredns", "v1.15.0", {"coredns": OURS})
SYSTEM = System(
    name="coredns",
    modules=(_MODULE,),
    images=(published("registry.k8s.io/coredns/coredns:v1.15.0", _MODULE, "/coredns"),),
    manifests=("coredns",),
)
