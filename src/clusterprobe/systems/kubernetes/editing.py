"""Changing an object by hand, for as long as what deploys it does not have the change."""

from __future__ import annotations

from collections.abc import Mapping

from clusterprobe.fixes import SOURCE, WITHHELD, change, destroys, look, shell
from clusterprobe.model import Step, Subject

# Those whose fields may be changed on the object itself, and that nothing else makes.
_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")


_MADE_OF = {"prometheus": ("Prometheus", "prometheuses"), "alertmanager": ("Alertmanager", "alertmanagers")}


def by_hand(subject: Subject, steps: list[Step], labels: Mapping[str, str] | None = None) -> list[Step]:
    """The steps, and how to make on the object itself what they say to change where it is deployed. A command of theirs is enough.

    `labels` are those of its pods: what the Prometheus Operator makes, it sets back at once, so that its own object is changed.
    """
    changes = [one for one in steps if one.kind != "look"]
    if any(one.commands or WITHHELD in one.text for one in changes) or not any(SOURCE in one.text for one in changes):
        return steps
    if (labels or {}).get("app.kubernetes.io/managed-by") == "prometheus-operator":
        return [*steps, *_of_operator(subject, labels or {})]
    if subject.kind == "Pod":
        return [*steps, *_made_again(subject)]
    return [*steps, edited(subject.kind, subject)] if subject.kind in _KINDS else steps


def _of_operator(subject: Subject, labels: Mapping[str, str]) -> list[Step]:
    kind, plural = _MADE_OF.get(labels.get("app.kubernetes.io/name", ""), ("", ""))
    name = labels.get("app.kubernetes.io/instance", "")
    if not kind or not name:
        return []
    text = (
        f"Until that is deployed, change the {kind} object {name}, of which the Operator makes the {subject.kind}: that alone it sets back."
    )
    return [change(text, shell("kubectl -n {} edit {}.monitoring.coreos.com {}", subject.namespace, plural, name))]


def _made_again(pod: Subject) -> list[Step]:
    """Most fields of a Pod cannot be changed; one that nothing makes stays gone once it is deleted."""
    file = f"{pod.name}.yaml"
    fetched = shell("kubectl -n {} get pod {} -o yaml > {}", pod.namespace, pod.name, file)
    what = "the Pod, with its log and what it has written into itself"
    return [
        look("If no program makes the Pod, fetch it, to change it in a file.", fetched),
        destroys(what, "Then make it again of the changed file.", shell("kubectl replace --force -f {}", file)),
    ]


def edited(resource: str, subject: Subject) -> Step:
    """Open an object in an editor; `resource` as kubectl takes it."""
    command = shell("kubectl -n {} edit {} {}", subject.namespace, resource.lower(), subject.name)
    return change(f"Until that is deployed, change the {subject.kind} itself. Where Argo CD or Flux manages it, that is undone.", command)
