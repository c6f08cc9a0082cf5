"""An object store (S3, GCS, Azure, a folder) that keeps one folder a run: `cluster=<uid>/day=<date>/<run>/`.

results.json is written last: where it is, the run is whole. Credentials are those that obstore finds: the environment's, the pod's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from clusterprobe.access.deadline import Deadline, call_within, in_parallel
from clusterprobe.archive import RESULTS
from clusterprobe.decoding import from_json
from clusterprobe.errors import TimedOut, UsageError
from clusterprobe.files import MIB, can_be_folder
from clusterprobe.fleet.records import Record, from_lines, lines_of, record_of
from clusterprobe.model import Cluster, RunResult
from clusterprobe.redaction import redact_forms
from clusterprobe.times import epoch

if TYPE_CHECKING:
    from obstore.store import ObjectStore

Value = TypeVar("Value")
RECORD, LINES = "run.json", "findings.jsonl"
KEPT = ("index.html", "metrics.prom", "memory.json", "told.json", RESULTS)  # of a run's folder, in this order
CARRIED = ("memory.json", "told.json", RESULTS)  # what the next run of the cluster reads
CLUSTER, DAY, UNKNOWN = "cluster=", "day=", "unknown-"
MAX_BYTES = 64 * MIB
READERS = 16
LOOK_BACK = 10  # runs of a cluster
CLOCKS_SECONDS = 3600  # by which a cluster's clock may be ahead of the store's
_SCHEMES = ("s3", "gs", "az", "file")


def folder_of(cluster: Cluster) -> str:
    """A cluster's folder: by its UID, or, where that could not be read, by the server and the context."""
    if can_be_folder(cluster.uid):
        return f"{CLUSTER}{cluster.uid}"
    known = f"{cluster.uid}\0{cluster.server}\0{cluster.context}"
    return f"{CLUSTER}{UNKNOWN}{hashlib.sha256(known.encode(errors='surrogatepass')).hexdigest()[:16]}"


def place_of(url: str, asked: str = "--store") -> tuple[str, str]:
    """The scheme of a store's address, and the rest. Raises `UsageError` for one that is none."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES or not rest:
        raise UsageError(f"{asked} {redact_forms(url)}: expected {', '.join(f'{one}://…' for one in _SCHEMES)}")
    if scheme != "file" and ("@" in rest.partition("/")[0] or "?" in rest or "#" in rest):
        # It stands in reports, messages and the Job, and no store takes its credentials from there.
        raise UsageError(f"{asked}: a store's address has neither a user nor a query; give the credentials in the environment")
    return scheme, rest


class Store:
    """Where runs are kept. Raises `UsageError` for an address that is none, or if obstore is not installed.

    A folder that is not there is made where something is to be kept in it (`make`); else it is misspelt.
    """

    def __init__(self, url: str, asked: str = "--store", *, make: bool = False) -> None:
        scheme, rest = place_of(url, asked)
        if scheme == "file" and not make and not Path(rest).is_dir():
            raise UsageError(f"{asked} {redact_forms(url)}: there is no such folder")
        self.url, self.blind = url, ""
        try:
            from obstore.store import LocalStore, from_url
        except ImportError:
            raise UsageError(f"{asked}: obstore is not installed: pip install 'clusterprobe[store]'") from None
        try:
            if scheme == "file":
                self._store: ObjectStore = LocalStore(Path(rest), mkdir=True)
            else:
                # Options of the client that are given here take the place of the environment's, such as AWS_ALLOW_HTTP.
                self._store = from_url(url, retry_config={"max_retries": 3})
        except Exception as error:  # obstore's own kinds; what they say may quote credentials
            raise UsageError(f"{asked} {url}: {_why(error)}") from None

    # --- writing ------------------------------------------------------------------------------------------------------

    def keep(self, result: RunResult, folder: Path, limit: Deadline) -> str:
        """Upload a run's outputs and its record; an empty text if all of them are there, else why not."""
        where = f"{folder_of(result.cluster)}/{DAY}{result.run.started[:10]}/{result.run.id}"
        record = record_of(result)
        made = {RECORD: msgspec.json.encode(record), LINES: lines_of(record)}

        def upload() -> None:
            for name, content in made.items():
                self._put(f"{where}/{name}", content)
            for name in KEPT:
                with contextlib.suppress(FileNotFoundError):
                    self._put(f"{where}/{name}", (folder / name).read_bytes())

        try:
            call_within(limit, "the store", upload)
        except TimedOut:
            return "not all of the run was taken in time"
        except Exception as error:  # obstore's own kinds, and those of the disk
            return _why(error)
        return ""

    # --- what the fleet's own report keeps ----------------------------------------------------------------------------

    def read(self, key: str, limit: Deadline) -> bytes | None:
        """An object of ours; none where there is none. Raises `UsageError` if the store cannot be read."""
        try:
            return call_within(limit, "the store", lambda: self._get(key))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise UsageError(f"{self.url}: {_why(error)}") from None

    def write(self, key: str, content: bytes, limit: Deadline) -> str:
        """Keep an object of ours; an empty text if it was taken, else why not."""
        try:
            call_within(limit, "the store", lambda: self._put(key, content))
        except Exception as error:
            return _why(error)
        return ""

    def _put(self, key: str, content: bytes) -> None:
        import obstore

        obstore.put(self._store, key, content)

    # --- reading ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def beside(self, cluster: Cluster, limit: Deadline) -> Iterator[Path]:
        """A folder beside which the newest run of a cluster lies, as far as the next run reads it.

        Where the store cannot be read, `blind` says why: what is not there then may be there all the same.
        """
        self.blind = ""
        with tempfile.TemporaryDirectory(prefix="clusterprobe-") as made:
            last = Path(made) / "last"
            last.mkdir()
            try:
                call_within(limit, "the store", lambda: self._fetch_newest(cluster, last))
            except TimedOut:
                self.blind = "it did not answer in time"
            except Exception as error:  # obstore's own kinds
                self.blind = _why(error)
            yield Path(made) / "this"

    def _fetch_newest(self, cluster: Cluster, into: Path) -> None:
        newest = [where for _, where in sorted(self._whole_runs(f"{folder_of(cluster)}/").values(), reverse=True)]
        for name in CARRIED:  # a run that was interrupted, or that could not read the store, has not all of them
            for where in newest[:LOOK_BACK]:
                with contextlib.suppress(FileNotFoundError):
                    (into / name).write_bytes(self._get(f"{where}/{name}"))
                    break

    def records(self, since_day: str, limit: Deadline) -> tuple[list[Record], list[str]]:
        """The two newest whole runs of each cluster from a day on (`2026-11-28`), and the sentences about those that could not be read.

        Raises `UsageError` if the store itself cannot be read.
        """
        newest: dict[str, list[tuple[Any, str]]] = {}
        for (cluster, _), place in sorted(self._runs_since(since_day, limit).items(), key=lambda one: one[1], reverse=True):
            newest.setdefault(cluster, []).append(place)
        wanted = [one for each in newest.values() for one in each[:2]]

        def record(kept: Any, where: str) -> Record:
            return _no_doubt(from_json(self._get(f"{where}/{RECORD}"), Record), kept.timestamp(), where)

        return self._of_each(wanted, RECORD, record, limit)

    def lines(self, since_day: str, limit: Deadline) -> tuple[bytes, list[str]]:
        """The findings of all whole runs from a day on as lines of JSON, and the sentences about those runs that could not be read.

        Raises `UsageError` if the store itself cannot be read.
        """
        runs = self._runs_since(since_day, limit).values()
        read, troubles = self._of_each(runs, LINES, lambda _, where: _own_lines(self._get(f"{where}/{LINES}"), where), limit)
        return b"".join(read), troubles

    def _runs_since(self, since_day: str, limit: Deadline) -> dict[tuple[str, str], tuple[Any, str]]:
        try:
            return call_within(limit, "the store", lambda: self._whole_runs("", since_day))
        except Exception as error:
            raise UsageError(f"{self.url}: {_why(error)}") from None

    def _of_each(
        self, runs: Collection[tuple[Any, str]], name: str, read: Callable[[Any, str], Value], limit: Deadline
    ) -> tuple[list[Value], list[str]]:
        """What is read of the file of that name in each run, and a sentence about each run of which that fails."""

        def told(place: tuple[Any, str]) -> tuple[list[Value], list[str]]:
            where = place[1]
            try:
                return [call_within(limit, where, lambda: read(*place))], []
            except TimedOut:
                why = "not read in time"
            except _Doubtful as doubt:
                why = str(doubt)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                why = f"{name} is not what this version writes"
            except Exception as error:
                why = _why(error)
            return [], [f"{where}: {why}"]

        each = in_parallel(told, runs, READERS)
        return [one for values, _ in each for one in values], [one for _, troubles in each for one in troubles]

    def _whole_runs(self, prefix: str, since_day: str = "") -> dict[tuple[str, str], tuple[Any, str]]:
        """The runs whose results are there: by cluster and run, when that was written, and where. One that is there twice counts once."""
        import obstore

        found: dict[tuple[str, str], tuple[Any, str]] = {}
        for chunk in obstore.list(self._store, prefix or None, chunk_size=1000):
            for one in chunk:
                where, _, file = str(one["path"]).rpartition("/")
                match where.split("/") if file == RESULTS else ():
                    case [cluster, day, run] if cluster.startswith(CLUSTER) and day.removeprefix(DAY) >= since_day:
                        place = (one["last_modified"], where)
                        found[cluster, run] = max(found.get((cluster, run), place), place)
        return found

    def _get(self, key: str) -> bytes:
        import obstore

        answer = obstore.get(self._store, key)
        if answer.meta["size"] > MAX_BYTES:
            raise OSError(f"larger than {MAX_BYTES // MIB} MiB")
        return bytes(answer.bytes())


class _Doubtful(Exception):
    """A run cannot be what it says: whoever may write for one cluster says nothing of another, and nothing of days to come."""


def _no_doubt(record: Record, kept: float, where: str) -> Record:
    if folder_of(record.cluster) != where.partition("/")[0]:
        raise _Doubtful(f"it says that it is of another cluster: {record.cluster.uid or record.cluster.server}")
    if (epoch(record.finished) or 0.0) > kept + CLOCKS_SECONDS:
        raise _Doubtful(f"it says that it ended at {record.finished}, long after it was kept")
    return record


def _own_lines(content: bytes, where: str) -> bytes:
    uid = where.partition("/")[0].removeprefix(CLUSTER)
    others = {one.cluster for one in from_lines(content) if one.cluster != uid}
    if others and not uid.startswith(UNKNOWN):
        raise _Doubtful(f"it says that it is of another cluster: {min(others)}")
    return content


def _why(error: Exception) -> str:
    """What went wrong, without what may be a credential: an operating system's message, or the kind of error."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__
