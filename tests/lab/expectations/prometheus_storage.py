"""What the stages of lab/stages/prometheus_storage.py must lead to."""

from tests.lab.expectation import PROMETHEUS, STARTED, Expectation

STAGES = {
    "tsdb-on-nfs": Expectation({("prometheus/storage", "TsdbOnNfs"): [PROMETHEUS, "NFS", "local-path"]}, blind=STARTED),
    "nfs-called-local-path": Expectation({("prometheus/storage", "TsdbOnNfs"): [PROMETHEUS, "local-path"]}, blind=STARTED),
}
