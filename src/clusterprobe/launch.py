"""Runs of the packaged probes: pytest is started undisturbed by the caller, and its end becomes an exit status."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from clusterprobe.archive import PYTEST_LOG, check_folder, remove
from clusterprobe.exits import Exit
from clusterprobe.files import read_limited, write_whole
from clusterprobe.interruption import Interruption
from clusterprobe.outcome import without_outputs
from clusterprobe.progress import Progress
from clusterprobe.request import Request, Requested
from clusterprobe.run import default_folder
from clusterprobe.settling import Answer, judge
from clusterprobe.shipped import shipped
from clusterprobe.streams import flushed, say

PAUSE_SECONDS = 10
PAUSE_FOR_NAME_SECONDS = 0.1  # folders are named by the second
PACKAGE = Path(__file__).parent
LOG_BYTES = 1024**3


def probe(request: Request, patience: float = 0.0, form: str = "") -> int:
    """Run the probes, again and again while what fails may settle and patience lasts; the last answer is shown in that form."""
    folder, made = _own_folder() if not request.output else (Path(request.output), check_folder("--output", Path(request.output)))
    request = replace(request, output=str(folder))
    interruption = Interruption()
    deadline = time.monotonic() + patience
    while True:
        interruption.listen()
        status, progress = _run_once(request, interruption, made, form)
        interruption.listen()
        if patience and progress.result is not None:
            found = judge(progress.result)
            left = deadline - time.monotonic()
            if found.answer is Answer.WAIT and left > PAUSE_SECONDS:
                progress.say(f"not settled: {found.why}; again in {PAUSE_SECONDS} s, for at most {left:.0f} s more")
                time.sleep(PAUSE_SECONDS)
                continue
            progress.say(
                {Answer.WAIT: f"did not settle in time: {found.why}", Answer.SETTLED: "settled"}.get(
                    found.answer, f"will not settle by itself: {found.why}"
                )
            )
        progress.show()
        flushed()  # a reader that takes nothing holds us up here, where a signal still ends it
        interruption.over()
        return status


def _own_folder() -> tuple[Path, list[Path]]:
    """The folder of a run that names none, and which folders were made for it; no other run has the same."""
    while True:
        folder = default_folder()
        made = check_folder("--output", folder)
        if folder in made:
            return folder, made
        time.sleep(PAUSE_FOR_NAME_SECONDS)


def _run_once(request: Request, interruption: Interruption, made: list[Path], form: str) -> tuple[int, Progress]:
    """One run; `made` are the folders that go again if it never begins."""
    folder = Path(request.output)
    progress = Progress(interruption.ending, form=form)
    with _scratch() as scratch:
        log = [f"--html={scratch / PYTEST_LOG}", "--self-contained-html"] if scratch else []
        status = _pytest(request, log, progress)
        if progress.result is None:
            remove(made)
            return _without_result(status, progress), progress
        status = progress.result.run.exit_status
        if trouble := progress.unlogged or _keep_log(scratch, folder):
            progress.say(f"an output could not be written: {PYTEST_LOG}: {trouble}")
            status = without_outputs(status)
    return Exit.BROKEN if progress.crash else status, progress


@contextlib.contextmanager
def _scratch() -> Iterator[Path | None]:
    """A folder for pytest's own page: pytest-html writes straight to the page's name, and may fail halfway."""
    try:
        made = tempfile.TemporaryDirectory(prefix="clusterprobe-", ignore_cleanup_errors=True)
    except OSError:
        yield None
        return
    with made as name:
        yield Path(name)


def _keep_log(scratch: Path | None, folder: Path) -> str:
    """Put pytest's page beside the report; why that failed, if it did."""
    try:
        if scratch is None:
            return "there is no folder for temporary files"
        write_whole(folder / PYTEST_LOG, read_limited(scratch / PYTEST_LOG, LOG_BYTES))
    except OSError as error:
        return f"{error.strerror} ({folder})"
    return ""


def _pytest(request: Request, log: list[str], progress: Progress) -> int:
    import pytest

    probes = shipped("probes")
    os.environ.pop("PYTEST_ADDOPTS", None)  # survives -c
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    arguments = [
        f"--config-file={PACKAGE / 'pytest.ini'}",
        f"--rootdir={probes.parent}",
        "--import-mode=importlib",
        "--assert=plain",  # a probe says what it sees; to rewrite each of them costs more than to import it
        *("-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler"),
        *("-p", "no:unraisableexception"),  # it looks through all that was read, for what nobody asks about
        *("-p", "clusterprobe.plugin", "-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin"),
        *log,
        str(probes),
    ]
    try:
        return int(pytest.main(arguments, plugins=[progress, Requested(request)]))
    except (OSError, KeyboardInterrupt) as error:  # of pytest-html or of a working directory that is gone, when our work is done
        if progress.result is None and progress.session is not None:
            from clusterprobe.plugin import pytest_sessionfinish

            progress.pytest_sessionfinish()
            pytest_sessionfinish(progress.session, pytest.ExitCode.INTERRUPTED)
        if progress.result is None:
            raise
        progress.unlogged = getattr(error, "strerror", None) or "interrupted"  # what there is of the page is half of it
        return int(pytest.ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else pytest.ExitCode.OK)


def _without_result(status: int, progress: Progress) -> int:
    """The exit status of a run that never began."""
    import pytest

    if status == pytest.ExitCode.USAGE_ERROR:
        return Exit.USAGE
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        say("no probe is selected")
        return Exit.NOTHING_SELECTED
    if status == pytest.ExitCode.INTERRUPTED and not progress.collection_errors:
        say("interrupted")
        return Exit.INCOMPLETE
    for one in progress.collection_errors:
        say(one)
    return Exit.BROKEN
