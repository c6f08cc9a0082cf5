"""A user's profile: what they run, what they expect, and what is too much. Plain data; YAML in, errors with line numbers."""

from __future__ import annotations

import datetime
import difflib
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic
from pydantic import Field, PrivateAttr

from clusterprobe.catalogue import matches
from clusterprobe.errors import ProfileError
from clusterprobe.known_systems import KNOWN, SYSTEMS
from clusterprobe.model import Finding, Severity
from clusterprobe.old_keys import renamed
from clusterprobe.profile_errors import explain
from clusterprobe.profile_parts import Lines, Part, Path_
from clusterprobe.profile_sections import (
    AcceptAnnotations,
    Active,
    ClusterProfile,
    CustomResources,
    Deployed,
    IngressProfile,
    ReportsProfile,
    Serving,
)
from clusterprobe.profile_yaml import read
from clusterprobe.thresholds import Thresholds

if TYPE_CHECKING:
    SystemKey = str
    KnownKey = str
else:
    SystemKey = Literal[*(one.key for one in SYSTEMS)]
    KnownKey = Literal[*(one.key for one in KNOWN)]
# `network` is what block devices and shared file systems were called together: it goes on to allow both.
StorageKind = Literal["local", "block", "nfs", "shared", "object", "ephemeral", "network"]
StorageNature = Literal["local", "block", "nfs", "shared", "object", "ephemeral"]


def _some_time(text: str) -> str:
    seconds(text)
    return text


class Basic(Part):
    """HTTP basic authentication; the password comes from a file or from the environment, never from the profile."""

    username: str
    password_env: str = ""
    password_file: str = ""

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> Basic:
        if bool(self.password_env) == bool(self.password_file):
            raise ValueError("exactly one of password_env and password_file is needed")
        return self


class EndpointProfile(Part):
    """An explicit way to a system: where discovery's own does not do, or a back end asks for credentials.

    Without a `url` it names a tenant of a Loki that is found anyway.
    """

    system: SystemKey
    url: Annotated[str, Field(pattern=r"^$|^https?://(\[[0-9A-Fa-f:.]+\]|[^\s/@:?#\[\]\\]+)(:\d{1,5})?(/[^\s?#\\]*)?$")] = ""
    namespace: str = ""
    name: str = ""
    bearer_token_env: str = ""
    bearer_token_file: str = ""
    basic: Basic | None = None
    tenant: str = ""
    ca_file: str = ""
    insecure_skip_tls_verify: bool = False

    @pydantic.model_validator(mode="after")
    def _url_or_tenant(self) -> EndpointProfile:
        asks_as = self.bearer_token_env or self.bearer_token_file or self.basic or self.ca_file or self.insecure_skip_tls_verify
        if not self.url and not (self.system == "loki" and self.tenant and self.namespace and not asks_as):
            raise ValueError("url is needed; without it only a tenant can be named, of the Loki of a namespace, and no credentials")
        return self


class EnvironmentProfile(Part):
    """The namespaces of an environment; shell patterns such as `*-dev` are fine. `production`: by its name, where that is not said."""

    namespaces: Annotated[list[str], Field(min_length=1)]
    production: bool | None = None


class Probes(Part):
    """Which probes run: ids, areas or shell patterns. `paths` are folders with the user's own, relative to the profile's file."""

    select: list[str] = ["*"]
    skip: list[str] = []
    paths: list[Annotated[str, Field(min_length=1)]] = []


class Ends(Part):
    """What is accepted for a while: until the end of a day (UTC), or for good."""

    until: datetime.date | None = None

    def over(self, now: float) -> bool:
        """Whether its last day is over at a moment (epoch seconds)."""
        return self.until is not None and _day(now) > self.until

    def days_left(self, now: float) -> int | None:
        """How many days it goes on after the one of this moment; none if it has no end."""
        return None if self.until is None else (self.until - _day(now)).days


def _day(moment: float) -> datetime.date:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).date()


class Known(Ends):
    """A finding that is known and accepted: it is shown, and does not fail the run. After its last day it counts again."""

    probe: str
    reason: str = "*"
    subject: str = "*"
    why: Annotated[str, Field(min_length=1)]
    owner: str = ""
    ticket: str = ""

    def means(self, probe: str, finding: Finding) -> bool:
        """Whether a finding of this probe is the one, its end aside."""
        named = fnmatchcase(finding.reason, self.reason) and fnmatchcase(str(finding.subject), self.subject)
        return named and matches(probe, self.probe)


class Notify(Part):
    """Who is told of what changed, and how. Addresses that are credentials come from the environment, never from the profile.

    `alerts_end_after`: an alert that no run repeats ends after this long; longer than the time between two runs.
    `link` is where reports are served, in which `{run}` stands for the run's id.
    """

    when: Annotated[list[Literal["new", "worse", "resolved", "incomplete"]], Field(min_length=1)] = [
        "new",
        "worse",
        "resolved",
        "incomplete",
    ]
    level: Literal["info", "warning", "error", "critical"] = "warning"
    alertmanager_url: Annotated[str, Field(pattern=r"^$|^https?://(\[[0-9A-Fa-f:.]+\]|[^\s/@:?#\[\]\\]+)(:\d{1,5})?(/[^\s?#\\]*)?$")] = ""
    alerts_end_after: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(s|m|h)$"), pydantic.AfterValidator(_some_time)] = "26h"
    slack_url_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    webhook_url_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    link: Annotated[str, Field(pattern=r"^$|^https?://[^\s<>|]+$")] = ""


class SystemSigns(Part):
    """More signs of a system, such as of one that is mirrored under another name; shell patterns are fine.

    `images` are the last segment of an image's repository, or the last two; `labels` a pod must have all of.
    """

    images: list[Annotated[str, Field(min_length=1)]] = []
    labels: dict[str, str] = {}

    @pydantic.model_validator(mode="after")
    def _some(self) -> SystemSigns:
        if not self.images and not self.labels:
            raise ValueError("images or labels are needed")
        return self


class NotJudged(Ends):
    """A system that no probe judges, or that is scaled to 0, and of which that is accepted: why, where (shell patterns), until when."""

    system: KnownKey
    why: str = ""
    namespaces: Annotated[list[str], Field(min_length=1)] = ["*"]

    @pydantic.model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A name alone is the system."""
        return {"system": value} if isinstance(value, str) else value


class Profile(Part):
    """The whole profile. Every key has a default that fits a stock platform."""

    extends: str = ""
    cluster: ClusterProfile = ClusterProfile()
    store: str = ""
    environments: dict[str, EnvironmentProfile] = {}
    environment_label: str = "environment"
    expect: dict[SystemKey, list[str]] = {}  # what must be there, by namespace: `<system>/missing` reports what is not
    endpoints: list[EndpointProfile] = []
    systems: dict[KnownKey, SystemSigns] = {}
    not_judged: list[NotJudged] = []
    thresholds: Thresholds = Thresholds()
    storage: dict[str, list[StorageKind]] = {
        "prometheus": ["local", "block"],
        "alertmanager": ["local", "block", "nfs", "shared", "ephemeral"],
        "grafana": ["local", "block", "nfs", "shared", "ephemeral"],
        "loki": ["local", "block", "nfs", "shared"],
    }
    storage_drivers: dict[str, StorageNature] = {}
    ingress: IngressProfile = IngressProfile()
    custom_resources: CustomResources = CustomResources()
    deleted_claims: Literal["keep", "delete", "any"] = "keep"
    deployments: list[Deployed] = []
    probes: Probes = Probes()
    secrets: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]] = []
    known: list[Known] = []
    accept_annotations: list[AcceptAnnotations] = []  # nobody's, unless somebody is named
    serving: Serving = Serving()
    active: Active = Active()
    notify: Notify = Notify()
    reports: ReportsProfile = ReportsProfile()
    heartbeat_url_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    fail_on: Literal["info", "warning", "error", "critical", "never"] = "error"
    timeout: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(s|m|h)$"), pydantic.AfterValidator(_some_time)] = "5m"

    _lines: Lines = PrivateAttr(default_factory=dict)  # where each key is written
    _notes: list[str] = PrivateAttr(default_factory=list)

    @property
    def named_namespaces(self) -> list[str]:
        """The namespaces that the profile names without a pattern."""
        names = [name for one in self.environments.values() for name in one.namespaces if not re.search(r"[*?\[]", name)]
        return list(dict.fromkeys([*names, *(name for expected in self.expect.values() for name in expected)]))

    @property
    def timeout_seconds(self) -> float:
        return seconds(self.timeout)

    def accepts(self, system: str, namespace: str, now: float | None = None) -> NotJudged | None:
        """The entry by which a system may go unjudged in a namespace; one whose last day is before `now` (epoch seconds) does not count."""
        here = (one for one in self.not_judged if one.system == system and any(fnmatchcase(namespace, each) for each in one.namespaces))
        return next((one for one in here if now is None or not one.over(now)), None)

    def wants(self, probe_id: str) -> bool:
        """Whether the probe is selected."""
        chosen = any(matches(probe_id, pattern) for pattern in self.probes.select)
        return chosen and not any(matches(probe_id, pattern) for pattern in self.probes.skip)

    def written_at(self, lines: Lines, notes: list[str]) -> Profile:
        """The same profile, which knows where each of its keys is written, and what there is to say of them."""
        self._lines, self._notes = lines, notes
        return self

    @property
    def notes(self) -> list[str]:
        """What whoever wrote it should know, such as that a key has another name now."""
        return self._notes

    def named_probes(self) -> Iterator[tuple[str, str]]:
        """Every id, area or pattern by which it speaks of probes, with the place where it does (file, line and key)."""
        written: list[tuple[Path_, str]] = [(("probes", "select", index), one) for index, one in enumerate(self.probes.select)]
        written += [(("probes", "skip", index), one) for index, one in enumerate(self.probes.skip)]
        written += [(("known", index, "probe"), one.probe) for index, one in enumerate(self.known)]
        for index, allowed in enumerate(self.accept_annotations):
            written += [(("accept_annotations", index, "probes", place), one) for place, one in enumerate(allowed.probes)]
        for place, pattern in written:
            yield self._written_at(place)[0], pattern

    def named_codes(self) -> Iterator[tuple[str, str, str]]:
        """Every code or pattern of codes that it accepts as known: where it does (file, line and key), of which probes, and which."""
        for index, one in enumerate(self.known):
            if one.reason != Known.model_fields["reason"].default:
                yield self._written_at(("known", index, "reason"))[0], one.probe, one.reason

    def own_folders(self) -> Iterator[tuple[str, Path]]:
        """The folders of the user's own probes, with the place where the profile names them (file, line and key)."""
        for index, one in enumerate(self.probes.paths):
            where, file = self._written_at(("probes", "paths", index))
            yield where, file.parent / Path(one).expanduser()

    def _written_at(self, place: Path_) -> tuple[str, Path]:
        file, line = self._lines.get(place, (Path("the profile"), 0))
        return f"{file}{f':{line}' if line else ''}: {'.'.join(map(str, place))}", file


UNITS = {"s": 1, "m": 60, "h": 3600}
WEEK_SECONDS = 7 * 86400
MAX_EXTENDED = 20


def seconds(text: str) -> float:
    """`90s`, `5m`, `1.5h` as seconds, up to a week; `ValueError` for anything else, and for no time at all."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text, re.ASCII)
    if not match:
        raise ValueError(f"invalid duration {text[:50]!r}: use for example 90s, 5m or 1h")
    if not 0 < (found := float(match[1]) * UNITS[match[2]]) <= WEEK_SECONDS:
        raise ValueError(f"invalid time to wait {text[:50]!r}: use for example 90s, 5m or 1h")
    return found


def fail_level(fail_on: str) -> Severity:
    """The severity from which a finding decides a verdict; `never` only concerns the exit status."""
    return Severity.ERROR if fail_on == "never" else Severity(fail_on)


# --- reading ----------------------------------------------------------------------------------------------------------


def find_profile(name: str, folder: Path) -> Path:
    """The file of a profile: a path, or the name of one that comes with the package (in `folder`)."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or "/" in name:
        if not os.path.lexists(path):
            raise ProfileError(f"{name}: there is no such file")
        return path
    shipped = folder / f"{name}.yaml"
    if os.path.isfile(shipped):  # noqa: PTH113 - which never raises, whatever the name is
        return shipped
    names = sorted(one.stem for one in folder.glob("*.yaml"))
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else "give a .yaml file, or one of"
    raise ProfileError(f"unknown profile {name!r}: {hint} ({', '.join(names)})")


def load_profile(name: str, folder: Path) -> Profile:
    """Read a profile and what it extends. Raises `ProfileError` with file, line, key and the nearest valid name."""
    path = find_profile(name, folder)
    merged, lines, notes = _read_extending(path, folder, ())
    try:
        profile = Profile.model_validate(merged)
    except pydantic.ValidationError as error:
        raise ProfileError(explain(error, lines, path, Profile)) from None
    return profile.written_at(lines, notes)


def _read_extending(path: Path, folder: Path, seen: tuple[str, ...]) -> tuple[dict[str, Any], Lines, list[str]]:
    if os.path.realpath(path) in seen:
        raise ProfileError(f"{path}: profiles extend each other in a circle")
    if len(seen) >= MAX_EXTENDED:
        raise ProfileError(f"{path}: more than {MAX_EXTENDED} profiles extend each other")
    own, lines, notes = renamed(*read(path), path)
    base_name = own.get("extends")
    if not base_name:
        return own, lines, notes
    if not isinstance(base_name, str):
        raise ProfileError(f"{path}:{lines[('extends',)][1]}: extends: expected the name of a profile")
    beside = path.parent / base_name
    try:
        base_path = beside if os.path.isfile(beside) else find_profile(base_name, folder)  # noqa: PTH113 - as above
    except ProfileError as error:
        raise ProfileError(f"{path}:{lines[('extends',)][1]}: extends: {error}") from None
    base, base_lines, base_notes = _read_extending(base_path, folder, (*seen, os.path.realpath(path)))
    return _merge(base, own), {**base_lines, **lines}, [*base_notes, *notes]


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Mappings merge key by key; anything else (lists too) is replaced."""
    merged = dict(base)
    for key, value in own.items():
        before = merged.get(key)
        merged[key] = _merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged
