"""The fleet's Job on real nodes: what a container sees of all credentials, and which indices are repeated."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.fleet.job import FOLDER, Wanted, documents, secrets
from clusterprobe.fleet.targets import Target
from lab import api
from tests.lab import release

NAMESPACE = "clusterprobe-fleet-lab"
JOBS, PODS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", f"/api/v1/namespaces/{NAMESPACE}/pods"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
TARGETS = [Target(name, kubeconfig={"of": name}) for name in ("Prod/US", "dev", "prod-ap", "prod-eu")]
SEEN = f"""
import json, pathlib
print(json.dumps({{one.name: one.read_text() for one in pathlib.Path("{FOLDER}").iterdir() if one.is_file()}}))
"""


@pytest.fixture
def namespace() -> Iterator[None]:
    api.call(
        "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    try:
        release.until("its account", lambda: api.find(f"{CORE}/serviceaccounts/default"), 30)
        yield
    finally:
        api.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
        release.until("it is gone", lambda: api.find(f"/api/v1/namespaces/{NAMESPACE}") is None, 120)


def ran(program: str) -> dict[str, Any]:
    """The Job, with that program in place of a run, at its end."""
    image = release.image()
    wanted = Wanted(store="s3://nowhere", namespace=NAMESPACE, image=f"{image['repository']}:{image['tag']}", seconds=60.0)
    profiles, job = documents(TARGETS, wanted)
    for one in secrets(TARGETS, wanted):
        api.call("POST", f"{CORE}/secrets", one)
    api.call("POST", f"{CORE}/configmaps", profiles)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container["command"], container["args"] = ["python3", "-c", program], []
    api.call("POST", JOBS, job)
    release.until("the Job ends", lambda: release.ended(api.get(f"{JOBS}/{wanted.name}")), 150)
    return dict(api.get(f"{JOBS}/{wanted.name}"))


def index_of(pod: dict[str, Any]) -> int:
    return int(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"])


@pytest.mark.usefixtures("namespace")
def test_a_container_sees_the_files_of_its_own_cluster_alone() -> None:
    ran(SEEN)
    seen = {index_of(one): json.loads(api.call("GET", f"{PODS}/{one['metadata']['name']}/log")) for one in api.items(PODS)}
    assert {number: sorted(files) for number, files in seen.items()} == {number: ["kubeconfig", "profile.yaml"] for number in range(4)}
    for number, files in seen.items():
        texts = "".join(files.values())
        assert [one.name for one in TARGETS if one.name in texts] == [TARGETS[number].name]


@pytest.mark.usefixtures("namespace")
def test_only_what_did_not_report_is_repeated() -> None:
    job = ran("import os, sys; sys.exit([0, 1, 3, 4][int(os.environ['JOB_COMPLETION_INDEX'])])")
    assert Counter(index_of(one) for one in api.items(PODS)) == {0: 1, 1: 1, 2: 1, 3: 2}
    assert (job["status"]["completedIndexes"], job["status"]["failedIndexes"]) == ("0", "1-3")
