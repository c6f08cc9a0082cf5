"""The command line. Heavy imports are inside the commands, so that `--help` is quick."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from clusterprobe.progress import Progress

USAGE = 4
TYPER_INTERRUPTED = 130  # what Typer makes of Ctrl-C; ours is 2
PAUSE_SECONDS = 10
PACKAGE = Path(__file__).parent

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Live diagnostic probes for a monitoring and ML platform on Kubernetes: what is wrong, why, and how to fix it.",
    epilog="Exit status: 0 healthy, 1 findings, 2 incomplete, 3 a probe broke, 4 bad usage, 5 nothing selected.",
)

ProfileOption = Annotated[str, typer.Option("--profile", help="A profile's name (default, dev, prod, smoke, …) or a YAML file.")]
KubeconfigOption = Annotated[str, typer.Option("--kubeconfig", help="The kubeconfig; else KUBECONFIG, the pod's own, ~/.kube/config.")]
ContextOption = Annotated[str, typer.Option("--context", help="The kubeconfig's context.")]
SelectOption = Annotated[list[str] | None, typer.Option("--select", help="Only this probe, area or pattern; may be repeated.")]
ActiveOption = Annotated[bool, typer.Option("--active", help="Let probes create short-lived objects of their own, and time them.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before --active.")]
FailOnOption = Annotated[str, typer.Option("--fail-on", help="info, warning, error, critical or never.  [default: the profile's]")]
TimeoutOption = Annotated[str, typer.Option("--timeout", help="The run's deadline, such as 90s or 5m.  [default: the profile's]")]
OutputOption = Annotated[str, typer.Option("--output", help="The run's own folder.  [default: reports/<UTC time>]")]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from clusterprobe import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.command()
def run(
    profile: ProfileOption = "default",
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    bundle: Annotated[str, typer.Option("--bundle", help="Replay this bundle instead of asking a cluster.")] = "",
    select: SelectOption = None,
    active: ActiveOption = False,
    yes: YesOption = False,
    fail_on: FailOnOption = "",
    timeout: TimeoutOption = "",
    output: OutputOption = "",
    wait: Annotated[str, typer.Option("--wait", help="Run again until the platform has settled, at most this long, such as 10m.")] = "",
    against: Annotated[str, typer.Option("--against", help="A results.json: only what is new since that run fails this one.")] = "",
    keep: Annotated[int, typer.Option("--keep", min=0, help="Keep the reports of the last N runs, remove older ones; 0 keeps all.")] = 0,
) -> int:
    """Probe the cluster and write the health report."""
    patience = _patience(wait, bundle)
    if active and not bundle:
        _confirm(kubeconfig, context, yes=yes)
    options = _options(profile, kubeconfig, context, select, fail_on, timeout, output)
    more = [*_flag("bundle", bundle), *_flag("against", against), *(["--clusterprobe-active"] if active else [])]
    status = _probe([*options, *more], patience)
    if keep:
        _prune(Path(output).parent if output else _archive(), keep)
    return status


@app.command()
def demo(select: SelectOption = None, fail_on: FailOnOption = "", output: OutputOption = "") -> int:
    """The same, on a bundle captured from a cluster with incidents staged on it. Needs no cluster."""
    from clusterprobe.shipped import shipped

    bundle = shipped("demo") / "demo.zip"
    return _probe([*_options("default", "", "", select, fail_on, "", output), *_flag("bundle", str(bundle))])


@app.command()
def capture(
    file: Annotated[str, typer.Argument(help="Where to write the bundle, such as evidence.zip.")],
    profile: ProfileOption = "default",
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    select: SelectOption = None,
    active: ActiveOption = False,
    yes: YesOption = False,
    timeout: TimeoutOption = "",
    output: OutputOption = "",
) -> int:
    """Probe the cluster, and also write what was read, redacted, as a bundle to replay with `run --bundle`."""
    if active:
        _confirm(kubeconfig, context, yes=yes)
    options = _options(profile, kubeconfig, context, select, "never", timeout, output)
    return _probe([*options, *_flag("capture", file), *(["--clusterprobe-active"] if active else [])])


@app.command("list")
def list_probes(select: SelectOption = None) -> int:
    """Every probe, with its question and what it needs."""
    from clusterprobe.catalogue import catalogue, chosen
    from clusterprobe.handbook import needs
    from clusterprobe.shipped import shipped

    entries = chosen(catalogue(shipped("probes")), select or [])
    width = max(len(one.id) for one in entries)
    for one in entries:
        typer.echo(f"{one.id:<{width}}  {one.question}")
        typer.echo(f"{'':<{width}}  needs {needs(one).brief()}")
    return 0


@app.command()
def explain(probe: Annotated[str, typer.Argument(help="A probe's id, such as prometheus/cross-scrape.")]) -> int:
    """What a probe asks, why it matters, how to fix and prevent what it finds, and what it needs to read."""
    from clusterprobe.catalogue import catalogue, explanation, find
    from clusterprobe.handbook import needs
    from clusterprobe.shipped import shipped

    entry = find(catalogue(shipped("probes")), probe)
    wanted = needs(entry)
    outside = [f"{one}  (from outside)" for one in wanted.from_outside]
    active = [f"{one}  (with --active)" for one in wanted.active]
    reads = [one.replace("`", "", 2) for one in wanted.reads]
    typer.echo(explanation(entry, [("Reads", reads), ("Needs the permissions", [*wanted.permissions, *outside, *active])]))
    return 0


@app.command()
def checklist() -> int:
    """The GitOps review checklist: what prevents each incident, to go through when the platform's repository changes."""
    from clusterprobe.catalogue import catalogue
    from clusterprobe.handbook import checklist as of
    from clusterprobe.shipped import shipped

    typer.echo(of(catalogue(shipped("probes"))), nl=False)
    return 0


@app.command()
def docs(folder: Annotated[str, typer.Argument(help="Where to write, such as docs.")]) -> int:
    """Write a page for each probe, their index, and the GitOps review checklist, as Markdown."""
    from clusterprobe.catalogue import catalogue
    from clusterprobe.errors import UsageError
    from clusterprobe.handbook import write
    from clusterprobe.shipped import shipped

    try:
        written = write(catalogue(shipped("probes")), Path(folder))
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    typer.echo(f"{len(written)} pages written below {folder}")
    return 0


@app.command()
def serve(
    reports: Annotated[str, typer.Option("--reports", help="The folder that holds one folder a run.")] = "reports",
    address: Annotated[str, typer.Option("--address", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535)] = 9464,
) -> int:
    """Serve the kept reports, and the newest run's metrics at /metrics. Only reads, and only the files of runs."""
    from clusterprobe.archive_server import server
    from clusterprobe.errors import UsageError

    if not Path(reports).is_dir():
        raise UsageError(f"--reports {reports}: there is no such folder")
    try:
        listening = server(Path(reports), address, port)
    except OSError as error:
        raise UsageError(f"--address {address} --port {port}: {error.strerror}") from None
    signal.signal(signal.SIGTERM, _terminated)
    typer.echo(f"clusterprobe: serving {reports} on http://{address}:{listening.server_address[1]}", err=True)
    try:
        listening.serve_forever()
    except KeyboardInterrupt:
        listening.server_close()
    return 0


@app.command()
def rbac(
    route: Annotated[str, typer.Option("--route", help="in-cluster (as a pod) or proxy (from outside).")] = "in-cluster",
    select: SelectOption = None,
) -> int:
    """The least ClusterRole that the probes need, as YAML."""
    import yaml

    from clusterprobe.catalogue import catalogue, chosen
    from clusterprobe.errors import UsageError
    from clusterprobe.permissions import cluster_role, rules
    from clusterprobe.shipped import shipped
    from clusterprobe.sources import all_sources, closure

    if route not in ("in-cluster", "proxy"):
        raise UsageError(f"--route {route}: expected in-cluster or proxy")
    entries = chosen(catalogue(shipped("probes")), select or [])
    names = sorted({name for one in entries for name in one.parameters if name in all_sources()})
    typer.echo(yaml.safe_dump(cluster_role(rules(closure(["identity", "namespaces", *names]), route)), sort_keys=False), nl=False)
    return 0


# --- running ------------------------------------------------------------------------------------------------------------


def _flag(name: str, value: str) -> list[str]:
    return [f"--clusterprobe-{name}={value}"] if value else []


def _options(profile: str, kubeconfig: str, context: str, select: list[str] | None, fail_on: str, timeout: str, output: str) -> list[str]:
    if fail_on and fail_on not in ("info", "warning", "error", "critical", "never"):
        from clusterprobe.errors import UsageError

        raise UsageError(f"--fail-on {fail_on}: expected one of info, warning, error, critical, never")
    named = {"profile": profile, "kubeconfig": kubeconfig, "context": context, "fail-on": fail_on, "timeout": timeout, "output": output}
    return [flag for name, value in named.items() for flag in _flag(name, value)] + [
        flag for one in select or [] for flag in _flag("select", one)
    ]


def _confirm(kubeconfig: str, context: str, *, yes: bool) -> None:
    """Active probes create objects: the cluster is named, and somebody has to say yes."""
    from clusterprobe.access.connection import connect
    from clusterprobe.errors import UsageError

    found = connect(kubeconfig, context)
    text = f"--active creates short-lived pods in the cluster {found.origin.url} (context {found.context}, user {found.user})"
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{text}; nobody is there to confirm it: add --yes")
    if not typer.confirm(f"{text}. Go on?", err=True):
        raise UsageError("not confirmed, so nothing was done")


def _archive() -> Path:
    from clusterprobe.run import default_folder

    return default_folder().parent


def _prune(archive: Path, keep: int) -> None:
    """Remove old reports; what cannot be removed is said, and changes no exit status."""
    from clusterprobe.archive import prune

    try:
        prune(archive, keep)
    except OSError as error:
        typer.echo(f"clusterprobe: --keep {keep}: {error.filename}: {error.strerror}", err=True)


def _patience(wait: str, bundle: str) -> float:
    """How many seconds to wait for the platform to settle; 0 without --wait."""
    from clusterprobe.errors import UsageError
    from clusterprobe.profile import seconds

    if wait and bundle:
        raise UsageError("--wait: a bundle never changes, so there is nothing to wait for")
    try:
        return seconds(wait) if wait else 0.0
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from None


def _probe(options: list[str], patience: float = 0.0) -> int:
    """Run the packaged probes, again and again while what fails may settle and patience lasts; the last answer is shown."""
    import time

    from clusterprobe.run import default_folder
    from clusterprobe.settling import Answer, judge

    if not any(one.startswith("--clusterprobe-output=") for one in options):
        options = [*options, f"--clusterprobe-output={default_folder()}"]
    signal.signal(signal.SIGTERM, _terminated)
    deadline = time.monotonic() + patience
    while True:
        status, progress = _run_once(options)
        if patience and progress.result is not None:
            found = judge(progress.result)
            left = deadline - time.monotonic()
            if found.answer is Answer.WAIT and left > PAUSE_SECONDS:
                progress.say(f"not settled: {found.why}; again in {PAUSE_SECONDS} s, for at most {left:.0f} s more")
                signal.signal(signal.SIGTERM, _terminated)  # while a run ends, it is ignored
                time.sleep(PAUSE_SECONDS)
                continue
            progress.say(
                {Answer.WAIT: f"did not settle in time: {found.why}", Answer.SETTLED: "settled"}.get(
                    found.answer, f"will not settle by itself: {found.why}"
                )
            )
        progress.show()
        return status


def _run_once(options: list[str]) -> tuple[int, Progress]:
    """Run pytest on the packaged probes, undisturbed by the caller's configuration, and map its result."""
    import pytest

    from clusterprobe.archive import PYTEST_LOG, check_folder, remove
    from clusterprobe.progress import Progress
    from clusterprobe.shipped import shipped

    probes = shipped("probes")
    folder = Path(next(one.partition("=")[2] for one in options if one.startswith("--clusterprobe-output=")))
    made = check_folder("--output", folder)
    os.environ.pop("PYTEST_ADDOPTS", None)  # survives -c
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    progress = Progress()
    arguments = [
        f"--config-file={PACKAGE / 'pytest.ini'}",
        f"--rootdir={probes.parent}",
        "--import-mode=importlib",
        *("-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler"),
        *("-p", "clusterprobe.plugin", "-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin"),
        f"--html={folder / PYTEST_LOG}",
        "--self-contained-html",
        *options,
        str(probes),
    ]
    status = pytest.main(arguments, plugins=[progress])
    if progress.result is not None:
        return progress.result.run.exit_status, progress
    remove(folder, made)
    return _without_result(int(status), progress), progress


def _without_result(status: int, progress: Any) -> int:
    """The exit status of a run that never began."""
    import pytest

    if status == pytest.ExitCode.USAGE_ERROR:
        return USAGE
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        typer.echo("clusterprobe: no probe is selected", err=True)
        return 5
    if status == pytest.ExitCode.INTERRUPTED and not progress.collection_errors:
        typer.echo("clusterprobe: interrupted", err=True)
        return 2
    for one in progress.collection_errors:
        typer.echo(f"clusterprobe: {one}", err=True)
    return 3


def _terminated(*_: object) -> None:
    """SIGTERM, which Kubernetes sends, becomes the same orderly stop as Ctrl-C: pytest runs no finalizers on it."""
    raise KeyboardInterrupt


def main() -> None:
    """The entry point. A user's mistake is one sentence, never a traceback."""
    from clusterprobe.errors import ClusterprobeError

    try:
        status = app(standalone_mode=False)
    except ClusterprobeError as error:
        typer.echo(f"clusterprobe: {error}", err=True)
        status = USAGE
    except typer.Abort:
        typer.echo("clusterprobe: interrupted", err=True)
        status = USAGE
    except Exception as error:
        if not hasattr(error, "show") or not hasattr(error, "exit_code"):
            raise
        error.show()  # Typer's own usage errors; their status 2 means something else here
        status = USAGE
    if status == TYPER_INTERRUPTED:
        typer.echo("clusterprobe: interrupted", err=True)
        status = 2
    _let_go_of_output()
    sys.exit(status or 0)


def _let_go_of_output() -> None:
    """Flush what is printed: Python would end with 120 if the reader (`| head`) has left before the interpreter does it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
