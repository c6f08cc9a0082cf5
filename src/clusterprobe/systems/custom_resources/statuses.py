"""What the status of an object says: its conditions, and the words that stand where others have one.

What is shaped otherwise counts as not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from clusterprobe.systems.kubernetes.objects import Object

# Lists in a status whose entries have conditions of their own: a route's parents, a Gateway's listeners, a policy's ancestors, and
# the routers that took an OpenShift Route. An InferencePool of before v1 calls its parents `parent`.
NESTED = ("parents", "parent", "listeners", "ancestors", "ingress")
# Fields of a status whose word stands where others have a condition, with what they are called here.
_WORDS = {
    "updateStatus": "update_status",
    "phase": "phase",
    "state": "state",
    "health": "health",
    "healthStatus": "health_status",
    "robustness": "robustness",
    "stageStatus": "stage_status",
    "currentStatus": "current_status",
    "certificateStatus": "certificate_status",
    "lifecycleState": "lifecycle_state",
    "PostgresClusterStatus": "cluster_status",
    "status": "word",
}
# Fields that are true or false, and stand where others have a condition.
_SWITCHES = {"applied": "applied", "valid": "valid", "promOpRulesGenerated": "rules_generated"}
MOST_CONDITIONS = 100  # of one object
MESSAGE_CHARACTERS = 2000


class Status(Object):
    """Whatever stands under these keys: kinds differ in it."""

    observed_generation: object = None
    conditions: object = None
    condition_status: object = None
    generated: object = None
    parents: object = None
    parent: object = None
    listeners: object = None
    ancestors: object = None
    ingress: object = None
    phase: object = None
    update_status: object = None
    state: object = None
    health: object = None
    health_status: object = None
    robustness: object = None
    stage_status: object = None
    current_status: object = None
    certificate_status: object = None
    lifecycle_state: object = None
    cluster_status: object = msgspec.field(default=None, name="PostgresClusterStatus")
    ceph: object = None
    model_status: object = None
    latest_mover_status: object = None
    ready_to_use: object = None
    applied: object = None
    valid: object = None
    printable_status: object = None
    active: object = None
    problems: object = None
    message: object = None
    disruptions_allowed: object = None
    current_healthy: object = None
    desired_healthy: object = None
    reason: object = None
    description: object = None
    failure_reason: object = None
    validation_errors: object = None
    error: object = None
    errors: object = None
    word: object = msgspec.field(default=None, name="status")
    status_message: object = None
    useful_error_message: object = None
    rules_generated: object = msgspec.field(default=None, name="promOpRulesGenerated")
    active_service_status: object = None
    endpoint_statuses: object = None
    source: object = None
    rendering: object = None
    sync: object = None


class Stated(Object):
    """A condition. `of` is the part of the object that it is about, such as a route's parent; empty for the object itself.

    A `word` of its status stands where others have a condition: its field is the type.
    """

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int = 0
    of: str = ""
    word: bool = False


def conditions(status: Status) -> Iterator[Stated]:
    """Its own conditions, and those of its parts."""
    yield from (_in_full(one, status) for one in _listed(status.conditions, ""))
    yield from _of_policy(status)
    for key in NESTED:
        for entry in dicts_of(getattr(status, key)):
            yield from _listed(entry.get("conditions"), _part(key, entry))


def _in_full(one: Stated, status: Status) -> Stated:
    """kapp-controller's conditions only say where in the status the message is."""
    told = text_of(status.useful_error_message)
    return msgspec.structs.replace(one, message=told[:MESSAGE_CHARACTERS]) if told and ".usefulErrorMessage" in one.message else one


def _of_policy(status: Status) -> Iterator[Stated]:
    """The conditions of Kyverno's policies; one that the API server enforces is in no webhook, and says so as a failure."""
    for one in _listed(dict_of(status.condition_status).get("conditions"), ""):
        if one.type != "WebhookConfigured" or status.generated is not True:
            yield one


def words(status: Status, kind: str) -> Iterator[Stated]:
    """The words that may stand where others have conditions, with what else the status says of them."""
    ceph = dict_of(status.ceph)
    details = ceph.get("details")
    detailed = [text_of(one.get("message")) for one in dicts_of([*details.values()])] if isinstance(details, dict) else []
    model = dict_of(status.model_status)
    failure = dict_of(model.get("lastFailureInfo"))
    mover = dict_of(status.latest_mover_status)
    own = _own_message(status)
    values = {field: getattr(status, name) for field, name in _WORDS.items()}
    for field, value, message in (
        *((one, value, own or _counted(status)) for one, value in values.items()),
        ("ceph.health", ceph.get("health"), "; ".join(detailed)),
        ("modelStatus.transitionStatus", model.get("transitionStatus"), text_of(failure.get("message")) or text_of(failure.get("reason"))),
        ("latestMoverStatus.result", mover.get("result"), text_of(mover.get("logs"))),
        ("message", status.message if kind == "SopsSecret" else "", ""),  # elsewhere it is free text
    ):
        if word := text_of(value):
            yield Stated(type=field, status=word, message=message[:MESSAGE_CHARACTERS], word=True)
    yield from _switches(status, own)


def _switches(status: Status, own: str) -> Iterator[Stated]:
    for field, name in _SWITCHES.items():
        value = getattr(status, name)
        if isinstance(value, bool):
            yield Stated(type=field, status=str(value).lower(), message=own[:MESSAGE_CHARACTERS], word=True)
    error = dict_of(status.error)
    if status.ready_to_use is True or (status.ready_to_use is False and error):  # without an error it is still being made
        wrong = status.ready_to_use is False
        said, since = (text_of(error.get("message")), text_of(error.get("time")) or None) if wrong else ("", None)
        value = str(not wrong).lower()
        yield Stated(type="readyToUse", status=value, message=said[:MESSAGE_CHARACTERS], last_transition_time=since, word=True)
    found = [one for one in status.problems if isinstance(one, str)] if isinstance(status.problems, list) else []
    if found or isinstance(status.active, bool):
        told = "; ".join(found)[:MESSAGE_CHARACTERS]
        yield Stated(type="problems", status="some" if found else "none", message=told, word=True)


def _own_message(status: Status) -> str:
    said = (status.message, status.reason, status.description, status.failure_reason, status.error, status.status_message)
    return next(filter(None, map(text_of, said)), "")


def _counted(status: Status) -> str:
    """What a backup says that gives no reason: what its validation found, or how many errors there were."""
    found = status.validation_errors if isinstance(status.validation_errors, list) else []
    told = "; ".join(one for one in found if isinstance(one, str))
    return told or (f"{count} errors" if (count := number_of(status.errors)) else "")


def _listed(value: object, of: str) -> Iterator[Stated]:
    for one in dicts_of(value):
        if kind := text_of(one.get("type")):
            yield Stated(
                type=kind,
                status=text_of(one.get("status")),
                reason=text_of(one.get("reason")),
                message=text_of(one.get("message"))[:MESSAGE_CHARACTERS],
                # Rancher's controllers write only when they last changed what they say.
                last_transition_time=text_of(one.get("lastTransitionTime")) or text_of(one.get("lastUpdateTime")) or None,
                observed_generation=number_of(one.get("observedGeneration")),
                of=of,
            )


def _part(key: str, entry: dict[str, Any]) -> str:
    reference = entry.get("parentRef") or entry.get("ancestorRef")
    if isinstance(reference, dict):
        kind, namespace, name = (text_of(reference.get(each)) for each in ("kind", "namespace", "name"))
        section = text_of(reference.get("sectionName"))
        place = "/".join(each for each in (namespace, name) if each)
        return " ".join(each for each in (kind or "Gateway", place, f"({section})" if section else "") if each)
    named = text_of(entry.get("name")) or text_of(entry.get("routerName"))
    return f"{'router' if key == 'ingress' else key.removesuffix('s')} {named}".strip()


# --- values of any shape ----------------------------------------------------------------------------------------------


def dict_of(value: object) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def dicts_of(value: object) -> list[dict[str, Any]]:
    """The mappings of a list; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text_of(value: object) -> str:
    """The value if it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def number_of(value: object) -> int:
    """The value if it is a whole number, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
