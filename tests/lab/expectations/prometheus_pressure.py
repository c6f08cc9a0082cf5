"""What the stages of lab/stages/prometheus_pressure.py must lead to."""

from tests.lab.expectation import STARTED, Expectation

STAGES = {
    "slow-rule-group": Expectation(
        {("prometheus/pressure", "RuleGroupTooSlow"): ["capacity-report", "PrometheusRule monitoring-dev/capacity-report", "up:max1h"]}
    ),
    "prometheus-slow-query": Expectation(),
}

# Staged by hand only: how late the scrapes come depends on how busy the machine itself is, so that on a busy one it is not found
# within a minute, or found without the CPU that it used.
BY_HAND = {
    "prometheus-cpu-throttled": Expectation(
        {("prometheus/pressure", "FallsBehind"): ["instead of 1 s", "CPU limit", "20m", "limits.cpu", "has most"]},
        besides=frozenset({("prometheus/targets", "TargetsDown")}),  # it is too slow to scrape itself
        blind=STARTED | {"prometheus/targets"},
    ),
}
