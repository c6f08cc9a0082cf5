"""Work that is to be done once or every so often, and was not."""

from __future__ import annotations

from collections.abc import Callable

from lab import api
from lab.command import wait_until
from lab.platform.effects import PATIENCE_SECONDS
from lab.platform.manifests import Environment
from lab.platform.small_workloads import pod_spec
from lab.stages import Stage

_ONCE, _NIGHTLY = "schema-migration", "backup"
_MINUTE = 60  # how often its CronJob is due


def stage_job(environment: Environment) -> None:
    """As in life: a migration meets a table that it has made before."""
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": _ONCE, "namespace": environment.workload_namespace}}
    api.create(_path(environment, "jobs"), {**job, "spec": _spec(_ONCE, "echo 'relation \"predictions\" already exists'; exit 3")})
    wait_until("the Job to fail", lambda: _has_failed(api.get(f"{_path(environment, 'jobs')}/{_ONCE}")), PATIENCE_SECONDS)


def stage_cron_job(environment: Environment) -> None:
    """As in life: the backup is written to a folder that is not mounted any more."""
    metadata = {"name": _NIGHTLY, "namespace": environment.workload_namespace}
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": _spec(_NIGHTLY, "cp /etc/passwd /backup/passwd")}}
    api.create(_path(environment, "cronjobs"), {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec})
    wait_until("its Job to fail", lambda: any(map(_has_failed, _runs(environment))), _MINUTE + PATIENCE_SECONDS)


def _has_failed(job: api.Object) -> bool:
    return any(one["type"] == "Failed" and one["status"] == "True" for one in job["status"].get("conditions", []))


def _runs(environment: Environment) -> list[api.Object]:
    return [one for one in api.items(_path(environment, "jobs")) if one["metadata"]["name"].startswith(f"{_NIGHTLY}-")]


def _spec(name: str, script: str) -> api.Object:
    return {"backoffLimit": 0, "template": {"spec": {**pod_spec(name, script), "restartPolicy": "Never"}}}


def _path(environment: Environment, plural: str) -> str:
    return f"/apis/batch/v1/namespaces/{environment.workload_namespace}/{plural}"


def _stage(name: str, description: str, stage: Callable[[Environment], None], plural: str, made: str) -> Stage:
    def clear(environment: Environment) -> None:
        api.delete(f"{_path(environment, plural)}/{made}")
        path = f"/api/v1/namespaces/{environment.workload_namespace}/pods?labelSelector=job-name"

        def is_gone() -> bool:
            return not any(one["metadata"]["name"].startswith(f"{made}-") for one in api.items(path))

        wait_until(f"the pods of {made} to be gone", is_gone, PATIENCE_SECONDS)

    return Stage(name, description, stage, clear, touches=(f"{made} in {{environment}}",))


STAGES = (
    _stage("job-failed", "a Job fails, and is not started again", stage_job, "jobs", _ONCE),
    _stage("cron-job-fails", "each run of a CronJob fails", stage_cron_job, "cronjobs", _NIGHTLY),
)
