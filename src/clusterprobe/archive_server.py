"""Serves the kept reports and the newest run's metrics: read-only, without scripts, and nothing but the files of runs."""

from __future__ import annotations

import html
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from clusterprobe.archive import finished, load

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "pytest.html": "text/html; charset=utf-8",
    "results.json": "application/json",
    "junit.xml": "application/xml",
    "metrics.prom": "text/plain; version=0.0.4; charset=utf-8",
}
SHOWN = 200
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
# The list needs nothing but its own style; a report's page carries its own, tighter policy.
_LIST_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Reports:
    """What is answered for a path, from the files that are there now."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive

    def answer(self, path: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
        """Status, headers and body. Only names that a run writes lead to a file, so that no path leads elsewhere."""
        parts = [one for one in path.partition("?")[0].split("/") if one]
        match parts:
            case []:
                return _page(self._list())
            case ["healthz"]:
                return HTTPStatus.OK, {"Content-Type": "text/plain"}, b"ok\n"
            case ["metrics"]:
                return HTTPStatus.OK, {"Content-Type": TYPES["metrics.prom"]}, self._metrics()
            case ["latest"] | ["latest", "index.html"]:
                newest = next(iter(finished(self._archive)), None)
                return _missing() if newest is None else (HTTPStatus.FOUND, {"Location": f"/{newest.name}/index.html"}, b"")
            case [run, name] if name in TYPES:
                return self._file(run, name)
        return _missing()

    def _file(self, run: str, name: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
        folder = next((one for one in finished(self._archive) if one.name == run), None)
        try:
            return (HTTPStatus.OK, {"Content-Type": TYPES[name]}, (folder / name).read_bytes()) if folder else _missing()
        except OSError:  # pruned meanwhile, or that sink had failed
            return _missing()

    def _metrics(self) -> bytes:
        """The newest run's metrics, and how many runs there are: with none, that alone says that nothing has run."""
        runs = finished(self._archive)
        own = (
            "# HELP clusterprobe_runs_kept How many runs are kept.\n"
            f"# TYPE clusterprobe_runs_kept gauge\nclusterprobe_runs_kept {len(runs)}\n"
        )
        try:
            return own.encode() + (runs[0] / "metrics.prom").read_bytes() if runs else own.encode()
        except OSError:
            return own.encode()

    def _list(self) -> str:
        rows = []
        for kept in map(load, finished(self._archive)[:SHOWN]):
            name, result = html.escape(kept.folder.name), kept.result
            verdict = html.escape(result.verdict) if result else "not readable"
            cluster = html.escape(result.cluster.context or result.cluster.server) if result else ""
            found = len(result.findings()) if result else ""
            rows.append(f'<tr><td><a href="/{name}/index.html">{name}</a></td><td>{verdict}</td><td>{found}</td><td>{cluster}</td></tr>')
        return "".join(rows) or '<tr><td colspan="4">No run has finished yet.</td></tr>'


def _page(rows: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Clusterprobe reports</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .75rem;border-bottom:1px solid #8884}</style>"
        "<h1>Clusterprobe reports</h1><table><thead><tr><th>Run</th><th>Verdict</th><th>Findings</th><th>Cluster</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></html>"
    )
    return HTTPStatus.OK, {"Content-Type": TYPES["index.html"], "Content-Security-Policy": _LIST_POLICY}, text.encode()


def _missing() -> tuple[HTTPStatus, dict[str, str], bytes]:
    return HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"there is no such report\n"


def server(archive: Path, address: str, port: int, log: Callable[[str], None] = lambda line: None) -> ThreadingHTTPServer:
    """A server that is bound but not started yet. Raises `OSError` where the port cannot be had."""
    reports = Reports(archive)

    class Handler(BaseHTTPRequestHandler):
        server_version = "clusterprobe"
        sys_version = ""
        timeout = 30  # a client that says nothing holds a thread no longer than this

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            status, headers, content = reports.answer(self.path)
            self.send_response(status)
            for name, value in {**_HEADERS, **headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            log(format % args)

    return ThreadingHTTPServer((address, port), Handler)
