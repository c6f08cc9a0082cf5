"""What `python -m lab status` prints."""

from __future__ import annotations

from lab import api
from lab.paths import KUBECONFIG
from lab.platform.settled import problems
from lab.platform.workloads import is_ready
from lab.stages import describe, staged


def print_status() -> int:
    """Nodes, pods, stages and problems; exit status 1 if the lab has problems that no stage explains."""
    print(f"KUBECONFIG={KUBECONFIG}\n")
    for node in api.items("/api/v1/nodes"):
        ready = next((each["status"] for each in node["status"]["conditions"] if each["type"] == "Ready"), "Unknown")
        print(f"node {node['metadata']['name']:<10} {'Ready' if ready == 'True' else 'NotReady'}")
    print()
    pods = api.items("/api/v1/pods")
    for pod in sorted(pods, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"])):
        print(_describe(pod))
    active = staged()
    print("\nstaged: " + (", ".join(describe(*entry) for entry in active) or "nothing"))
    found = problems()
    print("healthy and settled" if not found else "not as in the healthy lab:\n  " + "\n  ".join(found))
    return 1 if found and not active else 0


def _describe(pod: api.Object) -> str:
    metadata, status = pod["metadata"], pod["status"]
    restarts = sum(container["restartCount"] for container in status.get("containerStatuses", []))
    state = "Terminating" if "deletionTimestamp" in metadata else "Ready" if is_ready(pod) else status["phase"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    return f"pod {name:<75} {state:<11} restarts {restarts} on {pod['spec'].get('nodeName', '-')}"
