"""After a deployment: the PostSync hook with the real Argo CD, the AnalysisTemplate with the real Argo Rollouts, with the shipped role.

First a deployment that breaks what cannot settle by itself, then its repair.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import api
from lab.errors import LabError
from lab.platform import argocd, rollouts
from lab.platform.manifests import DEV
from lab.platform.variants import running
from tests.lab import release
from tests.lab.release import NAMESPACE, PODS, until

DEPLOY = Path(__file__).parents[2] / "deploy"
APPLICATION = "grafana-dev"
HOOK = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/clusterprobe-post-sync"
PLACE = "fastapi-prod"  # of the Rollout, as in the shipped template
ROLLOUTS = f"/apis/argoproj.io/v1alpha1/namespaces/{PLACE}"
ROLLOUT = f"{ROLLOUTS}/rollouts/churn-batch"

_DATASOURCE = """apiVersion: v1
kind: ConfigMap
metadata: {name: more-datasources, labels: {grafana_datasource: "1"}}
data:
  more.yaml: |
    apiVersion: 1
    datasources: [{name: Models, type: prometheus, uid: models, url: "http://@{host}:9090/"}]
"""

# Its analysis looks at one area, so that it is quick; nothing is sent to it, so that no weight is set.
_ROLLOUT = """apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: churn-batch}
spec:
  selector: {matchLabels: {app: churn-batch}}
  strategy:
    canary:
      steps:
        - analysis: {templates: [{templateName: clusterprobe}], args: [{name: select, value: grafana}, {name: wait, value: 10s}]}
  template:
    metadata: {labels: {app: churn-batch}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: churn-batch
          image: lab/busybox:1
          command: [sleep, infinity]
          env: [{name: MODEL_VERSION, value: "1.4.0"}]
          resources: {requests: {cpu: 1m, memory: 4Mi}, limits: {memory: 16Mi}}
"""


def shipped(path: str) -> str:
    """A manifest of deploy/, with the image that every node has."""
    text = (DEPLOY / path).read_text()
    assert "image: clusterprobe:" in text
    return text.replace("image: clusterprobe:", f"image: {release.image()['repository']}:")


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with release.by_kustomize(tmp_path_factory.mktemp("kustomize")):
        yield


@pytest.fixture(scope="module", autouse=True)
def application() -> Iterator[None]:
    """An Application with a data source of dev's Grafana, and the shipped hook."""
    yield
    api.delete(argocd.path_of(APPLICATION))
    api.delete(f"/api/v1/namespaces/{DEV.namespace}/configmaps/more-datasources")
    shutil.rmtree(argocd.REPOSITORY / APPLICATION, ignore_errors=True)
    argocd.commit("No more data sources")


def sync(environment: Any) -> dict[str, Any]:
    """Deploy a data source that leads to an environment's Prometheus: how the synchronisation ended."""
    host = f"{environment.fullname}-prometheus.{environment.namespace}"
    argocd.write(f"{APPLICATION}/datasource.yaml", _DATASOURCE.replace("@{host}", host))
    argocd.write(f"{APPLICATION}/post-sync.yaml", shipped("argocd/post-sync.yaml"))
    revision = argocd.commit(f"A data source that leads to {environment.name}")
    if api.find(argocd.path_of(APPLICATION)) is None:
        api.apply(json.dumps(argocd.application(APPLICATION, APPLICATION, DEV.namespace)))
    else:
        argocd.refresh(APPLICATION)

    def finished() -> dict[str, Any] | None:
        state = api.get(argocd.path_of(APPLICATION)).get("status", {}).get("operationState", {})
        mine = state.get("syncResult", {}).get("revision") == revision
        return state if mine and state.get("phase") in ("Succeeded", "Failed", "Error") else None

    try:
        return dict(until("the synchronisation ends", finished, 120))
    except AssertionError as error:
        raise AssertionError(f"{error}; its hook says: {hook_log()}") from None


def hook_of(state: dict[str, Any]) -> dict[str, Any]:
    [hook] = [one for one in state["syncResult"]["resources"] if one.get("hookType") == "PostSync"]
    return dict(hook)


def hook_log() -> str:
    [pod] = [one["metadata"]["name"] for one in api.items(f"{PODS}?labelSelector=job-name%3Dclusterprobe-post-sync")]
    return api.call("GET", f"{PODS}/{pod}/log").decode()


@pytest.fixture(scope="module")
def rollout() -> Iterator[None]:
    """Argo Rollouts, the shipped file, and a Rollout that it is to judge, whose first version is taken as it is."""
    account, binding, template = yaml.safe_load_all(shipped("argo-rollouts/analysis-template.yaml"))
    try:
        with running(rollouts.SYSTEM):
            api.apply(yaml.safe_dump_all([account, binding]))
            api.create(f"{ROLLOUTS}/analysistemplates?fieldValidation=Strict", template)
            api.create(f"{ROLLOUTS}/rollouts?fieldValidation=Strict", yaml.safe_load(_ROLLOUT))
            until("the first version runs", lambda: phase() == "Healthy", 60)
            yield
            api.delete(ROLLOUT)
            until("its pods are gone", lambda: not api.items(f"/api/v1/namespaces/{PLACE}/pods?labelSelector=app%3Dchurn-batch"), 60)
    finally:
        api.delete(f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{binding['metadata']['name']}")
        api.delete(f"/api/v1/namespaces/{PLACE}/serviceaccounts/{account['metadata']['name']}")


def phase() -> str:
    """Of the Rollout as it is now: Progressing, Paused, Degraded, Healthy."""
    found = api.get(ROLLOUT)
    status = found.get("status", {})
    return str(status.get("phase")) if status.get("observedGeneration") == str(found["metadata"]["generation"]) else ""


def roll_out(version: str) -> dict[str, Any]:
    """The Rollout's status, once it is decided whether that version is taken."""
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": version}]
    api.patch(ROLLOUT, patch, api.JSON_PATCH)
    until(f"version {version} is taken or refused", lambda: phase() in ("Healthy", "Degraded"), 90)
    return dict(api.get(ROLLOUT)["status"])


def test_a_sync_that_breaks_something_fails_with_what_its_hook_says() -> None:
    state = sync(DEV.other)
    hook = hook_of(state)
    assert (state["phase"], hook["hookPhase"]) == ("Failed", "Failed")
    assert "failed with exit code 1" in hook["message"]
    assert "will not settle by itself: DatasourceOfOtherEnvironment on ConfigMap monitoring-dev/more-datasources" in hook_log()


def test_a_rollout_beside_it_is_aborted(rollout: None) -> None:
    status = roll_out("1.5.0")
    assert status["phase"] == "Degraded"
    assert 'Metric "clusterprobe" assessed Failed due to failed (1) > failureLimit (0)' in status["message"]


def test_the_sync_that_repairs_it_passes() -> None:
    state = sync(DEV)
    assert (state["phase"], hook_of(state)["hookPhase"]) == ("Succeeded", "Succeeded")
    assert api.get(HOOK)["spec"]["template"]["spec"]["serviceAccountName"] == "clusterprobe"
    results = release.newest_results()
    assert results["cluster"]["user"] == f"system:serviceaccount:{NAMESPACE}:clusterprobe"
    # A Rollout was aborted beside it, and stays so: what counts here is that nothing is found of what was repaired.
    found = {
        (probe["id"], one["subject"]["kind"], one["subject"]["name"])
        for probe in results["probes"]
        for one in probe["findings"]
        if one["severity"] != "info"
    }
    assert not [one for one in found if one[0].startswith("grafana/") or one[2] == "more-datasources"], found
    assert results["verdict"] == ("findings" if found else "healthy")


def test_a_rollout_beside_that_goes_on(rollout: None) -> None:
    status = roll_out("1.5.1")
    assert (status["phase"], status["stableRS"]) == ("Healthy", status["currentPodHash"])
    runs = [
        (one["metadata"]["annotations"]["rollout.argoproj.io/revision"], one["status"]["phase"])
        for one in api.items(f"{ROLLOUTS}/analysisruns")
    ]
    assert sorted(runs) == [("2", "Failed"), ("3", "Successful")]


def test_argo_rollouts_refuses_a_template_with_a_misspelt_field(rollout: None) -> None:
    *_, template = yaml.safe_load_all(shipped("argo-rollouts/analysis-template.yaml"))
    template["metadata"]["name"] = "misspelt"
    template["spec"]["metrics"][0]["failureLimits"] = 1
    with pytest.raises(LabError, match="failureLimits"):
        api.create(f"{ROLLOUTS}/analysistemplates?dryRun=All&fieldValidation=Strict", template)
