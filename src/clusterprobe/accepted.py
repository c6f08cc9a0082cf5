"""Which findings a profile accepts, until when, and which of its entries accept nothing."""

from __future__ import annotations

import difflib
from typing import Literal

from clusterprobe.catalogue import matches
from clusterprobe.model import Accepted, Finding, ProbeResult, ProbeVerdict
from clusterprobe.profile import Known, Profile

State = Literal["applies", "ends soon", "over", "matches nothing", "not checked", "refused"]

SOON = 14  # days before its end, from which on an entry speaks up


def is_accepted(profile: Profile, probe: str, finding: Finding, now: float) -> bool:
    """Whether an entry that is not over at this moment (epoch seconds) accepts a finding of this probe."""
    return any(one.means(probe, finding) and not one.over(now) for one in profile.known)


def entries(profile: Profile, probes: list[ProbeResult], now: float) -> list[Accepted]:
    """Every entry of the profile, in its order, with what it accepts in this run and what there is to say of it."""
    return [_entry(one, probes, now) for one in profile.known]


def _entry(one: Known, probes: list[ProbeResult], now: float) -> Accepted:
    meant = [probe for probe in probes if matches(probe.id, one.probe)]
    hidden = [(probe.id, place) for probe in meant for place, finding in enumerate(probe.known) if one.means(probe.id, finding)]
    open_ = [(probe.id, place) for probe in meant for place, finding in enumerate(probe.findings) if one.means(probe.id, finding)]
    state, note = _state(one, meant, hidden or open_, now)
    return Accepted(
        probe=one.probe,
        code=one.reason,
        subject=one.subject,
        why=one.why,
        owner=one.owner,
        ticket=one.ticket,
        until=str(one.until or ""),
        state=state,
        note=note,
        findings=[] if one.over(now) else hidden,
    )


def _state(one: Known, meant: list[ProbeResult], found: list[tuple[str, int]], now: float) -> tuple[State, str]:
    left = one.days_left(now)
    if left is not None and left < 0:
        return (
            "over",
            f"ended on {one.until}: what it accepted counts again" if found else f"ended on {one.until}, and nothing matches it: remove it",
        )
    if not found:
        return _of_nothing(one, meant)
    if left is not None and left < SOON:
        return "ends soon", f"ends on {one.until}: then what it accepts counts again"
    return "applies", ""


def _of_nothing(one: Known, meant: list[ProbeResult]) -> tuple[State, str]:
    """An entry that matches nothing is superfluous or misspelt, unless its probes did not see everything."""
    blind = (ProbeVerdict.INCONCLUSIVE, ProbeVerdict.BROKEN)
    if not meant or any(probe.unchecked or probe.verdict in blind for probe in meant):
        return "not checked", ""
    findings = [finding for probe in meant for finding in (*probe.findings, *probe.known)]
    subjects = sorted({str(finding.subject) for finding in findings})
    codes = sorted({finding.reason for finding in findings})
    near = difflib.get_close_matches(one.subject, subjects, 1) or difflib.get_close_matches(one.reason, codes, 1)
    hint = f"did you mean {near[0]}?" if near else "what it accepted is gone, so remove it"
    return "matches nothing", f"matches nothing in this run: {hint}"
