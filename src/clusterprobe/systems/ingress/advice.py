"""What to do about an Ingress that no controller serves: the same steps wherever one is recommended."""

from __future__ import annotations

from clusterprobe.fixes import IN_GIT, change, look, patch, shell
from clusterprobe.model import Step, Subject


def name_the_class(subject: Subject, classes: list[str]) -> list[Step]:
    """The class is named in a command only where there is no choice."""
    see = look("See which classes there are, and of which controller each is.", shell("kubectl get ingressclasses"))
    text = f"Name the class of the controller that runs here in `spec.ingressClassName` of the Ingress, {IN_GIT}."
    if len(classes) != 1:
        return [see, change(text)]
    wanted = patch({"spec": {"ingressClassName": classes[0]}})
    return [see, change(text, shell("kubectl -n {} patch ingress {} --type merge -p {}", subject.namespace, subject.name, wanted))]


def put_certificate(namespace: str, secret: str) -> list[Step]:
    """Put a new certificate into a Secret, unless something makes that."""
    made = "kubectl -n {} create secret tls {} --cert=tls.crt --key=tls.key --dry-run=client -o yaml | kubectl apply -f -"
    return [
        change("Where a SealedSecret, ExternalSecret or cert-manager makes the Secret, renew it there: changes by hand are overwritten."),
        change(
            "Otherwise, if its type is kubernetes.io/tls or it does not exist, put the new certificate into it. The file tls.crt holds the "
            "whole chain, the leaf first.",
            shell(made, namespace, secret),
        ),
    ]
