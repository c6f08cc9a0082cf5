"""What the stages of lab/stages/loki_ruler.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "ruler-without-alertmanager": Expectation({("loki/ruler", "RulerWithoutAlertmanager"): ["alertmanager_url", "logging/loki"]}),
    "ruler-rule-broken": Expectation({("loki/ruler", "RuleFails"): ["SlowPredictions", "rules.yaml", "log-alerts"]}),
    "ruler-nothing-fires": Expectation(),
}
