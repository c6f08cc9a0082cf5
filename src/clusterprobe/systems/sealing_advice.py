"""What to do about a SealedSecret: the same words and commands wherever one is recommended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.systems.sealed_secrets import SealedSecret
from clusterprobe.systems.sealing import Origin

KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
MANAGED = "sealedsecrets.bitnami.com/managed"


@dataclass(frozen=True, slots=True)
class Controller:
    """Which controller the commands are about: the one that runs, or what its manifest calls it."""

    namespace: str = "kube-system"
    name: str = "sealed-secrets-controller"

    @property
    def options(self) -> str:
        return f"--controller-namespace {self.namespace} --controller-name {self.name}"

    @property
    def restart(self) -> str:
        return f"$ kubectl -n {self.namespace} rollout restart deployment {self.name}"


def controller_of(servers: Iterable[Server]) -> Controller:
    return next((Controller(one.namespace, one.name) for one in servers), Controller())


def seal_again(one: SealedSecret, controller: Controller, origin: Origin | None = None) -> str:
    """How to seal it for the place where it is used, from the original's plain Secret if that is there."""
    namespace, name = one.place
    file = f"{name}.sealed.yaml"
    scope = f" --scope {one.scope}" if one.scope != "strict" else ""
    kubeseal = f"kubeseal {controller.options} --namespace {namespace} --name {name}{scope} --format yaml > {file}"
    keys = [each.key for each in one.sealed if each.key][:8] or ["KEY"]
    files = " ".join(f"--from-file={key}=./{key}" for key in keys)
    again = f"$ kubectl create secret generic {name} --namespace {namespace} {files} --dry-run=client -o yaml | {kubeseal}\n"
    text = f"Seal the plain values (a file each) again, for {namespace}/{name}; a sealed file cannot be moved:\n{again}"
    if origin is not None and origin.twin is not None:
        there = "{} get secret {}".format(*origin.twin.place)
        # kubeseal's --namespace counts only where the Secret names none: it would be sealed for the old place once more.
        text += "Or, if the very same values are meant here, from the Secret that the original became, without its namespace:\n"
        text += f"$ kubectl -n {there} -o yaml | sed '/^  namespace:/d' | {kubeseal}\n"
    in_place = f"Put that file in place of the other in Git, or, where Git is not the source:\n$ kubectl apply -f {file}\n"
    return text + in_place + look(namespace, name)


def look(namespace: str, name: str) -> str:
    return f"Its condition Synced must become True:\n$ kubectl -n {namespace} get sealedsecret {name}"


def restore_the_key(controller: Controller) -> str:
    """How to give the controller its old key back; without a copy, everything has to be sealed again."""
    return (
        "Restore the copy of the sealing keys, and restart the controller, which reads them only as it starts:\n"
        f"$ kubectl -n {controller.namespace} get secrets -l {KEY_LABEL}\n"
        f"$ kubectl -n {controller.namespace} apply -f sealing-keys.yaml\n{controller.restart}\n"
        "Without a copy, seal every one again while the Secrets that they became are still there:\n"
        f"$ kubectl -n NAMESPACE get secret NAME -o yaml | kubeseal {controller.options} --format yaml > NAME.sealed.yaml\n"
        "And keep a copy from now on, in a safe:\n"
        f"$ kubectl -n {controller.namespace} get secrets -l {KEY_LABEL} -o yaml > sealing-keys.yaml"
    )


def clear_the_way(namespace: str, name: str, controller: Controller) -> str:
    """How to let the controller have a Secret's name: take it over, or take it away."""
    return (
        "Look at what it is, and who made it. If the SealedSecret is to replace it, let the controller take it over (what it holds now "
        "is lost):\n"
        f"$ kubectl -n {namespace} get secret {name} -o jsonpath='{{.metadata.ownerReferences}}{{.metadata.labels}}'\n"
        f"$ kubectl -n {namespace} annotate secret {name} {MANAGED}=true\n"
        f"The controller does not notice by itself; it looks again as it starts:\n{controller.restart}\n{look(namespace, name)}"
    )


def look_at_controller(controller: Controller) -> str:
    return (
        f"$ kubectl -n {controller.namespace} get deployment,pods -l name={controller.name}\n"
        f"$ kubectl -n {controller.namespace} logs deployment/{controller.name} --tail=50"
    )
