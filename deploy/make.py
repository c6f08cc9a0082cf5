"""Makes what is derived in deploy/: the chart's permissions and its schema of profiles, and the plain manifests from the chart.

python deploy/make.py [--helm HELM]    # without --helm only the permissions and the schema
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from clusterprobe.catalogue import catalogue
from clusterprobe.permissions import by_probe
from clusterprobe.profile_schema import schema as profile_schema

ROOT = Path(__file__).parents[1]
PERMISSIONS = Path("chart/files/permissions.json")
VALUES_SCHEMA = Path("chart/values.schema.json")
BASE = Path("kustomize/base/clusterprobe.yaml")
POST_SYNC = Path("argocd/post-sync.yaml")
FLEET_REPORT = Path("kustomize/fleet-report/report.yaml")
ANALYSIS = Path("argo-rollouts/analysis-template.yaml")
NAMESPACE = "clusterprobe"

_MADE = (
    "# Made by `python deploy/make.py --helm helm` from the chart's default values, with an image to replace: "
    "change the chart, not this file.\n"
)
_POST_SYNC_HEAD = """\
# A hook for the Application whose deployment it is to judge: commit it beside that one's manifests, with your image in it. It runs in
# the namespace of Clusterprobe (chart or kustomize/base), which the Application's AppProject has to allow, with its account, role,
# profile and volume of reports. A second Application that has it needs another name of the Job.
"""
_ANALYSIS_HEAD = """\
# Whether a Rollout goes on: exit status 0 does, any other aborts it. Argo Rollouts runs the Job in the Rollout's own namespace, so that
# an account of that one gets the role of Clusterprobe (chart or kustomize/base). Put in your namespace and your image.
"""
_FLEET_REPORT_HEAD = """\
# One answer over the clusters whose runs are in a store: add this folder to an overlay of the base, and patch the store, the clusters
# that have to report, and whom `notify` tells. `bucket` is a Secret with the store's variables, `clusterprobe-slack` one with an address.
"""
_ROLLOUTS_NAMESPACE = "fastapi-prod"


def permissions() -> str:
    """The text of the chart's permissions.json."""
    return json.dumps(by_probe(catalogue(ROOT / "probes")), indent=1) + "\n"


def values_schema() -> str:
    """The text of the chart's schema, with that of the profile in it: of the draft that every Helm 3 reads, without titles and defaults."""
    whole = json.loads((ROOT / "deploy" / VALUES_SCHEMA).read_text())
    profile = _plain(profile_schema())
    whole["definitions"] = profile.pop("definitions")
    whole["properties"]["profile"] = {key: value for key, value in profile.items() if not key.startswith("$")}
    return json.dumps(whole, indent=1) + "\n"


def _plain(one: Any, *, names: bool = False) -> Any:
    """`names`: its keys are names of properties or definitions, which may be called like anything."""
    if isinstance(one, list):
        return [_plain(each) for each in one]
    if not isinstance(one, dict):
        return one.replace("#/$defs/", "#/definitions/") if isinstance(one, str) else one
    kept = {key: value for key, value in one.items() if names or key not in ("title", "default")}
    return {
        "definitions" if key == "$defs" and not names else key: _plain(value, names=not names and key in ("properties", "$defs"))
        for key, value in kept.items()
    }


def base(helm: str) -> str:
    """The objects of the chart with its default values, but for those that only Helm uses."""
    return _MADE + _rendered(helm, "--skip-tests").replace("managed-by: Helm", "managed-by: kustomize")


def post_sync(helm: str) -> str:
    """The hook of Argo CD, as the chart renders it."""
    text = _rendered(helm, "--set", "postSync.enabled=true", "--show-only", "templates/post-sync.yaml")
    return _MADE + _POST_SYNC_HEAD + text.replace("managed-by: Helm", "managed-by: argocd")


def fleet_report(helm: str) -> str:
    """The scheduled report over many clusters."""
    address = {"name": "SLACK_URL", "valueFrom": {"secretKeyRef": {"name": "clusterprobe-slack", "key": "url"}}}
    report = {"schedule": "0 6 * * *", "expect": ["prod-eu", "prod-us"], "notify": {"slack_url_env": "SLACK_URL"}}
    fleet = {"store": "s3://reports/clusterprobe", "storeSecret": "bucket", "report": report}
    given = [f"{key}={json.dumps(value)}" for key, value in (("fleet", fleet), ("extraEnv", [address]))]
    options = [part for one in given for part in ("--set-json", one)]
    text = _rendered(helm, *options, "--show-only", "templates/fleet-report.yaml")
    return _MADE + _FLEET_REPORT_HEAD + text.replace("managed-by: Helm", "managed-by: kustomize")


def analysis(helm: str) -> str:
    """An AnalysisTemplate of Argo Rollouts whose pod is the scheduled run's, but for what only its namespace has."""
    objects = [one for one in yaml.safe_load_all(_rendered(helm, "--skip-tests")) if one]
    pod = next(one for one in objects if one["kind"] == "CronJob")["spec"]["jobTemplate"]["spec"]["template"]
    role = next(one for one in objects if one["kind"] == "ClusterRole")["metadata"]["name"]
    account = {"kind": "ServiceAccount", "name": pod["spec"]["serviceAccountName"], "namespace": _ROLLOUTS_NAMESPACE}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{NAMESPACE}-analysis-{_ROLLOUTS_NAMESPACE}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [account],
    }
    documents = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {key: account[key] for key in ("name", "namespace")}},
        binding,
        _template(_alone(pod)),
    ]
    return _MADE + _ANALYSIS_HEAD + yaml.safe_dump_all(documents, sort_keys=False, width=140)


def _template(pod: dict[str, Any]) -> dict[str, Any]:
    arguments = [
        {"name": "profile", "value": "post-deploy"},
        {"name": "select", "value": "*"},  # such as `serving`, to judge by that area only
        {"name": "wait", "value": "5m"},
    ]
    job = {"backoffLimit": 0, "activeDeadlineSeconds": 600, "template": pod}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": NAMESPACE, "namespace": _ROLLOUTS_NAMESPACE},
        "spec": {"args": arguments, "metrics": [{"name": NAMESPACE, "provider": {"job": {"spec": job}}}]},
    }


def _alone(pod: dict[str, Any]) -> dict[str, Any]:
    """The pod without the ConfigMap, the volume and the neighbours of Clusterprobe's namespace."""
    container = pod["spec"]["containers"][0]
    container["args"] = ["run", "--profile={{args.profile}}", "--select={{args.select}}", "--wait={{args.wait}}", "--output=/tmp/report"]
    container["workingDir"] = "/tmp"
    container["volumeMounts"] = [one for one in container["volumeMounts"] if one["name"] == "tmp"]
    pod["spec"]["volumes"] = [one for one in pod["spec"]["volumes"] if one["name"] == "tmp"]
    pod["spec"].pop("affinity", None)
    return pod


def _rendered(helm: str, *options: str) -> str:
    chart = str(ROOT / "deploy/chart")
    image = ("--set", "image.repository=clusterprobe")  # which an overlay replaces
    command = [helm, "template", "clusterprobe", chart, "--namespace", NAMESPACE, "--kube-version", "1.34", *image, *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--helm", default="", help="the helm program")
    helm = parser.parse_args().helm
    made = {PERMISSIONS: permissions(), VALUES_SCHEMA: values_schema()}
    if helm:
        made |= {BASE: base(helm), POST_SYNC: post_sync(helm), ANALYSIS: analysis(helm), FLEET_REPORT: fleet_report(helm)}
    for path, text in made.items():
        (ROOT / "deploy" / path).parent.mkdir(exist_ok=True)
        (ROOT / "deploy" / path).write_text(text)


if __name__ == "__main__":
    main()
