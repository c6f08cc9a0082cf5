"""What a run is asked for. Each field is declared here alone: the options of the command line and those of pytest are made of it."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from clusterprobe.errors import UsageError
from clusterprobe.files import can_be_folder

LEVELS = ("info", "warning", "error", "critical", "never")
FORMS = ("wide", "json", "markdown", "junit", "sarif", "ctrf")  # of what is printed, beside the answer at a glance


def form_of(given: str, *, quiet: bool = False, offered: Sequence[str] = FORMS) -> str:
    """The form in which an answer is printed; empty for that at a glance. Raises `UsageError` for one that there is not."""
    if given and quiet:
        raise UsageError(f"-q: has no effect beside -o {given}; leave one of them out")
    if given and given not in offered:
        raise UsageError(f"-o {given}: expected one of {', '.join(offered)}")
    return "verdict" if quiet else given


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for, each field with its help; empty means the profile's or the usual."""

    profile: Annotated[str, "A profile's name (default, dev, prod, smoke, …) or a YAML file."] = "default"
    kubeconfig: Annotated[str, "Path to a kubeconfig. The default: $KUBECONFIG, the pod's service account, ~/.kube/config."] = ""
    context: Annotated[str, "The kubeconfig's context."] = ""
    bundle: Annotated[str, "Replay this bundle instead of asking a cluster."] = ""
    select: Annotated[tuple[str, ...], "Only these probes, areas or patterns; commas separate them."] = ()
    skip: Annotated[tuple[str, ...], "Not these probes, areas or patterns, though they are selected; commas separate them."] = ()
    probes: Annotated[tuple[str, ...], "A folder with probes and sources of your own; may be given again."] = ()
    active: Annotated[bool, "Let probes create short-lived objects of their own, and time them."] = False
    fail_on: Annotated[str, "info, warning, error, critical or never. (default: the profile's)"] = ""
    timeout: Annotated[str, "The run's deadline, such as 90s or 5m. (default: the profile's)"] = ""
    output: Annotated[str, "Folder for this run's report. (default: reports/<UTC time>)"] = ""
    store: Annotated[str, "Also keep the run in an object store: s3://…, gs://…, az://… or file://…."] = ""
    cluster_name: Annotated[str, "What to call the cluster in reports over several. (default: the profile's)"] = ""
    run_id: Annotated[str, "This run's name: a later one of the same name replaces it in the store. (default: <UTC time>)"] = ""
    capture: Annotated[str, "Write what was read to this bundle; `{context}` in its name becomes the context's."] = ""
    force: Annotated[bool, "Replace the bundle if it is there."] = False
    against: Annotated[str, "Fail only on what is new since this earlier results.json."] = ""

    @classmethod
    def of(cls, given: dict[str, Any]) -> Request:
        """The request of options by their fields' names. Raises `UsageError` for a selection or a level that cannot be."""
        level = (given.get("fail_on") or "").lower()
        if level and level not in LEVELS:
            raise UsageError(f"--fail-on {given['fail_on']}: expected one of {', '.join(LEVELS)}")
        if (name := given.get("run_id")) and not can_be_folder(name):
            raise UsageError(f"--run-id {name}: expected letters, digits, `-`, `_` and `.`, at most 100")
        named = {one: _listed(f"--{one}", given.get(one)) for one in ("select", "skip")}
        return cls(**{**given, "fail_on": level, **named, "probes": tuple(given.get("probes") or ())})


def _listed(flag: str, given: Sequence[str] | None) -> tuple[str, ...]:
    """The names in an option that may be given again, and may hold several. Raises `UsageError` for an empty one."""
    names = tuple(name.strip() for value in given or () for name in value.split(","))
    if not all(names):
        raise UsageError(f"{flag}: expected a probe, an area or a pattern, found nothing")
    return names


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


@functools.cache
def options() -> tuple[Option, ...]:
    """Every field of a request as an option, in their order."""
    return tuple(_options())


def _options() -> Iterator[Option]:
    hints = typing.get_type_hints(Request, include_extras=True)
    for field in dataclasses.fields(Request):
        kind, text = typing.get_args(hints[field.name])
        repeated = typing.get_origin(kind) is tuple
        yield Option(field.name, str if repeated else kind, repeated, field.default, text)


@dataclass(frozen=True, slots=True)
class Requested:
    """A plugin for pytest that only hands over a request."""

    request: Request
