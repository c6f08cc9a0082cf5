"""Clusterprobe in the lab, installed as docs/deploy.md says, and the jobs that it runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lab import api
from lab.build.modules import HELM
from lab.build.product_image import recipe
from lab.paths import KUBECONFIG
from tests.lab.running import PROFILE

NAMESPACE, NAME = "clusterprobe", "clusterprobe"
ROOT = Path(__file__).parents[2]
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CRON_JOB = f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs/{NAME}"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{NAMESPACE}-{NAME}"
_REPORTS = f"/api/v1/namespaces/{NAMESPACE}/services/{NAME}-reports:9464/proxy"


def image() -> dict[str, str]:
    """The chart's `image`, for the one that every node has."""
    repository, tag = recipe().image.name.rsplit(":", 1)
    return {"repository": f"docker.io/{repository}", "tag": tag, "pullPolicy": "Never"}


def profile() -> dict[str, Any]:
    return {**yaml.safe_load(PROFILE.read_text()), "fail_on": "never"}


def documented(mark: str) -> str:
    """The commands that docs/deploy.md shows after this mark."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition(f"<!-- {mark} -->\n```sh\n")[2].partition("```")[0]
    assert text, mark
    return text


def follow(mark: str, folder: Path) -> str:
    """Run the page's commands as the lab's administrator; what they wrote."""
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG), "PATH": f"{HELM.program('helm').parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", documented(mark)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_values(folder: Path, values: dict[str, Any]) -> None:
    """A user's folder, with the sources and these values."""
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    if not (folder / "deploy").exists():
        (folder / "deploy").symlink_to(ROOT / "deploy")


@contextmanager
def by_helm(folder: Path, values: dict[str, Any]) -> Iterator[None]:
    write_values(folder, values)
    try:
        follow("install", folder)
        yield
    finally:
        if api.find(f"/api/v1/namespaces/{NAMESPACE}"):
            follow("uninstall", folder)


@contextmanager
def by_kustomize(folder: Path) -> Iterator[None]:
    """The example overlay, with the lab's image and profile in it, but for the Secrets: the chart makes roles for them, the base has none."""
    shutil.copytree(ROOT / "deploy" / "kustomize", folder / "deploy" / "kustomize")
    file = folder / "deploy" / "kustomize" / "overlays" / "example" / "kustomization.yaml"
    overlay = yaml.safe_load(file.read_text())
    [named] = overlay["images"]
    named["newName"] = image()["repository"]
    [patch] = [one for one in overlay["patches"] if one["target"]["kind"] == "ConfigMap"]
    patch["patch"] = yaml.safe_dump(
        [{"op": "replace", "path": "/data/profile.yaml", "value": yaml.safe_dump({**profile(), "secrets": []})}]
    )
    file.write_text(yaml.safe_dump(overlay))
    try:
        follow("kustomize", folder)
        yield
    finally:
        follow("remove", folder)


def until(what: str, found: Callable[[], Any], seconds: float) -> Any:
    """What `found` returns, as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (one := found()):
        assert time.monotonic() < deadline, f"within {seconds:.0f} s: {what}"
        time.sleep(0.5)
    return one


def ended(job: dict[str, Any]) -> str:
    """`Complete` or `Failed`, once a job has come to its end."""
    conditions = job.get("status", {}).get("conditions") or []
    return next((one["type"] for one in conditions if one["type"] in ("Complete", "Failed") and one["status"] == "True"), "")


def start_now(name: str) -> None:
    """What `kubectl create job --from=cronjob/…` does."""
    cron_job = api.get(CRON_JOB)
    template = cron_job["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": NAME, "uid": cron_job["metadata"]["uid"], "controller": True}
    metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]}
    api.create(JOBS, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})


def end_of(name: str, seconds: float = 150) -> str:
    """How a job ends."""
    return str(until(f"the job {name} ends", lambda: ended(api.get(f"{JOBS}/{name}")), seconds))


def logs_of(name: str) -> str:
    """What the pod of a job wrote."""
    [pod] = [one["metadata"]["name"] for one in api.items(f"{PODS}?labelSelector=job-name%3D{name}")]
    return api.call("GET", f"{PODS}/{pod}/log").decode()


def kept_runs() -> list[str]:
    """The names of the kept reports, oldest first, as somebody who opens the reports' Service gets them."""
    listed = api.call("GET", f"{_REPORTS}/").decode()
    return sorted(set(re.findall(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z", listed)))  # the API server rewrites links


def newest_results() -> dict[str, Any]:
    return dict(json.loads(api.call("GET", f"{_REPORTS}/{kept_runs()[-1]}/results.json")))


def verdicts(results: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in results["probes"]}
