"""What the stages of lab/stages/alertmanager_config.py must lead to."""

from tests.lab.expectation import ALERTMANAGER, UNDELIVERED, Expectation

STAGES = {
    "alertmanager-wrong-key": Expectation(
        {
            ("alertmanager/default-config", "ChartDefaultConfig"): [
                "alertmanager.configFromSecret",
                "alertmanager.alertmanagerSpec.configSecret",
                ALERTMANAGER,
            ]
        },
        blind=UNDELIVERED,
    ),
    "alertmanager-missing-secret": Expectation(
        {
            ("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager.yaml", "configSecret"],
            ("alertmanager/config-secret", "ConfigSecretMissing"): ["monitoring-dev/alertmanager-slack-config does not exist"],
        },
        # Until kube-state-metrics was scraped without it.
        blind=UNDELIVERED | {"alertmanager/config-secret"},
    ),
    "alertmanager-empty-secret": Expectation(
        {
            ("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager-slack-config", "alertmanager.yaml"],
            ("alertmanager/config-secret", "ConfigSecretWithoutKey"): [
                "monitoring-dev/alertmanager-slack-config has no key alertmanager.yaml"
            ],
        },
        blind=UNDELIVERED,
    ),
    "receiver-without-name": Expectation(
        {
            ("alertmanager/config-secret", "ConfigRefused"): ["missing name in receiver", "alertmanager-slack-config"],
            ("prometheus/reconciled", "ObjectNotReconciled"): [ALERTMANAGER],
        },
        blind=frozenset({"alertmanager/generated-secret"}),
    ),
    "undefined-receiver": Expectation(
        {
            ("alertmanager/config-secret", "ConfigRefused"): ["undefined receiver", "alertmanager-slack-config"],
            ("prometheus/reconciled", "ObjectNotReconciled"): [ALERTMANAGER],
        },
        blind=frozenset({"alertmanager/generated-secret"}),
    ),
}
