"""The Helm chart and the Kustomize base, rendered by the real helm and taken by the real API server."""

import importlib.util
import subprocess
from pathlib import Path

import pytest
import yaml

from clusterprobe.catalogue import catalogue
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
    "profile": {"extends": "nightly", "secrets": ["monitoring-dev/alertmanager-slack-config"]},
    "ownProbes": {
        "files": {"acme/probe_team.py": "def probe_team(verdict, budgets):\n    '''Is it?'''\n", "acme/sources.py": "# budgets\n"},
        "rules": [{"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]}],
    },
}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM.program("helm")), *arguments], capture_output=True, text=True, timeout=60, check=False)


def render(tmp_path: Path, values: dict | None = None) -> list[dict]:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values or {}))
    done = helm("template", "clusterprobe", str(CHART), "--namespace", "default", "--values", str(file))
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def refusal(tmp_path: Path, values: dict) -> str:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = helm("template", "clusterprobe", str(CHART), "--values", str(file))
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_helm_finds_nothing_to_complain_about(tmp_path: Path, values: dict) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = helm("lint", "--strict", str(CHART), "--values", str(file))
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


def test_the_plain_manifests_are_the_chart_with_its_defaults() -> None:
    """`python deploy/make.py --helm helm` makes it again."""
    spec = importlib.util.spec_from_file_location("deploy_make", ROOT / "deploy" / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    helm = str(HELM.program("helm"))
    for path, text in ((make.BASE, make.base(helm)), (make.POST_SYNC, make.post_sync(helm)), (make.ANALYSIS, make.analysis(helm))):
        assert (ROOT / "deploy" / path).read_text() == text, path


def test_the_hook_can_be_had_with_the_values_of_the_chart(tmp_path: Path) -> None:
    release.write_values(tmp_path, {"image": {"repository": "registry.example/clusterprobe"}, "postSync": {"select": ["grafana"]}})
    release.follow("hook", tmp_path)
    hook = yaml.safe_load((tmp_path / "post-sync.yaml").read_text())
    assert hook["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PostSync"
    [container] = hook["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example/clusterprobe:")
    assert container["args"][-1] == "--select=grafana"
