"""What the stages of lab/stages/asked_for.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "rule-unselected": Expectation(warnings={("prometheus/rules", "RulesUnselected"): ["shop-alerts", "ruleSelector", "release"]}),
    "monitor-port": Expectation({("prometheus/monitors", "MonitorPortMissing"): ["fastapi-metrics", "metrics-port"]}),
    "monitor-rejected": Expectation({("prometheus/monitors", "MonitorRejected"): ["fastapi-dev/fastapi-metrics", "fastapi-(.*"]}),
    "prometheus-paused": Expectation(
        warnings={("prometheus/reconciled", "Paused"): ["monitoring-dev/monitoring-dev-kube-promet-prometheus", "1 change of it waits"]}
    ),
}
