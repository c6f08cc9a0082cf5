"""Thresholds of a profile: a group an area, each number declared with its bounds and meaning. docs/thresholds.md is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from clusterprobe.profile_parts import Part


class Airflow(Part):
    """Airflow and its DAGs."""

    start_minutes: Annotated[
        float, Field(ge=0, le=1440, description="How long a part of Airflow may take to send its first heartbeat after a start.")
    ] = 5.0
    heartbeat_seconds: Annotated[
        float, Field(gt=0, le=86400, description="How old the heartbeat of a part may be that Airflow itself still calls healthy.")
    ] = 120.0
    failed_run_hours: Annotated[
        float, Field(gt=0, le=8760, description="How long a failed run of a DAG is reported, unless a later one succeeds.")
    ] = 24.0


class Alertmanager(Part):
    """Notifications, and the Secret that the Operator generates."""

    delivery_window_minutes: Annotated[int, Field(gt=0, le=1440, description="How far back Alertmanager's notifications are counted.")] = 60
    delivery_recovery_minutes: Annotated[
        float,
        Field(
            gt=0, le=1440, description="How long after the last failure notifications count as recovered, if others were delivered since."
        ),
    ] = 10.0
    silence_hours: Annotated[
        float, Field(gt=0, le=8760, description="How much longer a silence may hide every critical alert, such as for maintenance.")
    ] = 24.0
    silence_days: Annotated[
        float, Field(gt=0, le=3650, description="How much longer a silence may hide single alerts, before it is a mute that nobody ends.")
    ] = 30.0
    generated_secret_minutes: Annotated[
        float, Field(gt=0, le=10080, description="How long an edit or deletion by hand of Alertmanager's generated Secret is reported.")
    ] = 60.0


class ArgoCd(Part):
    """Applications."""

    application_minutes: Annotated[
        float, Field(gt=0, le=10080, description="How long an Application may be out of sync, synchronising or Progressing.")
    ] = 15.0
    reconcile_minutes: Annotated[
        float, Field(gt=0, le=10080, description="How long ago Argo CD must have looked at an Application for its status to say anything.")
    ] = 30.0


class Canary(Part):
    """When a canary differs from stable."""

    window_minutes: Annotated[
        int, Field(gt=0, le=1440, description="How far back a canary is compared with stable, but not before its newest revision began.")
    ] = 10
    min_requests: Annotated[
        int, Field(ge=20, le=1000000, description="How many requests each of the two must have answered: below it the verdict is to wait.")
    ] = 100
    error_percent: Annotated[
        float, Field(gt=0, le=100, description="By how many percentage points more of its requests may fail, or log errors.")
    ] = 1.0
    latency_factor: Annotated[float, Field(gt=1, le=100, description="How many times the 95th percentile of stable its own may be.")] = 1.5
    latency_seconds: Annotated[float, Field(gt=0, le=60, description="And by how much longer at least, before that is a finding.")] = 0.05
    significance: Annotated[
        float, Field(gt=0, lt=0.5, description="With less than which probability chance must explain a difference.")
    ] = 0.01


class Ingress(Part):
    """Hosts and their certificates."""

    certificate_days: Annotated[
        float, Field(ge=0, le=3650, description="How long before its end a certificate should have been renewed.")
    ] = 14.0


class LogAgents(Part):
    """Promtail, and agents like it."""

    grace_seconds: Annotated[
        int, Field(gt=0, le=3600, description="The longest grace period for a log agent whose positions are on NFS.")
    ] = 10
    drop_minutes: Annotated[float, Field(gt=0, le=1440, description="How far back lines that an agent dropped are counted.")] = 10.0
    backlog_megabytes: Annotated[float, Field(gt=0, le=1000000, description="How much of the logs an agent may still have to read.")] = 50.0


class Loki(Part):
    """Loki, its logs and its queries."""

    window_minutes: Annotated[int, Field(gt=0, le=1440, description="How far back recent log lines are looked for.")] = 10
    refusal_minutes: Annotated[
        float, Field(gt=0, le=1440, description="How long ago a refused instant query must have been seen last to count.")
    ] = 1.0
    query_days: Annotated[float, Field(gt=0, le=3650, description="How far back a query over everything may reach.")] = 7.0
    query_seconds: Annotated[float, Field(gt=0, le=3600, description="How long a query may take.")] = 10.0
    query_gigabytes: Annotated[float, Field(gt=0, le=1000000, description="How much a query may read.")] = 10.0
    freshness_minutes: Annotated[float, Field(gt=0, le=60, description="How long a line may take from a pod's log into Loki.")] = 2.0
    ready_minutes: Annotated[float, Field(ge=0, le=1440, description="How long Loki may take to become ready after a start.")] = 5.0


class Objects(Part):
    """Custom resources and their conditions."""

    ready_minutes: Annotated[
        float, Field(gt=0, le=10080, description="How long an object may not be Ready, or what else its conditions call being well.")
    ] = 15.0


class Pods(Part):
    """Pods that do not start, and containers that crash."""

    startup_minutes: Annotated[
        float, Field(gt=0, le=1440, description="How long a container may crash while what it calls is not ready yet.")
    ] = 15.0
    oom_minutes: Annotated[
        float, Field(gt=0, le=10080, description="How long a container that has recovered is reported for having run out of memory.")
    ] = 60.0
    start_minutes: Annotated[
        float,
        Field(ge=1, le=1440, description="How long a pod may take to be ready, with its node, its volumes and its image."),
    ] = 10.0


class Prometheus(Part):
    """What a Prometheus may need, and be late with."""

    scrape_duration_fraction: Annotated[float, Field(gt=0, le=1, description="The part of its scrape timeout that a scrape may take.")] = (
        0.8
    )
    window_minutes: Annotated[int, Field(gt=0, le=1440, description="Within which a Prometheus' counters count, and its CPU use.")] = 10
    scrape_slip_factor: Annotated[
        float, Field(gt=1, le=100, description="How many times the interval one scrape in ten may be apart from the one before.")
    ] = 1.1
    missed_evaluations: Annotated[
        int, Field(gt=0, le=1000, description="How many evaluations of a group of rules may be missed within the window.")
    ] = 3
    rule_duration_fraction: Annotated[float, Field(gt=0, le=1, description="The part of its interval that a group of rules may take.")] = (
        0.8
    )
    cpu_limit_fraction: Annotated[float, Field(gt=0, le=1, description="The part of its CPU limit that a Prometheus may use.")] = 0.9
    cpu_throttled_fraction: Annotated[
        float, Field(gt=0, le=1, description="The part of the kernel's periods in which it may be held back.")
    ] = 0.25
    memory_limit_fraction: Annotated[float, Field(gt=0, le=1, description="The part of its memory limit that it may hold.")] = 0.9
    wal_sync_seconds: Annotated[float, Field(gt=0, le=600, description="How long its write-ahead log may take to be on the disk.")] = 1.0
    query_queue_seconds: Annotated[float, Field(gt=0, le=600, description="How long its queries may wait before they begin.")] = 1.0
    remote_write_lag_seconds: Annotated[float, Field(gt=0, le=86400, description="How far a remote write may be behind.")] = 120.0


class SealedSecrets(Part):
    """SealedSecrets and their controller."""

    unseal_minutes: Annotated[
        float, Field(ge=0, le=1440, description="How long a SealedSecret may wait for the controller, and its Secret for being listed.")
    ] = 5.0


class Storage(Part):
    """Claims and the volumes behind them."""

    pending_claim_minutes: Annotated[float, Field(ge=0, le=1440, description="How long a PVC may be Pending.")] = 5.0
    permission_window_minutes: Annotated[
        int, Field(gt=0, le=1440, description="How far back a running container's log is searched for refusals on its volumes.")
    ] = 10
    full_fraction: Annotated[float, Field(gt=0, le=1, description="The part of a volume's space or inodes that may be used.")] = 0.97
    filling_fraction: Annotated[
        float, Field(gt=0, le=1, description="The part from which on a volume should not be full within `full_days`, as it grows.")
    ] = 0.85
    full_days: Annotated[float, Field(gt=0, le=365, description="In how many days a volume may be full, as it grows now.")] = 4.0


class Termination(Part):
    """How long pods may take to terminate."""

    seconds: Annotated[
        float, Field(gt=0, le=3600, description="How long a pod may take to terminate, beyond what its application is allowed.")
    ] = 30.0
    outlier_factor: Annotated[float, Field(gt=1, le=100, description="How many times as long as on the other nodes it may take.")] = 3.0
    outlier_seconds: Annotated[float, Field(gt=0, le=3600, description="And by how much longer at least, before that is a finding.")] = 10.0


class Thresholds(Part):
    """From where on a number is a finding, by area."""

    airflow: Airflow = Airflow()
    alertmanager: Alertmanager = Alertmanager()
    argocd: ArgoCd = ArgoCd()
    canary: Canary = Canary()
    ingress: Ingress = Ingress()
    log_agents: LogAgents = LogAgents()
    loki: Loki = Loki()
    objects: Objects = Objects()
    pods: Pods = Pods()
    prometheus: Prometheus = Prometheus()
    sealed_secrets: SealedSecrets = SealedSecrets()
    storage: Storage = Storage()
    termination: Termination = Termination()


def documented() -> Iterator[tuple[str, str, list[tuple[str, float, str]]]]:
    """Each group with what it is about, and its numbers: key, default and meaning."""
    for name, group in Thresholds.model_fields.items():
        kind: type[Part] = group.annotation  # type: ignore[assignment]
        rows = [(key, field.default, field.description or "") for key, field in kind.model_fields.items()]
        yield name, kind.__doc__ or "", rows
