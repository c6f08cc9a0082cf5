"""The clusters of a fleet, from where they are listed already: each with its own credentials, and no other's."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterprobe.errors import UsageError
from clusterprobe.fleet.inventory import chosen, names, pinned, read
from clusterprobe.fleet.targets import Target
from tests.unit.fleet.test_overview import record


def kubeconfig(*names: str, current: str = "", **user: Any) -> dict[str, Any]:
    """A kubeconfig with a context, a cluster and a user of each name."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": f"c-{one}", "cluster": {"server": f"https://{one}.example:6443"}} for one in names],
        "users": [{"name": f"u-{one}", "user": user or {"token": f"token-of-{one}"}} for one in names],
        "contexts": [{"name": one, "context": {"cluster": f"c-{one}", "user": f"u-{one}"}} for one in names],
    }


def secret(name: str, data: dict[str, str], namespace: str = "clusterprobe", **labels: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": encoded}


ARGO_CD = {"argocd.argoproj.io/secret-type": "cluster"}


def argo_cd(name: str, config: dict[str, Any], server: str = "https://eu.example") -> dict[str, Any]:
    made = secret(f"cluster-{name}", {"name": name, "server": server, "config": json.dumps(config)}, "argocd")
    made["metadata"]["labels"] = {**ARGO_CD, "environment": "prod"}
    return made


def written(folder: Path, content: Any, name: str = "inventory") -> str:
    (folder / name).write_text(yaml.safe_dump(content) if "contexts" in content else json.dumps(content))
    return str(folder / name)


def listing(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": [*objects]}


def one(folder: Path, content: Any, **given: str) -> Target:
    ((target,), left_out) = read(written(folder, content), "clusterprobe", **given)
    assert left_out == []
    return target


def user_of(target: Target) -> dict[str, Any]:
    (entry,) = target.kubeconfig["users"]
    return entry["user"]


def test_each_context_of_a_kubeconfig_is_a_cluster_with_its_own_credentials_alone(tmp_path: Path) -> None:
    targets, _ = read(written(tmp_path, kubeconfig("us", "eu", "ap")), "clusterprobe")
    assert [target.name for target in targets] == ["ap", "eu", "us"]
    for target in targets:
        assert target.kubeconfig["current-context"] == target.name
        assert [part["name"] for part in target.kubeconfig["contexts"]] == [target.name]
        text = json.dumps(target.kubeconfig)
        assert [other for other in ("ap", "eu", "us") if f"token-of-{other}" in text or f"https://{other}." in text] == [target.name]


def test_files_beside_a_kubeconfig_become_a_part_of_it(tmp_path: Path) -> None:
    config = kubeconfig("eu", **{"client-certificate": "my.crt", "client-key": "my.key"})
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    for name in ("my.crt", "my.key", "ca.crt"):
        (tmp_path / name).write_text(f"content of {name}")
    target = one(tmp_path, config)
    assert base64.b64decode(user_of(target)["client-key-data"]) == b"content of my.key"
    (cluster,) = target.kubeconfig["clusters"]
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"content of ca.crt"
    assert "certificate-authority" not in cluster["cluster"]


def test_a_folder_has_a_kubeconfig_a_cluster(tmp_path: Path) -> None:
    written(tmp_path, kubeconfig("a"), "prod-eu.yaml")
    written(tmp_path, kubeconfig("a", "b", current="b"), "prod-us")
    written(tmp_path, kubeconfig("x"), ".hidden")
    targets, _ = read(str(tmp_path), "clusterprobe")
    assert [(target.name, user_of(target)["token"]) for target in targets] == [("prod-eu", "token-of-a"), ("prod-us", "token-of-b")]


def test_a_secret_of_the_jobs_namespace_is_taken_as_it_is_and_another_is_copied(tmp_path: Path) -> None:
    text = yaml.safe_dump(kubeconfig("x"))
    here = secret("eu-kubeconfig", {"value": text}, **{"cluster.x-k8s.io/cluster-name": "eu", "environment": "prod"})
    targets, _ = read(written(tmp_path, listing(here, secret("us", {"kubeconfig": text}, "elsewhere"))), "clusterprobe")
    assert [(target.name, target.secret, target.key, bool(target.kubeconfig)) for target in targets] == [
        ("eu", "eu-kubeconfig", "value", False),
        ("us", "", "", True),
    ]
    assert targets[0].labels == {"environment": "prod"}


@pytest.mark.parametrize(
    ("config", "user"),
    [
        ({"bearerToken": "t"}, {"token": "t"}),
        ({"username": "u", "password": "p"}, {"username": "u", "password": "p"}),
        (
            {"tlsClientConfig": {"certData": "Yw==", "keyData": "aw=="}},
            {"client-certificate-data": "Yw==", "client-key-data": "aw=="},
        ),
        (
            {"execProviderConfig": {"command": "tool", "args": ["a"], "env": {"B": "2", "A": "1"}, "apiVersion": "x/v1"}},
            {
                "exec": {
                    "command": "tool",
                    "args": ["a"],
                    "apiVersion": "x/v1",
                    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                }
            },
        ),
        (
            {"awsAuthConfig": {"clusterName": "c", "roleARN": "arn:r"}},
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1beta1",
                    "command": "aws",
                    "args": ["eks", "get-token", "--output", "json", "--cluster-name", "c", "--role-arn", "arn:r"],
                }
            },
        ),
    ],
)
def test_a_cluster_secret_of_argo_cd_becomes_a_kubeconfig(tmp_path: Path, config: dict[str, Any], user: dict[str, Any]) -> None:
    tls = {**config.get("tlsClientConfig", {}), "caData": "Y2E=", "serverName": "api"}
    target = one(tmp_path, listing(argo_cd("prod-eu", {**config, "tlsClientConfig": tls})))
    assert user_of(target) == user
    (cluster,) = target.kubeconfig["clusters"]
    assert cluster["cluster"] == {"server": "https://eu.example", "certificate-authority-data": "Y2E=", "tls-server-name": "api"}
    assert (target.name, target.labels) == ("prod-eu", {"environment": "prod"})


def test_the_hub_itself_is_left_out_and_said(tmp_path: Path) -> None:
    hub = argo_cd("in-cluster", {}, "https://kubernetes.default.svc")
    targets, (said,) = read(written(tmp_path, listing(hub, argo_cd("eu", {"bearerToken": "t"}))), "clusterprobe")
    assert [target.name for target in targets] == ["eu"]
    assert said.startswith("in-cluster: https://kubernetes.default.svc is the hub itself")


def cluster_profile(name: str, *offered: str) -> dict[str, Any]:
    cluster = {
        "server": "https://eu.example",
        "certificate-authority-data": "Y2E=",
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"clusterName": name}}],
    }
    providers = [{"name": each, "cluster": cluster} for each in offered]
    return {"kind": "ClusterProfile", "metadata": {"name": name, "namespace": "fleet"}, "status": {"accessProviders": providers}}


PROVIDERS = {"providers": [{"name": "ours", "execConfig": {"apiVersion": "x/v1", "command": "/plugins/x", "provideClusterInfo": True}}]}


def test_a_cluster_profile_gets_its_credentials_from_the_plugin_of_its_provider(tmp_path: Path) -> None:
    providers = written(tmp_path, PROVIDERS, "providers.json")
    target = one(tmp_path, cluster_profile("eu", "theirs", "ours"), providers=providers)
    assert user_of(target) == {"exec": PROVIDERS["providers"][0]["execConfig"]}
    (cluster,) = target.kubeconfig["clusters"]
    assert cluster["cluster"]["extensions"][0]["extension"] == {"clusterName": "eu"}
    assert target.notes == ("its credentials come from `/plugins/x`, which the image has to have",)


def test_the_names_of_an_inventory_need_no_providers(tmp_path: Path) -> None:
    assert names(written(tmp_path, listing(cluster_profile("eu"), argo_cd("us", {"bearerToken": "t"})))) == ["eu", "us"]


def test_a_cluster_profile_of_an_unknown_provider_is_refused_with_both_names(tmp_path: Path) -> None:
    providers = written(tmp_path, PROVIDERS, "providers.json")
    with pytest.raises(UsageError) as refused:
        one(tmp_path, cluster_profile("eu", "theirs"), providers=providers)
    assert str(refused.value) == "ClusterProfile eu: it offers the access providers theirs, and --providers has ours"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (kubeconfig("eu", tokenFile="/var/token"), "eu: its user's `tokenFile` /var/token is on this machine"),
        (kubeconfig("eu", **{"auth-provider": {"name": "oidc"}}), "eu: its user signs in by `auth-provider`"),
        (kubeconfig("eu", exec={"apiVersion": "x", "command": "./here/tool"}), "lies beside the kubeconfig"),
        (kubeconfig("eu", **{"client-key": "gone.key"}), "eu: its `client-key` gone.key: No such file or directory"),
        (listing({"kind": "ConfigMap", "metadata": {"name": "x"}}), "ConfigMap x is neither a Secret nor a ClusterProfile"),
        (listing(secret("x", {"a": "1", "b": "2"})), "Secret x: none of its keys is kubeconfig, value"),
        (listing(secret("x", {"kubeconfig": "[]"})), "Secret x: expected a kubeconfig"),
        (listing(argo_cd("eu", {})), "eu: it has no user, so no credentials"),
        (listing(argo_cd("eu", {"bearerToken": "t"}), argo_cd("eu", {"bearerToken": "u"})), "two clusters are called eu"),
        (listing({"kind": "Secret", "metadata": {}}), "an object has no name"),
        ({"kind": "List", "items": 3}, "`items` is not a list of objects"),
    ],
)
def test_what_cannot_be_used_is_refused_whole(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(written(tmp_path, content), "clusterprobe")
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "- a", "a: [", "\x00"])
def test_what_is_no_inventory_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(UsageError):
        read(str(tmp_path / "x"), "clusterprobe")


def test_an_address_that_no_pod_reaches_is_said(tmp_path: Path) -> None:
    config = kubeconfig("kind")
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:6443"
    assert one(tmp_path, config).notes == ("its address https://127.0.0.1:6443 is that of this machine, which no pod reaches",)


# --- which of them ------------------------------------------------------------------------------------------------------

CLUSTERS = [Target("dev-eu"), Target("prod-eu", labels={"environment": "live"}), Target("prod-us")]


def test_patterns_choose_clusters_and_say_which_are_to_be_alike() -> None:
    assert [one.name for one in chosen(CLUSTERS, ["prod-*"], [])] == ["prod-eu", "prod-us"]
    assert [one.labels for one in chosen(CLUSTERS, [], ["prod=*-us", "dev=dev-*"])] == [
        {"environment": "dev"},
        {"environment": "live"},
        {"environment": "prod"},
    ]


@pytest.mark.parametrize(
    ("targets", "only", "environments", "said"),
    [
        (CLUSTERS, ["prod-ap"], [], "--only prod-ap: the inventory has no such cluster: dev-eu, prod-eu, prod-us"),
        (CLUSTERS, [], ["prod"], "--environment prod: expected an environment and a pattern"),
        ([], [], [], "the inventory has no cluster"),
    ],
)
def test_a_choice_that_means_nothing_is_refused(targets: list[Target], only: list[str], environments: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        chosen(targets, only, environments)
    assert said in str(refused.value)


def test_each_is_held_to_the_uid_of_its_newest_run() -> None:
    records = [record("1", name="dev-eu", hours=9), record("2", name="dev-eu"), record("3", name="prod-us"), record("4", name="gone")]
    assert [(one.name, one.uid) for one in pinned(CLUSTERS, records, [])] == [("dev-eu", "2"), ("prod-eu", ""), ("prod-us", "3")]


@pytest.mark.parametrize(
    ("records", "troubles", "said"),
    [
        ([], ["cluster=1/r: not read in time"], "--pin: not every run could be read: cluster=1/r: not read in time"),
        (["dev-eu", "prod-us"], [], "--pin: dev-eu and prod-us have both run on the cluster 1: correct the kubeconfig of one of them"),
    ],
)
def test_what_is_not_sure_is_not_held_to(records: list[str], troubles: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        pinned(CLUSTERS, [record("1", name=name) for name in records], troubles)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("name", "plain"), [("prod-eu", True), ("Prod-eu", False), ("arn:aws:eks/x", False), ("x" * 200, False), ("___", False), ("a-", False)]
)
def test_a_name_becomes_a_part_of_an_objects_name_that_no_other_has(name: str, plain: bool) -> None:
    slug = Target(name).slug
    assert (slug == name) is plain
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug[0] != "-"
    assert slug[-1] != "-"
    assert len(slug) <= 50
    assert plain or slug != Target(f"{name}.").slug


@pytest.mark.parametrize("key", ["certificate-authority", "client-certificate", "client-key"])
def test_a_kubeconfig_in_a_secret_names_no_file_of_this_machine(tmp_path: Path, key: str):
    """Whoever may write a Secret would have a file of ours put into another one."""
    (tmp_path / "own").write_text("ours")
    config = kubeconfig("eu")
    part, inner = ("clusters", "cluster") if key == "certificate-authority" else ("users", "user")
    config[part][0][inner][key] = str(tmp_path / "own")
    with pytest.raises(UsageError, match=f"its `{key}` is a file, which no machine but its own has"):
        read(written(tmp_path, listing(secret("eu", {"kubeconfig": yaml.safe_dump(config)}, "other"))), "clusterprobe")


ODD = [None, [], {}, "x", 1, ["x"], {"x": 1}, True, "a\nb"]


def changed(value: Any, odd: Any) -> Iterator[Any]:
    """The same with each of its parts replaced, one at a time."""
    yield odd
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for one in changed(value[key], odd):
            yield {**value, key: one} if isinstance(value, dict) else [*value[:key], one, *value[key + 1 :]]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_is_no_inventory_is_refused_in_a_sentence(tmp_path: Path, odd: Any):
    profile = {
        "kind": "ClusterProfile",
        "metadata": {"name": "p"},
        "status": {"accessProviders": [{"name": "g", "cluster": {"server": "x"}}]},
    }
    config = {"bearerToken": "t", "tlsClientConfig": {"caData": "x"}, "execProviderConfig": {"command": "x", "env": {"a": "b"}}}
    providers = written(tmp_path, {"providers": [{"name": "g", "execConfig": {"command": "x"}}]}, "providers")
    tried = [
        *changed(listing(secret("eu", {"kubeconfig": yaml.safe_dump(kubeconfig("eu"))}), profile), odd),
        *(listing(secret("eu", {"kubeconfig": json.dumps(one)})) for one in changed(kubeconfig("eu"), odd)),
        *(argo_cd("eu", one) for one in changed(config, odd)),
    ]
    for one in tried:
        (tmp_path / "odd").write_text(json.dumps(one))
        with contextlib.suppress(UsageError):
            read(str(tmp_path / "odd"), "clusterprobe", providers)


def test_aliases_in_a_secrets_kubeconfig_are_not_followed_without_end(tmp_path: Path):
    laughs = "a: &a [x, x]\n" + "".join(f"{now}: &{now} [*{before}, *{before}]\n" for before, now in pairwise("abcdefghijklmnopqrstuvwxyz"))
    with pytest.raises(UsageError, match="holds more than"):
        read(written(tmp_path, listing(secret("eu", {"kubeconfig": f"{laughs}clusters: *z\n"}))), "clusterprobe")
