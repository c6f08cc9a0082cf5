"""What a pod runs is asked of the inventory: nobody else compares labels or images to find out."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SYSTEMS = ROOT / "src" / "clusterprobe" / "systems"
COMPARES = re.compile(r"\.label\(|\.image\b|app\.kubernetes\.io/(?:name|instance|component|part-of)")

# Who may, and why that is no recognition.
MAY = {
    "kubernetes/workloads.py": "the revision of a workload is a label",
    "kubernetes/rollouts.py": "whether a container runs the image of its template",
    "kubernetes/editing.py": "of which of its objects the Prometheus Operator made another one, is in its labels",
    "kubernetes/managers.py": "the release that made an object is in a label",
    "ingress/entrances.py": "which Service is a controller's, by how its IngressClass names it",
    "ingress/other_routes.py": "which Services are a controller's that no IngressClass names",
    "ingress/probe_tls.py": "a command shows pods",
    "loki/servers.py": "which Service leads to a gateway, whose pods are no Loki",
    "pods/crash_causes.py": "an image that cannot be pulled is named",
    "pods/start_words.py": "the queue that Kueue takes a pod from is named",
    "pods/startup_waits.py": "what an init container waits for may be in its image's name",
    "pods/termination/timed_pods.py": "the pods are ours",
    "pods/superseded.py": "the revision of a StatefulSet's pod is a label",
    "serving/sources.py": "a profile selects models, and tells canaries, by labels",
    "argocd/probe_revision.py": "which image a pod runs, and which is deployed, is shown",
    "promtail/probe_coverage.py": "which image reached its end of life is shown",
    "prometheus/probe_foreign_series.py": "which container of its pod is kube-state-metrics",
    "storage/provisioners.py": "which export a provisioner of NFS is for, of which no more is judged",
    "storage/probe_placement.py": "a profile may name the storage of systems of the user's own, by label",
    "alertmanager/probe_generated_secret.py": "a command shows images",
}
FILES = {
    **{path.relative_to(SYSTEMS).as_posix(): path for path in SYSTEMS.rglob("*.py")},
    **{path.relative_to(ROOT / "probes").as_posix(): path for path in (ROOT / "probes").rglob("probe_*.py")},
}
OTHERS = sorted(name for name in FILES if not name.startswith(("inventory/", "kubernetes/objects/")))


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in MAY])
def test_nobody_but_the_inventory_compares_labels_or_images(name: str) -> None:
    found = [line.strip() for line in FILES[name].read_text().splitlines() if COMPARES.search(line)]
    assert not found, "ask `system_pods` or `recognise` of systems/inventory"


def test_no_exception_is_left_that_nobody_needs() -> None:
    assert [name for name in MAY if name not in FILES or not COMPARES.search(FILES[name].read_text())] == []
