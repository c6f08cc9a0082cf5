"""Findings that are accepted by an annotation of the object that they are about, as far as the profile lets its owners do so."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property

from clusterprobe.accepted import SOON, State
from clusterprobe.catalogue import matches
from clusterprobe.model import Accepted, Finding, Place, ProbeResult, ProbeVerdict, Severity, Subject
from clusterprobe.profile import Ends, Profile
from clusterprobe.profile_sections import AcceptAnnotations
from clusterprobe.systems.kubernetes.wishes import Key, Wish
from clusterprobe.times import calendar_day
from clusterprobe.words import said

UNTIL = "clusterprobe.io/accept-until"
MOST_ENTRIES = 500  # annotations of which the report tells

Reporting = Mapping[str, list[str]]
"""The ids of the probes that report each code."""


class Annotated:
    """What the annotations of a run's objects accept. `wishes` is asked for only where that is needed.

    `now` is the moment of the capture in epoch seconds. `broken`: there are probes of which nobody knows what they report.
    """

    def __init__(
        self,
        profile: Profile,
        now: float,
        wishes: Callable[[], dict[Key, Wish]],
        reporting: Reporting,
        *,
        broken: bool = False,
    ) -> None:
        self._rules, self._now, self._broken = profile.accept_annotations, now, broken
        self._read, self._reporting = wishes, reporting

    @cached_property
    def _wishes(self) -> dict[Key, Wish]:
        return self._read()

    def accepts(self, probe: str, finding: Finding) -> bool:
        """Whether an annotation of the finding's object, or of the workload that owns that, accepts it, and may."""
        if not self._rules:
            return False
        return any(finding.reason in one.codes and not self._refusal(one, probe, finding.severity) for one in self._about(finding.subject))

    def _about(self, subject: Subject) -> list[Wish]:
        kind, _, name = subject.owner.partition("/")
        keys = ((subject.kind, subject.namespace, subject.name), (kind, subject.namespace, name))
        return [self._wishes[one] for one in keys if one in self._wishes]

    def _refusal(self, wish: Wish, probe: str, severity: Severity) -> str:
        """Why a wish does not hold for a finding; empty if it does."""
        if wish.until and _ends(wish) is None:
            return f"{UNTIL} is {said(wish.until)}: write a day such as 2027-06-30"
        rules, refusal = _allowed(self._rules, wish.subject.namespace, probe, severity)
        if refusal:
            return refusal
        ends = _ends(wish)
        if ends and ends.over(self._now):
            return f"ended on {ends.until}"
        left = ends.days_left(self._now) if ends else None
        if not any(not one.days or (left is not None and left <= one.days) for one in rules):
            return f"it needs an end ({UNTIL}), at most {max(one.days for one in rules)} days ahead: the profile asks for that"
        return ""

    # --- what becomes of them -----------------------------------------------------------------------------------------

    def entries(self, probes: list[ProbeResult]) -> list[Accepted]:
        """Every code that an annotation names, with what it accepts in this run and what there is to say of it."""
        groups: dict[tuple[object, ...], Wish] = {}
        for one in self._wishes.values():
            groups.setdefault(one.group, one)
        found = self._found(probes) if groups else {}
        wanted = [(one, code) for one in groups.values() for code in one.codes][:MOST_ENTRIES]
        return [self._entry(one, code, found.get((one.group, code), []), probes) for one, code in wanted]

    def _found(self, probes: list[ProbeResult]) -> dict[tuple[object, str], list[tuple[Place, Finding]]]:
        """The findings that each group of annotations means, accepted or not; a place of one that is not has -1."""
        found: dict[tuple[object, str], list[tuple[Place, Finding]]] = {}
        for probe in probes:
            placed = [*enumerate(probe.known), *((-1, one) for one in probe.findings)]
            for place, finding in placed:
                for wish in self._about(finding.subject):
                    found.setdefault((wish.group, finding.reason), []).append(((probe.id, place), finding))
        return found

    def _entry(self, wish: Wish, code: str, found: list[tuple[Place, Finding]], probes: list[ProbeResult]) -> Accepted:
        state, note = self._state(wish, code, found, probes)
        places = [place for place, finding in found if place[1] >= 0 and not self._refusal(wish, place[0], finding.severity)]
        return Accepted(
            probe="",
            code=code,
            subject=str(wish.subject),
            why=wish.why,
            owner=wish.owner,
            until=wish.until,
            by=str(wish.subject),
            state=state,
            note=note,
            findings=places,
        )

    def _state(self, wish: Wish, code: str, found: list[tuple[Place, Finding]], probes: list[ProbeResult]) -> tuple[State, str]:
        reporting = self._reporting
        if code not in reporting:
            if self._broken:
                return "not checked", ""
            near = difflib.get_close_matches(code, reporting, 1)
            return "refused", f"accepts nothing: no probe reports {code}{f': did you mean {near[0]}?' if near else ''}"
        ends = _ends(wish)
        if ends and ends.over(self._now):
            return "over", f"ended on {ends.until}{': what it accepted counts again' if found else ', and nothing matches it: remove it'}"
        asked = [(place[0], finding.severity) for place, finding in found] or [(one, Severity.INFO) for one in reporting[code]]
        refusals = [self._refusal(wish, *one) for one in asked]
        if why := next((one for one in refusals if one and (found or all(refusals))), ""):
            return "refused", f"does not count: {why}"
        if not found:
            return _of_nothing(reporting[code], probes)
        left = ends.days_left(self._now) if ends else None
        if ends and left is not None and left < SOON:
            return "ends soon", f"ends on {ends.until}: then what it accepts counts again"
        return "applies", ""


def _ends(wish: Wish) -> Ends | None:
    """Its last day; none where it has none, or not one that can be read."""
    day = calendar_day(wish.until)
    return Ends(until=day) if day else None


def _allowed(rules: list[AcceptAnnotations], namespace: str, probe: str, severity: Severity) -> tuple[list[AcceptAnnotations], str]:
    """The rules of the profile by which annotations may accept such a finding, or why there are none."""
    place = f"of objects in {namespace}" if namespace else "of objects without a namespace"
    here = [one for one in rules if namespace and any(fnmatchcase(namespace, each) for each in one.namespaces)]
    if not here:
        return [], f"the profile lets no annotation {place} accept anything (`accept_annotations`)"
    here = [one for one in here if any(matches(probe, each) for each in one.probes)]
    if not here:
        return [], f"the profile lets no annotation {place} accept what {probe} finds (`accept_annotations`)"
    worst = max((Severity(one.level) for one in here), key=lambda one: one.rank)
    here = [one for one in here if Severity(one.level).at_least(severity)]
    return here, "" if here else f"the finding is {severity}, and the profile lets annotations {place} accept {worst} at worst"


def _of_nothing(reporting: list[str], probes: list[ProbeResult]) -> tuple[State, str]:
    """A wish that matches nothing is superfluous, unless its probes did not see everything."""
    ran = [one for one in probes if one.id in reporting]
    blind = (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    if len(ran) < len(reporting) or any(one.unchecked or one.verdict in blind for one in ran):
        return "not checked", ""
    return "matches nothing", "matches nothing in this run: remove it"
