"""Go modules, the programs that are built from them, and those that the cluster itself needs.

No image registry is needed: everything comes out of the module proxy. The module of a system is in its file in platform/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.paths import CACHE

MAINS = Path(__file__).parent / "mains"
OURS = "ours"  # in place of a package: the program's main is lab/build/mains/NAME.go, with the parts of it that the lab runs
COMMON_VERSION = "github.com/prometheus/common/version.Version"  # the variable that programs of the Prometheus project stamp


@dataclass(frozen=True)
class Module:
    """A Go module at one version, the programs to build of it, and what else to take out of it."""

    path: str
    version: str
    programs: Mapping[str, str]  # the program's file name: its package, relative to the module's root, or OURS
    stamps: Mapping[str, str] = field(default_factory=dict)  # Go variables that carry the version, set when linking
    definitions: str = ""  # the folder of its custom resource definitions
    without: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # it, or one that it needs: file: what to put in its place
    # Where the proxy has not what it needs: another module and version, or files of ours by their names.
    instead: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    served_as: str = ""  # the path that the module proxy has it under, where it has moved since
    tags: tuple[str, ...] = ()  # build tags, by which a program leaves parts of itself out

    @property
    def key(self) -> str:
        """Names the module, its version, and by a digest what is ours in it, so that an edit is built anew."""
        changed = [name + text for files in self.without.values() for name, text in files.items()]
        changed += [*(main.read_text() for main in self.mains.values()), *self.tags, *map(str, self.instead.items())]
        digest = f"+{hashlib.sha256(''.join(changed).encode()).hexdigest()[:8]}" if changed else ""
        return f"{self.path.replace('/', '_')}@{self.version}{digest}"

    @property
    def mains(self) -> dict[str, Path]:
        """The sources of the programs whose main is ours."""
        return {program: MAINS / f"{program}.go" for program, package in self.programs.items() if package == OURS}

    def package(self, program: str) -> str:
        """What `go build` is to build, in the workspace that lab/build/go.py writes."""
        return f"./mains/{program}" if program in self.mains else f"{self.path}/{self.programs[program]}".rstrip("/")

    def program(self, name: str) -> Path:
        """Where a built program lies."""
        if name not in self.programs:
            raise LabError(f"{self.path} builds no {name}: it builds {', '.join(self.programs)}")
        return CACHE / self.key / name

    @property
    def definitions_folder(self) -> Path:
        """Where its custom resource definitions lie once it is built."""
        return CACHE / self.key / "custom-resource-definitions"


KUBERNETES = Module(
    "k8s.io/kubernetes",
    "v1.37.2",
    {name: f"cmd/{name}" for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")},
    {
        "k8s.io/component-base/version.gitVersion": "v1.37.2",
        "k8s.io/component-base/version.gitMajor": "1",
        "k8s.io/component-base/version.gitMinor": "37",
    },
)
ETCD = Module("go.etcd.io/etcd/server/v3", "v3.7.3", {"etcd": ""})
HELM = Module(
    "helm.sh/helm/v3",
    "v3.22.0",
    {"helm": "cmd/helm"},
    # Without these it takes every cluster for Kubernetes 1.20.
    {
        f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}": value
        for package in ("chartutil", "lint/rules")
        for part, value in (("Major", "1"), ("Minor", "37"))
    },
)

MODULES = (ETCD, KUBERNETES, HELM)

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
