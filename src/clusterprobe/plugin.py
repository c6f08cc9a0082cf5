"""The only module that knows pytest: fixtures from sources, verdicts as outcomes, and which probes run.

It does nothing in a test suite that has no `probe_*.py` files. Nothing touches the cluster before collection is over.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterprobe.catalogue import catalogue, matches, refuse_unknown
from clusterprobe.environments import Environments
from clusterprobe.errors import ClusterprobeError
from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, Severity
from clusterprobe.profile import Profile, fail_level
from clusterprobe.run import Request, Run
from clusterprobe.shipped import shipped
from clusterprobe.sources import all_sources
from clusterprobe.verdict import Verdict, result

RUN: pytest.StashKey[Run] = pytest.StashKey()
VERDICT: pytest.StashKey[Verdict] = pytest.StashKey()
CALLED: pytest.StashKey[bool] = pytest.StashKey()
OBSERVER = "clusterprobe-observer"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("clusterprobe", "live diagnostic probes for a cluster")

    def option(name: str, text: str, **more: Any) -> None:
        group.addoption(f"--clusterprobe-{name}", help=text, **more)

    option("profile", "a profile's name or file", default="default")
    option("kubeconfig", "the kubeconfig to use", default="")
    option("context", "the kubeconfig's context to use", default="")
    option("bundle", "replay this bundle instead of asking a cluster", default="")
    option("select", "only the probes with this id or pattern (again for more)", action="append", default=[])
    option("active", "let active probes create their own short-lived objects", action="store_true")
    option("fail-on", "the severity that fails the run", choices=[*Severity, "never"], default=None)
    option("timeout", "the run's deadline, such as 90s or 5m", default="")
    option("output", "the run's own folder (default: reports/<UTC time>)", default="")
    option("against", "a results.json: only what is new since that run fails this one", default="")
    option("capture", "write a bundle of what was read to this file", default="")


def pytest_configure(config: pytest.Config) -> None:
    # Collection must not fail for want of a cluster, so this only reads options and the profile, and only for probes.
    config.addinivalue_line("markers", "probe: a question about the cluster (set by clusterprobe)")


# --- which probes -----------------------------------------------------------------------------------------------------


def is_probe(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and item.path.name.startswith("probe_")


def probe_id(path: Path) -> str:
    """`probes/sealed_secrets/probe_unsealed.py` is `sealed-secrets/unsealed`."""
    return f"{path.parent.name}/{path.stem.removeprefix('probe_')}".replace("_", "-")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    probes = [item for item in items if is_probe(item)]
    if not probes:
        return
    run = _prepare(config)
    ids = [probe_id(item.path) for item in probes]
    try:
        _refuse_unknown_probes(run, ids)
    except ClusterprobeError as error:
        raise _refusal(config, error) from None
    dropped = [item for item in probes if not _selected(run, probe_id(item.path))]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
    items.sort(key=_judges_the_others)


def _refuse_unknown_probes(run: Run, ids: list[str]) -> None:
    """A misspelt probe would be left out in silence; what the profile names need not be among the files that were asked for."""
    refuse_unknown(run.request.select, ids)
    odd = [(where, one) for where, one in run.profile.named_probes() if not any(matches(each, one) for each in ids)]
    known = [*ids, *(one.id for one in catalogue(shipped("probes")))] if odd else []
    for where, pattern in odd:
        refuse_unknown([pattern], known, where)


def _judges_the_others(item: pytest.Item) -> bool:
    """Whether it asks for what the other probes concluded, so that it has to come after them."""
    return is_probe(item) and "conclusions" in inspect.signature(_function(item)).parameters


def _selected(run: Run, one: str) -> bool:
    if run.request.select:
        return any(matches(one, pattern) for pattern in run.request.select)
    return run.profile.wants(one)


def _prepare(config: pytest.Config) -> Run:
    if RUN not in config.stash:

        def value(name: str) -> Any:
            return config.getoption(f"clusterprobe_{name}")

        request = Request(
            profile=value("profile"),
            kubeconfig=value("kubeconfig"),
            context=value("context"),
            bundle=value("bundle"),
            select=tuple(value("select")),
            active=value("active"),
            fail_on=value("fail_on") or "",
            timeout=value("timeout"),
            output=value("output"),
            capture=value("capture"),
            against=value("against"),
        )
        try:
            config.stash[RUN] = Run(request)
        except ClusterprobeError as error:
            raise _refusal(config, error) from None
    return config.stash[RUN]


def _refusal(config: pytest.Config, error: ClusterprobeError) -> pytest.UsageError:
    """What ends pytest; where somebody watches the run, it is theirs to say why, and pytest says nothing."""
    observer = config.pluginmanager.get_plugin(OBSERVER)
    if observer is None:
        return pytest.UsageError(str(error))
    observer.refused(str(error))
    return pytest.UsageError()


# --- reading ------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Once it is known which probes run, read what they need: the closure of their parameters."""
    probes = [item for item in session.items if is_probe(item)]
    if probes and not session.config.option.collectonly:
        run = _prepare(session.config)
        observer = session.config.pluginmanager.get_plugin(OBSERVER)
        known = all_sources()
        names = {name for item in probes for name in inspect.signature(_function(item)).parameters if name in known}
        try:
            run.begin({probe_id(item.path): _question(item) for item in probes}, sorted(names), observer)
        except ClusterprobeError as error:
            raise _refusal(session.config, error) from None
    return (yield)


def _function(item: pytest.Item) -> Callable[..., Any]:
    function: Callable[..., Any] = item.function  # type: ignore[attr-defined]
    return function


def _question(item: pytest.Item) -> str:
    return (inspect.getdoc(_function(item)) or "").split("\n")[0]


def _reader(name: str) -> Callable[[pytest.FixtureRequest], Any]:
    def read(request: pytest.FixtureRequest) -> Any:
        return request.config.stash[RUN].evidence.get(name)

    read.__doc__ = all_sources()[name].function.__doc__
    return read


for _name in all_sources():  # each source is a fixture of the same name, which only looks up what was read
    globals()[f"_fixture_{_name}"] = pytest.fixture(scope="session", name=_name)(_reader(_name))


@pytest.fixture(scope="session")
def environments(request: pytest.FixtureRequest) -> Environments:
    """Which namespace belongs to which environment."""
    return request.config.stash[RUN].evidence.environments


@pytest.fixture(scope="session")
def clock(request: pytest.FixtureRequest) -> Clock:
    """The moment of the capture, by the API server's clock."""
    return request.config.stash[RUN].evidence.clock


@pytest.fixture(scope="session")
def profile(request: pytest.FixtureRequest) -> Profile:
    """The profile in force."""
    return request.config.stash[RUN].profile


@pytest.fixture
def conclusions(request: pytest.FixtureRequest) -> list[ProbeResult]:
    """What the probes of this run concluded so far; a probe that asks for it runs after the others."""
    return list(request.config.stash[RUN].results.values())


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """Where a probe says what it saw."""
    found = Verdict(request.config.stash[RUN].evidence.environments.of)
    request.node.stash[VERDICT] = found
    return found


# --- verdicts as outcomes -------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a probe, grade what it said, and turn that into pytest's outcome once."""
    if not is_probe(pyfuncitem):
        return None
    run = pyfuncitem.config.stash[RUN]
    pyfuncitem.stash[CALLED] = True
    one = _judge(pyfuncitem, run, pyfuncitem.funcargs, pyfuncitem.stash.get(VERDICT, Verdict()))
    _conclude(pyfuncitem, run, one)
    return True


def _judge(item: pytest.Item, run: Run, values: Mapping[str, Any], verdict: Verdict) -> ProbeResult:
    parameters, crash = inspect.signature(_function(item)).parameters, ""
    if "environments" in parameters:  # a label that was not seen may say that a namespace belongs elsewhere
        verdict.need(run.evidence.unplaced)
    try:
        _function(item)(**{name: values[name] for name in parameters})
    except Exception as error:  # a probe's bug is its own verdict, and ends no other probe
        crash = _crash(error)
    return result(
        probe_id(item.path),
        _question(item),
        verdict,
        level=fail_level(run.fail_on),
        crash=crash,
        known=functools.partial(_is_known, run.profile, probe_id(item.path)),
    )


def _crash(error: Exception) -> str:
    """Where our code broke; never the values, which may be anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}: {error}"


def _is_known(profile: Profile, probe: str, finding: Finding) -> bool:
    import fnmatch

    return any(
        matches(probe, one.probe)
        and fnmatch.fnmatchcase(finding.reason, one.reason)
        and fnmatch.fnmatchcase(str(finding.subject), one.subject)
        for one in profile.known
    )


def _conclude(item: pytest.Item, run: Run, one: ProbeResult) -> None:
    run.conclude(one)
    item.user_properties += [("verdict", str(one.verdict)), ("examined", str(one.examined)), ("reason", run.safe(one.reason))]
    match one.verdict:
        case ProbeVerdict.FINDINGS if run.fails(one):
            lines = [f"{finding.severity}: {finding.subject}: {finding.problem} {finding.cause}" for finding in one.findings]
            pytest.fail(run.safe("\n".join(lines)), pytrace=False)
        case ProbeVerdict.BROKEN:
            pytest.fail(run.safe(f"broken: {one.reason}"), pytrace=False)
        case ProbeVerdict.INCONCLUSIVE:
            pytest.fail(run.safe(f"could not check: {one.reason}"), pytrace=False)
        case ProbeVerdict.NOT_APPLICABLE:
            pytest.skip(run.safe(one.reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A probe whose parameters cannot be had (a misspelt source) is broken, and says so like any other."""
    report = yield
    if is_probe(item) and call.when == "setup" and report.failed and RUN in item.config.stash:
        run = item.config.stash[RUN]
        text = str(report.longrepr).strip().splitlines()
        why = next((line for line in text if line.lstrip("E ").startswith("fixture ")), text[-1] if text else "setup failed")
        broken = ProbeResult(
            id=probe_id(item.path), question=_question(item), verdict=ProbeVerdict.BROKEN, reason=run.safe(why.lstrip("E "))
        )
        run.conclude(broken)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write every output, whatever happened: an interrupted run says that it was."""
    run = session.config.stash.get(RUN, None)
    if run is None or not run.begun:
        return
    interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
    if interrupted:
        run.evidence.stop()
        for item in session.items:
            if is_probe(item) and not item.stash.get(CALLED, False):
                _judge_what_was_read(item, run)
    run.finish(interrupted=interrupted)


def _judge_what_was_read(item: pytest.Item, run: Run) -> None:
    """An interrupted run still says what it has seen, such as the timings of canaries that it has just cleaned up."""
    verdict = Verdict(run.evidence.environments.of)
    given = {
        "verdict": verdict,
        "environments": run.evidence.environments,
        "clock": run.evidence.clock,
        "profile": run.profile,
        "conclusions": list(run.results.values()),
    }
    names = inspect.signature(_function(item)).parameters
    read = {name: run.evidence.get(name) for name in names if name in all_sources()}
    run.conclude(_judge(item, run, {**read, **given}, verdict))
