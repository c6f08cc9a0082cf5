"""What to do about the Secret of an Alertmanager: the same steps wherever a probe recommends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Command, Step, Subject
from clusterprobe.systems.alertmanager.config_secrets import CONFIG_KEY, ConfigSecret
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager
from clusterprobe.systems.kubernetes.looking import owner_of_secret
from clusterprobe.systems.prometheus.object_advice import IN_ALERTMANAGER, set_spec, value_of, where

SEALED = "SealedSecret"
WRONG_VALUE = "alertmanager.configFromSecret"
RIGHT_VALUE = f"{IN_ALERTMANAGER}.configSecret"

_KEYS = '{{range $key, $_ := .data}}{{$key}}{{"\\n"}}{{end}}'
_TEXT = f"jsonpath={{.data.{CONFIG_KEY.replace('.', chr(92) + '.')}}}"


def look_at_object(namespace: str, name: str) -> Command | None:
    """The command that shows what the Operator reads, and what it thinks of it."""
    output = 'jsonpath={.spec.configSecret}{"\\n"}{.status.conditions}'
    return shell("kubectl -n {} get {} {} -o {}", namespace, ALERTMANAGERS.name, name, output)


def look_at_source(namespace: str, name: str, custom: bool, replicas: Sequence[Subject]) -> Step:
    """Where an Alertmanager is configured from: the Operator's object says it, or else its pod."""
    if custom:
        return look("See which Secret it is configured from, and what the Operator says of it.", look_at_object(namespace, name))
    pods = [one for one in replicas if one.kind == "Pod"][:1]
    return look(
        "See what its pod mounts: that is what it is configured from.",
        *(shell("kubectl -n {} describe pod {}", one.namespace, one.name) for one in pods),
    )


def name_the_secret(custom: Alertmanager, candidates: list[str]) -> list[Step]:
    """How to make the object name the Secret that the team wrote; which it is, is certain of a single one."""
    namespace, name = custom.metadata.namespace, custom.metadata.name
    see = look(f"See which Secrets there are: the right one has the key {CONFIG_KEY}.", shell("kubectl -n {} get secrets", namespace))
    not_so = f" (not `{WRONG_VALUE}`)" if value_of(custom.metadata, RIGHT_VALUE) else ""
    if len(candidates) != 1:
        which = f"It may be one of {', '.join(candidates)}. " if candidates else ""
        return [see, change(f"{which}Name it in spec.configSecret{not_so}. {where(custom.metadata, RIGHT_VALUE)}")]
    (intended,) = candidates
    return [
        see,
        set_spec(
            f"Name {intended}, if it has that key{not_so}.",
            *(ALERTMANAGERS, custom.metadata, {"configSecret": intended}),
            key=IN_ALERTMANAGER,
            instead=f"Write your configuration into the Secret {namespace}/{custom.chart_secret}.",
        ),
        look("Reconciled must be True then.", look_at_object(namespace, name)),
    ]


def configure_first(custom: Alertmanager) -> list[Step]:
    """How to give an Alertmanager its first receiver, where nobody has begun to."""
    namespace, name = custom.metadata.namespace, custom.metadata.name
    return [
        look("See what it is configured from now.", look_at_object(namespace, name)),
        change(
            f"Write a configuration with a receiver that has an integration, keep it in a Secret with the key {CONFIG_KEY}, and name that "
            f"Secret in spec.configSecret. {where(custom.metadata, RIGHT_VALUE)} Or write an AlertmanagerConfig that this Alertmanager "
            "selects."
        ),
        look("Reconciled must be True then.", look_at_object(namespace, name)),
    ]


def make_the_secret(custom: Alertmanager, known: ConfigSecret | None) -> list[Step]:
    """How to see which keys its Secret has, and how to make one with the right key. One that is there is never written over."""
    namespace, name, secret = custom.metadata.namespace, custom.metadata.name, custom.input_secret
    keys = shell("kubectl -n {} get secret {} -o go-template={}", namespace, secret, _KEYS)
    have = change(
        f"Let the Secret {namespace}/{secret} have the key {CONFIG_KEY} (not alertmanager.yml). {_at_source(known)} Or name the right "
        f"Secret in spec.configSecret. {where(custom.metadata, RIGHT_VALUE)}"
    )
    there = known is not None and known.exists is True
    steps = [
        look("See which keys it has, and what owns it.", keys, owner_of_secret(namespace, secret)),
        *(in_a_copy(namespace, secret, known, [have]) if there else [have]),
    ]
    if not (known and (known.exists or known.owner)):
        steps.append(
            change(
                f"Only where nothing else makes it, and it does not exist: make it from your file {CONFIG_KEY}. The file holds secrets: "
                "keep it where only you can read it.",
                shell("kubectl -n {} create secret generic {} --from-file={}", namespace, secret, CONFIG_KEY),
            )
        )
    return [*steps, look("See what the Operator says of it then.", look_at_object(namespace, name))]


def correct_the_secret(namespace: str, name: str, secret: str, known: ConfigSecret | None = None) -> list[Step]:
    """How to check the text under the key, how to change it, and how to see that the Operator takes it."""
    text = f"Correct the text under {CONFIG_KEY} of the Secret {namespace}/{secret}. {_at_source(known)}"
    return [
        check_the_secret(namespace, secret),
        *in_a_copy(namespace, secret, known, [change(text)]),
        look("Reconciled must be True then.", look_at_object(namespace, name)),
    ]


def check_the_secret(namespace: str, secret: str) -> Step:
    return look(
        f"Check the text under {CONFIG_KEY}, and see what owns the Secret. amtool prints what is wrong, and no file is written.",
        shell("kubectl -n {} get secret {} -o {} | base64 -d | amtool check-config", namespace, secret, _TEXT),
        owner_of_secret(namespace, secret),
    )


def in_a_copy(namespace: str, secret: str, known: ConfigSecret | None, changes: list[Step]) -> list[Step]:
    """Changes of the text under the key; where a SealedSecret makes the Secret, made in a copy that is sealed again."""
    kind, _, owner = (known.owner if known else "").partition("/")
    if kind != SEALED:
        return changes
    file = f"{owner}.sealed.yaml"
    sealed = "kubectl create secret generic {} -n {} --from-file={} --dry-run=client -o yaml | kubeseal --format yaml --merge-into {}"
    return [
        look(
            f"Fetch the text, to change it in {CONFIG_KEY}. The file holds secrets: keep it where only you can read it, then delete it.",
            shell("kubectl -n {} get secret {} -o {} | base64 -d > {}", namespace, secret, _TEXT, CONFIG_KEY),
        ),
        *changes,
        change(
            "Seal the changed text in a copy of the SealedSecret; its other keys stay. A controller of another name or namespace than "
            "kubeseal's own needs --controller-name and --controller-namespace.",
            shell("kubectl -n {} get sealedsecrets.bitnami.com {} -o yaml > {}", namespace, owner, file),
            shell(sealed, secret, namespace, CONFIG_KEY, file),
        ),
        change(f"Take over its `spec.encryptedData` {IN_GIT}, otherwise apply it.", shell("kubectl apply -f {}", file)),
    ]


def _at_source(known: ConfigSecret | None) -> str:
    if known and known.owner:
        kind, _, name = known.owner.partition("/")
        return f"The {kind} {name} owns it, and reverts a change of the Secret itself. Change the {kind}, in Git."
    return "Do so at its source, in Git: a SealedSecret, an ExternalSecret, Argo CD or Flux would revert a change of the Secret itself."


@dataclass(frozen=True, slots=True)
class Source:
    """Where an Alertmanager is configured from, as far as that is known; `see` is how to look."""

    custom: Alertmanager | None
    secret: ConfigSecret | None
    see: Step

    def changed(self, *changes: Step) -> list[Step]:
        """These changes of its configuration, with how to make them."""
        if self.custom is None or self.custom.spec.alertmanager_configuration or self.secret is None:
            return [self.see, *changes]
        return [self.see, *in_a_copy(self.custom.metadata.namespace, self.custom.input_secret, self.secret, list(changes))]


def what_is_wrong(secret: ConfigSecret | None) -> str:
    """What is wrong with a Secret that led to the Operator's fallback, as exactly as the facts allow."""
    if secret is not None and secret.exists is False:
        return f"does not exist ({secret.proof})"
    if secret is not None and secret.has_key is False:
        return f"has no key {CONFIG_KEY}, or nothing under it ({secret.proof})"
    if secret is not None and secret.exists:
        return f"is there ({secret.proof}), so its key {CONFIG_KEY} is missing or empty, or itself sends everything to null"
    return f"is missing, or its key {CONFIG_KEY} is missing or empty"
