"""What to do about the Secret of an Alertmanager: the same words and commands wherever a probe recommends it."""

from __future__ import annotations

from clusterprobe.systems.config_secrets import CONFIG_KEY, ConfigSecret

WRONG_VALUE = "alertmanager.configFromSecret"
RIGHT_VALUE = "alertmanager.alertmanagerSpec.configSecret"


def look_at_object(namespace: str, name: str) -> str:
    """The command that shows what the Operator reads, and what it thinks of it."""
    return f"$ kubectl -n {namespace} get alertmanager {name} -o jsonpath='{{.spec.configSecret}}{{\"\\n\"}}{{.status.conditions}}'"


def name_the_secret(namespace: str, name: str, intended: str) -> str:
    """How to make the chart and the object name the Secret that the team wrote."""
    patch = f'{{"spec":{{"configSecret":"{intended}"}}}}'
    return (
        f"In the values of this release (not `{WRONG_VALUE}`):\n"
        f"    alertmanager:\n      alertmanagerSpec:\n        configSecret: {intended}\n"
        f"The Secret must be in {namespace} and have the key {CONFIG_KEY}. See what there is, and, where Git is not the source, "
        "change the object at once:\n"
        f"$ kubectl -n {namespace} get secrets\n"
        f"$ kubectl -n {namespace} patch alertmanager {name} --type merge -p '{patch}'"
    )


def make_the_secret(namespace: str, secret: str) -> str:
    """How to see which keys a Secret has, and how to make one with the right key."""
    keys = '{{range $key, $_ := .data}}{{$key}}{{"\\n"}}{{end}}'
    return (
        f"Make the Secret {namespace}/{secret} with the key {CONFIG_KEY} (not alertmanager.yml): in Git as whatever it comes from, such "
        f"as a SealedSecret. Or name the right one in `{RIGHT_VALUE}` (not `{WRONG_VALUE}`).\n"
        f"$ kubectl -n {namespace} get secret {secret} -o go-template='{keys}'\n"
        f"$ kubectl -n {namespace} create secret generic {secret} --from-file={CONFIG_KEY} --dry-run=client -o yaml | kubectl apply -f -"
    )


def correct_the_secret(namespace: str, name: str, secret: str) -> str:
    """How to check the text under the key, and how to see that the Operator takes it."""
    value = f"jsonpath='{{.data.{CONFIG_KEY.replace('.', chr(92) + '.')}}}'"
    return (
        f"Correct the text under {CONFIG_KEY} of the Secret {namespace}/{secret} at its source in Git, and check it there:\n"
        f"$ kubectl -n {namespace} get secret {secret} -o {value} | base64 -d > {CONFIG_KEY}\n"
        f"$ amtool check-config {CONFIG_KEY}\n"
        f"Afterwards Reconciled must be True:\n{look_at_object(namespace, name)}"
    )


def what_is_wrong(secret: ConfigSecret | None) -> str:
    """What is wrong with a Secret that led to the Operator's fallback, as exactly as the facts allow."""
    if secret is not None and secret.exists is False:
        return f"does not exist ({secret.proof})"
    if secret is not None and secret.has_key is False:
        return f"has no key {CONFIG_KEY}, or nothing under it ({secret.proof})"
    if secret is not None and secret.exists:
        return f"is there ({secret.proof}), so its key {CONFIG_KEY} is missing or empty, or itself sends everything to null"
    return f"is missing, or its key {CONFIG_KEY} is missing or empty"
