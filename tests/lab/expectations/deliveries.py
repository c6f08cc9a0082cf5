"""What the stages of lab/stages/deliveries.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "slack-refuses": Expectation(
        {("alertmanager/delivery", "DeliveryFails"): ["through slack", "authError", "403: invalid_token", 'Receiver "slack"']}
    ),
    "slack-unreachable": Expectation(
        {("alertmanager/delivery", "DeliveryFails"): ["through slack", "reason other", "slack.egress.svc.cluster.local", "no such host"]}
    ),
    "alerts-silenced": Expectation(),
    "alerts-silenced-for-ever": Expectation(
        {("alertmanager/silences", "CriticalSilenced"): ["every alert", "lab made the silence", "maintenance"]}
    ),
}
