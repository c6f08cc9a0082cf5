"""What stands deeper in a status: an object's own conditions may be fine, while a part of what it is for is not."""

from __future__ import annotations

from collections.abc import Iterator

from clusterprobe.systems.custom_resources.statuses import MESSAGE_CHARACTERS, Stated, Status, dict_of, dicts_of, number_of, text_of
from clusterprobe.words import number

_MOST = 100  # parts of one object
_STAGES = ("source", "rendering", "sync")


def parts(status: Status) -> Iterator[Stated]:
    """The words of an object's parts, each with the part that it is about."""
    yield from _applications(status)
    yield from _targets(status)
    yield from _stages(status)


def _applications(status: Status) -> Iterator[Stated]:
    """Those of a RayService, which is ready as soon as one of them has an endpoint."""
    told = dict_of(dict_of(status.active_service_status).get("applicationStatuses"))
    for name, one in [*told.items()][:_MOST]:
        if word := text_of(dict_of(one).get("status")):
            message = text_of(dict_of(one).get("message")) or "; ".join(_of_deployments(dict_of(one)))
            yield _word("applicationStatuses", word, message, f"application {name}")


def _of_deployments(application: dict[str, object]) -> Iterator[str]:
    for name, one in dict_of(application.get("serveDeploymentStatuses")).items():
        if message := text_of(dict_of(one).get("message")):
            yield f"{name}: {message}"


def _targets(status: Status) -> Iterator[Stated]:
    """Those that Google's managed Prometheus scrapes for a PodMonitoring; its collectors cannot be asked for them."""
    for one in dicts_of(status.endpoint_statuses)[:_MOST]:
        every, down = number_of(one.get("activeTargets")), number_of(one.get("unhealthyTargets"))
        errors = [
            error
            for group in dicts_of(one.get("sampleGroups"))
            for target in dicts_of(group.get("sampleTargets"))
            if (error := text_of(target.get("lastError")))
        ]
        message = f"{number(down, 'target')} of {every} cannot be scraped" + (f": {errors[0]}" if errors else "") if down else ""
        word = "down" if down and down >= every else "some down" if down else "up"
        yield _word("endpointStatuses", word, message, text_of(one.get("name")))


def _stages(status: Status) -> Iterator[Stated]:
    """Of Config Sync, whose condition Syncing is false after a success as well."""
    for stage in _STAGES:
        told = [text for one in dicts_of(dict_of(getattr(status, stage)).get("errors")) if (text := text_of(one.get("errorMessage")))]
        if told:
            yield _word(f"{stage}.errors", "some", "; ".join(told[:3]), "")


def _word(field: str, word: str, message: str, of: str) -> Stated:
    return Stated(type=field, status=word, message=message[:MESSAGE_CHARACTERS], of=of, word=True)
