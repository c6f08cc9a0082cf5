"""An active run that is killed at any of its API calls: nothing of ours is left, and nothing else was touched."""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver import ApiServer
from tests.processes import Processes

AT_ONCE = 6
IN_TIME_SECONDS = 60  # what a stop may take; mostly it is a second, and on a machine with much else to do many
PLACE = "/api/v1/namespaces/clusterprobe-active"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
LOGS = [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}]
KUBECONFIG = """
current-context: lab
contexts: [{{name: lab, context: {{cluster: lab, user: tester}}}}]
clusters: [{{name: lab, cluster: {{server: "{url}"}}}}]
users: [{{name: tester, user: {{token: a-token}}}}]
"""


@contextmanager
def platform(*, namespace_is_there: bool) -> Iterator[ApiServer]:
    """A cluster with a worker, and on it a pod that mounts an NFS export. A pod that does so takes a moment to go."""
    server = ApiServer()
    server.state.hang_seconds = lambda pod: 0.3 if pod["spec"].get("volumes") else 0.05
    for name in ("kube-system", "fastapi-dev"):
        server.put(f"/api/v1/namespaces/{name}")
    server.put("/api/v1/nodes/worker1", status=READY)
    server.put("/api/v1/persistentvolumes/pv-logs", spec={"nfs": {"server": "nas", "path": "/logs"}})
    server.put("/api/v1/namespaces/fastapi-dev/persistentvolumeclaims/logs", spec={"volumeName": "pv-logs"})
    running = {"nodeName": "worker1", "containers": [{"name": "api"}], "volumes": LOGS}
    server.put("/api/v1/namespaces/fastapi-dev/pods/api", spec=running, status={"phase": "Running"})
    helm = {"app.kubernetes.io/managed-by": "Helm"}
    server.put("/api/v1/persistentvolumes/theirs", labels=helm, spec={"nfs": {"server": "nas", "path": "/theirs"}})
    if namespace_is_there:
        server.put(PLACE, labels=helm)
        server.put(f"{PLACE}/pods/theirs", labels=helm, spec={"containers": [{"name": "theirs"}]}, status={"phase": "Running"})
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Runs:
    """Runs of the command line against one server, in a folder."""

    def __init__(self, server: ApiServer, processes: Processes, folder: Path) -> None:
        self._server, self._processes, self._folder = server, processes, folder
        folder.mkdir(parents=True)
        self._config = folder / "kubeconfig"
        self._config.write_text(KUBECONFIG.format(url=server.url))

    def start(self, name: str) -> int:
        options = ["run", "--active", "--yes", "--select", "pods/termination", "--kubeconfig", self._config]
        return self._processes.start(self._folder / f"{name}.txt", *options, "--output", self._folder / name)

    def finish(self, name: str) -> tuple[int, dict[str, Any]]:
        """The exit status and the results."""
        status, file = self._processes.wait(), self._folder / name / "results.json"
        said = (self._folder / f"{name}.txt").read_text()
        assert "Traceback" not in said, said
        return status, json.loads(file.read_text()) if file.is_file() else {}


class Killer:
    """Sends a signal at one request: `before` it is obeyed (its answer gets lost), or right `after` it was answered."""

    def __init__(self, server: ApiServer, number: int, moment: str, sent: signal.Signals) -> None:
        self._number, self._sent = number, sent
        self.struck, self.pid, self._known = False, 0, threading.Event()
        setattr(server.state, moment, self._strike)

    def aim(self, pid: int) -> None:
        self.pid = pid
        self._known.set()

    def _strike(self, number: int) -> None:
        if number != self._number or self.struck:
            return
        self._known.wait()
        self.struck = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, self._sent)
        until = time.monotonic() + (10 if self._sent is signal.SIGKILL else 0.05)
        while Path(f"/proc/{self.pid}").exists() and time.monotonic() < until:
            time.sleep(0.01)


def disarm(server: ApiServer) -> None:
    server.state.before = server.state.after = lambda number: None


def undisturbed(processes: Processes, folder: Path, *, namespace_is_there: bool) -> list[tuple[str, str]]:
    """The requests of a run that nobody disturbs; the platform is as before afterwards."""
    with platform(namespace_is_there=namespace_is_there) as server:
        others, runs = server.state.versions(), Runs(server, processes, folder)
        runs.start("whole")
        status, results = runs.finish("whole")
        assert status == 0, results
        assert server.state.versions() == others
        return server.state.requests


@pytest.mark.parametrize(
    ("moment", "there"),
    [("before", False), ("after", False), ("after", True)],
    ids=["before-it-is-obeyed", "after-its-answer", "after-its-answer-in-a-namespace-of-theirs"],
)
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL], ids=lambda one: one.name)
def test_killed_at_any_call_nothing_of_ours_is_left_and_nothing_else_touched(
    sent: signal.Signals, moment: str, there: bool, tmp_path: Path
) -> None:
    idle: queue.SimpleQueue[Processes] = queue.SimpleQueue()

    def kill(number: int) -> str:
        processes = idle.get()
        try:
            return _kill(processes, tmp_path / str(number), number, moment, sent, there=there)
        finally:
            idle.put(processes)

    with ThreadPoolExecutor(AT_ONCE) as pool, _several(idle) as first:
        calls = len(undisturbed(first, tmp_path / "whole", namespace_is_there=there))
        idle.put(first)
        assert calls > 30
        troubles = [trouble for trouble in pool.map(kill, range(1, calls + 1)) if trouble]
    assert not troubles, "\n".join(troubles)


@contextmanager
def _several(idle: queue.SimpleQueue[Processes]) -> Iterator[Processes]:
    all_of_them = [Processes().__enter__() for _ in range(AT_ONCE)]
    try:
        for one in all_of_them[1:]:
            idle.put(one)
        yield all_of_them[0]
    finally:
        for one in all_of_them:
            one.__exit__()


def _kill(processes: Processes, folder: Path, number: int, moment: str, sent: signal.Signals, *, there: bool) -> str:
    """What was wrong after a run was killed at that request, and after the next one."""
    with platform(namespace_is_there=there) as server:
        others, runs, killer = server.state.versions(), Runs(server, processes, folder), Killer(server, number, moment, sent)
        killer.aim(runs.start("killed"))
        begun = time.monotonic()
        status, results = runs.finish("killed")
        took = time.monotonic() - begun
        disarm(server)
        where = f"{sent.name} {moment} request {number}, {server.state.requests[min(number, len(server.state.requests)) - 1]}"
        if took > IN_TIME_SECONDS:
            return f"{where}: it took {took:.0f} s"
        if sent is signal.SIGTERM:
            if not results or (not results["run"]["interrupted"] and status != 0):
                return f"{where}: the report does not say so (status {status})"
            return "" if server.state.versions() == others else f"{where}: {sorted(server.state.versions().items() ^ others.items())}"
        server.state.ahead_seconds += 60  # long enough for the lease of the dead to expire
        runs.start("next")
        status, results = runs.finish("next")
        if status != 0:
            return f"{where}: the next run ended with {status}: {[one['reason'] for one in results.get('probes', [])]}"
        return "" if server.state.versions() == others else f"{where}: {sorted(server.state.versions().items() ^ others.items())}"


def test_killed_while_it_cleans_up_after_sigterm_the_next_run_leaves_nothing(tmp_path: Path) -> None:
    """As Kubernetes does when a grace period is over. The last pod of ours mounts an export then, and is running."""
    with Processes() as processes:
        whole = undisturbed(processes, tmp_path / "whole", namespace_is_there=False)
        mounted = len(whole) - whole[::-1].index(("GET", f"{PLACE}/pods"))  # the watch of the pod that mounts
        for later in range(1, 11):
            with platform(namespace_is_there=False) as server:
                others, runs = server.state.versions(), Runs(server, processes, tmp_path / str(later))
                first = Killer(server, mounted, "after", signal.SIGTERM)
                second = Killer(server, mounted + later, "before", signal.SIGKILL)
                pid = runs.start("killed")
                first.aim(pid)
                second.aim(pid)
                status, _ = runs.finish("killed")
                assert status == (-signal.SIGKILL if second.struck else 2)
                disarm(server)
                server.state.ahead_seconds += 60
                runs.start("next")
                assert runs.finish("next")[0] == 0
                assert server.state.versions() == others, f"{later} requests after SIGTERM"


@pytest.mark.parametrize(
    "order",
    [
        (signal.SIGTERM, signal.SIGINT),
        (signal.SIGINT, signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGHUP, signal.SIGTERM, signal.SIGINT),
        (signal.SIGHUP,),
    ],
    ids=lambda order: "-".join(one.name.removeprefix("SIG") for one in order),
)
def test_no_later_signal_breaks_off_the_clean_up(order: tuple[signal.Signals, ...], tmp_path: Path) -> None:
    """The first comes while pods of ours run; the others at once, and again at each request of the clean-up."""
    with Processes() as processes:
        whole = undisturbed(processes, tmp_path / "whole", namespace_is_there=False)
        mounted = len(whole) - whole[::-1].index(("GET", f"{PLACE}/pods"))
        with platform(namespace_is_there=False) as server:
            others, runs = server.state.versions(), Runs(server, processes, tmp_path / "killed")
            started = threading.Event()
            pids: list[int] = []

            def strike(number: int) -> None:
                started.wait()
                if number >= mounted:
                    for one in order if number == mounted else order[1:]:
                        with suppress(ProcessLookupError):
                            os.kill(pids[0], one)

            server.state.after = strike
            pids.append(runs.start("killed"))
            started.set()
            status, results = runs.finish("killed")
            assert (status, results["run"]["interrupted"]) == (2, True)
            assert server.state.versions() == others
