"""What it costs to recognise what runs, as a part of a run on the same pods. Prints ratios; asserts nothing.

    python -m bench.recognition [--pods 10000]

The pods of 200 applications, and one in ten of a system, as if log agents ran on a thousand nodes. A server of this process shows them to
`clusterprobe run`, a process of its own whose CPU time is that of the whole run. Recognition is then timed on the same pods by itself.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.large import pod
from clusterprobe.access.cluster import PAGE
from clusterprobe.decoding import from_json
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.inventory.installations import installations
from clusterprobe.systems.inventory.recognition import system_pods
from clusterprobe.systems.kubernetes.objects import Pod
from tests.elsewhere.running import run
from tests.elsewhere.worlds import NODE, World
from tests.faults import server

SYSTEMS = {
    "promtail": "grafana/promtail:3.5.0",
    "velero": "velero/velero:v1.16.0",
    "vector": "timberio/vector:0.48.0",
    "sealed-secrets": "bitnami/sealed-secrets-controller:0.27.1",
}


def pods_of(count: int) -> list[dict[str, Any]]:
    """So many pods as the API server shows them."""
    names, images = list(SYSTEMS), list(SYSTEMS.values())
    made = []
    for index in range(count):
        one: Any = pod(index)
        one["metadata"].update(namespace=f"team-{index % 40}", uid=f"{index:032x}")
        one["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"service-{index % 200}-abc", "controller": True}]
        one["spec"]["nodeName"] = NODE
        ready = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady", "PodScheduled")]
        one["status"] = {"phase": "Running", "podIP": "10.0.0.1", "conditions": ready}
        if index % 10 == 0:
            which = 0 if index % 100 else (index // 100) % len(names)
            one["metadata"]["labels"]["app.kubernetes.io/name"] = names[which]
            one["spec"]["containers"][0].update(name=names[which], image=images[which])
        made.append(one)
    return made


def read(pods: list[dict[str, Any]]) -> Readings[Pod]:
    values = [from_json(msgspec.json.encode(one), Pod) for one in pods]
    return Readings(tuple((Subject(kind="Pod", namespace=one.metadata.namespace, name=one.metadata.name), one) for one in values))


def seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def run_seconds(pods: list[dict[str, Any]]) -> float:
    """The CPU time of a whole run on these pods, in pages as large as real ones."""
    server.PAGES = max(1, len(pods) // PAGE)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        if not run(World(pods), Path(folder)).state("promtail"):
            raise SystemExit("the run recognised nothing, so that its time says nothing")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(count: int) -> str:
    """What so many pods cost, as a line."""
    profile = Profile()
    none: Readings[Any] = Readings(absent="there is none")
    made = pods_of(count)
    pods = read(made)
    whole = run_seconds(made)
    recognising = min(seconds(lambda: system_pods(pods, profile)) for _ in range(3))
    found = system_pods(pods, profile)
    gathering = min(seconds(lambda: installations(found, none, none, profile)) for _ in range(3))
    part = (recognising + gathering) / whole
    return f"{count:8} {whole:9.2f} s {recognising:10.3f} s {gathering:8.3f} s {part:10.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pods", type=int, default=10_000)
    options = parser.parse_args()
    print(f"{'pods':>8} {'whole run':>11} {'recognised':>12} {'gathered':>10} {'of the run':>11}")
    for count in (options.pods // 2, options.pods):
        print(row(count), flush=True)


if __name__ == "__main__":
    main()
