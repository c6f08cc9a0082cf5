"""The only module that knows pytest: fixtures from sources, verdicts as outcomes, and which probes run.

It does nothing in a test suite that has no `probe_*.py` files. Nothing touches the cluster before collection is over.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from clusterprobe.catalogue import catalogue, declared, kinds, matches, probe_id, refuse_unknown, refuse_unknown_code
from clusterprobe.environments import Environments
from clusterprobe.errors import ClusterprobeError, UsageError
from clusterprobe.evidence import Clock
from clusterprobe.findings import kinds_of
from clusterprobe.judging import Probe, arguments, judge
from clusterprobe.model import ProbeResult, ProbeVerdict
from clusterprobe.profile import Profile, fail_level
from clusterprobe.request import Request, Requested, options
from clusterprobe.run import Run
from clusterprobe.shipped import shipped
from clusterprobe.sources import all_sources
from clusterprobe.systems.confirmations import Confirmations
from clusterprobe.verdict import Verdict

RUN: pytest.StashKey[Run] = pytest.StashKey()
CALLED: pytest.StashKey[bool] = pytest.StashKey()
OBSERVER = "clusterprobe-observer"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("clusterprobe", "live diagnostic probes for a cluster")

    for one in options():
        more: dict[str, Any] = {"action": "store_true"} if one.kind is bool else {"action": "append" if one.repeated else "store"}
        group.addoption(f"--clusterprobe-{one.flag}", help=one.help, default=[] if one.repeated else one.default, **more)


def pytest_configure(config: pytest.Config) -> None:
    # Collection must not fail for want of a cluster, so this only reads options and the profile, and only for probes.
    config.addinivalue_line("markers", "probe: a question about the cluster (set by clusterprobe)")


# --- which probes -----------------------------------------------------------------------------------------------------


def is_probe(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and item.path.name.startswith("probe_")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """A user's own probes are collected like those that are named, and their own sources can be asked for."""
    request = _request(session.config)
    if not request.probes and request.profile == Request.profile:
        return
    own = _prepare(session.config).own
    session.config.args += [str(path) for path in own.probes]
    names = {module.__name__ for module in own.modules.values()}
    fixtures = ModuleType("clusterprobe-own-sources")
    for name, one in all_sources().items():
        if one.function.__module__ in names:
            setattr(fixtures, name, pytest.fixture(scope="session", name=name)(_reader(name)))
    session.config.pluginmanager.register(fixtures)


class ProbeModule(pytest.Module):
    """A file of probes. pytest asks for its module once for each name in it, and imports it each time; this one keeps it."""

    _kept: ModuleType | None = None

    def _getobj(self) -> ModuleType:
        self._kept = self._kept or self._loaded()
        return self._kept

    def _loaded(self) -> ModuleType:
        return cast("ModuleType", super()._getobj())  # type: ignore[no-untyped-call]


class OwnModule(ProbeModule):
    """A file of the user's own, which was loaded with the modules beside it."""

    def _loaded(self) -> ModuleType:
        return self.config.stash[RUN].own.modules[self.path]


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if not module_path.name.startswith("probe_"):
        return None
    run = parent.config.stash.get(RUN, None)
    kind = OwnModule if run is not None and module_path in run.own.modules else ProbeModule
    return kind.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    probes = [item for item in items if is_probe(item)]
    if not probes and RUN not in config.stash:
        return
    run = _prepare(config)
    ids = [*(probe_id(item.path) for item in probes), *run.own.broken]
    try:
        _refuse_doubles(probes)
        _refuse_unknown_probes(run, ids)
        _refuse_unknown_codes(run, probes)
    except ClusterprobeError as error:
        raise _refusal(config, error) from None
    for item in probes:
        for kind in kinds_of(_function(item)):
            run.reporting.setdefault(kind.code, []).append(probe_id(item.path))
    dropped = [item for item in probes if not _selected(run, probe_id(item.path))]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
    items.sort(key=_judges_the_others)


def _refuse_doubles(probes: list[pytest.Item]) -> None:
    """Of two probes with one id, only the last would be reported, whatever the first one found."""
    places: dict[str, str] = {}
    for item in probes:
        file, line, name = item.location
        place = f"{name} in {file}:{(line or 0) + 1}"
        first = places.setdefault(probe_id(item.path), place)
        if first != place:
            raise UsageError(f"two probes have the id {probe_id(item.path)}: {first}, and {place}; give each a file of its own")


def _refuse_unknown_probes(run: Run, ids: list[str]) -> None:
    """A misspelt probe would be left out in silence; what the profile names need not be among the files that were asked for."""
    refuse_unknown((*run.request.select, *run.request.skip), ids)
    odd = [(where, one) for where, one in run.profile.named_probes() if not any(matches(each, one) for each in ids)]
    known = [*ids, *(one.id for one in catalogue(shipped("probes")))] if odd else []
    for where, pattern in odd:
        refuse_unknown([pattern], known, where)


def _refuse_unknown_codes(run: Run, probes: list[pytest.Item]) -> None:
    """A misspelt code would accept nothing, in silence, or what it should not."""
    written = list(run.profile.named_codes())
    known = {one.id: kinds(one.path) for one in catalogue(shipped("probes"))} if written else {}
    known |= {probe_id(item.path): kinds_of(_function(item)) for item in probes}
    written = [one for one in written if not any(matches(each, one[1]) for each in run.own.broken)]  # whose codes nobody knows
    for where, probe, code in written:
        refuse_unknown_code(code, [kind.code for one, found in known.items() if matches(one, probe) for kind in found], probe, where)


def _judges_the_others(item: pytest.Item) -> bool:
    """Whether it asks for what the other probes concluded, so that it has to come after them."""
    return is_probe(item) and "conclusions" in inspect.signature(_function(item)).parameters


def _selected(run: Run, one: str) -> bool:
    select, skip = run.request.select, run.request.skip
    chosen = any(matches(one, pattern) for pattern in select) if select else run.profile.wants(one)
    return chosen and not any(matches(one, pattern) for pattern in skip)


def _prepare(config: pytest.Config) -> Run:
    if RUN not in config.stash:
        request = _request(config)
        try:
            config.stash[RUN] = Run(request)
        except ClusterprobeError as error:
            raise _refusal(config, error) from None
    return config.stash[RUN]


def _request(config: pytest.Config) -> Request:
    """What our own command line hands over, else what pytest's options say."""
    handed = [one.request for one in config.pluginmanager.get_plugins() if isinstance(one, Requested)]
    try:
        return handed[0] if handed else Request.of({one.name: config.getoption(f"clusterprobe_{one.name}") for one in options()})
    except ClusterprobeError as error:
        raise _refusal(config, error) from None


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
    run = session.config.stash.get(RUN, None)
    broken = {one: why for one, why in run.own.broken.items() if _selected(run, one)} if run is not None else {}
    if run is not None and (probes or broken) and not session.config.option.collectonly:
        observer = session.config.pluginmanager.get_plugin(OBSERVER)
        known = all_sources()
        names = {name for item in probes for name in inspect.signature(_function(item)).parameters if name in known}
        try:
            run.begin({probe_id(item.path): _question(item) for item in probes}, sorted(names), observer)
        except ClusterprobeError as error:
            raise _refusal(session.config, error) from None
        for one, why in broken.items():
            run.conclude(ProbeResult(id=one, question="", verdict=ProbeVerdict.BROKEN, reason=run.safe(why)))
    return (yield)


def _function(item: pytest.Item) -> Callable[..., Any]:
    function: Callable[..., Any] = item.function  # type: ignore[attr-defined]
    return function


def _question(item: pytest.Item) -> str:
    return (inspect.getdoc(_function(item)) or "").split("\n")[0]


def _probe(item: pytest.Item) -> Probe:
    return Probe(probe_id(item.path), _question(item), _function(item))


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
def confirmations(request: pytest.FixtureRequest) -> Confirmations:
    """What the systems of this run said of themselves, as far as its probes asked them."""
    return request.config.stash[RUN].evidence.confirmations


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """Where a probe says what it saw."""
    return Verdict(request.config.stash[RUN].evidence.environments.of, declared(request.function))


# --- verdicts as outcomes -------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a probe, grade what it said, and turn that into pytest's outcome once."""
    if not is_probe(pyfuncitem):
        return None
    pyfuncitem.stash[CALLED] = True
    _conclude(pyfuncitem, _judge(pyfuncitem, pyfuncitem.funcargs))
    return True


def _judge(item: pytest.Item, values: Mapping[str, Any] | None = None) -> ProbeResult:
    """A probe's result on these values, by parameter, or else on what was read."""
    run, probe = item.config.stash[RUN], _probe(item)
    given = values if values is not None else arguments(probe, run.evidence, run.results.values())

    return judge(probe, run.evidence, given, level=fail_level(run.fail_on), known=lambda finding: run.accepts(probe.id, finding))


def _conclude(item: pytest.Item, one: ProbeResult) -> None:
    run = item.config.stash[RUN]
    run.conclude(one)
    if one.id in run.unrecorded:
        pytest.skip(run.safe(f"not run: {one.reason}"))
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
            id=probe_id(item.path),
            question=_question(item),
            verdict=ProbeVerdict.BROKEN,
            reason=run.safe("; ".join(filter(None, (why.lstrip("E "), run.own.beside(item.path))))),
        )
        run.conclude(broken)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write every output, whatever happened: an interrupted run says that it was."""
    run = session.config.stash.get(RUN, None)
    if run is None or not run.begun:
        return
    interrupted = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    if interrupted:
        run.evidence.stop()
        for item in session.items:
            if is_probe(item) and not item.stash.get(CALLED, False):
                run.conclude(_judge(item))  # what was read counts, such as timings of pods that it has just cleaned up
    run.finish(interrupted=interrupted)
