"""Flux' source- and kustomize-controller: one fetches the repository that Argo CD reads, too; the other applies a folder of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

from lab import api
from lab.build.images import BUSYBOX, published
from lab.build.modules import MAINS, Module
from lab.cluster.processes import is_started, start, stop
from lab.layout import GATEWAY, GIT_PORT
from lab.paths import STATE
from lab.platform import argocd
from lab.platform.manifests import render
from lab.platform.system import System
from lab.platform.workloads import condition

_VERSION = "v1.9.5"  # of both, as Flux 2.9.5 has them; later ones need a newer Go
_PATH = "github.com/fluxcd/source-controller"
# Neither registries nor buckets nor Helm's charts, nor the clouds that vouch for who fetches from those.
_UNUSED = ("bucket", "helmchart", "helmrepository", "ocirepository")
_AUTH = "github.com/fluxcd/pkg/auth"
_NO_PROVIDER = """package utils

import "fmt"

func ProviderByName[T any](name string) (T, error) {
\tvar none T
\treturn none, fmt.Errorf("built without the provider %s", name)
}
"""
_NO_DECRYPTION = """package decryptor

import (
\t"context"
\t"errors"

\t"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
\t"k8s.io/apimachinery/pkg/types"
\t"sigs.k8s.io/controller-runtime/pkg/client"
\t"sigs.k8s.io/kustomize/api/resource"

\tkustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
\t"github.com/fluxcd/pkg/cache"
)

type Decryptor struct {
\troot                          string
\ttokenCache                    *cache.TokenCache
\tsopsAgeSecret, vaultConfigMap *types.NamespacedName
}

func New(_ client.Client, one *kustomizev1.Kustomization, _ ...Option) (*Decryptor, func(), error) {
\tif one.Spec.Decryption != nil {
\t\treturn nil, nil, errors.New("built without decryption")
\t}
\treturn &Decryptor{}, func() {}, nil
}

func IsDecryptionDisabled(map[string]string) bool { return false }

func IsEncryptedSecret(*unstructured.Unstructured) bool { return false }

func (*Decryptor) ImportKeys(context.Context) error { return nil }

func (*Decryptor) SetAuthOptions(context.Context) {}

func (*Decryptor) DecryptSources(string) error { return nil }

func (*Decryptor) DecryptResource(*resource.Resource) (*resource.Resource, error) { return nil, nil }
"""
SOURCE = Module(
    _PATH,
    _VERSION,
    {"source-controller": ""},
    definitions="config/crd/bases",
    without={
        _PATH: {
            "main.go": (MAINS / "source-controller.go").read_text(),
            **{f"internal/controller/{each}_controller.go": "package controller\n" for each in _UNUSED},
        },
        _AUTH: {"utils/provider.go": _NO_PROVIDER},
    },
    instead={"github.com/fluxcd/pkg/artifact": "github.com/fluxcd/pkg/artifact v0.18.0"},  # it names v0.18.3
)
KUSTOMIZE = Module(
    "github.com/fluxcd/kustomize-controller",
    _VERSION,
    {"kustomize-controller": ""},
    definitions="config/crd/bases",
    without={
        "github.com/fluxcd/kustomize-controller": {"internal/decryptor/decryptor.go": _NO_DECRYPTION},
        _AUTH: {"utils/provider.go": _NO_PROVIDER},
    },
)

GIT_REPOSITORY = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/platform"
KUSTOMIZATION = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/loyalty"
_DEPLOYED = "/api/v1/namespaces/loyalty/configmaps/loyalty"
_FOLDER, _ABOVE = "loyalty", "apps"  # of the repository: what is deployed, and the folder that it moves to
_SERVER = "git-server"
_HOME = STATE / "git-server"


def _serve_repository() -> None:
    """By HTTP, for Flux reads no folder: busybox calls what Git brings for that."""
    argocd.write(f"{_FOLDER}/loyalty.yaml", render("loyalty"))
    argocd.commit("Loyalty")
    if is_started(_SERVER):
        return
    program = _HOME / "cgi-bin" / "git"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\nexec git http-backend\n")
    program.chmod(0o755)
    environment = {"GIT_PROJECT_ROOT": str(argocd.REPOSITORY.parent), "GIT_HTTP_EXPORT_ALL": "1"}
    start(_SERVER, BUSYBOX, "httpd", "-f", "-p", f"{GATEWAY}:{GIT_PORT}", "-h", str(_HOME), environment=environment)


def move_folder() -> None:
    """Give the folder that the Kustomization names another place in Git, and let Flux look at once, as a webhook does."""
    argocd.rename(_FOLDER, f"{_ABOVE}/{_FOLDER}")
    argocd.commit("Keep all applications in one folder")
    api.patch(GIT_REPOSITORY, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": str(time.time_ns())}}})


def _end() -> None:
    stop(_SERVER)
    for each in (_FOLDER, _ABOVE):
        shutil.rmtree(argocd.REPOSITORY / each, ignore_errors=True)
    argocd.commit("No more loyalty")


def _problems() -> Iterator[str]:
    for path in (GIT_REPOSITORY, KUSTOMIZATION):
        if condition(api.find(path), "Ready") != "True":
            yield f"{path} is not ready"
    if api.find(_DEPLOYED) is None:
        yield "what lies in Git is not deployed"


SYSTEM = System(
    name="flux",
    modules=(SOURCE, KUSTOMIZE),
    images=tuple(
        published(f"ghcr.io/fluxcd/{name}:{_VERSION}", module, f"/usr/local/bin/{name}")
        for module in (SOURCE, KUSTOMIZE)
        for name in module.programs
    ),
    manifests=("flux",),
    objects=("flux-objects",),
    prepare=_serve_repository,
    end=_end,
    problems=_problems,
)
