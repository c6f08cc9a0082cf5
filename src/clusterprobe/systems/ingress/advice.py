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
