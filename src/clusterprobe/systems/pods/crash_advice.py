"""What to do about a container that does not keep running: by what is at fault, with what was read of it."""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, change, look, shell, snippet
from clusterprobe.model import Step, Subject
from clusterprobe.systems.kubernetes.logs import has_ended, last_ended_was_before
from clusterprobe.systems.pods.crash_causes import Fault, Kill, image_of, memory_limit
from clusterprobe.systems.pods.crash_diagnosis import Broken
from clusterprobe.systems.pods.crash_words import answer_of
from clusterprobe.systems.pods.crashes import Crash
from clusterprobe.systems.pods.missing_objects import missing_in

_ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")
_PLAIN: dict[Fault, str] = {
    "image missing": "Correct the image's name or tag, or push that image to its registry.",
    "registry out of reach": "Let the node reach the registry: its DNS, its proxy, and the registry's certificate. Or use a mirror.",
    "registry limit": "Pull with a pull secret of an account, from a mirror, or wait until the limit is over.",
    "image not loaded": "Load the image on the node, or set imagePullPolicy to IfNotPresent.",
    "image name": "Correct the image's name: a registry, a path in small letters, and a tag or digest.",
    "image": "Correct the image's name, tag or pull secret, as the message says.",
    "root user": "Set runAsUser in its securityContext to a user other than 0, as a number, that the image is made for.",
    "sub path": (
        "Make the folder of the subPath on the volume first, with the owner that the container runs as. On NFS, root_squash keeps the "
        "kubelet from making it."
    ),
    "configuration": "Correct what the message names in its specification.",
    "no program": "Correct its command, or the image that has that program.",
    "not executable": "Make the file executable in the image, or run it as a user that may execute it.",
    "name reserved": (
        "Wait until the node has cleared the earlier attempt. If that takes longer than some minutes, restart the container runtime there."
    ),
    "start": "Correct what the message names: its command, its image, or what it mounts.",
    "read only": "Mount an emptyDir where it writes, or take readOnlyRootFilesystem out of its securityContext.",
    "denied": (
        "Let it run as the user that owns what the line names, or give that user access. For a path on a volume see "
        "`storage/volume-permissions`."
    ),
    "exits with 0": "Let its command stay in the foreground, or run it as a Job if it is to end.",
    "exit": "Fix the error shown at the end of its log.",
    "signal": "Find what ends it: its log, the events, and the node's kernel log.",
    "unknown": "Find in its events how it ended.",
}

# What is not repaired in the workload's own values.
_ELSEWHERE: set[Fault] = {"registry out of reach", "registry limit", "sub path", "name reserved", "signal", "unknown"}


def repair(one: Broken, *, unexcused: bool) -> list[Step]:
    """The steps for one container. `unexcused`: it says that it did not reach what it calls, which does not excuse it."""
    match one.fault:
        case "probe" if one.kill:
            steps = [_of_probe(one.crash, one.kill)]
        case "memory":
            steps = [_of_memory(one.crash)]
        case "reference missing":
            steps = _of_reference(one.crash)
        case "image refused":
            steps = _of_pull_secret(one.crash)
        case _:
            text = "Correct the address in its command, or repair what it calls." if unexcused else _PLAIN[one.fault]
            steps = [change(text if one.fault in _ELSEWHERE else f"{text} Change it {SOURCE}.")]
    return [*_looks(one.crash), *steps]


def _looks(crash: Crash) -> list[Step]:
    """Its log, if there is one of an instance that ran, and its events."""
    pod, container, status = crash.pod.metadata, crash.status.name, crash.status
    steps = []
    if has_ended(status):
        template = (
            "kubectl -n {} logs {} -c {} --previous --tail=50" if last_ended_was_before(status) else "kubectl -n {} logs {} -c {} --tail=50"
        )
        steps.append(look("Read its last lines.", shell(template, pod.namespace, pod.name, container)))
    return [*steps, look("Read its state and its events.", shell("kubectl -n {} describe pod {}", pod.namespace, pod.name))]


# --- by fault ---------------------------------------------------------------------------------------------------------


def _of_probe(crash: Crash, kill: Kill) -> Step:
    """The numbers of the probe that kills it, and which of them is too tight for what it answered."""
    kind, answer = kill.probe, answer_of(kill).lower()
    container = crash.container
    probe = (container.startup_probe if kind == "startup" else container.liveness_probe) if container else None
    if probe is None:
        return change(f"Give its {kind} probe more time, or repair what that asks, {SOURCE}.")
    patience = probe.initial_delay_seconds + probe.period_seconds * probe.failure_threshold
    code = snippet(
        "{}:  # as it is now\n  initialDelaySeconds: {}\n  periodSeconds: {}\n  timeoutSeconds: {}\n  failureThreshold: {}",
        f"{kind}Probe", probe.initial_delay_seconds, probe.period_seconds, probe.timeout_seconds, probe.failure_threshold,
    )  # fmt: skip
    if "deadline exceeded" in answer or "timeout" in answer or "timed out" in answer:
        text = f"Raise timeoutSeconds of its {kind} probe, or let what it asks answer within {probe.timeout_seconds} s."
    elif "statuscode" in answer:
        text = f"Repair what its {kind} probe asks, or correct its path and port: it answers, and reports that it is unhealthy."
    elif kind == "startup":
        text = f"Raise failureThreshold or periodSeconds of its startup probe, if it needs more than {patience} s to start."
    elif container and container.startup_probe:
        text = "Raise failureThreshold or periodSeconds of its liveness probe, if it recovers by itself after such failures."
    else:
        text = f"If it needs more than {patience} s to start, add a startupProbe with the same check and a larger failureThreshold."
    return change(f"{text} The kubelet kills it after {probe.failure_threshold} failures in a row. Change it {SOURCE}.", code=code)


def _of_memory(crash: Crash) -> Step:
    limit, name = memory_limit(crash), crash.status.name
    if limit:
        return change(f"Raise resources.limits.memory of container {name} above {limit}, {SOURCE}. Or let it need less (workers, caches).")
    return change(f"Set a request and a limit for the memory of container {name}, {SOURCE}: its node or its pod ran out of memory.")


def _of_reference(crash: Crash) -> list[Step]:
    namespace, missing = crash.pod.metadata.namespace, missing_in(crash.message)
    if missing is None:
        return [change(f"Create what the message names, or correct the reference, {SOURCE}.")]
    made = " If a SealedSecret or an ExternalSecret makes it, see why that does not." if missing.kind == "secret" else ""
    if missing.key:  # describe shows the keys of a Secret, and none of its values
        seen = look("See which keys it has.", shell("kubectl -n {} describe {} {}", namespace, missing.kind, missing.name))
    else:
        seen = look("See what there is.", shell("kubectl -n {} get {}", namespace, f"{missing.kind}s"))
    return [seen, change(f"Create {missing}, or correct the reference to it, {SOURCE}.{made}")]


def _of_pull_secret(crash: Crash) -> list[Step]:
    namespace, named = crash.pod.metadata.namespace, [one.name for one in crash.pod.spec.image_pull_secrets or [] if one.name]
    if not named:
        return [change(f"Name a pull secret for the registry of `{image_of(crash)}` in imagePullSecrets, {SOURCE}: the pod names none.")]
    return [
        look("See that its pull secrets exist.", *[shell("kubectl -n {} get secret {}", namespace, one) for one in named]),
        change(
            f"Renew the credentials in {', '.join(named)}, or correct the image's name, {SOURCE}. A registry also refuses an image that it "
            "does not have."
        ),
    ]


def back(workload: Subject, old: str) -> list[Step]:
    """Back to the revision that works, where there is one and kubectl can roll the workload back."""
    if not old or workload.kind not in _ROLLED_OUT or not workload.api_version.startswith("apps/"):
        return []
    kind, place = workload.kind.lower(), (workload.namespace, workload.kind.lower(), workload.name)
    return [
        look(f"See which revisions of the {kind} there are.", shell("kubectl -n {} rollout history {} {}", *place)),
        change(
            "Until it is repaired, roll it back. Under Argo CD or Flux revert the commit instead: self-heal would revert the rollback.",
            shell("kubectl -n {} rollout undo {} {}", *place),
        ),
    ]
