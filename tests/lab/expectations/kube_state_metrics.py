"""What the stages of lab/stages/kube_state_metrics.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "series-of-other-environment": Expectation(
        {
            ("prometheus/foreign-series", "KubeStateMetricsWatchesOther"): [
                "monitoring-dev/monitoring-dev-kube-state-metrics",
                "fastapi-prod",
                "--namespaces=",
            ]
        }
    ),
    "state-metrics-without-role": Expectation(
        {
            ("prometheus/state-metrics", "StateMetricsMayNotList"): [
                "monitoring-dev/monitoring-dev-kube-state-metrics may not list cronjobs.batch, jobs.batch",
                "system:serviceaccount:monitoring-dev:monitoring-dev-kube-state-metrics",
            ]
        }
    ),
}
