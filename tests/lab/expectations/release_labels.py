"""What the stages of lab/stages/release_labels.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "shared-release": Expectation(
        {
            ("prometheus/cross-scrape", "CrossScrape"): ["`release: monitoring`", "monitoring-dev/", "monitoring-prod/", "targets of"],
            ("prometheus/selector-overlap", "SelectorOverlap"): [
                "kube-state-metrics.prometheus.monitor.additionalLabels.release",
                "prometheus.prometheusSpec.serviceMonitorSelector.matchLabels.release",
            ],
        }
    ),
    "half-fixed": Expectation(
        {("prometheus/unselected-monitors", "MonitorLabelLeftBehind"): ["release", "monitoring-dev", "kube-state-metrics"]},
        # Without dev's kube-state-metrics there are no series to judge.
        blind=frozenset({"prometheus/foreign-series", "pods/termination", "alertmanager/config-secret", "sealed-secrets/unsealed"}),
    ),
}
