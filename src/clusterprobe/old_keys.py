"""Keys that profiles had before: each is still accepted, and the run says how it is written now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterprobe.errors import ProfileError
from clusterprobe.profile_parts import Lines

THRESHOLDS = {
    "agent_backlog_megabytes": ("log_agents", "backlog_megabytes"),
    "agent_drop_minutes": ("log_agents", "drop_minutes"),
    "agent_grace_seconds": ("log_agents", "grace_seconds"),
    "airflow_failed_run_hours": ("airflow", "failed_run_hours"),
    "airflow_heartbeat_seconds": ("airflow", "heartbeat_seconds"),
    "airflow_start_minutes": ("airflow", "start_minutes"),
    "application_minutes": ("argocd", "application_minutes"),
    "canary_error_percent": ("canary", "error_percent"),
    "canary_latency_factor": ("canary", "latency_factor"),
    "canary_latency_seconds": ("canary", "latency_seconds"),
    "canary_min_requests": ("canary", "min_requests"),
    "canary_significance": ("canary", "significance"),
    "canary_window_minutes": ("canary", "window_minutes"),
    "certificate_days": ("ingress", "certificate_days"),
    "cpu_limit_fraction": ("prometheus", "cpu_limit_fraction"),
    "cpu_throttled_fraction": ("prometheus", "cpu_throttled_fraction"),
    "delivery_recovery_minutes": ("alertmanager", "delivery_recovery_minutes"),
    "delivery_window_minutes": ("alertmanager", "delivery_window_minutes"),
    "generated_secret_minutes": ("alertmanager", "generated_secret_minutes"),
    "loki_freshness_minutes": ("loki", "freshness_minutes"),
    "loki_query_days": ("loki", "query_days"),
    "loki_query_gigabytes": ("loki", "query_gigabytes"),
    "loki_query_seconds": ("loki", "query_seconds"),
    "loki_ready_minutes": ("loki", "ready_minutes"),
    "loki_refusal_minutes": ("loki", "refusal_minutes"),
    "loki_window_minutes": ("loki", "window_minutes"),
    "memory_limit_fraction": ("prometheus", "memory_limit_fraction"),
    "missed_evaluations": ("prometheus", "missed_evaluations"),
    "oom_minutes": ("pods", "oom_minutes"),
    "pending_claim_minutes": ("storage", "pending_claim_minutes"),
    "permission_window_minutes": ("storage", "permission_window_minutes"),
    "pressure_window_minutes": ("prometheus", "window_minutes"),
    "query_queue_seconds": ("prometheus", "query_queue_seconds"),
    "reconcile_minutes": ("argocd", "reconcile_minutes"),
    "remote_write_lag_seconds": ("prometheus", "remote_write_lag_seconds"),
    "rule_duration_fraction": ("prometheus", "rule_duration_fraction"),
    "scrape_duration_fraction": ("prometheus", "scrape_duration_fraction"),
    "scrape_slip_factor": ("prometheus", "scrape_slip_factor"),
    "startup_minutes": ("pods", "startup_minutes"),
    "termination_outlier_factor": ("termination", "outlier_factor"),
    "termination_outlier_seconds": ("termination", "outlier_seconds"),
    "termination_seconds": ("termination", "seconds"),
    "unseal_minutes": ("sealed_secrets", "unseal_minutes"),
    "wal_sync_seconds": ("prometheus", "wal_sync_seconds"),
}
"""From the days before there were groups: their group and key now."""


def renamed(own: dict[str, Any], lines: Lines, path: Path) -> tuple[dict[str, Any], Lines, list[str]]:
    """What a file says with the keys of now, where each is written, and a note for each that was written the old way.

    Raises `ProfileError` for a key that is there both ways.
    """
    written = own.get("thresholds")
    if not isinstance(written, dict):
        return own, lines, []
    new, places, notes = {key: dict(one) if isinstance(one, dict) else one for key, one in written.items()}, dict(lines), []
    for key in [key for key in written if key in THRESHOLDS]:
        group, name = THRESHOLDS[key]
        file, line = lines.get(("thresholds", key), (path, 1))
        place, inside = f"{file}:{line}: thresholds.{key}", new.setdefault(group, {})
        if not isinstance(inside, dict):
            continue  # of which validation says what is wrong
        if name in inside:
            raise ProfileError(f"{place}: the key is there twice, the other time as thresholds.{group}.{name}")
        inside[name] = new.pop(key)
        places["thresholds", group, name] = file, line
        places.setdefault(("thresholds", group), (file, line))
        notes.append(f"{place} is now written thresholds.{group}.{name}")
    return {**own, "thresholds": new}, places, notes
