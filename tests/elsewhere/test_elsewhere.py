"""The command line on clusters that are nothing like the lab: what it says first, its exit status, and what it must not say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.elsewhere.running import run
from tests.elsewhere.worlds import HOURS_AGO, World, crashing, named, pod, ready, unplaced

DNS = pod("kube-system", "coredns-0", "registry.k8s.io/coredns/coredns:v1.12.1", {"k8s-app": "kube-dns"})
KUSTOMIZATIONS = ("kustomizations.kustomize.toolkit.fluxcd.io", "Kustomization")

# --- a platform of other brands ----------------------------------------------------------------------------------------

BRANDS = [
    DNS,
    pod("metrics", "mimir-0", "grafana/mimir:2.17.0", {"app.kubernetes.io/name": "mimir"}, port=8080),
    pod("tracing", "tempo-0", "grafana/tempo:2.8.0", {"app.kubernetes.io/name": "tempo"}, port=3200),
    pod("logs", "vector-0", "timberio/vector:0.48.0-debian", {"app.kubernetes.io/name": "Vector"}),
    pod("flux-system", "kustomize-controller-0", "ghcr.io/fluxcd/kustomize-controller:v1.6.1", {"app": "kustomize-controller"}),
]


def test_a_platform_of_other_brands_is_named_and_never_healthy(tmp_path: Path) -> None:
    said = run(World(BRANDS, {KUSTOMIZATIONS: [ready("flux-system", "apps")]}), tmp_path)
    assert (said.status, said.findings) == (2, [])
    assert {one: said.state(one) for one in ("mimir", "tempo", "vector", "flux")} == {
        "mimir": ["not looked at"],
        "tempo": ["not looked at"],
        "vector": ["looked at"],
        "flux": ["objects looked at"],
    }
    assert "Healthy" not in said.text
    assert any("Grafana Mimir" in one and "no probe judges" in one for one in said.open)
    assert any("pods/vector-0" in one and "not_judged: [vector]" in one for one in said.open)  # it is asked, and did not answer
    assert said.verdict("prometheus/targets") == "inconclusive"  # something does the work of a Prometheus here


def test_what_the_profile_accepts_of_other_brands_leaves_what_can_be_judged(tmp_path: Path) -> None:
    profile = "not_judged: [mimir, tempo, vector]\n"
    said = run(World(BRANDS, {KUSTOMIZATIONS: [ready("flux-system", "apps")]}), tmp_path, profile)
    assert (said.status, said.findings, said.open) == (0, [], [])
    (flux,) = [one for one in said.results["inventory"] if one["system"] == "flux"]
    assert (flux["objects"], flux["versions"], flux["version_by"]) == (
        {"kustomizations.kustomize.toolkit.fluxcd.io": 1},
        ["1.6.1"],
        "image",
    )


# --- plain Prometheus of two teams -------------------------------------------------------------------------------------

FLAGS = ["--storage.tsdb.path=/data"]
TEAMS = [DNS, *(pod(team, "prometheus-0", "prom/prometheus:v3.5.0", {"app": "prometheus"}, FLAGS, 9090) for team in ("team-a", "team-b"))]


def test_plain_prometheus_of_two_teams_is_found_and_what_does_not_answer_is_open(tmp_path: Path) -> None:
    said = run(World(TEAMS), tmp_path)
    assert (said.status, set(said.findings)) == (2, {"TsdbNotKept"})  # as a warning: its pods have no volume
    assert len(said.state("prometheus")) == 2
    assert said.verdict("prometheus/targets") == "inconclusive"
    assert [
        one["id"]
        for one in said.results["probes"]
        if re.search(r"there is no Prometheus\b(?! object of the Operator)", one.get("reason", ""))
    ] == []
    assert said.results["environments"] == {}


# --- what others reported, by its cause ---------------------------------------------------------------------------------

FORBIDDEN = (
    'nodes is forbidden: User "system:serviceaccount:shop:operator" cannot list resource "nodes" in API group "" at the cluster scope'
)
LAST_WORDS = {
    "db": ("opening storage failed: lock DB directory: resource temporarily unavailable", "Another process has locked its data"),
    "operator": (FORBIDDEN, "The API server refuses what it asks for"),
    "api": ("psycopg2.errors.InsufficientPrivilege: permission denied for schema public", "does not let that user do this"),
    "edge": ("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)", "It may not listen on that port"),
    "agent": ("failed to make file target manager: too many open files", "A limit on open files, or on inotify, is reached"),
    "injector": ("problem running manager: leader election lost", "It did not renew its lease"),
    "metrics": ("Error parsing command line arguments: unknown long flag '--alertmanager.timeout'", "It does not know an argument"),
    "dns": ('[FATAL] plugin/loop: Loop (127.0.0.1:34614 -> :53) detected for zone "."', "It would ask itself for ever"),
    "tsdb": ("opening storage failed: get segment range: segments are not sequential", "A part of its database is damaged or missing"),
    "logs": ("  line 4: field shared_store not found in type boltdb.IndexCfg", "It does not take its configuration"),
    "worker": ("KeyError: 'QUEUE'", "Its own process ends with exit code 1. Its last line: “KeyError: 'QUEUE'”."),
}
PORTS = "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 2 node(s) didn't match Pod's node affinity/selector."


def test_what_others_reported_is_named_by_its_cause_and_what_is_not_known_is_quoted(tmp_path: Path) -> None:
    holder = pod("kube-system", "svclb-traefik-1", "rancher/klipper-lb:v0.4.7")
    holder["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]
    waits = unplaced("kube-system", "svclb-nginx-1", PORTS, owner="svclb-nginx", host_port=80)
    words = {f"shop/{name}": line for name, (line, _) in LAST_WORDS.items()}
    said = run(World([DNS, holder, waits, *(crashing("shop", name) for name in LAST_WORDS)], last_words=words), tmp_path)
    found = {one["subject"]["name"]: one for probe in said.results["probes"] for one in probe["findings"]}
    assert {name: cause for name, (_, cause) in LAST_WORDS.items() if cause not in found[name]["cause"]} == {}
    assert "Pods of Pod kube-system/svclb-traefik-1 have such a port." in found["svclb-nginx"]["cause"]
    assert "nodeSelector" not in found["svclb-nginx"]["cause"] + found["svclb-nginx"]["fix"]
    assert "kubectl auth can-i list nodes --as=system:serviceaccount:shop:operator" in found["operator"]["fix"]


# --- what controllers say in words of their own --------------------------------------------------------------------------


def stating(namespace: str, name: str, **status: Any) -> dict[str, Any]:
    """An object of a custom resource whose status has just these fields."""
    return {**named(name, namespace), "status": status}


def since(type_: str, status: str, time: str = "lastTransitionTime") -> dict[str, str]:
    return {"type": type_, "status": status, "reason": "Refused", "message": "it is refused", time: HOURS_AGO}


OWN_WORDS = {
    ("volumesnapshots.snapshot.storage.k8s.io", "VolumeSnapshot"): [
        stating("shop", "nightly", readyToUse=False, error={"message": "the quota is used up", "time": HOURS_AGO}),
        stating("shop", "being-made", readyToUse=False),
    ],
    ("vaultauths.secrets.hashicorp.com", "VaultAuth"): [stating("shop", "refused", valid=False, error="no such role")],
    ("gitrepos.fleet.cattle.io", "GitRepo"): [stating("fleet-local", "platform", conditions=[since("Ready", "False", "lastUpdateTime")])],
    ("clusterqueues.kueue.x-k8s.io", "ClusterQueue"): [stating("", "gpus", conditions=[since("Active", "False")])],
    ("alloys.collectors.grafana.com", "Alloy"): [stating("metrics", "agents", conditions=[since("ReleaseFailed", "True")])],
    ("flows.logging.banzaicloud.io", "Flow"): [
        stating("shop", "dangling", active=True, problems=["the output is not there"], problemsCount=1),
        stating("shop", "whole", active=True),
    ],
    ("cronworkflows.argoproj.io", "CronWorkflow"): [
        stating("shop", "training", conditions=[{"type": "SpecError", "status": "True", "message": "the template is not there"}])
    ],
    ("rayservices.ray.io", "RayService"): [
        stating(
            "shop",
            "scoring",
            conditions=[since("Ready", "True")],
            activeServiceStatus={"applicationStatuses": {"fraud": {"status": "DEPLOY_FAILED", "message": "it has no trees"}}},
        )
    ],
    ("sopssecrets.isindir.github.com", "SopsSecret"): [stating("shop", "sealed", message="Decryption error")],
}


def test_what_controllers_say_in_words_of_their_own_is_found(tmp_path: Path) -> None:
    said = run(World(BRANDS, OWN_WORDS), tmp_path)
    (conditions,) = [one for one in said.results["probes"] if one["id"] == "objects/conditions"]
    found = {one["subject"]["name"]: one["cause"] for one in conditions["findings"]}
    assert sorted(found) == ["agents", "dangling", "gpus", "nightly", "platform", "refused", "scoring", "sealed", "training"]
    assert "the quota is used up" in found["nightly"]
    assert "the output is not there" in found["dangling"]
    assert "it has no trees" in found["scoring"]


# --- nothing, and nothing that is known --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pods", [[DNS], [DNS, pod("shop", "web-0", "corp.example/shop/web:7"), pod("shop", "db-0", "corp.example/shop/store@sha256:0123")]]
)
def test_a_cluster_without_anything_that_is_known_is_not_called_healthy(tmp_path: Path, pods: list[dict[str, Any]]) -> None:
    said = run(World(pods), tmp_path)
    assert (said.status, said.findings) == (2, [])
    assert "Healthy" not in said.text
    assert any("nothing of a platform was looked at" in one for one in said.open)


# --- one brand, and nothing else -----------------------------------------------------------------------------------------

DATADOG = [
    DNS,
    pod("datadog", "agent-0", "registry.datadoghq.com/agent:7", {"agent.datadoghq.com/component": "agent"}),
    pod("datadog", "cluster-agent-0", "registry.datadoghq.com/cluster-agent:7"),
]


def test_a_platform_of_one_brand_is_named_and_settled_by_what_the_reason_says(tmp_path: Path) -> None:
    said = run(World(DATADOG), tmp_path)
    assert (said.status, said.state("datadog")) == (2, ["not looked at"])
    (reason,) = said.open
    assert "(agent, cluster-agent), and no probe judges Datadog" in reason
    assert "`not_judged: [datadog]`" in reason
    settled = run(World(DATADOG), tmp_path, "not_judged: [datadog]\n")
    assert (settled.status, settled.open, settled.state("datadog")) == (0, [], ["accepted"])


# --- images that say nothing, or another name ------------------------------------------------------------------------------

NAMELESS = "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:0123"
OWNED = [
    DNS,
    pod("openshift-monitoring", "thanos-querier-0", NAMELESS, {"app.kubernetes.io/name": "thanos-query"}),
    pod("ml", "ray-head-0", "corp.example/ml/train:7.1", {"ray.io/is-ray-node": "yes"}),
    pod("ml", "etl-scheduler-0", "quay.io/astronomer/astro-runtime:12.9", {"tier": "airflow", "component": "scheduler"}),
    pod("vault", "openbao-0", "quay.io/openbao/openbao:2.3.1", {"app.kubernetes.io/name": "openbao"}),
    pod("edge", "kgateway-0", "cr.kgateway.dev/kgateway-dev/kgateway:v2.0.2"),
]


def test_what_has_an_image_of_its_own_or_was_forked_is_called_by_its_own_name(tmp_path: Path) -> None:
    said = run(World(OWNED), tmp_path)
    found = {one["system"]: one["versions"] for one in said.results["inventory"]}
    assert found == {"thanos": [], "ray": [], "airflow": [], "openbao": ["2.3.1"], "kgateway": ["2.0.2"]}
    assert said.status == 2
    assert said.verdict("prometheus/targets") == "inconclusive"  # Thanos does a part of its work
