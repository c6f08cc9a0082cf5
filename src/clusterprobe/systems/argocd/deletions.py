"""An Application whose deletion hangs, in words: for what its finalizers wait, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable

from clusterprobe.fixes import change, destroys, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.argocd import advice
from clusterprobe.systems.argocd.diagnosis import Complaint
from clusterprobe.systems.argocd.messages import UNKNOWN_CLUSTER, row_of
from clusterprobe.systems.argocd.sources import Application
from clusterprobe.words import said

OWN = "argocd.argoproj.io"  # in the name of each of its finalizers


def messages_of(complaints: Iterable[Complaint]) -> str:
    """What Argo CD says that it cannot do, each thing once: it says the same of the deletion and of the Application."""
    return "; ".join(dict.fromkeys(each.message for one in complaints if one.weight == "error" for each in one.conditions))


def cause(one: Application, messages: str) -> str:
    """For what it waits."""
    waits = f"Its finalizers wait: {', '.join(one.metadata.finalizers) or 'none is named'}. What it manages is not deleted yet."
    return f"{waits} Argo CD says: {said(messages, 600)}." if messages else waits


def steps(subject: Subject, one: Application, messages: str) -> list[Step]:
    """What remains of it, and how it goes: a finalizer that is taken away leaves behind what it guards."""
    seen = advice.read(subject, "See what remains of it.", ".status.resources[*].name")
    if not messages:
        return [seen]
    left = [each for each in one.metadata.finalizers if OWN not in each]  # another controller's still has its work to do
    if row_of(messages) is not UNKNOWN_CLUSTER or left == one.metadata.finalizers:
        return [seen, advice.repair(messages, one)]
    template = "kubectl -n {} patch applications.argoproj.io {} --type merge -p {}"
    command = shell(template, subject.namespace, subject.name, json.dumps({"metadata": {"finalizers": left}}, separators=(",", ":")))
    return [
        seen,
        change("If that cluster still exists, add it to Argo CD again, as it was called: what is deployed there is then deleted."),
        destroys(
            "all record of what it deployed, which stays where that cluster still exists",
            "If that cluster is gone for good, nothing can be deleted there any more: let the Application go.",
            command,
        ),
    ]
