"""What each stage must lead to: the findings at error or above, exactly, and what their texts must name."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expectation:
    """`findings`: (probe, reason) → words that its problem, cause or fix must contain.

    `blind`: probes that may be unable to check something while this is staged, for the stage takes that away.
    """

    findings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    active: bool = False
    environment: str = ""


PROMETHEUS = "monitoring-dev/monitoring-dev-kube-promet-prometheus"
ALERTMANAGER = "monitoring-dev-kube-promet-alertmanager"

STAGES: dict[str, Expectation] = {
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
        blind=frozenset({"prometheus/foreign-series", "pods/termination", "alertmanager/config-secret"}),
    ),
    "alertmanager-wrong-key": Expectation(
        {
            ("alertmanager/default-config", "ChartDefaultConfig"): [
                "alertmanager.configFromSecret",
                "alertmanager.alertmanagerSpec.configSecret",
                ALERTMANAGER,
            ]
        }
    ),
    "alertmanager-missing-secret": Expectation(
        {("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager.yaml", "configSecret"]},
        blind=frozenset({"alertmanager/config-secret"}),
    ),
    "alertmanager-empty-secret": Expectation(
        {("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager-slack-config", "alertmanager.yaml"]},
        blind=frozenset({"alertmanager/config-secret"}),
    ),
    "receiver-without-name": Expectation(
        {("alertmanager/config-secret", "ConfigRefused"): ["missing name in receiver", "alertmanager-slack-config"]}
    ),
    "undefined-receiver": Expectation(
        {("alertmanager/config-secret", "ConfigRefused"): ["undefined receiver", "alertmanager-slack-config"]}
    ),
    "loki-instant-query": Expectation({("loki/instant-queries", "InstantLogQueries"): ['{namespace="fastapi-dev"}', "query_range"]}),
    "loki-instant-metric-query": Expectation(),
    "loki-parse-error": Expectation(),
    "agent-slow-flush": Expectation({("promtail/grace-period", "PositionsOnNfs"): ["terminationGracePeriodSeconds", "10", "promtail"]}),
    "nfs-unmount-hang": Expectation({("pods/termination", "SlowUnmount"): ["worker2", "NFS", "unmount"]}, active=True),
    "tsdb-on-nfs": Expectation({("prometheus/storage", "TsdbOnNfs"): [PROMETHEUS, "NFS", "local-path"]}),
    "nfs-called-local-path": Expectation({("prometheus/storage", "TsdbOnNfs"): [PROMETHEUS, "local-path"]}),
}
