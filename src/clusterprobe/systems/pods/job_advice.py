"""A Job that failed, in words, and what to do about it."""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, change, destroys, look, shell
from clusterprobe.model import Step
from clusterprobe.systems.pods.job_runs import Failure, PodEnd
from clusterprobe.words import said

_MEANS = {
    "BackoffLimitExceeded": "Its attempts failed, as many as backoffLimit allows",
    "DeadlineExceeded": "It took longer than activeDeadlineSeconds allows",
    "PodFailurePolicy": "Its podFailurePolicy ends it for how a pod failed",
    "FailedIndexes": "Some of its indexes failed",
    "MaxFailedIndexesExceeded": "More of its indexes failed than maxFailedIndexes allows",
}


def cause_of(one: Failure) -> str:
    """Why it failed, in its controller's words, and how its pod ended."""
    reason, words = one.condition.reason, said(one.condition.message or one.condition.reason)
    return f"{_MEANS.get(reason, 'Its controller says why')}: {words}.{_of_pod(one.end)}"


def _of_pod(end: PodEnd | None) -> str:
    if end is None:
        return " No pod of it that is still there says how it ended."
    told = f": {said(end.message)}" if end.message else ""
    if not end.container:
        return f" Pod {end.pod} ended with {end.reason}{told}."
    why = f" ({end.reason})" if end.reason not in ("", "Error") else ""
    return f" Container {end.container} of Pod {end.pod} ended with exit code {end.code}{why}{told}."


def looks(one: Failure) -> list[Step]:
    """The log of its pod, where that is still there, and its events."""
    namespace, name = one.subject.namespace, one.subject.name
    found = []
    if one.end and one.end.container:
        command = shell("kubectl -n {} logs {} -c {} --tail=50", namespace, one.end.pod, one.end.container)
        found.append(look("Read the last lines of the container that failed.", command))
    return [*found, look("Read its state and its events.", shell("kubectl -n {} describe job {}", namespace, name))]


def repair(one: Failure) -> Step:
    """What to change, by how it ended."""
    end = one.end
    if end and end.reason == "OOMKilled":
        return change(f"Raise resources.limits.memory of container {end.container}, {SOURCE}, or let it need less.")
    if end and end.reason == "Evicted":
        return change(f"Give it requests for what its node lacked, {SOURCE}, so that it runs where there is enough.")
    if one.condition.reason == "DeadlineExceeded":
        return change(f"Find what it waits for or why it is slow, or raise activeDeadlineSeconds, {SOURCE}.")
    return change(f"Fix the error that its log shows, or what it depends on. Change it {SOURCE}.")


def again(one: Failure) -> Step:
    """A Job does not start again by itself."""
    return destroys(
        "the failed Job, with its pods and their logs",
        "Then deploy it again: a Job's template cannot be changed while it is there.",
        shell("kubectl -n {} delete job {}", one.subject.namespace, one.subject.name),
    )
