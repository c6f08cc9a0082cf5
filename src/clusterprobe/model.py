"""The words of the project, as data. Imports nothing else of ours.

Every output (HTML, JSON, JUnit, metrics, terminal) is rendered from one `RunResult`, so that counts never disagree.
"""

from __future__ import annotations

import enum
from typing import Literal, dataclass_transform

import msgspec

SCHEMA: Literal["clusterprobe/results/v1"] = "clusterprobe/results/v1"


class Severity(enum.StrEnum):
    """How bad a finding is, from least to worst."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)

    def at_least(self, other: Severity) -> bool:
        return self.rank >= other.rank


class ProbeVerdict(enum.StrEnum):
    """What a probe came to."""

    PASS = "pass"  # noqa: S105 - no password
    FINDINGS = "findings"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    KNOWN = "known"
    BROKEN = "broken"


class RunVerdict(enum.StrEnum):
    """What a run came to."""

    HEALTHY = "healthy"
    FINDINGS = "findings"
    INCOMPLETE = "incomplete"
    BROKEN = "broken"


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """The base of everything that is written out."""


class Subject(Struct):
    """The object that something is said about.

    `environment` is empty for what belongs to none. `owner` is the owning workload, as `Kind/name`.
    """

    kind: str
    name: str = ""
    namespace: str = ""
    api_version: str = msgspec.field(default="", name="apiVersion")
    owner: str = ""
    environment: str = ""

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}".strip()


class Table(Struct, tag="table", tag_field="type"):
    """Evidence in rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]


class Bar(Struct):
    """One bar: its parts are (name, amount) in the chart's unit, drawn one after the other."""

    label: str
    parts: list[tuple[str, float]]
    outlier: bool = False
    note: str = ""


class Bars(Struct, tag="bars", tag_field="type"):
    """Evidence as bars, with an optional limit that is drawn as a line."""

    title: str
    unit: str
    bars: list[Bar]
    limit: float | None = None


class Matrix(Struct, tag="matrix", tag_field="type"):
    """Counts of rows against columns. `wrong` holds the (row, column) pairs that should be zero."""

    title: str
    row_title: str
    column_title: str
    rows: list[str]
    columns: list[str]
    cells: list[list[int | None]]
    wrong: list[tuple[str, str]] = []


class Text(Struct, tag="text", tag_field="type"):
    """Evidence as it was read: a log line, a message, a fragment of configuration."""

    title: str
    text: str


Exhibit = Table | Bars | Matrix | Text


class Command(Struct):
    """A command as arguments: the programs of a pipeline, each with its arguments, and the files that it reads and writes."""

    pipeline: list[list[str]]
    source: str = ""
    target: str = ""
    background: bool = False


class Step(Struct):
    """One step of a fix. `look` changes nothing, `change` can be undone, `destroys` cannot; `code` is a fragment of configuration."""

    kind: Literal["look", "change", "destroys"]
    text: str
    code: str = ""
    commands: list[Command] = []


class Finding(Struct):
    """One thing that is wrong. `steps` is how to repair it, `fix` the same as text, in which commands follow `$ `.

    `breaks` names what does not work because of this, `rests_on` what would explain this, were it broken: references such
    as `Secret/namespace/name` or `Node/name`, by which one finding explains another. `settles`: it may go by itself while the
    platform settles after a deployment.
    """

    reason: str
    severity: Severity
    subject: Subject
    problem: str
    cause: str
    fix: str
    prevention: str
    steps: list[Step] = []
    exhibits: list[Exhibit] = []
    breaks: list[str] = []
    rests_on: list[str] = []
    settles: bool = False


class Unchecked(Struct):
    """One thing that could not be looked at, and why. `broken`: our own bug is why."""

    subject: Subject
    reason: str
    broken: bool = False


class ProbeResult(Struct):
    """A probe's verdict with its evidence."""

    id: str
    question: str
    verdict: ProbeVerdict
    examined: int = 0
    reason: str = ""
    findings: list[Finding] = []
    unchecked: list[Unchecked] = []
    known: list[Finding] = []
    notes: list[str] = []
    exhibits: list[Exhibit] = []


class Cluster(Struct):
    """Which cluster, and as whom. `skew_seconds` is the API server's clock minus ours. `name` and `labels` are what its users call it."""

    context: str = ""
    server: str = ""
    user: str = ""
    version: str = ""
    route: str = ""
    uid: str = ""
    skew_seconds: float = 0.0
    name: str = ""
    labels: dict[str, str] = {}


class Run(Struct):
    """When and how the run was made; times are UTC, RFC 3339. `against`: the run since which only what is new fails this one.

    `selected`: the only probes, areas or patterns that were asked for; empty: all of the profile's.
    `unrecorded`: the probes of a replay that did not run, each with the sources of which the bundle holds nothing.
    """

    id: str
    started: str
    finished: str
    tool_version: str
    profile: str
    fail_on: str
    bundle: str = ""
    against: str = ""
    active: bool = False
    interrupted: bool = False
    exit_status: int = 0
    selected: list[str] = []
    sources: dict[str, float] = {}
    unrecorded: dict[str, list[str]] = {}


Place = tuple[str, int]
"""A finding of a run: its probe's id, and its place in that probe's findings."""


class Past(Struct):
    """A finding of the last run. `state`: `resolved` if its probe could look at everything today, else `not seen`."""

    probe: str
    reason: str
    severity: Severity
    subject: Subject
    problem: str
    state: Literal["resolved", "not seen"]


class Since(Struct):
    """How this run compares with the last one of the same cluster, or the one that was asked for.

    `worse` are findings that were less severe then; `blind` are probes that could not check something, unless they examined
    something both times and left open exactly the same, for the same reason.
    """

    run: str
    finished: str
    new: list[Place] = []
    persisting: list[Place] = []
    worse: list[Place] = []
    blind: list[str] = []
    gone: list[Past] = []


class Remembered(Struct):
    """What earlier runs know of a finding; times are UTC, RFC 3339.

    `runs`: in how many it was there; `returned`: how often it came back after it was resolved; `gone`: since when it is resolved.
    """

    probe: str
    first: str
    last: str = ""
    runs: int = 0
    returned: int = 0
    gone: str = ""


class Trend(Struct):
    """A run as one point of a picture: its findings by severity, and how many things it could not check."""

    run: str
    finished: str
    verdict: RunVerdict
    counts: dict[str, int]
    unchecked: int = 0
    selected: list[str] = []


class Explained(Struct):
    """A finding that another one explains: through `through`, which the cause breaks and the finding rests on."""

    finding: Place
    cause: Place
    through: str


class Installed(Struct):
    """One system that runs here. `system` is its key, `seen` what it was recognised by, `parts` which parts of it run.

    `looked at`: a probe examined it. `objects looked at`: only the conditions of its objects were. `not looked at`: no probe judges it, or
    none of this run could. `accepted`: none judges it, and the profile says that this is all right: `why`, and `until` which date.
    `flavours` are who made and manages it. `versions` are those of its pods, by `version_by`: its own `answer`, or the `image`'s tag.
    `disputed` is what speaks for another system, or another version. `objects` counts its custom resources, where the run read them.
    """

    system: str
    subject: Subject
    state: Literal["looked at", "objects looked at", "not looked at", "accepted"]
    seen: str = ""
    parts: list[str] = []
    why: str = ""
    until: str = ""
    flavours: list[str] = []
    versions: list[str] = []
    version_by: Literal["", "answer", "image"] = ""
    disputed: list[str] = []
    objects: dict[str, int] = {}


class Accepted(Struct):
    """What accepts findings, as it is written: an entry of the profile, or an annotation of the object `by`, of which `probe` is empty.

    `findings` are places in the probes' `known`. `state`: `applies`; `ends soon`: within two weeks; `over`: its findings count again;
    `matches nothing`: superfluous or misspelt; `not checked`: its probes did not see everything; `refused`: an annotation that is
    misspelt, or that the profile does not allow. `note` is what to do about it.
    """

    probe: str
    code: str
    subject: str
    why: str
    state: Literal["applies", "ends soon", "over", "matches nothing", "not checked", "refused"]
    owner: str = ""
    ticket: str = ""
    until: str = ""
    note: str = ""
    findings: list[Place] = []
    by: str = ""


class Placed(Struct):
    """A namespace, the environment that it was taken to belong to (empty: it is shared), and by what: the profile, a label, its name."""

    namespace: str
    environment: str
    by: str


class RunResult(Struct):
    """All that a run found out; the only input of every output. `sources` of the run are seconds each took to read.

    `inventory` is every system that was recognised, where the probes of the run asked for that.
    `environments` are the namespaces of each, `placed` is what says so. `accepted` is what accepts findings, or means to.
    `remembered` is what earlier runs of the cluster know of this one's findings, by fingerprint; `trend` is the last runs and this one.
    `environments` are the namespaces of each, `placed` is what says so. `production` are those whose findings come first.
    """

    schema: Literal["clusterprobe/results/v1"]
    run: Run
    cluster: Cluster
    verdict: RunVerdict
    probes: list[ProbeResult]
    environments: dict[str, list[str]] = {}
    since: Since | None = None
    explained: list[Explained] = []
    inventory: list[Installed] = []
    placed: list[Placed] = []
    accepted: list[Accepted] = []
    remembered: dict[str, Remembered] = {}
    trend: list[Trend] = []
    production: list[str] = []

    def findings(self) -> list[tuple[ProbeResult, Finding]]:
        """Every finding with its probe, what to look at first before the others."""
        pairs = [(probe, finding) for probe in self.probes for finding in probe.findings]
        return sorted(pairs, key=lambda pair: self.rank(pair[1]))

    def unchecked_count(self) -> int:
        """How many things could not be checked; what several probes wanted, and could not read for the same reason, counts once."""
        return len({(one.reason, one.subject) for probe in self.probes for one in probe.unchecked})

    def rank(self, finding: Finding) -> tuple[int, int]:
        """By which findings are put in order: the worst first, and among equals those of production, then those of what all share."""
        environment = finding.subject.environment
        return -finding.severity.rank, 0 if environment in self.production else 2 if environment else 1
