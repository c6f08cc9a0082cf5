"""What the stages of lab/stages/alerting.py must lead to."""

from tests.lab.expectation import UNDELIVERED, Expectation

STAGES = {
    "alerts-to-other-environment": Expectation(
        {("prometheus/alerting", "AlertsToOtherEnvironment"): ["sends its alerts to prod", "spec.alerting", "`namespace: monitoring-prod`"]}
    ),
    "alerts-to-nobody": Expectation(
        {("prometheus/alerting", "AlertsToNobody"): ["spec.alerting", "alertmanager.enabled", "no Alertmanager to send"]}
    ),
    # That dev sends there is no finding. What is delivered there is one: its own receiver has no integration.
    "shared-alertmanager": Expectation(
        {("alertmanager/default-config", "NoIntegration"): ["logging/alertmanager-shared"]}, blind=UNDELIVERED
    ),
    "rules-across-environments": Expectation(
        {("prometheus/selector-overlap", "SelectorOverlap"): ["PrometheusRule"]},
        warnings={("prometheus/alerting", "RulesOfOtherEnvironment"): ["has loaded", "PrometheusRules of prod", "ruleSelector"]},
    ),
}
