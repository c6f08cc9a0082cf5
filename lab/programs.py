"""Which programs the lab runs, and the Go modules that they are built from.

No image registry is needed: everything comes out of the module proxy. Adding a program is one entry here. The programs
are built in this order, so what the cluster itself needs comes first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAINS = Path(__file__).parent / "mains"
OURS = "ours"  # in place of a package: the program's main is lab/mains/NAME.go, with the parts of it that the lab runs

_COMMON_VERSION = "github.com/prometheus/common/version.Version"


@dataclass(frozen=True)
class Module:
    """A Go module at one version, the programs to build of it, and what else to take out of it."""

    path: str
    version: str
    programs: Mapping[str, str]  # the program's file name: its package, relative to the module's root, or OURS
    stamps: Mapping[str, str] = field(default_factory=dict)  # Go variables that carry the version, set when linking
    definitions: str = ""  # the folder of its custom resource definitions
    without: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # it, or one that it needs: file: what to put in its place

    @property
    def key(self) -> str:
        """Names the module, its version, and by a digest what is ours in it, so that an edit is built anew."""
        changed = [text for files in self.without.values() for text in files.values()] + [main.read_text() for main in self.mains.values()]
        digest = f"+{hashlib.sha256(''.join(changed).encode()).hexdigest()[:8]}" if changed else ""
        return f"{self.path.replace('/', '_')}@{self.version}{digest}"

    @property
    def mains(self) -> dict[str, Path]:
        """The sources of the programs whose main is ours."""
        return {program: MAINS / f"{program}.go" for program, package in self.programs.items() if package == OURS}

    def package(self, program: str) -> str:
        """What `go build` is to build, in the workspace that lab/build.py writes."""
        return f"./mains/{program}" if program in self.mains else f"{self.path}/{self.programs[program]}".rstrip("/")


KUBERNETES = Module(
    "k8s.io/kubernetes",
    "v1.34.4",
    {name: f"cmd/{name}" for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")},
    {
        "k8s.io/component-base/version.gitVersion": "v1.34.4",
        "k8s.io/component-base/version.gitMajor": "1",
        "k8s.io/component-base/version.gitMinor": "34",
    },
)
ETCD = Module("go.etcd.io/etcd/server/v3", "v3.6.4", {"etcd": ""})
PROMETHEUS_OPERATOR = Module(
    "github.com/prometheus-operator/prometheus-operator",
    "v0.85.0",
    {"operator": "cmd/operator", "prometheus-config-reloader": "cmd/prometheus-config-reloader"},
    {_COMMON_VERSION: "0.85.0"},
    definitions="example/prometheus-operator-crd",
)
# The clients of all clouds that targets could be discovered in are left out: the Operator uses that of Kubernetes only.
_ONLY_KUBERNETES = """package plugins

import _ "github.com/prometheus/prometheus/discovery/kubernetes"
"""
PROMETHEUS = Module(
    "github.com/prometheus/prometheus",
    "v0.304.2",
    {"prometheus": "cmd/prometheus"},
    {_COMMON_VERSION: "3.4.2"},
    without={"github.com/prometheus/prometheus": {"plugins/plugins.go": _ONLY_KUBERNETES}},
)
ALERTMANAGER = Module(
    "github.com/prometheus/alertmanager",
    "v0.28.1",
    {"alertmanager": "cmd/alertmanager", "amtool": "cmd/amtool"},
    {_COMMON_VERSION: "0.28.1"},
)
KUBE_STATE_METRICS = Module(
    "k8s.io/kube-state-metrics/v2",
    "v2.15.0",
    {"kube-state-metrics": ""},
    {_COMMON_VERSION: "v2.15.0"},
)
LOKI = Module(
    "github.com/grafana/loki/v3",
    "v3.5.0",
    {"loki": "cmd/loki", "promtail": "clients/cmd/promtail"},
    {"github.com/grafana/loki/v3/pkg/util/build.Version": "3.5.0"},
)
COREDNS = Module("github.com/coredns/coredns", "v1.12.1", {"coredns": OURS})
LOCAL_PATH_PROVISIONER = Module(
    "github.com/rancher/local-path-provisioner",
    "v0.0.30",
    {"local-path-provisioner": ""},
    {"main.VERSION": "v0.0.30"},
)
SEALED_SECRETS = Module(
    "github.com/bitnami-labs/sealed-secrets",
    "v0.27.1",
    {"controller": "cmd/controller", "kubeseal": "cmd/kubeseal"},
    {"main.VERSION": "v0.27.1"},
    definitions="helm/sealed-secrets/crds",
)
# Of its dependencies 900 of 2,500 packages are the clients of DNS services, for certificates by DNS challenge: half of the build.
_NO_DNS_SERVICES = """package dns

import (
\t"fmt"

\t"github.com/go-acme/lego/v4/challenge"
)

func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
\treturn nil, fmt.Errorf("%s: built without DNS services", name)
}
"""
TRAEFIK = Module(
    "github.com/traefik/traefik/v3",
    "v3.4.1",
    {"traefik": "cmd/traefik"},
    {"github.com/traefik/traefik/v3/pkg/version.Version": "3.4.1"},
    without={"github.com/go-acme/lego/v4": {"providers/dns/zz_gen_dns_providers.go": _NO_DNS_SERVICES}},
)
ARGO_CD = Module(
    "github.com/argoproj/argo-cd/v3",
    "v3.0.12",
    {"argocd": OURS},
    {"github.com/argoproj/argo-cd/v3/common.version": "3.0.12"},
    definitions="manifests/crds",
)

ARGO_ROLLOUTS = Module(
    "github.com/argoproj/argo-rollouts",
    "v1.8.3",
    {"rollouts-controller": "cmd/rollouts-controller"},
    {"github.com/argoproj/argo-rollouts/utils/version.version": "1.8.3"},
    definitions="manifests/crds",
)
HELM = Module(
    "helm.sh/helm/v3",
    "v3.18.6",
    {"helm": "cmd/helm"},
    # Without these it takes every cluster for Kubernetes 1.20.
    {
        f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}": value
        for package in ("chartutil", "lint/rules")
        for part, value in (("Major", "1"), ("Minor", "34"))
    },
)

MODULES = (
    ETCD,
    KUBERNETES,
    PROMETHEUS_OPERATOR,
    PROMETHEUS,
    ALERTMANAGER,
    KUBE_STATE_METRICS,
    LOKI,
    COREDNS,
    LOCAL_PATH_PROVISIONER,
    SEALED_SECRETS,
    HELM,
    TRAEFIK,
    ARGO_CD,
    ARGO_ROLLOUTS,
)

DEBIAN_PACKAGES = (
    "containerd",
    "runc",
    "containernetworking-plugins",
    "iptables",
    "conntrack",
    "busybox-static",
    "iproute2",
    "mmdebstrap",  # unpacks Debian for the images with Python in them
    "gcc",
    "libc6-dev",
    "redis-server",  # Argo CD's cache
    "git",
)
