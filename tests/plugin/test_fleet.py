"""A fleet as its Job runs it: each index a process of its own that sees what its container would, over real sockets, into one store."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterprobe.fleet.inventory import read
from clusterprobe.fleet.job import FOLDER, SCRATCH, Wanted, documents, secrets
from clusterprobe.fleet.targets import Target
from tests.faults.faults import plain
from tests.faults.recording import Recording
from tests.faults.server import FaultServer

PROFILE = "extends: nightly\nprobes: {select: [nodes, promtail/coverage]}\n"
NODES = "GET /api/v1/nodes"
KUBE_SYSTEM = "GET /api/v1/namespaces/kube-system"


def cluster(uid: str, *, sick: bool = False, host: str = "127.0.0.1") -> FaultServer:
    """A recorded cluster with a UID of its own; in a sick one a node is not ready."""
    recording = Recording.load()
    about, nodes = (json.loads(recording.exchanges[key].body) for key in (KUBE_SYSTEM, NODES))
    about["metadata"]["uid"] = uid
    for one in nodes["items"][0]["status"]["conditions"] if sick else ():
        one["status"] = "False"
    changed = {
        key: replace(recording.exchanges[key], body=json.dumps(tree).encode()) for key, tree in ((KUBE_SYSTEM, about), (NODES, nodes))
    }
    return FaultServer(Recording(recording.clock, {**recording.exchanges, **changed}), host=host)


@dataclass
class Fleet:
    """An inventory, what is printed for it, and the store."""

    folder: Path
    servers: dict[str, str]
    url: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> str:
        return self.url or f"file://{self.folder}/store"

    def targets(self, **uids: str) -> list[Target]:
        entries = sorted(self.servers)
        config = {
            "clusters": [{"name": one, "cluster": {"server": self.servers[one]}} for one in entries],
            "users": [{"name": one, "user": {"token": f"token-of-{one}"}} for one in entries],
            "contexts": [{"name": one, "context": {"cluster": one, "user": one}} for one in entries],
        }
        file = self.folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        found, _ = read(str(file), "clusterprobe")
        return [replace(one, uid=uids.get(one.name, "")) for one in found]

    def index(self, number: int, targets: list[Target], job: str = "job") -> subprocess.CompletedProcess[str]:
        """Run what the pod of an index runs, with just the files that its container has."""
        wanted = Wanted(store=self.store, profile_text=PROFILE)
        profiles, made = documents(targets, wanted)
        held = {one["metadata"]["name"]: one["data"] for one in secrets(targets, wanted)}
        pod = made["spec"]["template"]["spec"]
        place = self.folder / f"{job}-{number}"
        (place / "common").mkdir(parents=True, exist_ok=True)
        (place / "common" / "profile.yaml").write_text(profiles["data"]["profile.yaml"])
        for path, text in seen(pod, str(number), profiles["data"], held).items():
            (place / path).write_text(text.replace("/etc/clusterprobe/", f"{place}/common/"))
        replaced = {FOLDER: str(place), f"{SCRATCH}/report": f"{place}/report", "$(JOB_UID)": job, "$(JOB_COMPLETION_INDEX)": str(number)}
        arguments = pod["containers"][0]["args"]
        for old, new in replaced.items():
            arguments = [one.replace(old, new) for one in arguments]
        return clusterprobe(*arguments, folder=place, **self.environment)


def seen(pod: dict[str, Any], folder: str, texts: dict[str, str], held: dict[str, dict[str, str]]) -> dict[str, str]:
    """The files of one folder of the projected volume."""
    (volume,) = [one for one in pod["volumes"] if one["name"] == "clusters"]
    files = {}
    for source in volume["projected"]["sources"]:
        for kind, about in source.items():
            data = texts if kind == "configMap" else {key: base64.b64decode(text).decode() for key, text in held[about["name"]].items()}
            for item in about["items"]:
                place, _, path = item["path"].partition("/")
                if place == folder:
                    files[path] = data[item["key"]]
    return files


def clusterprobe(*arguments: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from clusterprobe.cli import main; main()", *arguments]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", **given}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=300, check=False)


Done = dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fleet, Done]]:
    """Two clusters that answer, one with half the permissions, one that refuses credentials, and one that is dead; all have run once."""
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(cluster(f"uid-of-{name}")) for name in ("eu", "us", "half", "refusing")}
        stack.enter_context(servers["half"].misbehaving(plain(403, "no"), lambda request: request.path.endswith("/nodes")))
        stack.enter_context(servers["refusing"].misbehaving(plain(401, "no"), lambda request: True))
        made = Fleet(tmp_path_factory.mktemp("fleet"), {**{name: one.url for name, one in servers.items()}, "dead": "http://127.0.0.1:9"})
        targets = made.targets()
        yield made, {one.name: made.index(number, targets) for number, one in enumerate(targets)}


def rows(fleet: Fleet) -> dict[str, tuple[str, int]]:
    """By a cluster's name, the UID and the exit status of each record in the store."""
    records = [json.loads(one.read_text()) for one in (fleet.folder / "store").rglob("run.json")]
    return {one["cluster"]["name"]: (one["cluster"]["uid"], one["exit_status"]) for one in records}


def test_each_row_belongs_to_the_cluster_that_answered(ran: tuple[Fleet, Done]) -> None:
    fleet, done = ran
    assert {name: one.returncode for name, one in done.items()} == {"eu": 0, "us": 0, "half": 2, "refusing": 2, "dead": 2}, done
    assert rows(fleet) == {"eu": ("uid-of-eu", 0), "us": ("uid-of-us", 0), "half": ("uid-of-half", 2)}


def test_those_of_which_nothing_is_known_did_not_report(ran: tuple[Fleet, Done]) -> None:
    fleet, _ = ran
    expected = [text for name in fleet.servers for text in ("--expect", name)]
    done = clusterprobe("fleet", "report", fleet.store, *expected, folder=fleet.folder)
    assert done.returncode == 2, done.stderr
    assert done.stdout.startswith("Incomplete: 5 clusters, 3 reported, 2 did not report.")
    assert [line for line in done.stdout.splitlines() if "never has" in line] == [
        f"{name:<8}  did not report, and never has" for name in ("dead", "refusing")
    ]


def test_a_pod_that_was_killed_after_its_upload_and_comes_again_leaves_one_run(ran: tuple[Fleet, Done]) -> None:
    fleet, _ = ran
    targets = fleet.targets()
    number = [one.name for one in targets].index("eu")
    before = sorted((fleet.folder / "store" / "cluster=uid-of-eu").rglob("results.json"))
    assert fleet.index(number, targets).returncode == 0
    assert sorted((fleet.folder / "store" / "cluster=uid-of-eu").rglob("results.json")) == before
    assert len(before) == 1


def test_a_server_that_is_not_the_pinned_one_is_said_and_leaves_no_row(ran: tuple[Fleet, Done]) -> None:
    fleet, _ = ran
    targets = fleet.targets(eu="uid-of-us")
    done = fleet.index([one.name for one in targets].index("eu"), targets, job="other")
    assert done.returncode == 4
    assert f"eu has the UID uid-of-us, and {fleet.servers['eu']} answered with uid-of-eu" in done.stderr
    assert not list((fleet.folder / "store").rglob("other-*"))


def test_a_pinned_server_that_is_the_one_runs(ran: tuple[Fleet, Done]) -> None:
    fleet, _ = ran
    targets = fleet.targets(us="uid-of-us")
    assert fleet.index([one.name for one in targets].index("us"), targets, job="pinned").returncode == 0
