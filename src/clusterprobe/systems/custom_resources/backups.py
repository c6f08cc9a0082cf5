"""The backups that a Schedule of Velero makes: its last one that has ended is what says whether the next disaster is survived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from clusterprobe.systems.custom_resources.objects import CustomKind, CustomObject, Named
from clusterprobe.systems.custom_resources.statuses import Stated

BACKUPS, SCHEDULES = "backups.velero.io", "schedules.velero.io"
LAST = "lastBackup"  # where others have a condition; its value is the phase of the backup
# It may go on, or is being deleted: of these the one before counts.
_ENDED = frozenset({"Completed", "Failed", "FailedValidation", "PartiallyFailed"})


def told_by_schedules(kinds: Iterable[CustomKind]) -> Iterator[CustomKind]:
    """The kinds without backups, each Schedule with what became of its last one. A backup without its Schedule is history."""
    several = list(kinds)
    last: dict[tuple[str, str], CustomObject] = {}
    for backup in (one for kind in several if kind.resource == BACKUPS for one in kind.objects):
        if backup.about and _phase(backup) in _ENDED:
            place = (backup.about.namespace, backup.about.name)
            last[place] = max(last.get(place, backup), backup, key=lambda one: one.created or "")
    for kind in several:
        if kind.resource == SCHEDULES:
            yield msgspec.structs.replace(kind, objects=[_with(one, last.get((one.namespace, one.name))) for one in kind.objects])
        elif kind.resource != BACKUPS:
            yield kind


def _phase(backup: CustomObject) -> str:
    return next((one.status for one in backup.words if one.type == "phase"), "")


def _with(schedule: CustomObject, backup: CustomObject | None) -> CustomObject:
    if backup is None:
        return schedule
    message = next((one.message for one in backup.words if one.type == "phase"), "")
    said = f"{backup.name}: {message}" if message else backup.name
    word = Stated(type=LAST, status=_phase(backup), message=said, last_transition_time=backup.created, word=True)
    needs = [one for one in backup.needs if one.kind == "BackupStorageLocation"]
    return msgspec.structs.replace(schedule, words=[*schedule.words, word], needs=[*schedule.needs, *needs], about=_named(backup))


def _named(backup: CustomObject) -> Named:
    return Named("Backup", backup.namespace, backup.name)
