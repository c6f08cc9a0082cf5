"""What the stages of lab/stages/nodes.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    # For five minutes a node may still come back; then its pods are moved, and it is an error.
    "node-not-ready": Expectation(warnings={("nodes/ready", "NodeNotReady"): ["worker2", "kubelet does not report"]}),
}
