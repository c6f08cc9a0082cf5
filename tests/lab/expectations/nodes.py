"""What the stages of lab/stages/nodes.py must lead to."""

from clusterprobe.catalogue import catalogue
from lab.paths import ROOT
from tests.lab.expectation import Expectation

# Whatever asks a pod that happens to be on that node.
ANY = frozenset(one.id for one in catalogue(ROOT / "probes"))

STAGES = {
    # For five minutes a node may still come back; then its pods are moved, and it is an error.
    "node-not-ready": Expectation(
        warnings={("nodes/ready", "NodeNotReady"): ["worker2", "kubelet does not report"]},
        blind=ANY,
        besides=frozenset({("ingress/routes", "ControllerDown")}),  # where its only pod is there
    ),
}
