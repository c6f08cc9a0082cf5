"""What the stages of lab/stages/sealed_secrets.py must lead to."""

from tests.lab.expectation import ALERTMANAGER, UNDELIVERED, Expectation

STAGES = {
    "sealed-for-other-namespace": Expectation(
        {
            ("sealed-secrets/unsealed", "CannotDecrypt"): [
                "copied from namespace fastapi-dev",
                "sealed for fastapi-dev/model-registry",
                "Pod model-refresh cannot start without it",
                "--namespace=fastapi-prod --name=model-registry",
            ],
            ("pods/crash-loop", "ConfigError"): ['secret "model-registry" not found'],
        },
        environment="prod",  # as it was in life: sealed for dev, and applied in prod
    ),
    "sealed-key-lost": Expectation(
        {
            ("sealed-secrets/unsealed", "SealingKeyLost"): [
                "2 SealedSecrets",
                "monitoring-prod/alertmanager-slack-config",
                "rollout restart",
            ],
            ("sealed-secrets/unsealed", "CannotDecrypt"): ["lacks the key", "it opened before", "still there"],
        }
    ),
    "secret-in-the-way": Expectation(
        {
            ("sealed-secrets/unsealed", "SecretInTheWay"): [
                "A Secret fastapi-dev/model-registry exists",
                "sealedsecrets.bitnami.com/managed",
            ]
        }
    ),
    "alertmanager-sealed-for-other-namespace": Expectation(
        {
            ("sealed-secrets/unsealed", "CannotDecrypt"): [
                "copied from namespace monitoring-prod",
                f"Alertmanager monitoring-dev/{ALERTMANAGER} is configured from it",
            ],
            ("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager-slack-config"],
            ("alertmanager/config-secret", "ConfigSecretMissing"): ["monitoring-dev/alertmanager-slack-config does not exist"],
        },
        blind=UNDELIVERED | {"alertmanager/config-secret"},  # until kube-state-metrics was scraped without it
    ),
    "sealed-wider-scopes": Expectation(),
    "sealed-adopted": Expectation(),
    # It has no status, and so is not judged: no controller seems to work on it.
    "sealed-just-created": Expectation(blind=frozenset({"inventory/judged", "sealed-secrets/unsealed"})),
}
