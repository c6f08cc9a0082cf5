"""The lab as a hub: the real Job over 22 clusters, their runs in a real S3 server, a node drained and a pod killed meanwhile.

The clusters are the lab itself, a second API server, 17 replays of the recorded lab (each a server of its own, with a UID of its own and
some with faults), one that is dead, one that refuses credentials and one that lets half of it be read.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterprobe.fleet.job import Wanted, documents, secrets
from clusterprobe.fleet.targets import Target
from lab import api
from lab.layout import GATEWAY
from lab.paths import KUBECONFIG
from tests import versity
from tests.faults.faults import plain
from tests.faults.server import Reply, Request, Talk
from tests.lab import release
from tests.lab.second_server import second_server
from tests.plugin.test_fleet import cluster, clusterprobe

NAMESPACE = "clusterprobe-hub"
CORE, JOBS = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
STORE = "s3://reports/clusterprobe"
PROFILE = "extends: nightly\nprobes: {select: [nodes, promtail/coverage]}\n"
REPLAYED = [f"replay-{number:02}" for number in range(1, 18)]
SICK = ("replay-03", "replay-09")
SLOW, KILLED = "replay-05", "replay-11"  # the one that is at work as its node is drained, the one that is killed after its upload
HOLD_SECONDS = 60.0
# As the container would run it, but one index stays between its upload and its end, so that it can be killed there.
HELD = f"""
import os, subprocess, sys, time
code = subprocess.call([sys.executable, "-m", "clusterprobe", *sys.argv[2:]])
time.sleep({HOLD_SECONDS} if os.environ["JOB_COMPLETION_INDEX"] == sys.argv[1] else 0)
sys.exit(code)
"""


@dataclass(frozen=True)
class Hub:
    """What has run: the inventory, the folder of the store's bucket, how to reach it, and by index the pods that there were."""

    targets: list[Target]
    bucket: Path
    environment: dict[str, str]
    scratch: Path
    pods: dict[int, dict[str, str]]  # by name, the node
    drained: str
    on_it: frozenset[int]  # the indices that were at work there
    job: dict[str, Any]

    def index(self, name: str) -> int:
        return [one.name for one in self.targets].index(name)

    def asked(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return clusterprobe("fleet", *arguments, folder=self.scratch, **self.environment)

    @functools.cached_property
    def report(self) -> dict[str, Any]:
        expected = [text for one in self.targets for text in ("--expect", one.name)]
        done = self.asked("report", STORE, *expected, "--output", "answer")
        assert done.returncode == 2, done.stderr
        return dict(json.loads((self.scratch / "answer" / "fleet.json").read_text()))


def late(talk: Talk, _: Request, reply: Reply) -> None:
    """The right answer, after most of a minute."""
    talk.server.closing.wait(HOLD_SECONDS)
    talk.send(reply)


def moved(config: str) -> dict[str, Any]:
    """The lab's kubeconfig, as it is good in a pod."""
    return dict(yaml.safe_load(config.replace("127.0.0.1", GATEWAY)))


def token(server: str) -> dict[str, Any]:
    return {
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "one", "user": {"token": "a-token"}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "current-context": "one",
    }


@contextlib.contextmanager
def inventory(folder: Path) -> Iterator[list[Target]]:
    """All clusters, served; ended afterwards."""
    with contextlib.ExitStack() as stack:
        names = [*REPLAYED, "half", "refusing"]
        servers = {name: stack.enter_context(cluster(f"uid-of-{name}", sick=name in SICK, host=GATEWAY)) for name in names}
        stack.enter_context(servers["half"].misbehaving(plain(403, "no"), lambda request: request.path.endswith("/nodes")))
        stack.enter_context(servers["refusing"].misbehaving(plain(401, "no"), lambda request: True))
        stack.enter_context(servers[SLOW].misbehaving(late, lambda request: request.path.endswith("/nodes"), times=1))
        second = stack.enter_context(second_server(folder, GATEWAY)).read_text()
        configs = {name: token(one.url) for name, one in servers.items()}
        configs |= {"dead": token(f"http://{GATEWAY}:9"), "lab": moved(KUBECONFIG.read_text()), "second": moved(second)}
        yield [Target(name, kubeconfig=configs[name]) for name in sorted(configs)]


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def hub(namespace: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    scratch, second, bucket_folder = (tmp_path_factory.mktemp(name) for name in ("hub", "second", "s3"))
    with inventory(second) as targets, versity.serving(bucket_folder, GATEWAY) as (bucket, environment):
        wanted = start(targets, environment)
        path = f"{JOBS}/{wanted.name}"
        watched = Watched([one.name for one in targets])
        drained, on_it = drain(watched)
        kill(watched, bucket)
        release.until("the Job ends", lambda: watched.look() and release.ended(api.get(path)), 600)
        yield Hub(targets, bucket, environment, scratch, watched.pods, drained, on_it, dict(api.get(path)))


def start(targets: list[Target], environment: dict[str, str]) -> Wanted:
    image = release.image()
    wanted = Wanted(
        store=STORE,
        namespace=NAMESPACE,
        image=f"{image['repository']}:{image['tag']}",
        profile_text=PROFILE,
        parallelism=5,
        timeout="3m",
        seconds=180.0,
        store_secret="bucket",
    )
    api.call("POST", f"{CORE}/secrets", {"metadata": {"name": "bucket"}, "stringData": environment})
    for one in secrets(targets, wanted):
        api.call("POST", f"{CORE}/secrets", one)
    profiles, job = documents(targets, wanted)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    held = [one.name for one in targets].index(KILLED)
    container["command"] = ["python3", "-c", HELD, str(held)]
    api.call("POST", f"{CORE}/configmaps", profiles)
    api.call("POST", JOBS, job)
    return wanted


class Watched:
    """The Job's pods, those that are gone too: what replaces one of them deletes nothing of it here."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.pods: dict[int, dict[str, str]] = {}
        self.running: dict[str, str] = {}  # by cluster, the pod

    def look(self) -> bool:
        self.running = {}
        for one in api.items(f"{CORE}/pods"):
            index = int(one["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"])
            self.pods.setdefault(index, {})[one["metadata"]["name"]] = one["spec"].get("nodeName", "")
            if one["status"].get("phase") == "Running" and "deletionTimestamp" not in one["metadata"]:
                self.running[self.names[index]] = one["metadata"]["name"]
        return True


def kubectl(*arguments: str) -> None:
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG)}
    done = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, timeout=200, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def drain(watched: Watched) -> tuple[str, frozenset[int]]:
    """Drain the node of the slow cluster's pod, of the Job's pods alone: the node and the indices that were at work on it."""
    release.until(f"the run of {SLOW} waits for its server", lambda: watched.look() and SLOW in watched.running, 300)
    time.sleep(5)  # it has begun to read by then
    watched.look()
    index = watched.names.index(SLOW)
    node = watched.pods[index][watched.running[SLOW]]
    working = frozenset(
        watched.names.index(one) for one, pod in watched.running.items() if watched.pods[watched.names.index(one)][pod] == node
    )
    kubectl("cordon", node)
    try:
        watched.look()
        kubectl(
            "drain", node, "--pod-selector=batch.kubernetes.io/job-name=clusterprobe-fleet", "--ignore-daemonsets", "--delete-emptydir-data"
        )
    finally:
        kubectl("uncordon", node)
    return node, working


def kill(watched: Watched, bucket: Path) -> None:
    """End the pod of one cluster by force once its run is in the store, while it has not ended yet."""

    def kept() -> bool:
        return any((bucket / "clusterprobe" / f"cluster=uid-of-{KILLED}").rglob("run.json"))

    release.until(f"the run of {KILLED} is kept", lambda: watched.look() and kept(), 300)
    assert KILLED in watched.running, "it ended before it could be killed"
    kubectl("-n", NAMESPACE, "delete", "pod", watched.running[KILLED], "--grace-period=0", "--force")


def test_each_row_is_of_the_server_that_answered(hub: Hub) -> None:
    about = api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    uids = {one["name"]: one["uid"] for one in hub.report["members"]}
    assert {name: uid for name, uid in uids.items() if name not in ("lab", "second")} == {
        name: f"uid-of-{name}" for name in (*REPLAYED, "half")
    }
    assert uids["lab"] == about
    assert uids["second"] not in ("", about, *(f"uid-of-{name}" for name in REPLAYED))
    assert len(uids) == 20


def test_those_that_could_not_be_asked_did_not_report(hub: Hub) -> None:
    assert sorted(hub.report["silent"]) == ["dead", "refusing"]


def test_what_is_found_is_found_where_it_is(hub: Hub) -> None:
    (found,) = [one for one in hub.report["findings"] if one["code"] == "NodeNotReady"]
    assert sorted(found["clusters"]) == sorted(f"uid-of-{one}" for one in SICK)
    assert "uid-of-half" not in found["clear"]


def test_a_drained_node_repeats_its_own_indices_and_no_others(hub: Hub) -> None:
    assert hub.index(SLOW) in hub.on_it
    again = {index for index, pods in hub.pods.items() if len(pods) > 1} - {hub.index(KILLED)}
    refused = {hub.index("dead"), hub.index("refusing")}
    assert again - refused <= hub.on_it
    assert len(hub.pods[hub.index(SLOW)]) == 2
    exits = {one["name"]: one["exit_status"] for one in hub.report["members"]}
    assert exits[SLOW] == 0


def test_a_pod_that_is_killed_after_its_upload_leaves_one_run(hub: Hub) -> None:
    assert len(hub.pods[hub.index(KILLED)]) == 2
    assert Counter(one.parents[2].name for one in hub.bucket.rglob("results.json")) == Counter(
        f"cluster={one['uid']}" for one in hub.report["members"]
    )


def test_sql_over_the_bucket_gives_the_reports_matrix(hub: Hub) -> None:
    done = hub.asked("query", STORE, "SELECT probe, code, cluster, count(*) FROM findings GROUP BY ALL ORDER BY ALL")
    rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
    of_report = [[one["probe"], one["code"], uid, str(count)] for one in hub.report["findings"] for uid, count in one["clusters"].items()]
    assert rows == sorted(of_report)
    assert rows
