"""The Job of a fleet: an index a cluster, each with the credentials of that cluster alone, repeated only where nobody reported."""

from __future__ import annotations

import base64
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import models

from clusterprobe import cli
from clusterprobe.fleet.job import Wanted, arguments, documents, secret_of, secrets, text, values
from clusterprobe.fleet.targets import Target
from clusterprobe.profile import load_profile
from clusterprobe.shipped import shipped
from clusterprobe.words import visible
from tests.unit.fleet.test_inventory import kubeconfig, written

EU = Target("prod-eu", kubeconfig=kubeconfig("prod-eu"), labels={"environment": "prod"})
US = Target("Prod/US", kubeconfig=kubeconfig("prod-us"))
AP = Target("prod-ap", secret="prod-ap-kubeconfig", key="value")
FLEET = [US, AP, EU]
WANTED = Wanted(store="s3://reports/x", image="registry.example/clusterprobe:1")


def made(*targets: Target, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ConfigMap and the Job."""
    settings = {"store": "s3://reports/x", "image": "i", **given}
    profiles, job = documents(targets or FLEET, Wanted(**settings))
    return profiles, job


def mounted(index: int, *targets: Target, **given: Any) -> dict[str, tuple[str, str]]:
    """What the container of an index sees in its folder: by path, which object's key it is."""
    _, job = made(*targets, **given)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "clusters"]
    assert mount["subPathExpr"] == "$(JOB_COMPLETION_INDEX)"
    (volume,) = [one for one in pod["volumes"] if one["name"] == "clusters"]
    seen = {}
    for source in volume["projected"]["sources"]:
        ((kind, about),) = source.items()
        for item in about["items"]:
            folder, _, path = item["path"].partition("/")
            if folder == str(index):
                seen[path] = (f"{kind} {about['name']}", item["key"])
    return seen


@pytest.mark.parametrize("index", range(3))
def test_a_container_sees_the_credentials_and_the_profile_of_its_own_index_alone(index: int) -> None:
    target = FLEET[index]
    secret, key = secret_of(target, WANTED)
    assert mounted(index) == {
        "kubeconfig": (f"secret {secret}", key),
        "profile.yaml": ("configMap clusterprobe-fleet", f"cluster.{target.slug}.yaml"),
    }


def test_secrets_are_seen_by_no_other_way() -> None:
    _, job = made(store_secret="bucket")
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert [one["secretRef"]["name"] for one in container["envFrom"]] == ["bucket"]
    assert [one for one in container["env"] if "secretKeyRef" in str(one)] == []
    assert [one["name"] for one in container["volumeMounts"]] == ["clusters", "tmp"]
    for one in container["volumeMounts"]:
        assert one["name"] != "clusters" or one["subPathExpr"]


def test_one_name_leads_to_one_clusters_credentials_whatever_its_index() -> None:
    """Or a Job that still runs while the inventory changes would take one cluster for another."""
    before = mounted(1, EU, US)
    after = mounted(0, US)
    assert before == after


def test_one_cluster_that_lacks_its_secret_keeps_no_other_from_running() -> None:
    _, job = made()
    (volume,) = [one for one in job["spec"]["template"]["spec"]["volumes"] if one["name"] == "clusters"]
    assert [next(iter(one.values()))["optional"] for one in volume["projected"]["sources"]] == [True] * 4


def test_the_job_and_its_profiles_hold_no_credentials() -> None:
    assert "token-of" not in text([*made()])
    held = {one["metadata"]["name"]: base64.b64decode(one["data"]["kubeconfig"]).decode() for one in secrets(FLEET, WANTED)}
    assert {name: yaml.safe_load(one) for name, one in held.items()} == {
        secret_of(US, WANTED)[0]: US.kubeconfig,
        "clusterprobe-fleet-prod-eu": EU.kubeconfig,
    }


def test_what_has_reported_is_not_repeated_and_what_has_not_is_once() -> None:
    spec = made()[1]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["backoffLimitPerIndex"]) == ("Indexed", 3, 1)
    disrupted, reported = spec["podFailurePolicy"]["rules"]
    assert (disrupted["action"], disrupted["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (reported["action"], reported["onExitCodes"]["values"]) == ("FailIndex", [1, 2, 3])
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(("parallelism", "rounds"), [(1, 3), (2, 2), (3, 1), (50, 1)])
def test_every_deadline_holds_what_is_within(parallelism: int, rounds: int) -> None:
    spec = made(parallelism=parallelism, timeout="2m", seconds=120.0)[1]["spec"]
    pod = spec["template"]["spec"]
    assert pod["activeDeadlineSeconds"] == 120 + 180
    assert spec["activeDeadlineSeconds"] >= rounds * 2 * (pod["activeDeadlineSeconds"] + pod["terminationGracePeriodSeconds"])
    assert spec["parallelism"] == min(parallelism, 3)


def test_a_pod_that_comes_after_another_of_its_index_has_the_same_runs_name() -> None:
    (container,) = made()[1]["spec"]["template"]["spec"]["containers"]
    assert "--run-id=$(JOB_UID)-$(JOB_COMPLETION_INDEX)" in container["args"]
    fields = {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in container["env"] if "valueFrom" in one}
    assert fields == {"JOB_UID": "metadata.labels['batch.kubernetes.io/controller-uid']"}


def test_a_store_is_no_variable() -> None:
    (container,) = made(store="s3://b/$(HOME)$x")[1]["spec"]["template"]["spec"]["containers"]
    assert "--store=s3://b/$$(HOME)$$x" in container["args"]


def test_each_profile_is_one_and_says_which_cluster_it_is(tmp_path: Path) -> None:
    profiles = made()[0]["data"]
    (tmp_path / "profile.yaml").write_text(profiles["cluster.prod-eu.yaml"])
    profile = load_profile(str(tmp_path / "profile.yaml"), shipped("profiles"))
    assert (profile.cluster.name, profile.cluster.labels, profile.timeout, profile.fail_on) == (
        "prod-eu",
        {"environment": "prod"},
        "5m",
        "never",
    )


def test_a_schedule_makes_a_cron_job_of_the_same_job() -> None:
    _, cron = made(schedule="0 5 * * *")
    assert (cron["kind"], cron["spec"]["schedule"], cron["spec"]["concurrencyPolicy"]) == ("CronJob", "0 5 * * *", "Forbid")
    assert cron["spec"]["jobTemplate"]["spec"] == made()[1]["spec"]


def test_the_same_inventory_gives_the_same_text_and_yaml_gives_it_back() -> None:
    once = text([*made(profile_text="a: 1\nb: 2\n")])
    assert once == text([*made(profile_text="a: 1\nb: 2\n")])
    assert list(yaml.safe_load_all(once)) == [*made(profile_text="a: 1\nb: 2\n")]
    assert "&id" not in once


def test_the_charts_values_say_the_same() -> None:
    fleet = values(FLEET, WANTED)["fleet"]
    assert fleet["store"] == "s3://reports/x"
    assert [(one["name"], one["secretName"], one["key"]) for one in fleet["clusters"]] == [
        (one.name, *secret_of(one, WANTED)) for one in FLEET
    ]


# --- against Kubernetes' own schema -------------------------------------------------------------------------------------


def unknown(value: Any, kind: str, path: str = "") -> list[str]:
    """The fields of an object that Kubernetes' API does not have, and those that it needs and are not there."""
    if isinstance(value, list) or kind.lower().startswith("dict"):
        inner = kind[5:-1].rpartition(", ")[2]
        entries = enumerate(value) if isinstance(value, list) else value.items()
        return [each for key, entry in entries for each in unknown(entry, inner, f"{path}.{key}")]
    model = getattr(models, kind, None)
    if model is None:
        return []
    keys = {json_name: name for name, json_name in model.attribute_map.items()}
    odd = [f"{path}.{key}" for key in value if key not in keys]
    return odd + [each for key in value if key in keys for each in unknown(value[key], model.openapi_types[keys[key]], f"{path}.{key}")]


def test_a_field_that_kubernetes_does_not_have_is_seen() -> None:
    job = made()[1]
    job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["subPathExp"] = "x"
    assert unknown(job, "V1Job") == [".spec.template.spec.containers.0.volumeMounts.0.subPathExp"]


@pytest.mark.parametrize("given", [{}, {"store_secret": "s", "service_account": "a", "profile_text": "fail_on: never\n"}])
def test_every_field_is_one_of_kubernetes(given: dict[str, Any]) -> None:
    profiles, job = made(**given)
    _, cron = made(schedule="@daily", **given)
    assert unknown(profiles, "V1ConfigMap") + unknown(job, "V1Job") + unknown(cron, "V1CronJob") == []
    assert [each for one in secrets(FLEET, WANTED) for each in unknown(one, "V1Secret")] == []


# --- the commands -------------------------------------------------------------------------------------------------------


def command(*arguments: str) -> int:
    return cli._guarded(lambda: cli.app(["fleet", *arguments], standalone_mode=False))


def test_the_command_prints_what_can_be_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inventory = written(tmp_path, kubeconfig("prod-eu", "dev"))
    assert command("job", inventory, "--store", "s3://b/x", "--only", "prod-*", "--environment", "prod=prod-*", "--parallelism", "3") == 0
    profiles, job = yaml.safe_load_all(capsys.readouterr().out)
    assert list(profiles["data"]) == ["cluster.prod-eu.yaml"]
    assert job["spec"]["completions"] == 1
    assert command("secrets", inventory) == 0
    made_secrets = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [one["metadata"]["name"] for one in made_secrets] == ["clusterprobe-fleet-dev", "clusterprobe-fleet-prod-eu"]


def test_a_profile_of_ones_own_goes_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text("extends: nightly\nprobes: {select: [loki]}\n")
    inventory = written(tmp_path, kubeconfig("eu"))
    assert command("job", inventory, "--store", "s3://b", "--profile", str(tmp_path / "mine.yaml")) == 0
    profiles, job = yaml.safe_load_all(capsys.readouterr().out)
    assert profiles["data"]["profile.yaml"] == "extends: nightly\nprobes: {select: [loki]}\n"
    assert yaml.safe_load(profiles["data"]["cluster.eu.yaml"])["extends"] == "/etc/clusterprobe/profile.yaml"
    pod = job["spec"]["template"]["spec"]
    assert {"name": "profile", "mountPath": "/etc/clusterprobe", "readOnly": True} in pod["containers"][0]["volumeMounts"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "file:///x"], "--store file:///x: a folder of the pod, which goes with it"),
        (["--store", "x"], "--store x: expected s3://…"),
        (["--store", "s3://b", "--name", "A_b"], "--name A_b: expected small letters, digits and `-`, at most 50"),
        (["--store", "s3://b", "--timeout", "x"], "--timeout: invalid duration 'x'"),
        (["--store", "s3://b", "-o", "json"], "-o json: expected yaml or values"),
        (["--store", "s3://b", "--profile", "nightl"], "unknown profile 'nightl'"),
        (["--store", "s3://b", "--profile", "{folder}/child.yaml"], "it extends base.yaml, a file beside it that the pods do not have"),
        (["--store", "s3://b", "--profile", "{folder}/own.yaml"], "its probes.paths are folders that the pods do not have"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    (tmp_path / "base.yaml").write_text("timeout: 1m\n")
    (tmp_path / "child.yaml").write_text("extends: base.yaml\n")
    (tmp_path / "own.yaml").write_text("probes: {paths: [own]}\n")
    inventory = written(tmp_path, kubeconfig("eu"))
    assert command("job", inventory, *(one.replace("{folder}", str(tmp_path)) for one in arguments)) == 4
    answer = capsys.readouterr()
    assert said in answer.err
    assert answer.out == ""


def test_credentials_are_not_printed_to_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert command("secrets", written(tmp_path, kubeconfig("eu"))) == 4
    answer = capsys.readouterr()
    assert answer.out == ""
    assert "kubectl apply --server-side -f -" in answer.err


def test_what_is_said_of_a_cluster_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[2J\n::error::x"
    config = kubeconfig(name, exec={"apiVersion": "x", "command": "tool"})
    (tmp_path / "x").write_text(json.dumps(config))
    assert command("job", str(tmp_path / "x"), "--store", "s3://b") == 0
    answer = capsys.readouterr()
    assert "\x1b" not in answer.err + answer.out
    assert not [line for line in answer.err.splitlines() if line.startswith("::")]
    assert yaml.safe_load(next(iter(next(yaml.safe_load_all(answer.out))["data"].values())))["cluster"]["name"] == name


# --- what docs/fleet.md shows -------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[3] / "docs" / "fleet.md").read_text(encoding="utf-8")


def test_the_commands_that_are_shown_are_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, kubeconfig("prod-eu", "dev"), "clusters.kubeconfig")
    commands = re.findall(r"clusterprobe fleet ((?:job|secrets) .*?) \|", PAGE.replace("\\\n", ""), re.DOTALL)
    assert len(commands) == 3
    for one in commands:
        assert command(*shlex.split(one.replace("$cluster", "prod-eu"))) == 0
        assert list(yaml.safe_load_all(capsys.readouterr().out))


def test_the_workflow_that_is_shown_runs_what_the_job_runs() -> None:
    (shown,) = [yaml.safe_load(one) for one in re.findall(r"<!-- argo-workflows -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)]
    _, run = shown["spec"]["workflowSpec"]["templates"]
    flags = {one.partition("=")[0] for one in run["container"]["args"]}
    assert flags - {"--cluster-name"} == {one.partition("=")[0] for one in arguments("s3://b")}
    assert run["activeDeadlineSeconds"] == WANTED.pod_seconds


@pytest.mark.parametrize("odd", ["\u2028z", "x\x85y\nz", "\u202ex", "\x1b[2J", "a\r\nb", "\ufeffx", 'x: "\u2028"\nb: c\n'])
def test_yaml_reads_what_was_given_and_hides_nothing(odd: str):
    printed = text([{"kind": "X", "data": {"of a name": odd, odd: "a\nb"}}])
    assert list(yaml.safe_load_all(printed)) == [{"kind": "X", "data": {"of a name": odd, odd: "a\nb"}}]
    assert visible(printed) == printed
