"""`clusterprobe fleet …`: what is said over many clusters. Heavy imports are inside the commands."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterprobe import streams
from clusterprobe.command_help import application
from clusterprobe.exits import Exit
from clusterprobe.fleet import job_commands

if TYPE_CHECKING:
    from clusterprobe.access.deadline import Deadline
    from clusterprobe.fleet.overview import Overview
    from clusterprobe.fleet.records import Record
    from clusterprobe.fleet.store import Store
    from clusterprobe.profile import Notify

TELLING_SECONDS = 30.0
app = application(help="One answer over many clusters, from the runs that they keep in an object store.")
app.command()(job_commands.job)
app.command()(job_commands.secrets)

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="The store: s3://…, gs://…, az://… or file://….")]
DaysOption = Annotated[int, typer.Option("--days", min=1, max=3650, help="How far back runs are looked for.")]
TimeoutOption = Annotated[str, typer.Option("--timeout", help="How long the store is waited for, such as 60s.")]


@app.command()
def report(
    url: UrlArgument,
    max_age: Annotated[str, typer.Option("--max-age", help="A cluster whose newest run is older did not report.")] = "26h",
    expect: Annotated[
        list[str] | None,
        typer.Option("--expect", metavar="<name>", help="The name or UID of a cluster that has to report; may be given again."),
    ] = None,
    inventory: Annotated[str, typer.Option("--inventory", help="Every cluster of this inventory has to report.")] = "",
    output: Annotated[str, typer.Option("--output", help="Also write fleet.html, fleet.json and fleet.prom into this folder.")] = "",
    notify: Annotated[str, typer.Option("--notify", help="Tell people what changed, as `notify` of this profile says.")] = "",
    days: DaysOption = 14,
    timeout: TimeoutOption = "60s",
) -> int:
    """Which cluster has what, which could not be looked at, what is new, and where clusters of one environment differ."""
    import time

    from clusterprobe.errors import UsageError
    from clusterprobe.fleet.inventory import names
    from clusterprobe.fleet.overview import overview
    from clusterprobe.fleet.store import Store
    from clusterprobe.fleet.terminal import lines
    from clusterprobe.profile import seconds

    try:
        age = seconds(max_age)
    except ValueError as error:
        raise UsageError(f"--max-age: {error}") from None
    wanted, expected = _notified(notify), names(inventory) if inventory else []
    store, limit = Store(url, "URL"), _limit(timeout)
    records, troubles = store.records(_day(days), limit)
    now = time.time()
    over = overview(records, now, age, [*(expect or []), *expected], troubles)
    for line in lines(over):
        streams.out(line)
    if output:
        _write(Path(output), over, url, now, max_age)
    if wanted is not None:
        for trouble in _tell(over, records, store, wanted, now):
            streams.say(trouble)
    return over.exit_status


def _notified(profile: str) -> Notify | None:
    """Whom a profile tells. Raises `UsageError` where it tells nobody, or its file is none."""
    from clusterprobe.errors import UsageError
    from clusterprobe.profile import load_profile
    from clusterprobe.shipped import shipped

    if not profile:
        return None
    wanted = load_profile(profile, shipped("profiles")).notify
    if not (wanted.alertmanager_url or wanted.slack_url_env or wanted.webhook_url_env):
        raise UsageError(f"--notify {profile}: its `notify` names nobody")
    return wanted


def _tell(over: Overview, records: list[Record], store: Store, wanted: Notify, now: float) -> list[str]:
    import os

    from clusterprobe.access.deadline import Deadline
    from clusterprobe.fleet.telling import tell

    stamp = f"{datetime.datetime.fromtimestamp(now, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    return tell(over, records, store, wanted, os.environ, stamp, Deadline.after(TELLING_SECONDS))


def _write(folder: Path, over: Overview, url: str, now: float, max_age: str) -> None:
    import msgspec

    from clusterprobe.errors import UsageError
    from clusterprobe.files import write_whole
    from clusterprobe.fleet import metrics
    from clusterprobe.fleet.page import render

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "fleet.html", render(over, url, now, max_age).encode(errors="backslashreplace"))
        write_whole(folder / "fleet.prom", metrics.text(over))
        write_whole(folder / "fleet.json", msgspec.json.format(msgspec.json.encode(over), indent=2) + b"\n")
    except OSError as error:
        raise UsageError(f"--output {folder}: {error.strerror}") from None


@app.command()
def query(
    url: UrlArgument,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="Such as: SELECT code, count(DISTINCT cluster) FROM findings GROUP BY code")],
    days: DaysOption = 14,
    timeout: TimeoutOption = "60s",
) -> int:
    """Ask the findings of all runs by SQL; the answer is tab-separated. Exit status 2: not every run could be read."""
    from clusterprobe.fleet.query import query as ask
    from clusterprobe.fleet.store import Store

    names, rows, troubles = ask(Store(url, "URL"), sql, _day(days), _limit(timeout))
    for row in [names, *rows]:
        streams.out("\t".join(one.replace("\t", " ").replace("\n", " ") for one in row))
    for trouble in troubles:
        streams.say(f"not in the answer: {trouble}")
    return Exit.INCOMPLETE if troubles else Exit.HEALTHY


def _day(days: int) -> str:
    return f"{datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days):%Y-%m-%d}"


def _limit(timeout: str) -> Deadline:
    from clusterprobe.access.deadline import Deadline
    from clusterprobe.errors import UsageError
    from clusterprobe.profile import seconds

    try:
        return Deadline.after(seconds(timeout))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
