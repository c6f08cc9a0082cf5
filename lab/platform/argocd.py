"""Argo CD, as processes of the host, and the Git repository that its Applications follow.

The repository is a folder of the lab's state; `commit` is what a push is in life. To add an Application: `write` its
manifests into a folder of the repository, `commit`, and `api.apply` what `application` makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from lab import api
from lab.build.modules import OURS, Module
from lab.cluster.processes import is_started, start
from lab.command import ENVIRONMENT, run, wait_until
from lab.paths import KUBECONFIG, STATE
from lab.platform.manifests import ENVIRONMENTS, Environment, render
from lab.platform.system import System
from lab.platform.workloads import Workload

NAMESPACE = "argocd"
HOME = STATE / "argocd"
REPOSITORY = HOME / "repository"
_REDIS_PORT, _REPO_SERVER_PORT = 16379, 18081
_PATIENCE_SECONDS = 60
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Lab",
    "GIT_AUTHOR_EMAIL": "lab@example.org",
    "GIT_COMMITTER_NAME": "Lab",
    "GIT_COMMITTER_EMAIL": "lab@example.org",
}

_MODULE = Module(
    "github.com/argoproj/argo-cd/v3",
    "v3.5.7",
    {"argocd": OURS},
    {"github.com/argoproj/argo-cd/v3/common.version": "3.5.7"},
    definitions="manifests/crds",
    # It lies beside it in its repository; this is what the proxy has of the weeks of that release.
    instead={"github.com/argoproj/argo-cd/gitops-engine": "github.com/argoproj/argo-cd/gitops-engine v0.0.0-20260914071520-c9c369efcc5b"},
)


def _deploy() -> None:
    """The repository, the processes, and an Application in each environment."""
    make_repository()
    _start_processes()
    applications = [application_of(environment) for environment in ENVIRONMENTS]
    api.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": applications}))


# --- the repository ---------------------------------------------------------------------------------------------------


def make_repository() -> None:
    if not (REPOSITORY / ".git").exists():
        REPOSITORY.mkdir(parents=True, exist_ok=True)
        _git("init", "--quiet", "--initial-branch=main")
    for environment in ENVIRONMENTS:
        write(f"{environment.name}/feature-store.yaml", render("feature-store"))
    commit("The feature store")


def write(path: str, text: str) -> None:
    """Write a file of the repository: it counts once it is committed."""
    file = REPOSITORY / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def rename(path: str, other: str) -> None:
    """Move a folder of the repository; it may have been moved already."""
    if (REPOSITORY / path).exists():
        (REPOSITORY / other).parent.mkdir(parents=True, exist_ok=True)
        (REPOSITORY / path).rename(REPOSITORY / other)


def commit(message: str) -> str:
    """Commit whatever was changed, and return the newest commit."""
    _git("add", "--all")
    if _git("status", "--porcelain"):
        _git("commit", "--quiet", "--message", message)
    return head()


def head() -> str:
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str:
    return run("git", "-C", REPOSITORY, *arguments, environment={**ENVIRONMENT, **_AUTHOR}).stdout.strip()


# --- Applications -----------------------------------------------------------------------------------------------------


def application_of(environment: Environment) -> api.Object:
    return application(name_in(environment), environment.name, namespace_of(environment))


def name_in(environment: Environment) -> str:
    return f"feature-store-{environment.name}"


def namespace_of(environment: Environment) -> str:
    """Where the environment's Application deploys to."""
    return f"features-{environment.name}"


def application(name: str, path: str, destination: str, server: str = "https://kubernetes.default.svc") -> api.Object:
    """An Application that keeps a namespace, of this cluster or another one, as a folder of the repository says."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "project": "default",
            "source": {"repoURL": f"file://{REPOSITORY}", "path": path, "targetRevision": "main"},
            "destination": {"server": server, "namespace": destination},
            # By default it tries five times, over three minutes, before it says that it failed.
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "retry": {"limit": 0}},
        },
    }


def path_of(name: str) -> str:
    return f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications/{name}"


def refresh(name: str, kind: str = "normal") -> None:
    """Let Argo CD look at Git now, as a webhook does; `hard` also forgets what it has cached."""
    api.patch(path_of(name), {"metadata": {"annotations": {"argocd.argoproj.io/refresh": kind}}})


def look_again(name: str) -> None:
    """Until Argo CD has compared an Application anew: it takes the annotation away when it has."""
    refresh(name)
    wait_until(
        f"Argo CD to look at {name} again",
        lambda: "argocd.argoproj.io/refresh" not in api.get(path_of(name))["metadata"].get("annotations", {}),
        _PATIENCE_SECONDS,
    )


def state(name: str) -> tuple[str, str, str]:
    """(synchronisation, health, phase of the last operation); all empty before Argo CD has looked at it."""
    status = (api.find(path_of(name)) or {}).get("status", {})
    phase = status.get("operationState", {}).get("phase", "")
    return status.get("sync", {}).get("status", ""), status.get("health", {}).get("status", ""), phase


def wait_for_healthy(name: str) -> None:
    """Until the newest commit runs, whole and undisturbed."""

    def is_so() -> bool:
        return not trouble(name) and api.get(path_of(name)).get("status", {}).get("sync", {}).get("revision") == head()

    wait_until(f"the Application {name} to be Synced and Healthy", is_so, _PATIENCE_SECONDS)


def trouble(name: str) -> str:
    """What keeps an Application from being well; empty if nothing does.

    A commit that failed and is reverted needs no synchronisation, so that the failed one stays the last.
    """
    found = api.find(path_of(name)) or {}
    sync, health, phase = state(name)
    well = (sync, health) == ("Synced", "Healthy") and phase in ("Succeeded", "Failed")
    if well and "operation" not in found and not found.get("status", {}).get("conditions"):
        return ""
    return f"Application {name} is {sync or 'not compared'}, {health or 'of unknown health'}, {phase or 'never synced'}"


# --- the processes ----------------------------------------------------------------------------------------------------


def _start_processes() -> None:
    redis, repo_server = f"127.0.0.1:{_REDIS_PORT}", f"127.0.0.1:{_REPO_SERVER_PORT}"
    in_memory = ("--save", "", "--appendonly", "no", "--dir", str(HOME))
    _start("redis", "redis-server", "--port", str(_REDIS_PORT), "--bind", "127.0.0.1", *in_memory)
    _start(
        "argocd-repo-server",
        _MODULE.program("argocd"),
        "--address=127.0.0.1",
        f"--port={_REPO_SERVER_PORT}",
        "--metrics-address=127.0.0.1",
        "--metrics-port=18084",
        f"--redis={redis}",
        "--disable-tls",
        "--client-ca-path=",  # by default it names one, which it then refuses
        "--loglevel=warn",
    )
    _start(
        "argocd-application-controller",
        _MODULE.program("argocd"),
        f"--kubeconfig={KUBECONFIG}",
        f"--namespace={NAMESPACE}",
        f"--repo-server={repo_server}",
        "--repo-server-plaintext",
        f"--redis={redis}",
        "--metrics-port=18082",
        "--status-processors=2",
        "--operation-processors=2",
        "--app-resync=20",
        "--app-resync-jitter=0",
        "--repo-error-grace-period-seconds=0",
        "--loglevel=warn",
    )


def _start(name: str, program: Path | str, *arguments: str) -> None:
    if is_started(name):
        return
    HOME.mkdir(parents=True, exist_ok=True)
    folder = HOME / "tmp"
    folder.mkdir(exist_ok=True)
    environment = {
        "ARGOCD_BINARY_NAME": name,
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_ASK_PASS_SOCK": str(HOME / "ask-pass.sock"),
        "GOMAXPROCS": "1",
        "HOME": str(HOME),
        "KUBECONFIG": str(KUBECONFIG),  # what the cluster that it believes to be in is reached by
        "TMPDIR": str(folder),
    }
    start(name, program, *arguments, environment=environment, first_on_path=_helpers())


def _helpers() -> Path:
    """Where the repo server finds what its image has beside it: it asks for the signature of each commit, and none here has one."""
    folder = HOME / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "git-verify-wrapper.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    return folder


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        if found := trouble(name_in(environment)):
            yield found


SYSTEM = System(
    name="argocd",
    modules=(_MODULE,),
    definitions=("application-crd.yaml", "appproject-crd.yaml"),
    manifests=("argocd",),
    besides=tuple(Workload("deployments", namespace_of(each), "feature-store") for each in ENVIRONMENTS),
    finish=_deploy,
    problems=_problems,
)
