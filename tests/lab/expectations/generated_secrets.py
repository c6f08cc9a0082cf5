"""What the stages of lab/stages/generated_secrets.py must lead to."""

from tests.lab.expectation import Expectation

# Without an Operator nothing says what it would select, load and make of its objects.
WITHOUT_OPERATOR = frozenset(
    {
        "inventory/judged",
        "prometheus/monitors",
        "prometheus/rules",
        "prometheus/selector-overlap",
        "prometheus/unselected-monitors",
    }
)

STAGES = {
    "generated-secret-put-back": Expectation(
        warnings={
            ("alertmanager/generated-secret", "GeneratedSecretPutBack"): [
                "alertmanager-monitoring-dev-kube-promet-alertmanager-generated",
                "reverted it",
                "monitoring-dev/alertmanager-slack-config",
            ]
        }
    ),
    "generated-secret-edited": Expectation(
        {
            ("alertmanager/generated-secret", "GeneratedSecretEdited"): [
                "Kubectl-edit",
                "serves just that",
                "no Operator that manages it",
                "monitoring-dev/alertmanager-slack-config",
            ]
        },
        blind=WITHOUT_OPERATOR,
    ),
    "generated-secret-deleted": Expectation(
        warnings={("alertmanager/generated-secret", "GeneratedSecretDeleted"): ["recreated unchanged", "StatefulSet", "make changes in"]}
    ),
    "generated-secret-lost": Expectation(
        {("alertmanager/generated-secret", "GeneratedSecretGone"): ["does not come back", "no Operator that manages it"]},
        blind=WITHOUT_OPERATOR,
    ),
    "source-secret-changed": Expectation(),
}
