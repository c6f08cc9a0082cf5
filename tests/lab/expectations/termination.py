"""What the stages of lab/stages/termination.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "agent-slow-flush": Expectation({("promtail/grace-period", "PositionsOnNfs"): ["terminationGracePeriodSeconds", "10", "promtail"]}),
    "nfs-unmount-hang": Expectation(
        {("pods/termination", "SlowUnmount"): ["worker2", "NFS", "unmount"]},
        blind=frozenset({"prometheus/targets"}),  # the successor of the pod that hangs was not scraped yet
        active=True,
    ),
}
