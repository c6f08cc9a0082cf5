"""Changing an object by hand, for as long as what deploys it does not have the change."""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, WITHHELD, change, shell
from clusterprobe.model import Step, Subject

# Those whose fields may be changed on the object itself, and that nothing else makes.
_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")


def by_hand(subject: Subject, steps: list[Step]) -> list[Step]:
    """The steps, and how to make on the object itself what they say to change where it is deployed. A command of theirs is enough."""
    changes = [one for one in steps if one.kind != "look"]
    if subject.kind not in _KINDS or any(one.commands or WITHHELD in one.text for one in changes):
        return steps
    return [*steps, edited(subject.kind, subject)] if any(SOURCE in one.text for one in changes) else steps


def edited(resource: str, subject: Subject) -> Step:
    """Open an object in an editor; `resource` as kubectl takes it."""
    command = shell("kubectl -n {} edit {} {}", subject.namespace, resource.lower(), subject.name)
    return change(f"Until that is deployed, change the {subject.kind} itself. Argo CD or Flux would revert it.", command)
