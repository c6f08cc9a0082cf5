"""An Application that is synchronised to the same commit again and again: its history tells, and its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clusterprobe.model import Subject
from clusterprobe.systems.argocd.sources import Application, Drift, ManagedResource, Past, revisions_of
from clusterprobe.times import epoch

MOST_SECONDS_BETWEEN = 3600.0  # rarer ones are repairs, not a loop
LEAST_TIMES = 4  # a commit, a retry and a repair by hand are three

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Loop:
    """How often within how many seconds it was synchronised to the commits that it is at, or left them again."""

    times: int
    seconds: float


def loop_of(one: Application, drift: Drift | None, now: float, patience_seconds: float) -> Loop | None:
    """The loop that it is in now; None where its history and its events show none."""
    if one.automated is None:
        return None
    told = [_of_history(one.status.history or [], now, patience_seconds), _of_events(drift, now, patience_seconds)]
    return max((each for each in told if each), key=lambda each: each.times, default=None)


def _of_history(history: list[Past], now: float, patience_seconds: float) -> Loop | None:
    """The newest synchronisations, as long as they are automated, of one commit, and close to each other."""
    moments: list[float] = []
    for past in reversed(history):
        moment = epoch(past.deployed_at)
        by_itself = past.initiated_by is not None and past.initiated_by.automated
        if moment is None or not by_itself or revisions_of(past) != revisions_of(history[-1]):
            break
        if moments and moments[-1] - moment > MOST_SECONDS_BETWEEN:
            break
        moments.append(moment)
    return _loop(moments, now, patience_seconds)


def _of_events(drift: Drift | None, now: float, patience_seconds: float) -> Loop | None:
    if drift is None or drift.since is None or drift.oldest is None or drift.turns < LEAST_TIMES:
        return None
    seconds = drift.since - drift.oldest
    recent = now - drift.since <= patience_seconds
    return Loop(drift.turns, seconds) if recent and seconds <= MOST_SECONDS_BETWEEN * drift.turns else None


def _loop(moments: list[float], now: float, patience_seconds: float) -> Loop | None:
    """What these moments, the newest first, come to. One that ended long ago is over: the next would have come meanwhile."""
    if len(moments) < LEAST_TIMES:
        return None
    seconds = moments[0] - moments[-1]
    usual = seconds / (len(moments) - 1)
    return Loop(len(moments), seconds) if now - moments[0] <= max(3 * usual, patience_seconds) else None


def turning(one: Application) -> list[ManagedResource]:
    """The objects that differ again: those that do now, else those that the last synchronisation changed."""
    now = [each for each in one.resources if each.status not in ("Synced", "")]
    if now:
        return now
    state = one.status.operation_state
    changed = [each for each in (state.results if state else []) if each.status == "Synced" and not each.message.endswith("unchanged")]
    return [ManagedResource(kind=each.kind, name=each.name, namespace=each.namespace) for each in changed]


def shared_with(place: Subject, objects: Iterable[ManagedResource], others: Iterable[tuple[Subject, Application]]) -> list[Subject]:
    """The other Applications that manage one of these objects, too."""
    wanted = {_key(each) for each in objects}
    here = [(subject, one) for subject, one in others if subject != place and one.is_here]
    return [subject for subject, one in here if wanted & {_key(each) for each in one.resources}]


def _key(one: ManagedResource) -> Key:
    return one.kind, one.namespace, one.name
