"""A canary beside stable, in words: how they compare, and why to wait."""

from __future__ import annotations

from clusterprobe.systems.serving.canary.comparisons import Comparison, Measure, Side
from clusterprobe.systems.serving.canary.diagnosis import Diagnosis, State
from clusterprobe.systems.serving.canary.statistics import Share
from clusterprobe.thresholds import Thresholds

_MEASURES: dict[Measure, str] = {
    "failed": "requests failed (5xx)",
    "logged": "error log lines per request",
    "latency": "95th percentile of latency",
}
_PLAIN: dict[State, str] = {
    "alone": "nothing stable runs beside the canary, so there is nothing to compare it with",
    "not ready": "no pod of the canary's newest revision is ready",
    "partly measured": "not everything could be read",
    "not logged": "stable's log lines are in Loki, and the canary's are not",
}


def row_of(one: Comparison) -> list[str]:
    """A comparison as a row: what was compared, the canary's, stable's, and how likely chance alone does that."""
    return [_MEASURES[one.measure], _written(one.canary), _written(one.stable), f"p = {one.chance:.2g}"]


def _written(value: Share | float) -> str:
    return str(value) if isinstance(value, Share) else f"{value * 1000:.0f} ms"


def compared(one: Comparison) -> str:
    """A comparison as a sentence without its full stop."""
    own, base = _written(one.canary), _written(one.stable)
    if one.measure == "latency":
        return f"95 % of requests take up to {own} with the canary against {base} with stable (p = {one.chance:.2g})"
    return f"{_MEASURES[one.measure]}: {own} of the canary against {base} of stable (by chance: p = {one.chance:.2g})"


def why_wait(found: Diagnosis, thresholds: Thresholds) -> str:
    """Why to wait; empty where there is no reason to."""
    own, stable = found.own, found.stable
    match found.state:
        case "pods unread":
            where = f"not all pods of {found.canary.namespace} could be read"
            return f"{where}, so which revision is the newest is not certain: {found.why}"
        case "measures unread" if found.unread:
            return f"not all that measures it could be read: {found.unread.subject}: {found.unread.reason}"
        case "not measured":
            return found.why or "its requests could not be read"
        case "measured no more":
            who = "the canary" if own.pods and not own.current else "stable"
            return f"Prometheus has series of {who} from earlier, and none now: its target is gone, or down"
        case "few of canary":
            return _few("the canary", own, thresholds)
        case "few of stable":
            return _few("stable", stable, thresholds)
        case "perhaps worse":
            first = next(compared(one) for one in found.comparisons if one.perhaps)
            return f"it may be worse, which could still be chance: {first}"
        case "fail alike":
            alike = f"both fail alike ({own.failed} of the canary's requests, {stable.failed} of stable's)"
            return f"{alike}, so it is not the canary: find that cause first"
    return _PLAIN.get(found.state, "")


def _few(name: str, one: Side, thresholds: Thresholds) -> str:
    seen = f"{name} answered {one.requests} of the {thresholds.canary.min_requests} requests that it takes"
    return f"too few samples to say so: {seen} (within {thresholds.canary.window_minutes} min)"
