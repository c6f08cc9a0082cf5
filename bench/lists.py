"""How a run reads a large cluster, against the same pages read bare. Prints ratios; asserts nothing.

    python bench/lists.py --kubeconfig FILE [--pods 10000] [--rounds 3] [--keep]

Makes pods that nobody schedules in a namespace of its own, reads them in both ways alternately, each in a process of its
own, and removes them. The pods carry what real ones do (about 3 KB each), so the pages are as large as real pages.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

NAMESPACE = "clusterprobe-bench"

BARE = """
import json, sys
from clusterprobe.access.connection import connect
import requests, time
origin = connect(sys.argv[1]).origin
session = requests.Session()
session.trust_env, session.verify, session.cert = False, origin.verify, origin.certificate
session.headers.update({name: str(value) for name, value in origin.headers().items()})
begun, token, size = time.monotonic(), "", 0
while True:
    answer = session.get(origin.url + "/api/v1/pods", params={"limit": 500, **({"continue": token} if token else {})})
    size += len(answer.content)
    # The token stands near the page's beginning: no decoding of the rest.
    head = answer.content[:2000].decode()
    token = head.split('"continue":"', 1)[1].split('"', 1)[0] if '"continue":"' in head else ""
    if not token:
        break
print(json.dumps({"seconds": time.monotonic() - begun, "bytes": size}))
"""

READING = """
import json, sys, time
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import connect
from clusterprobe.access.deadline import Deadline
from clusterprobe.systems.kubernetes import PODS
from clusterprobe.systems.kubernetes.objects import Pod
cluster = Cluster(connect(sys.argv[1]), Deadline.after(300))
begun = time.monotonic()
readings = cluster.list(PODS, Pod)
print(json.dumps({"seconds": time.monotonic() - begun, "objects": len(readings)}))
"""

WHOLE = """
import json, sys, time
from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import connect
from clusterprobe.access.deadline import Deadline
from clusterprobe.evidence import Evidence
from clusterprobe.profile import Profile
from clusterprobe.sources import all_sources
cluster = Cluster(connect(sys.argv[1]), Deadline.after(300))
begun = time.monotonic()
evidence = Evidence([name for name, one in all_sources().items() if not one.active], Profile(), cluster=cluster, deadline=cluster.deadline)
evidence.start()
for one in evidence.wanted:
    evidence.get(one.name)
print(json.dumps({"seconds": time.monotonic() - begun, "objects": len(evidence.get("pods"))}))
"""


def measure(script: str, kubeconfig: str) -> dict[str, float]:
    """Seconds of the work itself, and the peak memory of its process in MB."""
    wrapper = f"import resource\n{script}\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    done = subprocess.run([sys.executable, "-c", wrapper, kubeconfig], capture_output=True, text=True, check=True)
    first, last = done.stdout.strip().splitlines()
    return {**json.loads(first), "megabytes": float(last)}


def pod(index: int) -> dict[str, object]:
    """A pod with the bulk of a real one: labels, an annotation, environment, probes, volumes."""
    labels = {"app.kubernetes.io/name": f"service-{index % 200}", "pod-template-hash": f"{index:08x}", "team": f"team-{index % 20}"}
    environment = [{"name": f"SETTING_{i}", "value": f"value-{i}-{'x' * 40}"} for i in range(16)]
    container = {
        "name": "main",
        "image": "registry.example.org/team/service:1.2.3",
        "env": environment,
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"bench-{index:06d}", "labels": labels, "annotations": {"checksum/config": "0" * 64}},
        "spec": {
            "schedulerName": "nobody",
            "automountServiceAccountToken": False,
            "containers": [container, {**container, "name": "sidecar", "ports": []}],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    }


def fill(kubeconfig: str, count: int) -> None:
    import requests

    from clusterprobe.access.connection import connect

    origin = connect(kubeconfig).origin
    session = requests.Session()
    session.trust_env, session.verify, session.cert = False, origin.verify, origin.certificate
    session.headers.update({name: str(value) for name, value in origin.headers().items()})
    session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=8))
    session.post(f"{origin.url}/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}})
    path = f"{origin.url}/api/v1/namespaces/{NAMESPACE}/pods"
    session.post(f"{origin.url}/api/v1/namespaces/{NAMESPACE}/serviceaccounts", json={"metadata": {"name": "default"}})
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda index: session.post(path, json=pod(index)).status_code, range(count)))
    print(f"made {sum(status == 201 for status in statuses)} pods ({sum(status == 409 for status in statuses)} were there)")


def clear(kubeconfig: str) -> None:
    subprocess.run(
        ["kubectl", "--kubeconfig", kubeconfig, "delete", "namespace", NAMESPACE, "--wait=false"], check=False, capture_output=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    begun = time.monotonic()
    fill(options.kubeconfig, options.pods)
    print(f"filled in {time.monotonic() - begun:.0f} s")
    ways = {"bare pages": BARE, "the pods' reading": READING, "every source": WHOLE}
    results: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    try:
        for _ in range(options.rounds):  # alternately, so that a busy machine slows all of them
            for name, script in ways.items():
                results[name].append(measure(script, options.kubeconfig))
    finally:
        if not options.keep:
            clear(options.kubeconfig)
    bare = statistics.median(one["seconds"] for one in results["bare pages"])
    for name, rows in results.items():
        seconds = statistics.median(one["seconds"] for one in rows)
        megabytes = max(one["megabytes"] for one in rows)
        print(f"{name:20} {seconds:6.2f} s  {seconds / bare:5.2f} × bare  {megabytes:6.0f} MB at peak  {rows[0].get('objects', '')}")


if __name__ == "__main__":
    main()
