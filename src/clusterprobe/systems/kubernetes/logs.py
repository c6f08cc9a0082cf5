"""The last lines of a container's log, from the API server (`pods/log`): only for the few that have a reason to be looked into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clusterprobe.access.cluster import Cluster
from clusterprobe.errors import BadResponse, Unreachable
from clusterprobe.excerpt import excerpts
from clusterprobe.systems.kubernetes.objects import ContainerStatus, Pod
from clusterprobe.systems.kubernetes.resources import PODS
from clusterprobe.times import epoch

MAX_BYTES = 256 * 1024
MAX_CHARACTERS = 400  # of one line
# The API server cuts at `limitBytes` only roughly.
ROUGHLY = 0.9
TRIES = 3  # of lines so long that the limit cuts the newest off


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log, and when it was written by the kubelet's clock: epoch seconds."""

    text: str
    at: float


def last_lines(cluster: Cluster, pod: Pod, container: str, lines: int, **more: Any) -> list[str]:
    """The lines without their times. See `dated_lines`."""
    return [one.text for one in dated_lines(cluster, pod, container, lines, **more)]


def dated_lines(
    cluster: Cluster,
    pod: Pod,
    container: str,
    lines: int,
    *,
    previous: bool = False,
    since_seconds: int = 0,
    characters: int = MAX_CHARACTERS,
) -> list[Line]:
    """The lines with their times, redacted and shortened. Raises an `Unreadable`."""
    namespace, name = pod.metadata.namespace, pod.metadata.name
    query = {"container": container, "tailLines": lines, "limitBytes": MAX_BYTES, "timestamps": "true"}
    query |= {"previous": "true"} if previous else {}
    query |= {"sinceSeconds": since_seconds} if since_seconds else {}
    if pod.cut_off:
        raise Unreachable(f"the node {pod.spec.node_name} does not report, so the log of {namespace}/{name} is not asked for")
    for _ in range(TRIES):
        body = cluster.log(PODS.path(namespace, name), namespace, pod.spec.node_name, query).body
        if not _is_cut(body):
            break
        # `tailLines` says where to begin and `limitBytes` where to stop, so that the newest lines are those that are missing.
        query["tailLines"] = max(1, body.count(b"\n") // 2)
    return parse_lines(body, f"the log of {namespace}/{name}, container {container}", characters)


def _is_cut(body: bytes) -> bool:
    return len(body) >= MAX_BYTES or (not body.endswith(b"\n") and len(body) >= ROUGHLY * MAX_BYTES)


def parse_lines(body: bytes, what: str, characters: int = MAX_CHARACTERS) -> list[Line]:
    """A log whose every line begins with the kubelet's time: a login page does not, nor does a kubelet's excuse."""
    if body and not body.endswith(b"\n"):
        if not _is_cut(body):
            raise BadResponse(f"{what} ends within a line")
        body = body[: body.rfind(b"\n") + 1]
    times, texts = [], []
    for line in body.decode("utf-8", "replace").split("\n")[:-1]:
        stamp, _, text = line.partition(" ")
        at = epoch(stamp)
        if at is None:
            raise BadResponse(f"{what} is not lines that begin with a time")
        times.append(at)
        texts.append(text.rstrip("\r"))
    return [Line(text, at) for text, at in zip(excerpts(texts, characters), times, strict=True)]


def last_ended_was_before(status: ContainerStatus) -> bool:
    """Whether the log of the instance that ended last is that of the previous one: one that has just ended is still the current."""
    return status.state.terminated is None and status.last_state.terminated is not None


def has_ended(status: ContainerStatus) -> bool:
    """Whether an instance has ended, so that there is a log of it."""
    return bool(status.state.terminated or status.last_state.terminated)
