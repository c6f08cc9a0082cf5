"""Every output that is no file of the report: what is printed, what is sent to people, and what a fleet makes of a run."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from clusterprobe import memory, notify, openreports
from clusterprobe.access.deadline import Deadline
from clusterprobe.fleet import metrics, telling, terminal
from clusterprobe.fleet.overview import overview
from clusterprobe.fleet.page import render
from clusterprobe.fleet.store import Store
from clusterprobe.history import compare
from clusterprobe.model import RunResult
from clusterprobe.profile import Notify
from clusterprobe.profile_sections import ReportsProfile
from clusterprobe.report import difference
from clusterprobe.report.safe import safe
from clusterprobe.report.terminal import show, show_finding
from clusterprobe.request import FORMS
from clusterprobe.times import epoch

TOLD = Notify.model_validate(
    {
        "slack_url_env": "HOOK",
        "webhook_url_env": "HOOK",
        "alertmanager_url": "http://127.0.0.1:1",
        "level": "info",
        "when": ["new", "resolved"],
    }
)
HOOK = {"HOOK": "http://127.0.0.1:1/hook"}


def told(whole: RunResult, folder: Path) -> dict[str, str]:
    """Each of these outputs of a run, by name; `folder` takes the files that some of them keep."""
    return {**_printed(whole), **_sent(whole, folder), **_of_a_fleet(whole, folder)}


def _said(action: Callable[[], object]) -> str:
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        action()
    return screen.getvalue()


def _printed(whole: RunResult) -> dict[str, str]:
    forms = {f"-o {form}": _said(partial(show, whole, form=form)) for form in FORMS}
    places = [(probe.id, number) for probe in whole.probes for number in range(len(probe.findings))]
    forms["show N"] = "".join(_said(partial(show_finding, whole, place)) for place in places[::20])
    for form in ("", "json", "markdown"):
        forms[f"diff {form}"] = _said(partial(difference.show, _without(whole), _compared(_without(whole), whole), form))
        forms[f"diff the other way {form}"] = _said(partial(difference.show, whole, _compared(whole, _without(whole)), form))
    return forms


def _without(whole: RunResult) -> RunResult:
    """The same run before anything was found."""
    return msgspec.structs.replace(whole, probes=[msgspec.structs.replace(one, findings=[], unchecked=[]) for one in whole.probes])


def _compared(then: RunResult, now: RunResult) -> RunResult:
    return msgspec.structs.replace(now, since=compare(then, now))


@contextlib.contextmanager
def _listening() -> Iterator[list[Any]]:
    """What would be posted."""
    heard: list[Any] = []

    def post(url: str, path: str, body: Any, limit: Deadline) -> str:
        heard.append(body)
        return ""

    with patch("clusterprobe.notify.post", post):
        yield heard


def _sent(whole: RunResult, folder: Path) -> dict[str, str]:
    """What is sent as findings come, and as they go; and what is kept of that for the next run."""
    first, second = folder / "told" / "first", folder / "told" / "second"
    first.mkdir(parents=True)
    second.mkdir()
    with _listening() as heard:
        assert notify.tell(whole, first, first, TOLD, HOOK, Deadline.after(60)) == []
        assert notify.tell(_without(whole), second, second, TOLD, HOOK, Deadline.after(60)) == []
    known = memory.updated(memory.Memory(cluster=whole.cluster), safe(whole))
    memory.write(folder / "told", known)
    objects = openreports.objects(whole, ReportsProfile(openreports="namespaces"))
    assert len(heard) >= 4
    return {"notifications": _json(heard), "OpenReports": _json(objects)}


def _of_a_fleet(whole: RunResult, folder: Path) -> dict[str, str]:
    store = Store(f"file://{folder}/store", make=True)
    assert store.keep(safe(whole), folder / "out", Deadline.after(60)) == ""
    records, troubles = store.records("2026-01-01", Deadline.after(60))
    now = epoch(whole.run.finished) or 0.0
    over = overview(records, now, 3600, ["another"], troubles)
    with _listening() as heard:
        assert telling.tell(over, records, store, TOLD, HOOK, whole.run.finished, Deadline.after(60)) == []
    assert heard
    return {
        "fleet.html": render(over, store.url, now, "26h"),
        "fleet.json": _json(over),
        "fleet.prom": metrics.text(over).decode(),
        "fleet report": "\n".join(terminal.lines(over)),
        "notifications of a fleet": _json(heard),
    }


def _json(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
