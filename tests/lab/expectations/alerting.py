"""What the stages of lab/stages/alerting.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "alerts-to-other-environment": Expectation(
        {("prometheus/alerting", "AlertsToOtherEnvironment"): ["sends its alerts to prod", "spec.alerting", "`namespace: monitoring-prod`"]}
    ),
    "alerts-to-nobody": Expectation(
        {("prometheus/alerting", "AlertsToNobody"): ["spec.alerting", "alertmanager.enabled", "no Alertmanager to send"]}
    ),
    "shared-alertmanager": Expectation(),
    "rules-across-environments": Expectation(
        {("prometheus/selector-overlap", "SelectorOverlap"): ["PrometheusRule"]},
        warnings={("prometheus/alerting", "RulesOfOtherEnvironment"): ["has loaded", "PrometheusRules of prod", "ruleSelector"]},
    ),
}
