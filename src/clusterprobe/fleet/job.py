"""The Kubernetes Job of a fleet: an index, a pod, a process for each cluster, which sees the credentials of that cluster alone.

All credentials are volumes of the one template that a Job has; of them a container is given the folder with its own index
(`subPathExpr`), and no account with which it could read another Secret.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from clusterprobe.exits import Exit
from clusterprobe.fleet.targets import Target
from clusterprobe.words import UNSEEN, escape

KUBECONFIG, PROFILE = "kubeconfig", "profile.yaml"  # what a pod finds in its folder
FOLDER, COMMON = "/etc/clusterprobe-cluster", "/etc/clusterprobe"
CONTAINER = "clusterprobe"
USER = 65532
SCRATCH = "/tmp"  # noqa: S108 - a volume of the pod
REPORTED = (Exit.FINDINGS, Exit.INCOMPLETE, Exit.BROKEN)  # and HEALTHY, with which a pod has not failed
MORE_SECONDS = 180  # than the run's own deadline: to be pulled and started, and for what comes after the deadline
GRACE_SECONDS = 90
ATTEMPTS = 2
SLACK_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How the Job is to be. `profile` is the name of one that comes with the image, or, with `profile_text`, a file's.

    `schedule` makes a CronJob of it; `timeout` is a run's own deadline, also as `seconds`.
    """

    store: str
    name: str = "clusterprobe-fleet"
    namespace: str = "clusterprobe"
    image: str = ""
    profile: str = "nightly"
    profile_text: str = ""
    schedule: str = ""
    parallelism: int = 10
    timeout: str = "5m"
    seconds: float = 300.0
    store_secret: str = ""
    service_account: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def pod_seconds(self) -> int:
        return math.ceil(self.seconds) + MORE_SECONDS


def documents(targets: Sequence[Target], wanted: Wanted) -> list[dict[str, Any]]:
    """What to apply: the profiles of the clusters, and the Job or CronJob. The same inventory gives the same, whatever its order."""
    return [_profiles(targets, wanted), _scheduled(targets, wanted) if wanted.schedule else _alone(targets, wanted)]


def secrets(targets: Sequence[Target], wanted: Wanted) -> list[dict[str, Any]]:
    """The Secrets of those clusters whose credentials are in none yet."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": _metadata(wanted, secret_of(one, wanted)[0]),
            "type": "Opaque",
            "data": {KUBECONFIG: base64.b64encode(yaml.safe_dump(one.kubeconfig, sort_keys=False).encode()).decode()},
        }
        for one in targets
        if not one.secret
    ]


def values(targets: Sequence[Target], wanted: Wanted) -> dict[str, Any]:
    """The same as the chart's values."""
    clusters = []
    for one in targets:
        secret, key = secret_of(one, wanted)
        more = {key: value for key, value in (("labels", one.labels), ("uid", one.uid)) if value}
        clusters.append({"name": one.name, "secretName": secret, "key": key, **more})
    given = {"parallelism": wanted.parallelism, "timeout": wanted.timeout, "schedule": wanted.schedule, "storeSecret": wanted.store_secret}
    return {"fleet": {"store": wanted.store, **{key: value for key, value in given.items() if value}, "clusters": clusters}}


def text(objects: Sequence[dict[str, Any]]) -> str:
    """As YAML to apply: it reads as it was given, and shows what it holds."""
    written = str(yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=140, allow_unicode=True))
    return UNSEEN.sub(escape, written)  # all of them stand between double quotes, where YAML reads such escapes


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _written(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if UNSEEN.search(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _written)


def secret_of(one: Target, wanted: Wanted) -> tuple[str, str]:
    """The Secret that has a cluster's kubeconfig, and its key there."""
    return (one.secret, one.key) if one.secret else (f"{wanted.name}-{one.slug}", KUBECONFIG)


def _metadata(wanted: Wanted, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": wanted.namespace, "labels": _labels(wanted)}


def _labels(wanted: Wanted) -> dict[str, str]:
    return {"app.kubernetes.io/name": "clusterprobe", "app.kubernetes.io/instance": wanted.name, "app.kubernetes.io/component": "fleet"}


def profile_of(one: Target, base: str, timeout: str) -> dict[str, Any]:
    """The profile of a cluster's runs: the common one, with what is its own."""
    about = {"name": one.name, "labels": dict(sorted(one.labels.items())), "uid": one.uid}
    return {"extends": base, "cluster": {key: value for key, value in about.items() if value}, "timeout": timeout}


def _profiles(targets: Sequence[Target], wanted: Wanted) -> dict[str, Any]:
    base = f"{COMMON}/{PROFILE}" if wanted.profile_text else wanted.profile
    common = {PROFILE: wanted.profile_text} if wanted.profile_text else {}
    own = {f"cluster.{one.slug}.yaml": yaml.safe_dump(profile_of(one, base, wanted.timeout), sort_keys=False) for one in targets}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(wanted, wanted.name), "data": {**common, **own}}


def _alone(targets: Sequence[Target], wanted: Wanted) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(wanted, wanted.name), "spec": _job(targets, wanted)}


def _scheduled(targets: Sequence[Target], wanted: Wanted) -> dict[str, Any]:
    spec = {
        "schedule": wanted.schedule,
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"metadata": {"labels": _labels(wanted)}, "spec": _job(targets, wanted)},
    }
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": _metadata(wanted, wanted.name), "spec": spec}


def longest_seconds(count: int, wanted: Wanted) -> int:
    """After what time the whole Job is given up: every cluster to its deadline, and once more."""
    return math.ceil(count / wanted.parallelism) * ATTEMPTS * (wanted.pod_seconds + GRACE_SECONDS) + SLACK_SECONDS


def _job(targets: Sequence[Target], wanted: Wanted) -> dict[str, Any]:
    rules = [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailIndex",
            "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [int(one) for one in REPORTED]},
        },
    ]
    return {
        "completionMode": "Indexed",
        "completions": len(targets),
        "parallelism": min(wanted.parallelism, len(targets)),
        "backoffLimitPerIndex": ATTEMPTS - 1,
        "podFailurePolicy": {"rules": rules},
        "activeDeadlineSeconds": longest_seconds(len(targets), wanted),
        "ttlSecondsAfterFinished": 86400,
        "template": {"metadata": {"labels": _labels(wanted)}, "spec": _pod(targets, wanted)},
    }


def _pod(targets: Sequence[Target], wanted: Wanted) -> dict[str, Any]:
    return {
        **({"serviceAccountName": wanted.service_account} if wanted.service_account else {}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "activeDeadlineSeconds": wanted.pod_seconds,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(wanted)],
        "volumes": _volumes(targets, wanted),
    }


def _container(wanted: Wanted) -> dict[str, Any]:
    job_uid = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}}
    mounts: list[dict[str, Any]] = [
        # The index is the Job's to give: without one, the container does not start.
        {"name": "clusters", "mountPath": FOLDER, "subPathExpr": "$(JOB_COMPLETION_INDEX)", "readOnly": True},
        {"name": "tmp", "mountPath": SCRATCH},
    ]
    if wanted.profile_text:
        mounts.append({"name": "profile", "mountPath": COMMON, "readOnly": True})
    return {
        "name": CONTAINER,
        "image": wanted.image,
        "workingDir": SCRATCH,
        "args": arguments(wanted.store),
        "env": [{"name": "HOME", "value": SCRATCH}, {"name": "JOB_UID", "valueFrom": job_uid}],
        **({"envFrom": [{"secretRef": {"name": wanted.store_secret}}]} if wanted.store_secret else {}),
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "100m", "memory": "160Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": mounts,
    }


def arguments(store: str) -> list[str]:
    """What a pod runs. A pod that comes after another of its index has the same run's name, so that one run is kept, and not two."""
    return [
        "run",
        f"--profile={FOLDER}/{PROFILE}",
        f"--kubeconfig={FOLDER}/{KUBECONFIG}",
        "--run-id=$(JOB_UID)-$(JOB_COMPLETION_INDEX)",
        f"--store={escaped(store)}",
        f"--output={SCRATCH}/report",
    ]


def escaped(argument: str) -> str:
    """As an argument of a container, in which `$(…)` would stand for a variable."""
    return argument.replace("$", "$$")


def _volumes(targets: Sequence[Target], wanted: Wanted) -> list[dict[str, Any]]:
    """What is a cluster's is told by its name, and only then by its index: an inventory that changes in between mixes no two."""
    profiles = [{"key": f"cluster.{one.slug}.yaml", "path": f"{index}/{PROFILE}"} for index, one in enumerate(targets)]
    sources: list[dict[str, Any]] = [{"configMap": {"name": wanted.name, "items": profiles, "optional": True}}]
    for index, one in enumerate(targets):
        secret, key = secret_of(one, wanted)
        items = [{"key": key, "path": f"{index}/{KUBECONFIG}"}]
        # Where something is missing, that cluster alone has no run.
        sources.append({"secret": {"name": secret, "items": items, "optional": True}})
    common = [{"name": "profile", "configMap": {"name": wanted.name, "items": [{"key": PROFILE, "path": PROFILE}]}}]
    return [
        {"name": "clusters", "projected": {"defaultMode": 0o440, "sources": sources}},
        *(common if wanted.profile_text else []),
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
    ]
