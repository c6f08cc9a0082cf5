"""What a run is asked for. Each field is declared here alone: the options of the command line and those of pytest are made of it."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from clusterprobe.errors import UsageError

LEVELS = ("info", "warning", "error", "critical", "never")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for, each field with its help; empty means the profile's or the usual."""

    profile: Annotated[str, "A profile's name (default, dev, prod, smoke, …) or a YAML file."] = "default"
    kubeconfig: Annotated[str, "Path to a kubeconfig. The default: $KUBECONFIG, the pod's service account, ~/.kube/config."] = ""
    context: Annotated[str, "The kubeconfig's context."] = ""
    bundle: Annotated[str, "Replay this bundle instead of asking a cluster."] = ""
    select: Annotated[tuple[str, ...], "Only these probes, areas or patterns; commas separate them."] = ()
    probes: Annotated[tuple[str, ...], "A folder with probes and sources of your own; may be given again."] = ()
    active: Annotated[bool, "Let probes create short-lived objects of their own, and time them."] = False
    fail_on: Annotated[str, "info, warning, error, critical or never. (default: the profile's)"] = ""
    timeout: Annotated[str, "The run's deadline, such as 90s or 5m. (default: the profile's)"] = ""
    output: Annotated[str, "Folder for this run's report. (default: reports/<UTC time>)"] = ""
    capture: Annotated[str, "Write what was read to this bundle; `{context}` in its name becomes the context's."] = ""
    force: Annotated[bool, "Replace the bundle if it is there."] = False
    against: Annotated[str, "Fail only on what is new since this earlier results.json."] = ""

    @classmethod
    def of(cls, given: dict[str, Any]) -> Request:
        """The request of options by their fields' names. Raises `UsageError` for a selection or a level that cannot be."""
        level = (given.get("fail_on") or "").lower()
        if level and level not in LEVELS:
            raise UsageError(f"--fail-on {given['fail_on']}: expected one of {', '.join(LEVELS)}")
        select = tuple(name.strip() for value in given.get("select") or () for name in value.split(","))
        if not all(select):
            raise UsageError("--select: expected a probe, an area or a pattern, found nothing")
        return cls(**{**given, "fail_on": level, "select": select, "probes": tuple(given.get("probes") or ())})


@dataclass(frozen=True, slots=True)
class Option:
    """A field as an option: its name, the type of one value, whether it can be given again, its default and its help."""

    name: str
    kind: type
    repeated: bool
    default: Any
    help: str

    @property
    def flag(self) -> str:
        return self.name.replace("_", "-")


def options() -> Iterator[Option]:
    """Every field of a request as an option, in their order."""
    hints = typing.get_type_hints(Request, include_extras=True)
    for field in dataclasses.fields(Request):
        kind, text = typing.get_args(hints[field.name])
        repeated = typing.get_origin(kind) is tuple
        yield Option(field.name, str if repeated else kind, repeated, field.default, text)


@dataclass(frozen=True, slots=True)
class Requested:
    """A plugin for pytest that only hands over a request."""

    request: Request
