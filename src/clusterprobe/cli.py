"""The command line. Heavy imports are inside the commands, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from clusterprobe import background, cli_profile, streams
from clusterprobe.command_help import application
from clusterprobe.command_options import takes
from clusterprobe.exits import Exit, summary
from clusterprobe.fleet import commands as fleet
from clusterprobe.request import FORMS, Request, form_of
from clusterprobe.words import for_console

AUTHORS = "For those who write probes"  # a heading of `--help`
TYPER_INTERRUPTED = 130  # what Typer makes of Ctrl-C; ours is 2

app = application(
    pretty_exceptions_enable=False,
    help="Live diagnostic probes for a monitoring and ML platform on Kubernetes: what is wrong, why, and how to fix it.",
    epilog=summary(),
)
app.add_typer(fleet.app, name="fleet")
app.add_typer(cli_profile.app)

READ = ("profile", "kubeconfig", "context", "bundle", "select", "skip", "probes", "active", "fail_on", "timeout")
KEPT = ("output", "against", "store", "cluster_name", "run_id")
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before --active.")]
FormOption = Annotated[
    str, typer.Option("-o", "--format", help=f"What to print: {', '.join(FORMS)}. (default: a line a finding, the verdict last)")
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Print the last line only.")]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print_version()
        raise typer.Exit


@app.command()
@takes(*READ, *KEPT)
def run(
    request: Request,
    form: FormOption = "",
    quiet: QuietOption = False,
    yes: YesOption = False,
    wait: Annotated[
        str | None, typer.Option("--wait", help="Repeat until the platform has settled, for at most this long, such as 10m.")
    ] = None,
    keep: Annotated[int, typer.Option("--keep", min=0, help="Keep the reports of the last N runs, remove older ones; 0 keeps all.")] = 0,
) -> int:
    """Probe the cluster and write the health report."""
    from clusterprobe.launch import probe

    if request.bundle:
        live = {"kubeconfig": request.kubeconfig, "context": request.context, "store": request.store}
        _refuse_beside_bundle(active=request.active, wait=wait is not None, **live)
    patience = _patience(wait)
    form = form_of(form, quiet=quiet)
    _confirm(request, yes=yes)
    status = probe(request, patience, form)
    if keep:
        _prune(request.output, keep)
    return status


@app.command()
@takes("profile", "select", "skip", "probes", "fail_on", "output")
def demo(request: Request, form: FormOption = "", quiet: QuietOption = False) -> int:
    """Probe a recorded cluster full of incidents. Needs no cluster."""
    from clusterprobe.launch import probe
    from clusterprobe.shipped import shipped

    form = form_of(form, quiet=quiet)
    return probe(replace(request, bundle=str(shipped("demo") / "demo.zip")), form=form)


@app.command()
@takes("profile", "kubeconfig", "context", "select", "skip", "probes", "active", "timeout", "output", "force")
def capture(
    request: Request,
    file: Annotated[str, typer.Argument(help="Where to write the bundle. (default: clusterprobe-<context>-<UTC time>.zip)")] = "",
    yes: YesOption = False,
) -> int:
    """Probe the cluster, and also write what was read, redacted, as a bundle to replay with `run --bundle`."""
    from clusterprobe.launch import probe
    from clusterprobe.run import default_folder

    _confirm(request, yes=yes)
    file = file or f"clusterprobe-{{context}}-{default_folder().name}.zip"
    return probe(replace(request, capture=file, fail_on="never"))


@app.command()
def show(
    finding: Annotated[str, typer.Argument(metavar="[N|FINGERPRINT]", help="A finding's number in the answer, or its fingerprint.")] = "",
    run: Annotated[str, typer.Option("--run", help="The run's folder. (default: the newest below reports)")] = "",
    form: FormOption = "",
    quiet: QuietOption = False,
) -> int:
    """Everything about one finding of the newest run, with all steps of its fix; or that run's answer again. Asks no cluster."""
    from clusterprobe.kept import show as of

    return of(finding, run, form_of(form, quiet=quiet))


@app.command()
def accept(
    finding: Annotated[str, typer.Argument(metavar="N|FINGERPRINT", help="A finding's number in the answer, or its fingerprint.")],
    why: Annotated[str, typer.Option("--why", help="Why it is accepted.")],
    until: Annotated[str, typer.Option("--until", help="The last day (UTC) on which it is, such as 2027-06-30.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Whose it is.")] = "",
    ticket: Annotated[str, typer.Option("--ticket", help="Where it is followed up.")] = "",
    annotate: Annotated[bool, typer.Option("--annotate", help="Print the command that says so on the object itself instead.")] = False,
    run: Annotated[str, typer.Option("--run", help="The run's folder. (default: the newest below reports)")] = "",
) -> int:
    """Print the profile's entry that accepts a finding of the newest run: it is shown from then on, and fails nothing."""
    from clusterprobe.kept import accept as of

    return of(finding, run, why, until=until, owner=owner, ticket=ticket, annotate=annotate)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="The folder of the earlier run.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The folder of the later run.")],
    form: Annotated[str, typer.Option("-o", "--format", help="What to print: json or markdown. (default: a line a finding)")] = "",
) -> int:
    """What is new, worse, resolved and still there in run B since run A. Ends as `run --against` would."""
    from clusterprobe.kept import diff as of

    return of(before, after, form_of(form, offered=("json", "markdown")))


@app.command("list")
@takes("profile", "probes", "select", "skip")
def list_probes(request: Request) -> int:
    """Every probe, with its question and what it needs."""
    from clusterprobe.catalogue import chosen
    from clusterprobe.handbook import needs
    from clusterprobe.own_probes import entries

    found = chosen(entries(request), request.select, request.skip)
    width = max((len(one.id) for one in found), default=0)
    for one in found:
        streams.out(f"{one.id:<{width}}  {one.question}")
        streams.out(f"{'':<{width}}  needs {needs(one).brief()}")
    return 0


@app.command()
@takes("profile", "probes")
def explain(request: Request, probe: Annotated[str, typer.Argument(help="A probe's id, such as prometheus/cross-scrape.")]) -> int:
    """What a probe asks, why it matters, how to fix and prevent what it finds, what it can report, and what it needs to read."""
    from clusterprobe.catalogue import explanation, find
    from clusterprobe.handbook import REPORTS_NOTHING, needs, reported
    from clusterprobe.own_probes import entries

    entry = find(entries(request), probe)
    wanted = needs(entry)
    outside = [f"{one}  (from outside)" for one in wanted.from_outside]
    active = [f"{one}  (with --active)" for one in wanted.active]
    reads = [one.replace("`", "", 2) for one in wanted.reads]
    codes = [kind.replace("`", "", 2) + (f"\n    for example: {example}" if example else "") for kind, example in reported(entry)]
    permissions = [*wanted.permissions, *outside, *active]
    streams.out(explanation(entry, [("Reports", codes or [REPORTS_NOTHING]), ("Reads", reads), ("Needs the permissions", permissions)]))
    return 0


@app.command()
@takes("profile", "kubeconfig", "context", "bundle", "timeout")
def environments(request: Request) -> int:
    """Which environment each namespace is taken for, and what says so: the profile, a label, or its name."""
    from clusterprobe.survey import survey

    lines, status = survey(request)
    for one in lines:
        streams.out(one)
    return status


@app.command()
@takes("profile", "kubeconfig", "context", "select", "probes", "timeout")
def doctor(request: Request) -> int:
    """Before the first run: as whom you ask, what you may and what not, what is recognised and answers, and what a run costs."""
    from clusterprobe.doctor import examine

    lines, status = examine(request)
    for one in lines:
        streams.out(one)
    return status


@app.command()
@takes("profile", "probes")
def checklist(request: Request) -> int:
    """The GitOps review checklist: what prevents each incident, to go through when the platform's repository changes."""
    from clusterprobe.handbook import checklist as of
    from clusterprobe.own_probes import entries

    streams.document(of(entries(request)).removesuffix("\n"))
    return 0


@app.command(rich_help_panel=AUTHORS)
@takes("profile", "probes")
def docs(request: Request, folder: Annotated[str, typer.Argument(help="Where to write, such as docs.")]) -> int:
    """Write a page for each probe, their index, and the GitOps review checklist, as Markdown."""
    from clusterprobe.errors import UsageError
    from clusterprobe.handbook import write
    from clusterprobe.own_probes import entries

    try:
        written = write(entries(request), Path(folder))
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    streams.out(f"{len(written)} pages written below {folder}")
    return 0


@app.command("new-probe", rich_help_panel=AUTHORS)
def new_probe(
    probe: Annotated[str, typer.Argument(metavar="AREA/NAME", help="The new probe's id, such as storage/snapshots.")],
    new_area: Annotated[bool, typer.Option("--new-area", help="Let the area be new, too.")] = False,
) -> int:
    """Begin a probe of Clusterprobe itself, in a clone of its repository: probe, unit test, stage and expectation."""
    from clusterprobe.scaffold import checkout, new_probe

    for path in new_probe(checkout(), probe, new_area=new_area):
        streams.out(str(path))
    streams.say(f"write what its test asks for, then `tox -e probe -- {probe}`; CONTRIBUTING.md has the rest")
    return 0


@app.command()
def serve(
    reports: Annotated[str, typer.Option("--reports", help="The folder that holds one folder per run.")] = "reports",
    address: Annotated[str, typer.Option("--address", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535)] = 9464,
) -> int:
    """Serve the kept reports, and the newest run's metrics at /metrics. Only reads, and only the files of runs."""
    import signal

    from clusterprobe.archive_server import server
    from clusterprobe.errors import UsageError

    if not os.path.isdir(reports):  # noqa: PTH112 - which never raises, whatever the name is
        raise UsageError(f"--reports {reports}: there is no such folder")
    try:
        listening = server(Path(reports), address, port)
    except OSError as error:
        raise UsageError(f"--address {address} --port {port}: {error.strerror}") from None
    signal.signal(signal.SIGTERM, _terminated)
    streams.say(f"serving {reports} on http://{address}:{listening.server_address[1]}")
    try:
        listening.serve_forever()
    except KeyboardInterrupt:
        listening.server_close()
    return 0


@app.command()
@takes("profile", "probes", "select", "skip")
def rbac(
    request: Request,
    route: Annotated[str, typer.Option("--route", help="in-cluster (as a pod) or proxy (from outside).")] = "in-cluster",
) -> int:
    """Print the minimal ClusterRole that the probes need, as YAML."""
    from clusterprobe.needed_role import needed_role

    streams.document(needed_role(request, route).removesuffix("\n"))
    return 0


@app.command("version")
def print_version() -> int:
    """Print the version."""
    from clusterprobe import __version__

    streams.out(__version__)
    return 0


# --- running ------------------------------------------------------------------------------------------------------------


def _refuse_beside_bundle(**given: Any) -> None:
    """What speaks of a cluster has no effect on a recording of one: whoever gives it expects something else."""
    from clusterprobe.errors import UsageError

    if odd := [f"--{name}" for name, value in given.items() if value]:
        raise UsageError(f"{odd[0]}: has no effect beside --bundle, which never changes and needs no cluster; leave one of them out")


def _confirm(request: Request, *, yes: bool) -> None:
    """Active probes create objects: the cluster is named, and somebody has to say yes."""
    from clusterprobe.errors import UsageError

    if not request.active:
        if yes:
            raise UsageError("--yes: has no effect without --active, which is all that is asked about; leave it out")
        return
    from clusterprobe.access.connection import connect

    found = connect(request.kubeconfig, request.context)
    text = f"--active creates short-lived pods in the cluster {found.origin.url} (context {found.context}, user {found.user})"
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{text}; cannot ask for confirmation (no terminal): add --yes")
    if not typer.confirm(for_console(f"{text}. Continue?"), err=True):
        raise UsageError("cancelled; nothing was changed")


def _prune(output: str, keep: int) -> None:
    """Remove old reports beside a run's; what cannot be removed is said, and changes no exit status."""
    from clusterprobe.archive import DEFAULT, prune

    try:
        prune(Path(output).parent if output else DEFAULT, keep)
    except OSError as error:
        streams.say(f"--keep {keep}: {error.filename}: {error.strerror}")


def _patience(wait: str | None) -> float:
    """How many seconds to wait for the platform to settle; 0 without --wait."""
    from clusterprobe.errors import UsageError
    from clusterprobe.profile import seconds

    try:
        return 0.0 if wait is None else seconds(wait)
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from None


def _terminated(*_: object) -> None:
    """SIGTERM, which Kubernetes sends, is the same as Ctrl-C."""
    raise KeyboardInterrupt


def main() -> None:
    """The entry point. A user's mistake is one sentence, and so is a crash: never a traceback."""
    streams.open_streams()
    status = _guarded(lambda: app(standalone_mode=False))
    if lost := streams.flushed():
        streams.say(f"standard output cannot be written: {lost.strerror}")
        status = Exit.BROKEN  # whoever reads the status would take it for an answer that was given
    background.end_process(status)


def _guarded(command: Callable[[], Any]) -> int:
    """The exit status of a command, however it ends. Python's own for a crash is 1, which here means findings."""
    from clusterprobe.errors import ClusterprobeError, crashed, debugging

    try:
        status = command() or 0
    except ClusterprobeError as error:
        streams.say(str(error))
        return Exit.USAGE
    except (typer.Abort, KeyboardInterrupt):
        status = TYPER_INTERRUPTED
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show()  # Typer's own usage errors; their status 2 means something else here
            return Exit.USAGE
        if debugging():
            sys.excepthook(type(error), error, error.__traceback__)
        streams.say(crashed(error))
        return Exit.BROKEN
    if status == TYPER_INTERRUPTED:
        streams.say("interrupted")
        return Exit.INCOMPLETE
    return int(status)
