"""The Helm chart and the Kustomize base, rendered by the real helm and taken by the real API server."""

import importlib.util
import subprocess
from pathlib import Path

import pytest
import yaml

from clusterprobe import openreports
from clusterprobe.catalogue import catalogue
from clusterprobe.fleet.job import Wanted, documents, values
from clusterprobe.fleet.targets import Target
from clusterprobe.permissions import rules
from clusterprobe.profile import Profile
from clusterprobe.shipped import shipped
from clusterprobe.sources import all_sources, closure
from lab import api
from lab.build.modules import HELM
from tests.lab import release

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "chart"
EVERYTHING = {
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
    "active": {"enabled": True},
    "heartbeat": {"secretName": "heartbeat"},
    "postSync": {"enabled": True, "select": ["serving", "grafana/*"]},
    "fleet": {
        "store": "s3://reports/clusterprobe",
        "storeSecret": "bucket",
        "clusters": [
            {"name": "prod-eu", "secretName": "prod-eu-kubeconfig", "key": "value", "labels": {"environment": "prod"}},
            {"name": "Prod/US", "secretName": "prod-us", "uid": "3f0c"},
        ],
        "report": {"schedule": "0 6 * * *", "expect": ["edge-$1"], "notify": {"slack_url_env": "SLACK_URL"}},
    },
    "profile": {"extends": "nightly", "secrets": ["monitoring-dev/alertmanager-slack-config"]},
    "ownProbes": {
        "files": {"acme/probe_team.py": "def probe_team(verdict, budgets):\n    '''Is it?'''\n", "acme/sources.py": "# budgets\n"},
        "rules": [{"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]}],
    },
}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM.program("helm")), *arguments], capture_output=True, text=True, timeout=60, check=False)


IMAGE = {"image": {"repository": "registry.example/clusterprobe"}}


def render(tmp_path: Path, values: dict | None = None) -> list[dict]:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(IMAGE | (values or {})))
    done = helm("template", "clusterprobe", str(CHART), "--namespace", "default", "--values", str(file))
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def refusal(tmp_path: Path, values: dict) -> str:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(IMAGE | values))
    done = helm("template", "clusterprobe", str(CHART), "--values", str(file))
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_helm_finds_nothing_to_complain_about(tmp_path: Path, values: dict) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = helm("lint", "--strict", str(CHART), "--values", str(file), "--set", "image.repository=clusterprobe")
    assert done.returncode == 0, done.stdout


def collection(one: dict) -> str:
    """The path under which objects of this kind are made, as the API server tells."""
    group = f"/apis/{one['apiVersion']}" if "/" in one["apiVersion"] else f"/api/{one['apiVersion']}"
    kind = next(each for each in api.get(group)["resources"] if each["kind"] == one["kind"] and "/" not in each["name"])
    return f"{group}/namespaces/default/{kind['name']}" if kind["namespaced"] else f"{group}/{kind['name']}"


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_the_api_server_takes_every_object_as_it_is(tmp_path: Path, values: dict) -> None:
    """A dry run on the server, with unknown and duplicate fields refused."""
    objects = [one for one in render(tmp_path, values) if one["kind"] != "Pod"]  # its service account is not there yet
    assert len(objects) > 8
    for one in objects:
        if one["metadata"].get("namespace"):
            one["metadata"]["namespace"] = "default"  # others are only there once the chart is installed
        api.call("POST", f"{collection(one)}?dryRun=All&fieldValidation=Strict", one)


@pytest.mark.parametrize(
    "chosen",
    [{}, {"select": ["loki/*"]}, {"skip": ["promtail/*", "pods/*"]}, {"select": ["prometheus/cross-scrape"], "skip": []}],
    ids=["all", "loki", "without", "one"],
)
def test_the_role_is_just_what_the_selected_probes_call(tmp_path: Path, chosen: dict) -> None:
    profile = {"extends": "nightly", **({"probes": chosen} if chosen else {})}
    role = next(one for one in render(tmp_path, {"profile": profile}) if one["kind"] == "ClusterRole")
    selected = [one for one in catalogue(shipped("probes")) if Profile.model_validate(profile).wants(one.id)]
    names = {name for one in selected for name in one.parameters if name in all_sources()}
    wanted = rules(closure(["identity", "namespaces", *sorted(names)]), "in-cluster")

    def flat(some: list[dict]) -> set[tuple[str, str, str]]:
        return {(one["apiGroups"][0], resource, one["verbs"][0]) for one in some for resource in one["resources"]}

    assert flat(role["rules"]) == flat(wanted)


def test_own_probes_are_mounted_folder_by_folder_and_granted_what_they_read(tmp_path: Path) -> None:
    found = render(tmp_path, EVERYTHING)
    texts = next(one["data"] for one in found if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "clusterprobe-probes")
    pod = next(one for one in found if one["kind"] == "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    items = next(one["configMap"]["items"] for one in pod["volumes"] if one["name"] == "probes")
    assert {one["path"]: texts[one["key"]] for one in items} == EVERYTHING["ownProbes"]["files"]
    mount = next(one["mountPath"] for one in pod["containers"][0]["volumeMounts"] if one["name"] == "probes")
    assert f"--probes={mount}" in pod["containers"][0]["args"]
    rules_of = {one["metadata"]["name"]: one["rules"] for one in found if one["kind"] == "ClusterRole"}
    assert EVERYTHING["ownProbes"]["rules"][0] in rules_of["default-clusterprobe"]


FLEET = [Target("Prod/US", secret="prod-us", key="kubeconfig", uid="3f0c"), Target("prod-eu", secret="eu", key="value", labels={"a": "b"})]


def fleet_of(objects: list[dict]) -> tuple[dict, dict]:
    """The fleet's CronJob, and the profile of each index."""
    named = {one["kind"]: one for one in objects if one["metadata"]["name"] == "clusterprobe-fleet"}
    job = named["CronJob"]["spec"]["jobTemplate"]["spec"]
    (clusters,) = [one for one in job["template"]["spec"]["volumes"] if one["name"] == "clusters"]
    items = clusters["projected"]["sources"][0]["configMap"]["items"]
    profiles = {one["path"]: yaml.safe_load(named["ConfigMap"]["data"][one.pop("key")]) for one in items}
    return named["CronJob"]["spec"], profiles


def test_the_chart_has_the_job_that_the_command_prints(tmp_path: Path) -> None:
    given = {"store": "s3://b/$x", "store_secret": "bucket", "schedule": "0 5 * * *", "parallelism": 1, "timeout": "2m", "seconds": 120.0}
    wanted = Wanted(**given, image="registry.example/clusterprobe:0.1.0", service_account="clusterprobe", profile_text="extends: nightly\n")
    ours, our_profiles = fleet_of(documents(FLEET, wanted))
    charts, profiles = fleet_of(render(tmp_path, values(FLEET, wanted)))
    assert profiles == our_profiles
    (our_job, job) = (one.pop("jobTemplate")["spec"] for one in (ours, charts))
    assert {key: charts[key] for key in ours} == ours
    our_pod, pod = (one.pop("template")["spec"] for one in (our_job, job))
    assert job == our_job
    for one in (our_pod, pod):
        one["volumes"].sort(key=lambda volume: volume["name"])
        one["containers"][0]["volumeMounts"].sort(key=lambda mount: mount["name"])
    pod["containers"][0].pop("imagePullPolicy")
    pod["securityContext"].pop("fsGroupChangePolicy")
    assert pod == our_pod


def test_the_report_over_the_fleet_waits_for_every_cluster_of_it(tmp_path: Path) -> None:
    named = {one["kind"]: one for one in render(tmp_path, EVERYTHING) if one["metadata"]["name"] == "clusterprobe-fleet-report"}
    pod = named["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    expected = ["--expect=prod-eu", "--expect=Prod/US", "--expect=edge-$$1"]
    assert container["args"] == [
        *("fleet", "report", "s3://reports/clusterprobe", "--max-age=26h", *expected),
        "--notify=/etc/clusterprobe/profile.yaml",
    ]
    assert container["envFrom"] == [{"secretRef": {"name": "bucket"}}]
    assert yaml.safe_load(named["ConfigMap"]["data"]["profile.yaml"]) == {"notify": {"slack_url_env": "SLACK_URL"}}
    assert pod["automountServiceAccountToken"] is False


def test_a_report_alone_has_a_store_of_its_own_and_tells_nobody_unless_it_is_to(tmp_path: Path) -> None:
    found = render(tmp_path, {"fleet": {"report": {"schedule": "0 6 * * *", "store": "gs://other", "maxAge": "2h"}}})
    [one] = [one for one in found if "fleet" in one["metadata"]["name"]]
    [container] = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["fleet", "report", "gs://other", "--max-age=2h"]
    assert "fleet.report.store, or fleet.store, is needed" in refusal(tmp_path, {"fleet": {"report": {"schedule": "0 6 * * *"}}})
    assert "slack_url" in refusal(tmp_path, {"fleet": {"report": {"notify": {"slack_url": "SLACK_URL"}}}})


def test_two_clusters_of_one_name_are_refused(tmp_path: Path) -> None:
    clusters = [{"name": "eu", "secretName": "a"}, {"name": "eu", "secretName": "b"}]
    assert "two are called eu" in refusal(tmp_path, {"fleet": {"store": "s3://b", "clusters": clusters}})
    assert "fleet.store is needed" in refusal(tmp_path, {"fleet": {"clusters": clusters[:1]}})


def test_secrets_are_granted_by_name_only(tmp_path: Path) -> None:
    roles = [one for one in render(tmp_path, EVERYTHING) if one["kind"] in ("Role", "ClusterRole")]
    granted = [(one["metadata"], rule) for one in roles for rule in one["rules"] if "secrets" in rule["resources"]]
    [(metadata, rule)] = granted
    assert metadata["namespace"] == "monitoring-dev"
    assert (rule["resourceNames"], rule["verbs"]) == (["alertmanager-slack-config"], ["get"])


def test_active_permissions_are_there_only_when_enabled(tmp_path: Path) -> None:
    def writing(values: dict) -> set[str]:
        roles = [one for one in render(tmp_path, values) if one["kind"] in ("Role", "ClusterRole")]
        return {verb for one in roles for rule in one["rules"] for verb in rule["verbs"]} & {"create", "delete", "update", "patch"}

    assert writing({}) == set()
    assert {"create", "delete"} <= writing(EVERYTHING)


def test_what_cannot_be_is_refused_with_the_reason(tmp_path: Path) -> None:
    assert "../x.py" in refusal(tmp_path, {"ownProbes": {"files": {"../x.py": ""}}})
    assert "shedule" in refusal(tmp_path, {"shedule": "0 * * * *"})
    assert "activeDeadlineSeconds (300) has to be more than timeout (10m)" in refusal(tmp_path, {"activeDeadlineSeconds": 300})
    without = {"serviceMonitor": {"enabled": True}, "reports": {"server": {"enabled": False}}}
    assert "serviceMonitor.enabled needs reports.server.enabled" in refusal(tmp_path, without)
    assert "None is published" in refusal(tmp_path, {"image": {}})
    assert "fail_onn" in refusal(tmp_path, {"profile": {"fail_onn": "error"}})
    assert "shop has to be named in profile.environments" in refusal(tmp_path, {"rbac": {"namespaces": ["shop"]}})
    assert "reports.openreports needs a ClusterRole" in refusal(tmp_path, IN_NAMESPACES | {"reports": {"openreports": "cluster"}})


IN_NAMESPACES = {
    "rbac": {"namespaces": ["shop-dev", "shop-prod"]},
    "profile": {"environments": {"dev": {"namespaces": ["shop-dev"]}}, "expect": {"loki": ["shop-prod"]}},
}


def test_roles_of_namespaces_do_without_a_cluster_role(tmp_path: Path) -> None:
    found = render(tmp_path, IN_NAMESPACES)
    assert [one for one in found if one["kind"].startswith("ClusterRole")] == []
    roles = {one["metadata"]["namespace"]: one["rules"] for one in found if one["kind"] == "Role"}
    bound = [one["metadata"]["namespace"] for one in found if one["kind"] == "RoleBinding"]
    whole = next(one["rules"] for one in render(tmp_path) if one["kind"] == "ClusterRole")
    assert roles == {"shop-dev": whole, "shop-prod": whole}
    assert bound == list(roles)


@pytest.mark.parametrize("wanted", ["cluster", "namespaces"])
def test_open_reports_are_granted_by_the_name_that_the_profile_gets(tmp_path: Path, wanted: str) -> None:
    found = render(tmp_path, {"reports": {"openreports": wanted}, "fullnameOverride": "probe-of-shop"})
    profile = yaml.safe_load(next(one["data"]["profile.yaml"] for one in found if "profile.yaml" in one.get("data", {})))
    role = next(one["rules"] for one in found if one["kind"] == "ClusterRole")
    granted = [one for one in role if one["apiGroups"] == ["openreports.io"]]
    assert granted == openreports.rules(Profile.model_validate(profile).reports)


CONVENTIONAL = {
    "global": {"imageRegistry": "mirror.example", "imagePullSecrets": [{"name": "regcred"}]},
    "image": {"repository": "team/clusterprobe", "tag": "1"},
    "commonLabels": {"team": "platform"},
    "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
    "nodeSelector": {"pool": "infra"},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["grafana.example.org"]}],
    "jobAnnotations": {"a": "job"},
    "extraArgs": ["--skip=grafana"],
    "rbac": {"extraRules": [{"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]}]},
    "reports": {
        "persistence": {"annotations": {"helm.sh/resource-policy": "keep"}},
        "server": {"service": {"annotations": {"a": "service"}}, "podAnnotations": {"a": "pod"}},
    },
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
}


def test_the_conventional_values_arrive(tmp_path: Path) -> None:
    found = {(one["kind"], one["metadata"]["name"]): one for one in render(tmp_path, CONVENTIONAL)}
    job = found["CronJob", "clusterprobe"]["spec"]["jobTemplate"]
    pod, served = job["spec"]["template"]["spec"], found["Deployment", "clusterprobe-reports"]["spec"]["template"]
    for one in (pod, served["spec"]):
        assert one["containers"][0]["image"] == "mirror.example/team/clusterprobe:1"
        assert one["imagePullSecrets"] == [{"name": "regcred"}]
        assert one["nodeSelector"] == {"pool": "infra"}
        assert one["securityContext"] == {
            "fsGroupChangePolicy": "OnRootMismatch",
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert one["topologySpreadConstraints"] == CONVENTIONAL["topologySpreadConstraints"]
    assert pod["hostAliases"] == CONVENTIONAL["hostAliases"]
    assert pod["containers"][0]["args"][-1] == "--skip=grafana"
    assert job["metadata"]["annotations"] == {"a": "job"}
    assert served["metadata"]["annotations"] == {"a": "pod"}
    assert found["Service", "clusterprobe-reports"]["metadata"]["annotations"] == {"a": "service"}
    assert found["PersistentVolumeClaim", "clusterprobe"]["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert ("ConfigMap", "clusterprobe-more") in found
    assert CONVENTIONAL["rbac"]["extraRules"][0] in found["ClusterRole", "default-clusterprobe"]["rules"]
    ours = [one for (kind, name), one in found.items() if name != "clusterprobe-more" and kind != "Pod"]
    assert all(one["metadata"]["labels"]["team"] == "platform" for one in ours)


def test_the_plain_manifests_are_the_chart_with_its_defaults() -> None:
    """`python deploy/make.py --helm helm` makes it again."""
    spec = importlib.util.spec_from_file_location("deploy_make", ROOT / "deploy" / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    helm = str(HELM.program("helm"))
    made = {make.BASE: make.base, make.POST_SYNC: make.post_sync, make.ANALYSIS: make.analysis, make.FLEET_REPORT: make.fleet_report}
    for path, render_it in made.items():
        assert (ROOT / "deploy" / path).read_text() == render_it(helm), path


def test_the_hook_can_be_had_with_the_values_of_the_chart(tmp_path: Path) -> None:
    release.write_values(tmp_path, {"image": {"repository": "registry.example/clusterprobe"}, "postSync": {"select": ["grafana"]}})
    release.follow("hook", tmp_path)
    hook = yaml.safe_load((tmp_path / "post-sync.yaml").read_text())
    assert hook["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PostSync"
    [container] = hook["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example/clusterprobe:")
    assert container["args"][-1] == "--select=grafana"
