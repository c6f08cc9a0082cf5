"""The cluster as sources see it: lists of objects, and ways to the systems that run in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import msgspec

from clusterprobe import errors
from clusterprobe.access import bodies, urls
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline, ahead, in_parallel
from clusterprobe.access.http import MAX_IN_FLIGHT, Answer, Http, decode
from clusterprobe.access.pages import ListMeta, Pages
from clusterprobe.access.patience import Patience
from clusterprobe.access.session import Headers, Origin
from clusterprobe.access.urls import UrlPath, as_path, written
from clusterprobe.decoding import from_json
from clusterprobe.model import Subject
from clusterprobe.readings import Clean, Collector, Readings
from clusterprobe.redaction import cleaned
from clusterprobe.times import http_date

Value = TypeVar("Value")
Other = TypeVar("Other")

PAGE = 500
MAX_OBJECTS = 150_000  # of one kind: as many pods as Kubernetes supports in a cluster


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
    most: int = MAX_OBJECTS  # a list of more is refused

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """As RBAC and kubectl name it: `pods`, `servicemonitors.monitoring.coreos.com`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "") -> UrlPath:
        """Of all objects, those of a namespace, or one. Raises `BadAddress` for a name that is none."""
        base = ("apis", self.group, self.version) if self.group else ("api", self.version)
        place = ("namespaces", namespace) if namespace else ()
        return UrlPath.of(*base, *place, self.plural, *((name,) if name else ()))

    def subject(self, namespace: str = "", name: str = "", owner: str = "") -> Subject:
        return Subject(api_version=self.api_version, kind=self.kind, namespace=namespace, name=name, owner=owner)


class _Page(msgspec.Struct, Generic[Value]):
    kind: str
    items: list[Value]
    metadata: ListMeta = ListMeta()


class _Named(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Any(msgspec.Struct):
    metadata: _Named = msgspec.field(default_factory=_Named)


class Endpoint:
    """A way to one HTTP server: whose client, under which path, and what to call it in messages."""

    def __init__(
        self, http: Http, base: UrlPath, deadline: Deadline, headers: Mapping[str, str] | None = None, patience: Patience | None = None
    ) -> None:
        self._http, self._base, self._deadline = http, base, deadline
        self._headers, self._patience = dict(headers or {}), patience or Patience()

    @property
    def url(self) -> str:
        """What was asked, for messages and for commands to copy."""
        return f"{self._http.origin.url}{self._base}".rstrip("/")

    def as_tenant(self, tenant: str) -> Endpoint:
        """The same way, asked as a tenant of what serves several."""
        return Endpoint(self._http, self._base, self._deadline, {**self._headers, "X-Scope-OrgID": tenant}, self._patience)

    def called(self, host: str) -> Endpoint:
        """The same way to the same server, asked under another name (`Host`): some answer to certain names only."""
        urls.name(host.partition(":")[0])
        return Endpoint(self._http, self._base, self._deadline, {**self._headers, "Host": host}, self._patience)

    def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        seconds: float = 30,
        accept: tuple[int, ...] = (200,),
        limit_bytes: int = bodies.SMALL,
        whole: bool = True,
    ) -> Answer:
        """The answer, retried while trouble is transient. Raises an `Unreadable`; beyond the limit `TooLarge`, or cut if not `whole`."""
        limit = self._deadline.within(seconds)
        more = {"accept": accept, "limit_bytes": limit_bytes, "whole": whole, "headers": self._headers}
        with self._patience.of(self.url):
            return self._http.get(self._base / as_path(path), limit, query=query, **more)

    def json(
        self, path: str, kind: type[Value], query: Mapping[str, Any] | None = None, *, seconds: float = 30, limit_bytes: int = bodies.SMALL
    ) -> Value:
        """The answer's JSON in that shape. Raises an `Unreadable`."""
        return decode(self.get(path, query, seconds=seconds, limit_bytes=limit_bytes), kind, f"GET {self.url}{path}")


class Cluster:
    """One cluster, reached over one connection. `stop` is set when the run is interrupted."""

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        self.connection, self.deadline = connection, deadline
        self.stop = threading.Event()
        self._slots = threading.BoundedSemaphore(MAX_IN_FLIGHT)
        self.api = Http(connection.origin, self._slots)
        self._direct: dict[Origin, Http] = {}
        self._patience = Patience()
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
        """One POST at the API server: a review of ourselves, which changes nothing and may be retried."""
        answer = self._ask("POST", path, body=body, accept=(200, 201, 202), retry=retry)
        return decode(answer, kind, f"POST {self.connection.origin.url}{path}")

    def _ask(self, method: str, path: str, **options: Any) -> Answer:
        answer = self.api.send(method, path, self.deadline, **{"limit_bytes": bodies.OBJECT, **options})
        self._learn_skew(answer)
        return answer

    def _learn_skew(self, answer: Answer) -> None:
        moment = http_date(answer.headers.get("Date", ""))
        if self._skew_known or moment is None:
            return
        # The header is cut to whole seconds, so on average half a second early.
        skew = moment + 0.5 - answer.received
        self.skew_seconds, self._skew_known = (skew if abs(skew) > 2 else 0.0), True

    def list(
        self,
        resource: Resource,
        kind: type[Value],
        namespaces: Readings[Any] | None = None,
        subject: Callable[[Value], Subject] | None = None,
        *,
        as_it_is: bool = False,
    ) -> Readings[Value]:
        """All objects of a kind, in pages; namespace by namespace where cluster-wide is forbidden.

        `kind` is the struct of one object, with a `metadata`. An object that does not fit it is unreadable by itself. A list that its
        source hands on `as_it_is` has its secrets taken out page by page, so that a large one is never there with all that it repeats.
        """
        found: Collector[Value] = Collector()
        taken: Callable[[Value], Value] = cleaned if as_it_is else _same
        try:
            self._list(resource, kind, "", found, subject, taken)
        except errors.Forbidden:
            if not resource.namespaced or namespaces is None:
                raise _forbidden(resource, "") from None
            found = Collector()
            self._list_by_namespace(resource, kind, namespaces, found, subject, taken)
        except errors.NotFound:
            raise errors.NotFound(f"list {resource.name}: HTTP 404, although discovery says that it is served") from None
        readings = found.readings(f"there is no {resource.kind} in the cluster")
        return replace(readings, values=Clean(readings.values)) if as_it_is else readings

    def _list_by_namespace(
        self, resource: Resource, kind: type[Value], namespaces: Readings[Any], found: Collector[Value], subject: Any, taken: Any
    ) -> None:
        names = [one.name for one, _ in namespaces]
        if not namespaces.complete:
            whole = Subject(kind=f"{resource.kind}List")
            found.fail(whole, f"list {resource.name} is forbidden cluster-wide, and the namespaces are not all known")
        for name in names:
            try:
                self._list(resource, kind, name, found, subject, taken)
            except errors.Forbidden:
                found.fail(Subject(kind=f"{resource.kind}List", namespace=name), str(_forbidden(resource, name)))
            except errors.Unreadable as error:
                found.fail(Subject(kind=f"{resource.kind}List", namespace=name), str(error))

    def _list(self, resource: Resource, kind: type[Value], namespace: str, found: Collector[Value], subject: Any, taken: Any) -> None:
        """One scope's pages; a list that expired half-way is read once more from its start, and then given up."""
        start = (len(found.values), len(found.unreadable))
        for attempt in (1, 2):
            try:
                self._pages(resource, kind, namespace, found, subject, taken)
                return
            except errors.Unreadable as error:
                del found.values[start[0] :], found.unreadable[start[1] :]  # never part of a list as the whole
                if attempt == 2 or not isinstance(error, errors.Expired):
                    raise

    def _pages(
        self, resource: Resource, kind: type[Value], namespace: str, found: Collector[Value], subject: Any, taken: Callable[[Value], Value]
    ) -> None:
        path, token, size = resource.path(namespace), "", PAGE
        of = subject or (lambda one: resource.subject(one.metadata.namespace, one.metadata.name, owner_of(one)))
        selectors = {"fieldSelector": resource.field_selector, "labelSelector": resource.label_selector}
        chosen = {name: value for name, value in selectors.items() if value}
        pages = Pages(resource.name, chosen=bool(chosen))

        def begin(token: str) -> Callable[[], Answer]:
            query = {"limit": size, **chosen, **({"continue": token} if token else {})}
            return ahead(lambda: self._ask("GET", path, query=query, limit_bytes=bodies.PAGE))

        coming = begin("")
        while True:
            before = len(found.unreadable)
            try:
                page = _page(coming(), kind, resource, found)
            except errors.TooLarge:
                if size == 1:
                    raise
                size = max(1, size // 8)  # the objects may be large: fewer of them are the same list
                coming = begin(token)
                continue
            read = [(of(one), one) for one in page.items]
            odd = [one.subject for one in found.unreadable[before:]]
            token = pages.take(len(read) + len(odd), page.metadata, [*(each for each, _ in read), *(one for one in odd if one.name)])
            if len(found.values) + len(read) + len(found.unreadable) > resource.most:
                raise errors.TooLarge(f"list {resource.name}: more than {resource.most} objects")
            if token:
                coming = begin(token)  # the server makes the next page while we look through this one
            found.values.extend((on, taken(one)) for on, one in read)
            if not token:
                return

    def pod(self, namespace: str, name: str, ip: str, port: int, *, scheme: str = "http", prefix: str = "") -> Endpoint:
        """A way to one pod's port: its IP from inside the cluster, the API server's proxy from outside.

        All of it is what the cluster says: raises `BadAddress` for what may lead elsewhere.
        """
        if self.connection.route == "in-cluster":
            return self._direct_to(urls.origin(scheme, urls.pod_host(ip), port), prefix)
        return self._proxy("pods", namespace, name, port, scheme, prefix)

    def service(self, namespace: str, name: str, port: int, *, scheme: str = "http", prefix: str = "") -> Endpoint:
        """A way to a Service's port, whichever replica answers. Raises `BadAddress` as `pod` does."""
        if self.connection.route == "in-cluster":
            return self._direct_to(urls.origin(scheme, urls.service_host(name, namespace), port), prefix)
        return self._proxy("services", namespace, name, port, scheme, prefix)

    def log(self, path: UrlPath, namespace: str, node: str, query: Mapping[str, Any]) -> Answer:
        """The log of a pod at `path`, which its node's kubelet has. Raises an `Unreadable`, at once where that has not answered of late."""
        with self._patience.of(f"the kubelet of node {node}"):
            try:
                return self.api.get(path / "log", self.deadline, query=query, headers={"Accept": "*/*"}, limit_bytes=bodies.LOGS)
            except errors.Forbidden:
                message = f"not allowed to get pods/log in namespace {namespace}"
                raise errors.Forbidden(message, verb="get", resource="pods/log", namespace=namespace) from None

    def _direct_to(self, address: str, prefix: str) -> Endpoint:
        client, path = self._client(Origin(address, verify=False, found=True)), written(prefix.rstrip("/"))
        return Endpoint(client, path, self.deadline, patience=self._patience)

    def _proxy(self, kind: str, namespace: str, name: str, port: int, scheme: str, prefix: str) -> Endpoint:
        base = urls.proxied(kind, namespace, name, port, scheme) / written(prefix.rstrip("/"))
        return Endpoint(self.api, base, self.deadline, patience=self._patience)

    def url(
        self,
        url: str,
        *,
        headers: Callable[[], Headers] = dict,
        verify: bool | str = True,
        fixed: Mapping[str, str] | None = None,
    ) -> Endpoint:
        """A way to an explicit URL. `headers` carry credentials, and go to no other origin; `fixed` goes with this way only."""
        base = urls.base_of(url)
        return Endpoint(self._client(Origin(base.origin, headers=headers, verify=verify)), base.path, self.deadline, fixed, self._patience)

    def _client(self, origin: Origin) -> Http:
        """One client for each server, identity and trust: what differs in any of them shares no connection."""
        with self._lock:
            if origin not in self._direct:
                self._direct[origin] = Http(origin, self._slots)
            return self._direct[origin]

    def each(self, readings: Readings[Value], read: Callable[[Subject, Value], Other]) -> Readings[Other]:
        """Read something of every subject, a few at a time; what fails is unreadable by itself."""
        found: Collector[Other] = Collector(unreadable=list(readings.unreadable))
        pairs = list(readings)

        def one(pair: tuple[Subject, Value]) -> Other | errors.Unreadable:
            try:
                return read(*pair)
            except errors.Unreadable as error:
                return error.with_traceback(None)  # it would keep the answer that it is about

        for (subject, _), value in zip(pairs, in_parallel(one, pairs, MAX_IN_FLIGHT), strict=True):
            if isinstance(value, errors.Unreadable):
                found.fail(subject, str(value))
            else:
                found.add(subject, value)
        return found.readings(readings.absent)


def _same(one: Value) -> Value:
    return one


def owner_of(one: Any) -> str:
    """The controlling owner as `Kind/name`, or nothing."""
    owners = getattr(one.metadata, "owner_references", ())
    return next((f"{owner.kind}/{owner.name}" for owner in owners if owner.controller), "")


def _page(answer: Answer, kind: type[Value], resource: Resource, found: Collector[Value]) -> _Page[Value]:
    """A page's objects and what it says of the next; objects that do not fit go to `found.unreadable`, one by one."""
    what = f"list {resource.name}"
    bodies.check_values(answer.body, what)
    try:
        page = from_json(answer.body, _Page[kind])  # type: ignore[valid-type]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raw = decode(answer, _Page[msgspec.Raw], what)
        before, fitting = len(found.unreadable), []
        for one in raw.items:
            fitting.append(_item(one, kind, resource, found))
            if len(found.unreadable) - before > PAGE:
                raise errors.BadResponse(f"{what}: more than {PAGE} objects of one page are not as the API describes them") from None
        page = _Page(raw.kind, [one for one in fitting if one is not None], raw.metadata)
    if page.kind != f"{resource.kind}List":
        raise errors.BadResponse(f"{what}: the answer is a {page.kind}, not a {resource.kind}List")
    return page


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
    return errors.Forbidden(f"not allowed to list {resource.name} {where}", verb="list", resource=resource.name, namespace=namespace)
