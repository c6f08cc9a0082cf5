"""A run harms nothing: it only reads, unless --active says otherwise; and what that makes goes, whatever happens to the run."""

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab import api
from tests.lab.recorder import Asked, Recorder
from tests.lab.running import PROFILE, clusterprobe, ours

PLACE = "/api/v1/namespaces/clusterprobe-active"
ACTIVE = ("--active", "--yes", "--select", "pods/termination")


def test_a_run_only_reads_and_no_secret_that_the_profile_does_not_name(tmp_path: Path) -> None:
    with Recorder() as recorder:
        done = clusterprobe(tmp_path / "out", kubeconfig=recorder.kubeconfig(tmp_path / "config"))
    assert len(done.verdicts("pass")) > 20, done.said
    assert len(recorder.seen) > 50
    assert recorder.changing == []
    assert {one.path for one in recorder.seen if one.method == "POST"} == {"/apis/authentication.k8s.io/v1/selfsubjectreviews"}
    named = {tuple(one.split("/")) for one in yaml.safe_load(PROFILE.read_text())["secrets"]}
    allowed = {f"/api/v1/namespaces/{namespace}/secrets/{name}" for namespace, name in named}
    read = {one.path for one in recorder.seen if "/secrets" in one.path and "/proxy/" not in one.path}
    assert read <= allowed
    assert read, "the profile names some, so that this can fail"


def test_without_secrets_in_the_profile_none_is_read(tmp_path: Path) -> None:
    profile = tmp_path / "none.yaml"
    profile.write_text("extends: default\n")
    with Recorder() as recorder:
        clusterprobe(tmp_path / "out", "--profile", str(profile), kubeconfig=recorder.kubeconfig(tmp_path / "config"))
    assert [one.path for one in recorder.seen if "/secrets" in one.path and "/proxy/" not in one.path] == []
    assert recorder.changing == []


# --- killed -----------------------------------------------------------------------------------------------------------


def _makes(asked: Asked, kind: str, ending: str = "") -> bool:
    return asked.method == "POST" and asked.path.endswith(f"/{kind}") and asked.body["metadata"]["name"].endswith(ending)


POINTS = {
    "before the first create": ("before", lambda asked: _makes(asked, "namespaces")),
    "after a pod with an export was made": ("after", lambda asked: _makes(asked, "pods", "-1")),
    "in the middle of the watch": ("after", lambda asked: asked.is_watch),
    "during the clean-up": ("before", lambda asked: asked.method == "DELETE" and asked.path == PLACE),
}


def test_killed_again_and_again_the_next_run_leaves_nothing_and_nothing_else_was_touched(tmp_path: Path) -> None:
    """Each run finds what the one before it left, and has to wait until its lease has expired."""
    before, asked = others(), []
    for number, (moment, point) in enumerate(POINTS.values()):
        asked += killed(tmp_path / str(number), moment, point, nfs=number == 1)
    with Recorder() as recorder:
        config = recorder.kubeconfig(tmp_path / "config")
        done = clusterprobe(tmp_path / "last", *ACTIVE, "--profile", str(profile(tmp_path)), kubeconfig=config)
    assert done.status == 0, done.said
    assert ours() == []
    assert others() == before
    foreign = [one for one in asked + recorder.changing if not is_ours(one)]
    assert foreign == []


def profile(folder: Path, namespace: str = "clusterprobe-active", *, nfs: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "profile.yaml"
    file.write_text(json.dumps({"extends": str(PROFILE), "active": {"nfs": nfs, "namespace": namespace}}))
    return file


def killed(folder: Path, moment: str, point, *, nfs: bool) -> list[Asked]:
    """What a run asked to change until it was killed there."""
    struck = []

    def strike(asked: Asked) -> None:
        if point(asked) and not struck:
            struck.append(asked)
            os.kill(run.pid, signal.SIGKILL)
            run.wait(10)

    with Recorder(**{moment: strike}) as recorder:
        command = [sys.executable, "-c", "from clusterprobe.cli import main; main()", "run", *ACTIVE]
        options = [
            "--profile",
            profile(folder, nfs=nfs),
            "--kubeconfig",
            recorder.kubeconfig(folder / "config"),
            "--output",
            folder / "out",
        ]
        run = subprocess.Popen([*command, *map(str, options)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert run.wait(120) == -signal.SIGKILL
    return recorder.changing


def others() -> set[tuple[str, str]]:
    """What nobody but us makes or takes away while nothing is staged: (path, UID)."""
    found = set()
    for path in ("/api/v1/namespaces", "/api/v1/persistentvolumes", "/api/v1/persistentvolumeclaims", "/api/v1/pods"):
        for one in api.items(path):
            if one["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") != "clusterprobe":
                found.add((path, one["metadata"]["uid"]))
    return found


def is_ours(asked: Asked) -> bool:
    name = asked.body["metadata"]["name"] if asked.method == "POST" else asked.path.rpartition("/")[2]
    if asked.path.startswith("/api/v1/persistentvolumes"):
        return name.startswith("clusterprobe-run-")
    return asked.path.startswith(f"{PLACE}/") or f"{PLACE.removeprefix('/api/v1')}/" in asked.path or name == "clusterprobe-active"


# --- denied -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def namespace():
    """A namespace of somebody else's, in which something denies pods."""
    name = f"clusterprobe-denied-{secrets.token_hex(2)}"  # one that was just deleted stays for a while
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    assert pods_and_leases(name) == [], "a denied run left something behind"
    assert ours() == []
    api.delete(f"/api/v1/namespaces/{name}")


def pods_and_leases(namespace: str) -> list[str]:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    kinds = (f"/api/v1/namespaces/{namespace}/pods", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", leases)
    return [one["metadata"]["name"] for kind in kinds for one in api.items(kind)]


def denied(tmp_path: Path, namespace: str, **options) -> str:
    done = clusterprobe(tmp_path / "out", *ACTIVE, "--profile", str(profile(tmp_path, namespace)), **options)
    assert done.status == 2, done.said
    assert done.probe("pods/termination")["verdict"] == "inconclusive"
    return " ".join(one["reason"] for one in done.probe("pods/termination")["unchecked"])


def test_denied_by_a_quota_it_is_inconclusive_and_clean(namespace: str, tmp_path: Path) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    api.create(f"/api/v1/namespaces/{namespace}/resourcequotas", quota)
    assert "exceeded quota: none" in denied(tmp_path, namespace)


def test_denied_by_a_limit_range_it_is_inconclusive_and_clean(namespace: str, tmp_path: Path) -> None:
    limits = [{"type": "Container", "min": {"cpu": "100m"}}]
    api.create(
        f"/api/v1/namespaces/{namespace}/limitranges",
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "large"}, "spec": {"limits": limits}},
    )
    assert "minimum cpu usage per Container is 100m" in denied(tmp_path, namespace)


def test_denied_by_pod_security_it_is_inconclusive_and_clean(namespace: str, tmp_path: Path) -> None:
    """What it asks for meets `restricted`, so what makes it so is taken out on the way."""
    api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})

    def loosened(asked: Asked) -> object:
        if not _makes(asked, "pods"):
            return asked.body
        return {**asked.body, "spec": {**asked.body["spec"], "securityContext": {}}}

    with Recorder() as recorder:
        recorder.change = loosened
        said = denied(tmp_path, namespace, kubeconfig=recorder.kubeconfig(tmp_path / "config"))
    assert 'violates PodSecurity "restricted:latest"' in said


def test_denied_by_a_webhook_that_does_not_answer_it_is_inconclusive_and_clean(namespace: str, tmp_path: Path) -> None:
    collection = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    webhook = {
        "name": "nobody.example.com",
        "clientConfig": {"service": {"namespace": namespace, "name": "nobody"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    metadata = {"name": namespace}
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    api.create(collection, {**kind, "metadata": metadata, "webhooks": [webhook]})
    try:
        assert "failed calling webhook" in denied(tmp_path, namespace)
    finally:
        api.delete(f"{collection}/{namespace}")
