"""What became of the Secret that the Operator generates for an Alertmanager: as data, for a probe to put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.config_objects import ConfigObject, taken_by
from clusterprobe.systems.alertmanager.generated_secrets import GeneratedSecret, Side
from clusterprobe.systems.alertmanager.sources import Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_digest import meaning_of
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.selection import Operator
from clusterprobe.times import epoch

RELOAD_SECONDS = 180  # the kubelet brings a changed Secret to its pods within two minutes, the reloader then loads it
SLACK_SECONDS = 5

Keeper = Literal["runs", "paused", "unread", "not ready", "missing"]
State = Literal[
    "unknown",
    "refused",  # the Operator does not take its source
    # it is not there
    "gone, keeper unknown",
    "gone for a moment",
    "gone",
    # it is, or is served, otherwise than its source says
    "edited",
    "just changed",
    "not served yet",
    "serves another",
    # what was done to it before
    "age unknown",
    "deletion unknown",
    "deleted",
    "deleted long ago",
    "changes uncounted",
    "objects unread",
    "an object changed",  # which the Operator makes it from as well
    "objects may have",
    "put back or object deleted",
    "put back",
    "content unknown",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One Alertmanager with all that is known of its two Secrets; `now` and `window`, which is looked back over, are in seconds."""

    place: Subject
    custom: Alertmanager
    facts: GeneratedSecret
    statuses: list[AlertmanagerStatus]
    operators: Readings[Operator]
    objects: Readings[ConfigObject]
    namespaces: Readings[Namespace]
    now: float
    window: float

    @property
    def generated(self) -> Side:
        return self.facts.generated

    @property
    def source(self) -> Side:
        return self.facts.source

    @property
    def keepers(self) -> list[Subject]:
        """The pods of the Operators that manage it."""
        return [subject for subject, one in self.operators if not one.unclear and one.keeps(self.custom.metadata)]

    @property
    def changed_objects(self) -> list[Subject]:
        """The AlertmanagerConfigs that it takes, and that were made or changed within the window."""
        taken = taken_by(self.custom, self.objects, self.namespaces)
        return [subject for subject, one in taken if one.touched_since(self.now - self.window)]

    def serves(self, meaning: str) -> bool:
        """Whether that is what every replica that was asked serves."""
        return bool(self.statuses) and all(meaning_of(one.configuration) == meaning for one in self.statuses)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is to be said of the generated Secret, in this order, and whether an Operator looks after it.

    `differs` is whether it means something else than its source, `served` whether just that is served.
    """

    states: tuple[State, ...]
    keeper: Keeper
    differs: bool
    served: bool


def diagnose(case: Case) -> Diagnosis:
    """What became of it."""
    differs = _differs(case)
    return Diagnosis(_states(case, differs=differs), _keeper(case), differs, differs and case.serves(case.generated.meaning))


def _keeper(case: Case) -> Keeper:
    """Whether an Operator looks after the generated Secret."""
    if case.custom.spec.paused:
        return "paused"
    mine = [one for subject, one in case.operators if subject in case.keepers]
    if any(one.ready for one in mine):
        return "runs"
    if not case.operators.complete:
        return "unread"
    return "not ready" if mine else "missing"


def _states(case: Case, *, differs: bool) -> tuple[State, ...]:
    condition = case.custom.condition("Reconciled")
    if case.generated.exists is None:
        return ("unknown",)
    if condition is not None and condition.status == "False":
        return ("refused",)
    if not case.generated.exists:
        return (_of_missing(case),)
    return _of_content(case, differs=differs) or _of_past(case)


def _of_missing(case: Case) -> State:
    keeper, unclear = _keeper(case), any(one.unclear for one in case.operators.items)
    if keeper == "runs":
        return "gone for a moment"
    known = keeper == "paused" or (case.operators.complete and not unclear)
    return "gone" if known else "gone, keeper unknown"


# --- now --------------------------------------------------------------------------------------------------------------


def _differs(case: Case) -> bool:
    meanings = {case.generated.meaning, case.source.meaning}
    return "" not in meanings and len(meanings) == 2 and not _replaced(case)


def _replaced(case: Case) -> bool:
    """Whether the Operator makes it of an object instead."""
    return case.custom.spec.alertmanager_configuration is not None


def _settled(case: Case) -> bool:
    """Whether a change of the source must have arrived everywhere by now."""
    return case.source.written is not None and case.now - case.source.written >= RELOAD_SECONDS


def _of_content(case: Case, *, differs: bool) -> tuple[State, ...]:
    """Whether it is not what the Operator made of its source, or something else is served, as far as that is known."""
    if case.generated.strangers or (differs and _settled(case)):
        return ("edited",)
    changed: tuple[State, ...] = ("just changed",) if differs else ()
    meaning = case.source.meaning
    if not meaning or not case.statuses or _replaced(case) or case.serves(meaning):
        return changed
    return (*changed, "serves another" if _settled(case) else "not served yet")


# --- before -----------------------------------------------------------------------------------------------------------


def _of_past(case: Case) -> tuple[State, ...]:
    generated, older = case.generated, case.facts.older_since
    if generated.created is None:
        found: tuple[State, ...] = ("age unknown",)
    elif older is None:
        found = ("deletion unknown", *_of_changes(case))
    elif generated.created <= older + SLACK_SECONDS:
        found = _of_changes(case)
    elif case.now - generated.created <= case.window:
        found = ("deleted",)
    else:
        found = ("deleted long ago", *_of_changes(case))  # and it may have been edited now
    known = _keeper(case) == "runs" or (generated.meaning and case.source.meaning)
    return found if known else (*found, "content unknown")


def _of_changes(case: Case) -> tuple[State, ...]:
    if case.generated.changes is None:
        return ("changes uncounted",)
    return (_of_objects(case),) if case.generated.changes and _left_alone(case) else ()


def _of_objects(case: Case) -> State:
    """Whether an AlertmanagerConfig, or a Secret that one names, may be why. One that was deleted since is nowhere to be seen."""
    spec = case.custom.spec
    if spec.alertmanager_config_selector is None and spec.alertmanager_configuration is None:
        return "put back"
    if not (case.objects.complete and case.namespaces.complete):
        return "objects unread"
    if case.changed_objects:
        return "an object changed"
    served = any(receiver.is_of_object for one in case.statuses for receiver in one.configuration.receivers)
    return "objects may have" if served or taken_by(case.custom, case.objects, case.namespaces) else "put back or object deleted"


def _left_alone(case: Case) -> bool:
    """Whether all else that the Operator makes it from was certainly left as it was."""
    custom, source = case.custom.metadata, case.source
    specs = [epoch(one.time) for one in custom.managed if not one.subresource]
    starts = [epoch(one.started) for subject, one in case.operators if subject in case.keepers]
    moments = [*specs, *starts, source.created, epoch(custom.creation_timestamp)]
    known = bool(specs) and bool(case.statuses) and source.exists is True and source.changes_before == 0
    known = known and case.operators.complete  # one that has just started writes it once
    return known and all(moment is not None and moment < case.now - case.window for moment in moments)
