"""Follows what is printed: the incidents of a round are repaired as their own findings say, each for itself.

What becomes of one is its own: where its fix fails, its own repair clears it, and the others are judged all the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from clusterprobe.fixes import line
from clusterprobe.model import Command, Step
from lab.errors import LabError
from lab.paths import KUBECONFIG, ROOT
from lab.platform.alertmanager import AMTOOL
from lab.platform.sealing import KUBESEAL
from lab.stages import clear, stage, staged
from lab.verify import AS_IT_SAYS, BY_ITS_OWN_FIX, ELSEWHERE, FAILED
from tests.lab.expectations import STAGES
from tests.lab.repairs import EDITS, GIVEN, OTHERWISE, WAYS, WHERE, Place
from tests.lab.running import Done, clusterprobe
from tests.lab.test_stages import SETTLING_SECONDS, found, merged, options_of, wait_until_found, wait_until_healthy

COMMAND_SECONDS = 300  # a wait for pods that end has its own limit, of 15 minutes
ANY = ("info", "warning", "error", "critical")
MANY_WORDS = 2000
Key = tuple[str, str]


class Failed(Exception):
    """A stage is not repaired; the text says why."""


def repair(names: tuple[str, ...], folder: Path) -> tuple[dict[str, str], Done]:
    """Stage all of these, and repair each as it says: for each by what it was repaired, or why it was not; and the run after all of it."""
    options = options_of(merged(names))
    how: dict[str, str] = {}
    try:
        how |= _each(names, _stage)
        there = tuple(name for name in names if name not in how)
        if there:
            done = wait_until_found(folder / "staged", there, *options)
            how |= _each(there, lambda name: _repaired(name, done, folder / name))
            how |= _left(how, folder / "repaired", *options)
    finally:
        how |= _each(tuple(name for name, _ in staged()), _clear)
        after = wait_until_healthy(folder / "cleared", *options)
    return how, after


def steps_of(done: Done, wanted: set[Key]) -> list[Step]:
    """The steps of every finding of these kinds, each step once: two findings may print the same. A consequence of one has none."""
    places = {(probe["id"], number): one for probe in done.results["probes"] for number, one in enumerate(probe["findings"])}
    own = {place: one for place, one in places.items() if (place[0], one["reason"]) in wanted}
    because = {tuple(one["finding"]) for one in done.results.get("explained", []) if tuple(one["cause"]) in own}
    steps = {str(step): step for place, one in own.items() if place not in because for step in msgspec.convert(one["steps"], list[Step])}
    return list(steps.values())


def to_run(steps: list[Step], way: str = "") -> Iterator[str]:
    """The commands that change something, with those that wait, or write a file, for a later one, in order. `way` begins the way to take."""
    for step in steps:
        if not step.text.startswith(OTHERWISE) or (way and step.text.startswith(way)):
            yield from map(line, step.commands if step.kind != "look" else [one for one in step.commands if one.target or _waits(one)])


def _waits(command: Command) -> bool:
    return command.pipeline[0][:1] == ["kubectl"] and "wait" in command.pipeline[0][1:4]


def follow(commands: list[str], folder: Path, name: str) -> None:
    """Paste each into a shell, as somebody does who trusts what is printed; what it says to change in a file is changed once that is there."""
    editor = f"{sys.executable} -m tests.lab.editor {name}"
    path = os.pathsep.join([os.environ["PATH"], *(str(one.parent) for one in (KUBESEAL, AMTOOL))])
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG), "KUBE_EDITOR": editor, "PYTHONPATH": str(ROOT), "PATH": path}
    edit = EDITS.get(name)
    for command in commands:
        if edit and edit.file and (copy := folder / edit.file).is_file():
            copy.write_text(edit.of(copy.read_text()))
        try:
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=folder, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Failed(f"$ {command}\ndid not end within {COMMAND_SECONDS} s") from None
        if done.returncode:
            raise Failed(f"$ {command}\n{done.stdout}{done.stderr}")


def _stage(name: str) -> None:
    stage(name, STAGES[name].environment)


def _clear(name: str) -> None:
    clear(name, STAGES[name].environment)


def _repaired(name: str, done: Done, folder: Path) -> str:
    """Repair one: by its commands, or where it says that it is repaired. A fix that fails leaves nothing of the incident."""
    try:
        return _followed(name, done, folder)
    except Failed:
        _clear(name)
        raise


def _followed(name: str, done: Done, folder: Path) -> str:
    wanted = set(STAGES[name].wanted)
    if unseen := wanted - done.found(*ANY):
        raise Failed(f"not found: {', '.join(map('/'.join, sorted(unseen)))}")
    steps = steps_of(done, wanted)
    if place := WHERE.get(name):
        return _done_there(name, place, _printed(done, wanted, steps))
    commands = list(to_run(steps, WAYS.get(name, "")))
    if not commands:
        raise Failed("no command repairs it, and nothing says where else it is repaired")
    folder.mkdir(parents=True)
    if name in GIVEN:
        GIVEN[name](folder)
    follow(commands, folder, name)
    return BY_ITS_OWN_FIX


def _done_there(name: str, place: Place, printed: str) -> str:
    """Do what is printed where it is done by no command; it has to say where that is, and what."""
    if lacks := [one for one in place.says if one not in printed]:
        raise Failed(f"it does not say {' nor '.join(map(repr, lacks))}, but:\n{printed}")
    if place.act:
        place.act()
    else:
        _clear(name)
    return f"{AS_IT_SAYS if place.says else ELSEWHERE}: {place.where}"


def _printed(done: Done, wanted: set[Key], steps: list[Step]) -> str:
    """What somebody reads of these findings: their problems and causes, and the steps with their commands."""
    own = [one for probe in done.results["probes"] for one in probe["findings"] if (probe["id"], one["reason"]) in wanted]
    told = [line(command) for step in steps for command in step.commands]
    return "\n".join([*(f"{one['problem']} {one['cause']}" for one in own), *(step.text for step in steps), *told])


def _left(how: dict[str, str], folder: Path, *options: str) -> dict[str, str]:
    """Those that a run finds all the same. What belongs to none of them may be of any: each is tried alone the next time."""
    repaired = {name: set(STAGES[name].wanted) for name, said in how.items() if not said.startswith(FAILED)}
    after = _wait_until_gone(folder, set().union(*repaired.values()), *options)
    left = {name: wanted & after.found(*ANY) for name, wanted in repaired.items()}
    failed = {name: f"{FAILED}: still there: {_said(after, keys)}" for name, keys in left.items() if keys}
    others = found(after) - set().union(*repaired.values())
    if others and not failed:
        failed = {name: f"{FAILED}: afterwards is there: {_said(after, others)}" for name in repaired if how[name] == BY_ITS_OWN_FIX}
    return failed


def _wait_until_gone(folder: Path, wanted: set[Key], *options: str) -> Done:
    """Run until nothing of it is found, nor any other error: counters, log windows and scrapes take their time to forget."""
    deadline = time.monotonic() + SETTLING_SECONDS
    while True:
        done = clusterprobe(folder, *options)
        if not (wanted & done.found(*ANY) or found(done)) or time.monotonic() > deadline:
            return done
        time.sleep(5)


def _said(done: Done, keys: set[Key]) -> str:
    return "; ".join(f"{probe} {reason}: {done.finding(probe, reason)['problem']}" for probe, reason in sorted(keys))


def _each(names: tuple[str, ...], do: Callable[[str], str | None]) -> dict[str, str]:
    """Do it for all at once; mostly that is waiting. What each returned, or why it failed."""

    def said(name: str) -> str | None:
        try:
            return do(name)
        except (Failed, LabError, OSError, subprocess.SubprocessError) as reason:
            return f"{FAILED}: {reason}"[:MANY_WORDS]

    with ThreadPoolExecutor(len(names) or 1) as pool:
        return {name: one for name, one in zip(names, pool.map(said, names), strict=True) if one is not None}
