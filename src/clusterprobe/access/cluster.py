"""The cluster as sources see it: lists of objects, and ways to the systems that run in it."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from clusterprobe import errors
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import MAX_IN_FLIGHT, Answer, Http, Origin, decode
from clusterprobe.decoding import from_json
from clusterprobe.model import Subject
from clusterprobe.readings import Collector, Readings

Value = TypeVar("Value")
Other = TypeVar("Other")

PAGE = 500


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API server's paths name it."""

    version: str
    plural: str
    kind: str
    group: str = ""
    namespaced: bool = True
    field_selector: str = ""  # lists only what has these fields
    label_selector: str = ""  # … or these labels

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """As RBAC and kubectl name it: `pods`, `servicemonitors.monitoring.coreos.com`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "") -> str:
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{base}{place}/{self.plural}" + (f"/{name}" if name else "")

    def subject(self, namespace: str = "", name: str = "", owner: str = "") -> Subject:
        return Subject(api_version=self.api_version, kind=self.kind, namespace=namespace, name=name, owner=owner)


class _ListMeta(msgspec.Struct, frozen=True):
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct, Generic[Value]):
    kind: str
    items: list[Value]
    metadata: _ListMeta = _ListMeta()


class _Named(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Any(msgspec.Struct):
    metadata: _Named = msgspec.field(default_factory=_Named)


class Endpoint:
    """A way to one HTTP server: whose client, under which path, and what to call it in messages."""

    def __init__(self, http: Http, base: str, deadline: Deadline, headers: Mapping[str, str] | None = None) -> None:
        self._http, self._base, self._deadline = http, base.rstrip("/"), deadline
        self._headers = dict(headers or {})

    @property
    def url(self) -> str:
        """What was asked, for messages and for commands to copy."""
        return self._http.origin.url + self._base

    def called(self, host: str) -> Endpoint:
        """The same way to the same server, asked under another name (`Host`): some answer to certain names only."""
        return Endpoint(self._http, self._base, self._deadline, {**self._headers, "Host": host})

    def get(self, path: str, query: Mapping[str, Any] | None = None, *, seconds: float = 30, accept: tuple[int, ...] = (200,)) -> Answer:
        """The whole answer, retried while trouble is transient. Raises an `Unreadable`."""
        limit = self._deadline.within(seconds)
        return self._http.get(self._base + path, limit, query=query, accept=accept, headers=self._headers)

    def json(self, path: str, kind: type[Value], query: Mapping[str, Any] | None = None, *, seconds: float = 30) -> Value:
        """The answer's JSON in that shape. Raises an `Unreadable`."""
        return decode(self.get(path, query, seconds=seconds), kind, f"GET {self.url}{path}")


class Cluster:
    """One cluster, reached over one connection. `stop` is set when the run is interrupted."""

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        self.connection, self.deadline = connection, deadline
        self.stop = threading.Event()
        self._slots = threading.BoundedSemaphore(MAX_IN_FLIGHT)
        self.api = Http(connection.origin, self._slots)
        self._direct: dict[Origin, Http] = {}
        self._lock = threading.Lock()
        self.skew_seconds = 0.0
        self._skew_known = False

    # --- the API server ------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Epoch seconds by the API server's clock: object times are its times, not ours."""
        return time.time() + self.skew_seconds

    def get(self, path: str, kind: type[Value], query: Mapping[str, Any] | None = None, **options: Any) -> Value:
        """One GET at the API server. Raises an `Unreadable`; a `Status` with 200 is a bad response."""
        return decode(self._ask("GET", path, query=query, **options), kind, f"GET {self.connection.origin.url}{path}")

    def post(self, path: str, body: Any, kind: type[Value], *, retry: bool = False) -> Value:
        """One POST at the API server: self-reviews, which may be retried, and what `--active` creates, which may not."""
        answer = self._ask("POST", path, body=body, accept=(200, 201, 202), retry=retry)
        return decode(answer, kind, f"POST {self.connection.origin.url}{path}")

    def delete(self, path: str, body: Any = None) -> None:
        """One DELETE at the API server; an object that is already gone is fine."""
        self._ask("DELETE", path, body=body, accept=(200, 202, 404, 409))

    def _ask(self, method: str, path: str, **options: Any) -> Answer:
        answer = self.api.send(method, path, self.deadline, **options)
        self._learn_skew(answer)
        return answer

    def _learn_skew(self, answer: Answer) -> None:
        date = answer.headers.get("Date", "")
        if self._skew_known or not date:
            return
        try:
            # The header is cut to whole seconds, so on average half a second early.
            skew = email.utils.parsedate_to_datetime(date).timestamp() + 0.5 - answer.received
        except (TypeError, ValueError):
            return
        self.skew_seconds, self._skew_known = (skew if abs(skew) > 2 else 0.0), True

    def list(
        self,
        resource: Resource,
        kind: type[Value],
        namespaces: Readings[Any] | None = None,
        subject: Callable[[Value], Subject] | None = None,
    ) -> Readings[Value]:
        """All objects of a kind, in pages; namespace by namespace where cluster-wide is forbidden.

        `kind` is the struct of one object, with a `metadata`. An object that does not fit it is unreadable by itself.
        """
        found: Collector[Value] = Collector()
        try:
            self._list(resource, kind, "", found, subject)
        except errors.Forbidden:
            if not resource.namespaced or namespaces is None:
                raise _forbidden(resource, "") from None
            found = Collector()
            self._list_by_namespace(resource, kind, namespaces, found, subject)
        except errors.NotFound:
            raise errors.NotFound(f"list {resource.name}: HTTP 404, although discovery says that it is served") from None
        return found.readings(f"there is no {resource.kind} in the cluster")

    def _list_by_namespace(
        self, resource: Resource, kind: type[Value], namespaces: Readings[Any], found: Collector[Value], subject: Any
    ) -> None:
        names = [one.name for one, _ in namespaces]
        if not namespaces.complete:
            whole = Subject(kind=f"{resource.kind}List")
            found.fail(whole, f"list {resource.name} is forbidden cluster-wide, and the namespaces are not all known")
        for name in names:
            try:
                self._list(resource, kind, name, found, subject)
            except errors.Forbidden:
                found.fail(Subject(kind=f"{resource.kind}List", namespace=name), str(_forbidden(resource, name)))
            except errors.Unreadable as error:
                found.fail(Subject(kind=f"{resource.kind}List", namespace=name), str(error))

    def _list(self, resource: Resource, kind: type[Value], namespace: str, found: Collector[Value], subject: Any) -> None:
        """One scope's pages; a list that expired half-way is read once more from its start, and then given up."""
        start = (len(found.values), len(found.unreadable))
        for attempt in (1, 2):
            try:
                self._pages(resource, kind, namespace, found, subject)
                return
            except errors.Unreadable as error:
                del found.values[start[0] :], found.unreadable[start[1] :]  # never part of a list as the whole
                if attempt == 2 or not isinstance(error, errors.Expired):
                    raise

    def _pages(self, resource: Resource, kind: type[Value], namespace: str, found: Collector[Value], subject: Any) -> None:
        path, token, seen = resource.path(namespace), "", set[str]()
        of = subject or (lambda one: resource.subject(one.metadata.namespace, one.metadata.name, owner_of(one)))
        while True:
            selectors = {"fieldSelector": resource.field_selector, "labelSelector": resource.label_selector}
            chosen = {name: value for name, value in selectors.items() if value}
            query = {"limit": PAGE, **chosen, **({"continue": token} if token else {})}
            answer = self._ask("GET", path, query=query)
            items, token = _page(answer, kind, resource, found)
            found.values.extend((of(one), one) for one in items)
            if not token:
                return
            if token in seen:
                raise errors.BadResponse(f"list {resource.name}: the server gives the same page again and again")
            seen.add(token)

    # --- ways to what runs in it ---------------------------------------------------------------------------------

    def pod(self, namespace: str, name: str, ip: str, port: int, *, scheme: str = "http", prefix: str = "") -> Endpoint:
        """A way to one pod's port: its IP from inside the cluster, the API server's proxy from outside."""
        if self.connection.route == "in-cluster":
            host = f"[{ip}]" if ":" in ip else ip
            return self.url(f"{scheme}://{host}:{port}{prefix}", verify=False)
        return self._proxy("pods", namespace, name, port, scheme, prefix)

    def service(self, namespace: str, name: str, port: int, *, scheme: str = "http", prefix: str = "") -> Endpoint:
        """A way to a Service's port, whichever replica answers."""
        if self.connection.route == "in-cluster":
            return self.url(f"{scheme}://{name}.{namespace}.svc:{port}{prefix}", verify=False)
        return self._proxy("services", namespace, name, port, scheme, prefix)

    def _proxy(self, kind: str, namespace: str, name: str, port: int, scheme: str, prefix: str) -> Endpoint:
        target = f"https:{name}:{port}" if scheme == "https" else f"{name}:{port}"
        return Endpoint(self.api, f"/api/v1/namespaces/{namespace}/{kind}/{target}/proxy{prefix}", self.deadline)

    def url(
        self,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]] = dict,
        verify: bool | str = True,
        fixed: Mapping[str, str] | None = None,
    ) -> Endpoint:
        """A way to an explicit URL. `headers` carry credentials, and go to no other origin."""
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        origin = Origin(f"{parts.scheme}://{parts.netloc}", headers=headers, verify=verify)
        with self._lock:
            http = self._direct.setdefault(origin, Http(origin, self._slots))
        return Endpoint(http, parts.path, self.deadline, fixed)

    def each(self, readings: Readings[Value], read: Callable[[Subject, Value], Other]) -> Readings[Other]:
        """Read something of every subject, a few at a time; what fails is unreadable by itself."""
        found: Collector[Other] = Collector(unreadable=list(readings.unreadable))
        pairs = list(readings)

        def one(pair: tuple[Subject, Value]) -> Other | errors.Unreadable:
            try:
                return read(*pair)
            except errors.Unreadable as error:
                return error

        for (subject, _), value in zip(pairs, _in_parallel(one, pairs), strict=True):
            if isinstance(value, errors.Unreadable):
                found.fail(subject, str(value))
            else:
                found.add(subject, value)
        return found.readings(readings.absent)


def _in_parallel(function: Callable[[Any], Value], values: Iterable[Any]) -> list[Value]:
    work = list(values)
    if len(work) <= 1:
        return [function(one) for one in work]
    with ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="each") as pool:
        return list(pool.map(function, work))


def owner_of(one: Any) -> str:
    """The controlling owner as `Kind/name`, or nothing."""
    for owner in getattr(one.metadata, "owner_references", ()):
        if owner.controller:
            return f"{owner.kind}/{owner.name}"
    return ""


def _page(answer: Answer, kind: type[Value], resource: Resource, found: Collector[Value]) -> tuple[list[Value], str]:
    """A page's objects and the continue token; objects that do not fit go to `found.unreadable`, one by one."""
    what = f"list {resource.name}"
    try:
        page = from_json(answer.body, _Page[kind])  # type: ignore[valid-type]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raw = decode(answer, _Page[msgspec.Raw], what)
        fitting = [_item(one, kind, resource, found) for one in raw.items]
        page = _Page(raw.kind, [one for one in fitting if one is not None], raw.metadata)
    if page.kind != f"{resource.kind}List":
        raise errors.BadResponse(f"{what}: the answer is a {page.kind}, not a {resource.kind}List")
    return page.items, page.metadata.continue_


def _item(raw: msgspec.Raw, kind: type[Value], resource: Resource, found: Collector[Value]) -> Value | None:
    try:
        return from_json(raw, kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        try:
            named = from_json(raw, _Any).metadata
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            named = _Named()
        found.fail(resource.subject(named.namespace, named.name), f"this {resource.kind} is not as the API describes it: {error}")
        return None


def _forbidden(resource: Resource, namespace: str) -> errors.Forbidden:
    where = f"in namespace {namespace}" if namespace else "cluster-wide"
    message = f"not allowed to list {resource.name} {where}"
    return errors.Forbidden(message, verb="list", resource=resource.name, namespace=namespace)
