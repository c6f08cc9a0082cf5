"""What is asked of runs that were kept: one finding in whole, the answer again, and what differs between two of them."""

from __future__ import annotations

import difflib
import glob
import time
from pathlib import Path
from typing import Any

import msgspec
import pydantic

from clusterprobe import streams
from clusterprobe.archive import DEFAULT, RESULTS, NoResult, finished, read_result
from clusterprobe.correlation import cases
from clusterprobe.errors import UsageError
from clusterprobe.fingerprints import fingerprints
from clusterprobe.fixes import WITHHELD, each, line, shell
from clusterprobe.history import compare, refuse_interrupted, refuse_other_cluster
from clusterprobe.model import Finding, Place, RunResult, Subject
from clusterprobe.outcome import exit_status
from clusterprobe.profile import Known
from clusterprobe.report import difference, terminal
from clusterprobe.systems.kubernetes.wishes import READ

MOST_DIGITS = 6  # of a finding's number; more are a fingerprint


def show(wanted: str, run: str, form: str) -> int:
    """Print one finding of a run in whole, or, where none is wanted, the run's answer. Raises `UsageError` where there is no such thing."""
    folder, result = _kept(run)
    if not wanted:
        terminal.show(result, folder, form=form)
        return 0
    if form == "verdict":
        raise UsageError("-q: has no effect beside a finding; leave one of them out")
    if form not in ("", "wide"):
        raise UsageError(f"-o {form}: a finding by itself is only printed as text; `clusterprobe show -o {form}` prints all of them")
    terminal.show_finding(result, _place(wanted, result, folder), folder)
    return 0


def accept(wanted: str, run: str, why: str, *, until: str = "", owner: str = "", ticket: str = "", annotate: bool = False) -> int:
    """Print the entry of a profile that accepts a finding, or the command that says so on its object.

    Raises `UsageError` where there is no such finding, or no such day.
    """
    if not why.strip():
        raise UsageError("--why: a reason is needed, for whoever reads the report")
    folder, result = _kept(run)
    probe_id, number = _place(wanted, result, folder)
    finding = next(one for one in result.probes if one.id == probe_id).findings[number]
    entry = {"probe": probe_id, "reason": finding.reason, "subject": _pattern(finding.subject), "why": why}
    more: dict[str, Any] = {key: value for key, value in {"until": until, "owner": owner, "ticket": ticket}.items() if value}
    try:
        known = Known.model_validate(entry | more)
    except pydantic.ValidationError:
        raise UsageError(f"--until {until}: expected a day such as 2027-06-30") from None
    if known.over(time.time()):
        raise UsageError(f"--until {until}: this day is over, so it would accept nothing")
    if known.until:
        more["until"] = known.until
    if annotate:
        return _annotate(finding, " ".join(filter(None, (why, f"({ticket})" if ticket else ""))), until, owner)
    import yaml

    text = yaml.safe_dump([entry | more], sort_keys=False, allow_unicode=True, width=140)
    streams.say("add this to `known:` in your profile, then `clusterprobe profile check FILE`")
    streams.out(text.removesuffix("\n"))
    return 0


def _annotate(finding: Finding, why: str, until: str, owner: str) -> int:
    """Print the command by which who owns the object accepts a finding. Raises `UsageError` for an object that cannot."""
    subject = finding.subject
    if not subject.namespace or not subject.api_version or subject.kind not in READ:
        raise UsageError(f"--annotate: of {subject} no annotation is read; accept it in the profile")
    if subject.kind == "Pod" and subject.owner:
        raise UsageError(f"--annotate: the next pod would not have it; annotate the template of {subject.owner}, as docs/accepted.md says")
    group = subject.api_version.rpartition("/")[0]
    kind = f"{subject.kind.lower()}.{group}" if group else subject.kind.lower()
    given = {"accept": finding.reason, "accept-until": until, "accept-why": why, "accept-owner": owner}
    notes = each("{}", [f"clusterprobe.io/{name}={value}" for name, value in given.items() if value])
    command = shell("kubectl -n {} annotate {} {} {}", subject.namespace, kind, subject.name, notes)
    if command is None:
        raise UsageError(f"--annotate: {WITHHELD}")
    streams.say("it counts where the profile lets annotations of that namespace accept it (`accept_annotations`)")
    streams.out(line(command))
    return 0


def _pattern(subject: Subject) -> str:
    """What means a subject in the next run as well: a pod's name changes with every rollout, its workload's does not."""
    owner = subject.owner.rpartition("/")[2]
    if owner and subject.name.startswith(f"{owner}-"):
        return f"{glob.escape(str(msgspec.structs.replace(subject, name=owner)))}-*"
    return glob.escape(str(subject))


def diff(before: str, after: str, form: str) -> int:
    """Print what differs between two runs; the exit status of the later one against the earlier. Raises `UsageError`."""
    then, now = _read(Path(before), before), _read(Path(after), after)
    refuse_interrupted(before, then)
    refuse_other_cluster(before, then, now.cluster)
    if then.run.finished > now.run.finished:
        streams.say(f"{before} is of a later run than {after}: what is new below was there before")
    run = msgspec.structs.replace(now.run, against=before)
    now = msgspec.structs.replace(now, since=compare(then, now), run=run)
    difference.show(then, now, form)
    return exit_status(now)


def _kept(run: str) -> tuple[Path, RunResult]:
    """The run that is named, else the newest one, with its folder."""
    if run:
        return Path(run), _read(Path(run), f"--run {run}")
    newest = next(iter(finished(DEFAULT)), None)
    if newest is None:
        raise UsageError(f"{DEFAULT}: no finished run is there; name a run's folder with --run")
    return newest, _read(newest, str(newest))


def _file(place: Path) -> Path:
    return place if place.name == RESULTS else place / RESULTS


def _read(folder: Path, asked: str) -> RunResult:
    try:
        return read_result(_file(folder))
    except OSError as error:
        raise UsageError(f"{asked}: {error.strerror}{_near(folder)}") from None
    except NoResult as error:
        raise UsageError(f"{asked}: its results.json is not whole, or of another version ({error})") from None


def _near(folder: Path) -> str:
    """Which run may have been meant: one that lies in this folder, or beside it."""
    inside, beside = finished(folder), finished(folder.parent) or finished(DEFAULT)
    if inside:
        return f"; it is a folder of runs, the newest is {inside[0]}"
    near = difflib.get_close_matches(folder.name, [one.name for one in beside], 1)
    meant = next((one for one in beside if one.name in near), None)
    return f"; did you mean {meant}?" if meant else f"; the newest run is {beside[0]}" if beside else ""


def _place(wanted: str, result: RunResult, folder: Path) -> Place:
    """Where a finding is that was named by its fingerprint, or by its number in the answer, in which notes come last."""
    found = next((place for place, name in fingerprints(result).items() if name == wanted), None)
    if found is not None:
        return found
    known = cases(result)
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= MOST_DIGITS else 0
    if 0 < number <= len(known):
        return known[number - 1].place
    there = f"they are numbered 1 to {len(known)}" if known else "it has none"
    names = fingerprints(result).values()
    near = [one for one in names if wanted and one.startswith(wanted)] or difflib.get_close_matches(wanted, names, 1)
    there += f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"{wanted}: the run in {folder} has no such finding; {there}")
