"""What the stages of lab/stages/full_disk.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "prometheus-disk-full": Expectation(
        {
            ("storage/capacity", "VolumeNearlyFull"): [
                "monitoring-dev/prometheus-archive-db-prometheus-archive-0",
                "of its space",
                "are left",
            ],
            ("prometheus/pressure", "DatabaseErrors"): ["monitoring-dev/archive", "no space left on device"],
        },
        blind=frozenset({"prometheus/foreign-series"}),  # it has no series but its own
        warnings={("storage/capacity", "RetentionExceedsVolume"): ["monitoring-dev/archive", "100.0 MiB"]},
    ),
}
