"""Changing an object by hand, for as long as what deploys it does not have the change."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from clusterprobe.fixes import SOURCE, WITHHELD, change, destroys, look, shell
from clusterprobe.model import Step, Subject

MOST_DELETED = 3  # pods that one step names
ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")
# Those whose fields may be changed on the object itself, and that nothing else makes.
_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")


# By the name that the Prometheus Operator gives to pods, the object that it makes them of.
_MADE_OF = {
    "alertmanager": ("Alertmanager", "alertmanagers"),
    "prometheus": ("Prometheus", "prometheuses"),
    "prometheus-agent": ("PrometheusAgent", "prometheusagents"),
    "thanos-ruler": ("ThanosRuler", "thanosrulers"),
}
# A namespace that begins so is of OpenShift's operators; of its monitoring, what they are configured by.
_OF_OPENSHIFT = "openshift-"
_CONFIGURED_BY = {
    "openshift-monitoring": "the ConfigMap openshift-monitoring/cluster-monitoring-config",
    "openshift-user-workload-monitoring": "the ConfigMap openshift-user-workload-monitoring/user-workload-monitoring-config",
}
RECREATE = "`strategy.type: Recreate` (without `rollingUpdate`)"
"""How a Deployment ends its old pods before it makes new ones."""


def by_hand(subject: Subject, steps: list[Step], labels: Mapping[str, str] | None = None, *, unready: Collection[str] = ()) -> list[Step]:
    """The steps, and how to make on the object itself what they say to change where it is deployed. A command of theirs is enough.

    `labels` are those of its pods: what the Prometheus Operator makes, it sets back at once, so that its own object is changed. `unready`
    are its pods that are not ready, for which a StatefulSet may wait.
    """
    changes = [one for one in steps if one.kind != "look"]
    if any(one.commands or WITHHELD in one.text for one in changes) or not any(SOURCE in one.text for one in changes):
        return steps
    if subject.namespace.startswith(_OF_OPENSHIFT):
        return [*steps, _of_openshift(subject.namespace)]
    if (labels or {}).get("app.kubernetes.io/managed-by") == "prometheus-operator":
        return [*steps, *_of_operator(subject, labels or {})]
    if subject.kind == "Pod":
        return [*steps, *_made_again(subject)]
    if subject.kind not in _KINDS:
        return steps
    return [*steps, edited(subject.kind, subject), *replaced(subject, unready), *rolled_out(subject)]


def rolled_out(subject: Subject) -> list[Step]:
    """How to see that the pods of a workload come up with a change."""
    if subject.kind not in ROLLED_OUT:
        return []
    command = shell("kubectl -n {} rollout status {} {} --timeout=5m", subject.namespace, subject.kind.lower(), subject.name)
    return [look("See that its pods become ready with it: this ends by itself then.", command)]


def replaced(subject: Subject, unready: Collection[str]) -> list[Step]:
    """After a change of a StatefulSet: it may wait for a pod that cannot become ready, and so not replace it (OrderedReady)."""
    if subject.kind != "StatefulSet" or not unready:
        return []
    text = "A StatefulSet may wait for a pod that is not ready, and so never give it the change. Then delete that pod: it is made again "
    commands = [shell("kubectl -n {} delete pod {}", subject.namespace, one) for one in sorted(unready)[:MOST_DELETED]]
    return [change(f"{text}with the change, and keeps its PVCs.", *commands)]


def _of_openshift(namespace: str) -> Step:
    where = _CONFIGURED_BY.get(namespace, "the configuration of the operator that makes it")
    return change(f"OpenShift's operators make what is in {namespace}, and undo what is changed on it: change it in {where}.")


def _of_operator(subject: Subject, labels: Mapping[str, str]) -> list[Step]:
    kind, plural = _MADE_OF.get(labels.get("app.kubernetes.io/name", ""), ("", ""))
    name = labels.get("app.kubernetes.io/instance", "")
    if not kind or not name:
        return []
    text = f"Until that is deployed, change the {kind} object {name}: of it the Operator makes the {subject.kind}, whose change it undoes."
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
    return change(
        f"Until that is deployed, change the {subject.kind} itself. Where Argo CD, Flux or an operator manages it, that is undone.", command
    )
