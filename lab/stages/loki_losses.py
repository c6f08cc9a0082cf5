"""Lines that Loki is sent and does not keep: too many for its limit, no room for its write-ahead log, no room for its chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from lab import api
from lab.command import wait_until
from lab.platform import loki
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.stages import Stage
from lab.stages.loki_ruler import healthy_config, restart_with

_STATEFUL_SET = "/apis/apps/v1/namespaces/logging/statefulsets/loki"
_METRICS = f"{loki.PROXY}/metrics"
_STRATEGIC = "application/strategic-merge-patch+json"
_REFUSED_LINES = 100
_SMALL = "small"
_LOG, _CHUNKS = "/var/loki/wal", "/var/loki/chunks"
# So that chunks are stored after seconds instead of half an hour. A small `max_chunk_age` would refuse lines of before a restart, too.
_SOON = {"chunk_idle_period": "2s", "flush_check_period": "1s"}


def stage_rate(_: Environment) -> None:
    """As in life: a limit for each tenant, set when there were fewer of them."""
    config: dict[str, Any] = yaml.safe_load(healthy_config())
    config["limits_config"] |= {"ingestion_rate_mb": 0.0001, "ingestion_burst_size_mb": 0.0001}
    restart_with(yaml.safe_dump(config))
    _wait("lines to be refused", "loki_discarded_samples_total", _REFUSED_LINES, of='reason="rate_limited"')


def clear_rate(_: Environment) -> None:
    restart_with(healthy_config())
    _wait_for_lines()


def stage_log_full(_: Environment) -> None:
    """A volume for the write-ahead log alone, as charts have it, and smaller than what is written within a checkpoint."""
    _mount(_LOG, "64Ki")
    _wait("the disk of the log to be full", "loki_ingester_wal_disk_full_failures_total", 10)


def stage_store_full(_: Environment) -> None:
    """The volume that chunks are stored on is full."""
    config: dict[str, Any] = yaml.safe_load(healthy_config())
    config["ingester"] |= _SOON
    restart_with(yaml.safe_dump(config))
    _mount(_CHUNKS, "16Ki")
    _wait("chunks not to be stored", "loki_ingester_chunks_flush_failures_total", 10)


def clear_mounts(_: Environment) -> None:
    """Without the small volume, and with the healthy configuration, which the store's stage changes, too."""
    volume, mounts = {"$patch": "delete", "name": _SMALL}, [{"$patch": "delete", "mountPath": path} for path in (_LOG, _CHUNKS)]
    _change(volume, mounts)
    restart_with(healthy_config())
    _wait_for_lines()


def _mount(path: str, size: str) -> None:
    """A file system in memory, which has no room beyond its size."""
    _change({"name": _SMALL, "emptyDir": {"medium": "Memory", "sizeLimit": size}}, [{"name": _SMALL, "mountPath": path}])
    wait_for_rollout(_STATEFUL_SET)


def _change(volume: api.Object, mounts: list[api.Object]) -> None:
    spec = {"volumes": [volume], "containers": [{"name": "loki", "volumeMounts": mounts}]}
    api.patch(_STATEFUL_SET, {"spec": {"template": {"spec": spec}}}, _STRATEGIC)


def _wait(what: str, series: str, least: float, of: str = "") -> None:
    def is_so() -> bool:
        lines = api.call("GET", _METRICS).decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series) and of in line) >= least

    wait_until(what, is_so, 2 * PATIENCE_SECONDS, every=1)


def _wait_for_lines() -> None:
    def arrive() -> bool:
        return all(loki.lines(f'{{namespace="{one.workload_namespace}"}}', seconds=5) for one in ENVIRONMENTS)

    wait_until("new lines", arrive, 4 * PATIENCE_SECONDS, every=1)  # Promtail waits for up to five minutes before it tries again


def _stage(name: str, description: str, stage: Callable[[Environment], None], clear: Callable[[Environment], None]) -> Stage:
    return Stage(name, description, stage, clear, touches=("Loki's configuration",), per_environment=False)


STAGES = (
    _stage("loki-rate-limited", "Loki's limit for the rate of lines is far below what is written: it answers 429", stage_rate, clear_rate),
    _stage("loki-log-full", "the volume of Loki's write-ahead log is full", stage_log_full, clear_mounts),
    _stage("loki-store-full", "the volume that Loki stores its chunks on is full", stage_store_full, clear_mounts),
)
