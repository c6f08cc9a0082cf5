from clusterprobe.evidence import Clock
from clusterprobe.findings import reports
from clusterprobe.known_systems import BY_KEY, PLATFORM
from clusterprobe.model import ProbeResult, ProbeVerdict, Subject, Table
from clusterprobe.profile import NotJudged, Profile
from clusterprobe.roles import Examined
from clusterprobe.systems.confirmations import Confirmations
from clusterprobe.systems.inventory.installations import CONDITIONS, Installation
from clusterprobe.systems.inventory.summary import doubts, looked_at, version_of
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

NOBODY = (
    "it runs no system for monitoring, logs, delivery or machine learning that is known here, so that nothing of a platform was looked at; "
    "name what runs under other names under `systems:` in the profile"
)

OVER = "`not_judged` accepted until {until} that it is not judged, and that day is over: take the entry out, or name a later day"

COLUMNS = ("System", "Where", "Version", "Made by", "Parts", "Objects", "Recognised by", "Judged")


@reports()
def probe_judged(
    verdict: Verdict,
    installations: Examined[Installation],
    conclusions: list[ProbeResult],
    confirmations: Confirmations,
    profile: Profile,
    clock: Clock,
) -> None:
    """Is each system that runs here judged by some probe?

    Problem: A report of an unknown platform reads as healthy, because what was not recognised, or is not judged, was never looked at.
    Cause: A product runs here that no probe knows how to judge, or one that is known runs under another name, or is scaled to 0.
    Fix: Let whatever watches that product watch it, and accept it in the profile: `not_judged`, with the reason and the last day. Name the
    images or labels of what is known and was not recognised under `systems`.
    Prevention: Keep `not_judged` in Git with an end date, so that each gap is decided again.
    """
    conditions = any(one.id == CONDITIONS and one.verdict is not ProbeVerdict.BROKEN for one in conclusions)
    rows = []
    for subject, one in installations.keep(lambda _, one: _judged(one, conditions, confirmations)):
        accepted = None if looked_at(one, conclusions) else profile.accepts(one.system.key, one.namespace, clock.now)
        if accepted is not None:  # its probes leave it out, though they could judge it
            verdict.note(_accepted(subject, accepted))
        yes = "yes" if one.system.judged else f"the conditions of its objects, by {CONDITIONS}"
        rows.append(_row(one, confirmations, yes if accepted is None else "no, accepted"))
    for subject, one in installations.readings:
        if not _judged(one, conditions, confirmations):
            rows.append(_row(one, confirmations, _tell_unjudged(verdict, subject, one, profile, clock.now)))
    _mention_ends(verdict, profile, clock.now)
    # What is not judged is said of each above; where all of that is accepted, somebody else watches the platform.
    platform = any(one.system.purpose in PLATFORM for one in installations.readings.items)
    if not platform and not profile.endpoints and installations.readings.complete:
        verdict.unchecked(Subject(kind="Cluster"), NOBODY)
    if rows:
        verdict.exhibit(_table(rows))


def _tell_unjudged(verdict: Verdict, subject: Subject, one: Installation, profile: Profile, now: float) -> str:
    """That no probe judges a system, which the profile may accept; returns that in a word."""
    accepted, once = profile.accepts(one.system.key, one.namespace, now), profile.accepts(one.system.key, one.namespace)
    if accepted is None:
        over = f"; `not_judged` accepted that until {once.until}" if once else ""
        verdict.unchecked(subject, f"{one.unjudged}{over}")
        return "no"
    verdict.note(_accepted(subject, accepted))
    return "no, accepted"


def _accepted(subject: Subject, entry: NotJudged) -> str:
    why = f": {entry.why}" if entry.why else ""
    until = f", until {entry.until}" if entry.until else ""
    return f"{subject} is not judged, which the profile accepts{until}{why}."


def _table(rows: list[list[str]]) -> Table:
    told = [place for place, _ in enumerate(COLUMNS) if any(row[place] for row in rows)]
    shown = [[row[place] for place in told] for row in rows]
    return Table(title="What runs here", columns=[COLUMNS[place] for place in told], rows=shown)


def _mention_ends(verdict: Verdict, profile: Profile, now: float) -> None:
    """What probes judge, and the profile accepts unjudged for longer than it says; of all else each installation says so."""
    for entry in profile.not_judged:
        if BY_KEY[entry.system].judged and entry.over(now):
            verdict.unchecked(Subject(kind=BY_KEY[entry.system].name), OVER.format(until=entry.until))


def _judged(one: Installation, conditions: bool, confirmations: Confirmations) -> bool:
    """Whether it has pods that probes judge; of some systems, only what their objects say, where a probe of this run looks at that."""
    return bool(one.pods) and (one.system.judged or (conditions and confirmations.hears(one.system)))


def _row(one: Installation, confirmations: Confirmations, judged: str) -> list[str]:
    answered = confirmations.versions(one)
    versions, by = version_of(one, answered)
    version = f"{listed(versions, 3)} ({'its own answer' if by == 'answer' else 'its image'})" if versions else "not known"
    objects = [f"{kind.partition('.')[0]} {count}" for kind, count in confirmations.counts(one.system).items()]
    seen = "; but ".join([one.seen, *doubts(one, answered)])
    where, parts = f"{one.namespace}/{one.name}", listed(one.parts, 5)
    return [one.system.name, where, version, listed(one.flavours, 3), parts, listed(objects, 8), seen, judged]
