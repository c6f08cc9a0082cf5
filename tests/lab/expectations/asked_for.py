"""What the stages of lab/stages/asked_for.py must lead to."""

from tests.lab.expectation import IMPATIENT, Expectation

_OF_PROMETHEUS = (
    *("alerting", "configuration", "cross-scrape", "dropped", "foreign-series", "lost-metrics", "monitors", "pressure", "rules"),
    *("state-metrics", "targets", "uploads"),
)
_OF_OTHERS = (
    *("alertmanager/generated-secret", "alertmanager/receivers", "alertmanager/silences", "grafana/datasources", "pods/termination"),
    *("serving/canary", "storage/capacity"),
)
_THAT_ASK_EVERY_PROMETHEUS = frozenset((*(f"prometheus/{one}" for one in _OF_PROMETHEUS), *_OF_OTHERS))

STAGES = {
    "rule-unselected": Expectation(warnings={("prometheus/rules", "RulesUnselected"): ["shop-alerts", "ruleSelector", "release"]}),
    "monitor-port": Expectation({("prometheus/monitors", "MonitorPortMissing"): ["fastapi-metrics", "metrics-port"]}),
    "monitor-rejected": Expectation({("prometheus/monitors", "MonitorRejected"): ["fastapi-dev/fastapi-metrics", "fastapi-(.*"]}),
    "prometheus-paused": Expectation(
        warnings={("prometheus/reconciled", "Paused"): ["monitoring-dev/monitoring-dev-kube-promet-prometheus", "1 change of it waits"]}
    ),
    "monitor-selects-nothing": Expectation(
        warnings={
            ("prometheus/monitors", "MonitorSelectsNothing"): [
                "fastapi-dev/fastapi",
                "app.kubernetes.io/name=churn-api",
                "has app.kubernetes.io/name=fastapi",
            ]
        },
        blind=frozenset({"serving/canary"}),
    ),
    "rules-of-none": Expectation(
        {
            ("prometheus/rules", "RulesUnselected"): ["ruleSelector", "role=alert-rules"],
            ("prometheus/rules", "NoRules"): ["monitoring-dev/monitoring-dev-kube-promet-prometheus"],
        }
    ),
    "prometheus-without-class": Expectation({("prometheus/reconciled", "ObjectNotReconciled"): ["monitoring-dev/reports", "gp3"]}),
    "prometheus-without-room": Expectation(
        {
            ("prometheus/reconciled", "NotAvailable"): ["monitoring-dev/reports"],
            ("pods/not-started", "PodUnscheduled"): ["prometheus-reports-0", "Insufficient cpu"],
        },
        blind=_THAT_ASK_EVERY_PROMETHEUS,
        profile=IMPATIENT,
    ),
}
