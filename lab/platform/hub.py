"""Argo CD as a hub: it deploys to a second cluster, too, which is an API server without nodes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

from lab import api
from lab.cluster.processes import is_started, start, stop
from lab.cluster.second_server import PORT, command, kubeconfig
from lab.command import run, wait_until
from lab.layout import GATEWAY
from lab.paths import STATE
from lab.platform import argocd
from lab.platform.manifests import render
from lab.platform.system import System

APPLICATION = "settings-edge"
_SERVER = "edge-apiserver"
_URL = f"https://{GATEWAY}:{PORT}"
_CONFIG = STATE / "edge.kubeconfig"
_SECRET = f"/api/v1/namespaces/{argocd.NAMESPACE}/secrets/cluster-edge"
_FOLDER = "edge"  # of the repository


def _start_second_cluster() -> None:
    if not is_started(_SERVER):
        _CONFIG.touch(mode=0o600)
        _CONFIG.write_text(kubeconfig(GATEWAY))
        program, *arguments = command(GATEWAY)
        start(_SERVER, program, *arguments)
    wait_until("the second API server", lambda: run("kubectl", "--kubeconfig", _CONFIG, "get", "--raw", "/readyz").returncode == 0, 120)


def _deploy() -> None:
    argocd.write(f"{_FOLDER}/settings.yaml", render("settings"))
    argocd.commit("Settings of the edge")
    found = argocd.application(APPLICATION, _FOLDER, "settings", server=_URL)
    found["spec"]["syncPolicy"]["syncOptions"] = ["CreateNamespace=true"]
    api.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": [_cluster_secret(), found]}))


def _cluster_secret() -> api.Object:
    """How Argo CD knows of a cluster."""
    config = json.loads(_CONFIG.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = {
        "caData": cluster["certificate-authority-data"],
        "certData": user["client-certificate-data"],
        "keyData": user["client-key-data"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "cluster-edge", "namespace": argocd.NAMESPACE, "labels": {"argocd.argoproj.io/secret-type": "cluster"}},
        "type": "Opaque",
        "stringData": {"name": "edge", "server": _URL, "config": json.dumps({"tlsClientConfig": tls})},
    }


def _end() -> None:
    api.delete(argocd.path_of(APPLICATION))
    api.delete(_SECRET)
    stop(_SERVER)
    _CONFIG.unlink(missing_ok=True)
    if (folder := argocd.REPOSITORY / _FOLDER).exists():
        shutil.rmtree(folder)
        argocd.commit("No more settings of the edge")


def _problems() -> Iterator[str]:
    if found := argocd.trouble(APPLICATION):
        yield found


SYSTEM = System(name="argocd-hub", prepare=_start_second_cluster, finish=_deploy, end=_end, problems=_problems)
