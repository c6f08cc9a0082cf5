"""After a deployment: the PostSync hook with the real Argo CD, and the job of the AnalysisTemplate, each with the shipped role.

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

from lab import api, argocd
from lab.build import definitions_folder
from lab.errors import LabError
from lab.manifests import DEV
from lab.programs import ARGO_ROLLOUTS
from tests.lab import release
from tests.lab.release import NAMESPACE, PODS, until

DEPLOY = Path(__file__).parents[2] / "deploy"
APPLICATION = "grafana-dev"
HOOK = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/clusterprobe-post-sync"
PLACE = "fastapi-prod"  # of the Rollout, as in the shipped template
ANALYSES = f"/apis/batch/v1/namespaces/{PLACE}/jobs"

_DATASOURCE = """apiVersion: v1
kind: ConfigMap
metadata: {name: more-datasources, labels: {grafana_datasource: "1"}}
data:
  more.yaml: |
    apiVersion: 1
    datasources: [{name: Models, type: prometheus, uid: models, url: "http://@{host}:9090/"}]
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


def analysis_job(name: str, **arguments: str) -> dict[str, Any]:
    """The Job that Argo Rollouts makes of the shipped template."""
    template = list(yaml.safe_load_all(shipped("argo-rollouts/analysis-template.yaml")))[-1]
    given = {one["name"]: one["value"] for one in template["spec"]["args"]} | arguments
    [metric] = template["spec"]["metrics"]
    text = json.dumps(metric["provider"]["job"]["spec"])
    for key, value in given.items():
        text = text.replace(f"{{{{args.{key}}}}}", value)
    assert "{{" not in text
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": json.loads(text)}


@pytest.fixture(scope="module")
def account() -> Iterator[None]:
    """What the template's file holds besides the template."""
    objects = list(yaml.safe_load_all(shipped("argo-rollouts/analysis-template.yaml")))[:-1]
    api.apply(yaml.safe_dump_all(objects))
    yield
    for name in ("analysis-bad", "analysis-good"):
        api.delete(f"{ANALYSES}/{name}")
    api.delete(f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{objects[1]['metadata']['name']}")
    api.delete(f"/api/v1/namespaces/{PLACE}/serviceaccounts/{objects[0]['metadata']['name']}")


def analyse(name: str) -> str:
    """How the template's Job ends; it looks at one area, so that it is quick."""
    api.create(f"{ANALYSES}?fieldValidation=Strict", analysis_job(name, select="grafana"))
    return str(until(f"the job {name} ends", lambda: release.ended(api.get(f"{ANALYSES}/{name}")), 60))


def test_a_sync_that_breaks_something_fails_with_what_its_hook_says(account: None) -> None:
    state = sync(DEV.other)
    hook = hook_of(state)
    assert (state["phase"], hook["hookPhase"]) == ("Failed", "Failed")
    assert "failed with exit code 1" in hook["message"]
    assert "will not settle by itself: DatasourceOfOtherEnvironment on ConfigMap monitoring-dev/more-datasources" in hook_log()


def test_an_analysis_of_it_fails_so_that_the_rollout_is_aborted(account: None) -> None:
    assert analyse("analysis-bad") == "Failed"


def test_the_sync_that_repairs_it_passes() -> None:
    state = sync(DEV)
    assert (state["phase"], hook_of(state)["hookPhase"]) == ("Succeeded", "Succeeded")
    assert api.get(HOOK)["spec"]["template"]["spec"]["serviceAccountName"] == "clusterprobe"
    results = release.newest_results()
    assert results["cluster"]["user"] == f"system:serviceaccount:{NAMESPACE}:clusterprobe"
    assert results["verdict"] == "healthy"


def test_an_analysis_of_that_succeeds_so_that_the_rollout_goes_on(account: None) -> None:
    assert analyse("analysis-good") == "Complete"


def test_argo_rollouts_definitions_take_the_template() -> None:
    definition = (definitions_folder(ARGO_ROLLOUTS) / "analysis-template-crd.yaml").read_text()
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/analysistemplates.argoproj.io"
    template = list(yaml.safe_load_all(shipped("argo-rollouts/analysis-template.yaml")))[-1]
    api.apply(definition)
    try:
        until("it is established", lambda: "Established" in json.dumps(api.get(path).get("status", {}).get("conditions", [])), 20)
        collection = f"/apis/argoproj.io/v1alpha1/namespaces/{PLACE}/analysistemplates"
        until("it is served", lambda: api.answers(collection), 20)
        taken = api.create(f"{collection}?dryRun=All&fieldValidation=Strict", template)
        assert [one["name"] for one in taken["spec"]["metrics"]] == [one["name"] for one in template["spec"]["metrics"]]
        template["spec"]["metrics"][0]["failureLimits"] = 1
        with pytest.raises(LabError, match="failureLimits"):
            api.create(f"{collection}?dryRun=All&fieldValidation=Strict", template)
    finally:
        api.delete(path)
