"""What to do about a SealedSecret: the same steps wherever one is recommended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.fixes import IN_GIT, change, destroys, each, look, shell
from clusterprobe.model import Step
from clusterprobe.systems.sealed_secrets.causes import Origin
from clusterprobe.systems.sealed_secrets.diagnosis import Diagnosis
from clusterprobe.systems.sealed_secrets.sources import SealedSecret

KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
MANAGED = "sealedsecrets.bitnami.com/managed"
OPAQUE = "Opaque"
COPY = "sealing-keys.yaml"


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller that the commands are about; without a name, none or more than one was seen."""

    namespace: str = ""
    name: str = ""

    @property
    def options(self) -> tuple[str | None, ...]:
        """How kubeseal finds it."""
        return (*each("--controller-namespace={}", [self.namespace]), *each("--controller-name={}", [self.name]))

    def restart(self, why: str) -> Step:
        """It reads its keys, and looks at what it has given up, only as it starts."""
        if not self.name:
            return change(f"{why} Restart the SealedSecrets controller; which Deployment that is, was not seen here.")
        command = shell("kubectl -n {} rollout restart deployment {}", self.namespace, self.name)
        return change(f"{why} Restart the controller.", command)


def controller_of(servers: Iterable[Server]) -> Controller:
    """The one controller that runs; where several do, which of them is meant is not certain."""
    found = {(one.namespace, one.name) for one in servers}
    return Controller(*found.pop()) if len(found) == 1 else Controller()


def seal_again(one: SealedSecret, controller: Controller, origin: Origin | None = None) -> list[Step]:
    """How to seal it for the place where it is used, from the plain values or from the Secret that the original became."""
    namespace, name = one.place
    file, keys = f"{name}.sealed.yaml", [each.key for each in one.sealed if each.key]
    how = (*controller.options, *each("--namespace={}", [namespace]), *each("--name={}", [name]))
    how += each("--scope={}", [one.scope]) if one.scope != "strict" else ()
    kind = each("--type={}", [one.template.type]) if one.template.type not in ("", OPAQUE) else ()
    steps = []
    if controller.name and keys:
        files = (*each("--from-file={}=./{}", keys), *kind)
        text = (
            f"Write each plain value into a file of its key's name, without a line break at its end, and seal them for {namespace}/{name}: "
            "a sealed file cannot be moved. Delete the plain files afterwards."
        )
        plain = "kubectl create secret generic {} -n {} {} --dry-run=client -o yaml | kubeseal {} --format yaml > {}"
        steps = [change(text, shell(plain, name, namespace, files, how, file))]
        if origin is not None and origin.twin is not None:
            there, original = origin.twin.place
            # kubeseal's --namespace counts only where the Secret names none: it would be sealed for the old place once more.
            copied = "kubectl -n {} get secret {} -o yaml | sed '/^  namespace:/d' | kubeseal {} --format yaml > {}"
            text = f"Or, where the same values are meant, seal those of the Secret {there}/{original} instead, without its namespace."
            steps.append(change(text, shell(copied, there, original, how, file)))
    else:
        steps = [change(f"Seal the plain values again with kubeseal, for the namespace {namespace} and the name {name}.")]
    text = f"Put that file in place of the old one: {IN_GIT}, otherwise apply it."
    return [*steps, change(text, shell("kubectl apply -f {}", file)), look_at(namespace, name)]


def look_at(namespace: str, name: str) -> Step:
    return look("Its condition Synced must become True.", shell("kubectl -n {} get sealedsecrets.bitnami.com {}", namespace, name))


def restore_the_key(controller: Controller) -> list[Step]:
    """How to give the controller its old key back; without a copy, everything has to be sealed again."""
    place = controller.namespace
    there = shell("kubectl -n {} get secrets -l {}", place, KEY_LABEL) if place else None
    save = shell("kubectl -n {} get secrets -l {} -o yaml > {}", place, KEY_LABEL, COPY) if place else None
    apply = shell("kubectl -n {} apply -f {}", place, COPY) if place else None
    return [
        look("See which keys the controller has, and since when.", *([there] if there else [])),
        change("Apply your copy of the sealing keys in the controller's namespace.", *([apply] if apply else [])),
        controller.restart("It reads its keys only as it starts."),
        change(
            "Without a copy, seal every SealedSecret again, from the plain values or from its Secret while that is still there. "
            "Delete none of these Secrets: they would not come back."
        ),
        look("Keep a copy of the keys from now on. This file opens every SealedSecret: store it in a safe.", *([save] if save else [])),
    ]


def clear_the_way(namespace: str, name: str, controller: Controller, owner: str = "") -> list[Step]:
    """How to let the controller have a Secret's name; what another controller makes, it would make again."""
    owners = "kubectl -n {} get secret {} -o jsonpath='{.metadata.ownerReferences}{.metadata.labels}'"
    see = look("See what it is, and who made it.", shell(owners, namespace, name))
    if owner:
        text = f"{owner} makes this Secret, and would make it again: delete either that object or the SealedSecret, {IN_GIT}."
        return [see, change(text), look_at(namespace, name)]
    return [
        see,
        _copied(namespace, name),
        destroys(
            "what the Secret holds now",
            "If the SealedSecret is to replace it, let the controller take it over.",
            shell("kubectl -n {} annotate secret {} {}=true", namespace, name, MANAGED),
        ),
        controller.restart("It does not notice that by itself; it looks again as it starts."),
        look_at(namespace, name),
    ]


def after_refusal(found: Diagnosis, controller: Controller) -> list[Step]:
    """What to do where the API server refuses the Secret that would come of it."""
    namespace, name = found.sealed.place
    if found.state == "bad template":
        text = (
            "The API server refuses the Secret that the template describes. Correct `spec.template` (its type needs certain keys) and seal "
            "it again. Do not delete the Secret that exists: the controller could not make it again."
        )
        return [look_at_controller(controller), change(text)]
    if found.state != "immutable":
        return [look_at_controller(controller)]
    return [
        look_at_controller(controller),
        _copied(namespace, name),
        destroys(
            "the Secret as it is now", "An immutable Secret can only be deleted.", shell("kubectl -n {} delete secret {}", namespace, name)
        ),
        controller.restart("The controller makes the Secret again as it starts."),
        look_at(namespace, name),
    ]


def _copied(namespace: str, name: str) -> Step:
    text = "Keep a copy of what it holds now. The file holds secrets, not encrypted: keep it where only you can read it."
    return look(text, shell("kubectl -n {} get secret {} -o yaml > {}", namespace, name, f"{name}.before.yaml"))


def look_at_controller(controller: Controller) -> Step:
    if not controller.name:
        return look("See whether a controller runs.", shell("kubectl get deployments,pods -A | grep -i sealed"))
    place = (controller.namespace, controller.name)
    return look(
        "See what the controller says.",
        shell("kubectl -n {} get deployment {}", *place),
        shell("kubectl -n {} logs deployment/{} --tail=50", *place),
    )
