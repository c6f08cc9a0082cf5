"""The call to whoever watches from outside."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from clusterprobe.access.deadline import Deadline
from clusterprobe.access.heartbeat import beat
from clusterprobe.notify.sending import post


@pytest.fixture
def watcher():
    """Whoever counts the calls: `status` is what it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.paths.append(self.path)
            self.send_response(self.server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    listening.paths, listening.status = [], 200
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield listening
    listening.shutdown()
    listening.server_close()


def test_the_whole_address_is_called_once(watcher):
    assert beat(f"http://127.0.0.1:{watcher.server_port}/ping/abc?rid=1", Deadline.after(4.0)) == ""
    assert watcher.paths == ["/ping/abc?rid=1"]


def test_a_refusal_names_the_host_and_keeps_the_secret(watcher):
    watcher.status = 404
    said = beat(f"http://127.0.0.1:{watcher.server_port}/ping/abc-secret", Deadline.after(4.0))
    assert "not taken by 127.0.0.1" in said
    assert "secret" not in said


def test_who_stands_outside_is_called_through_the_environments_proxy(watcher, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{watcher.server_port}")
    monkeypatch.setenv("NO_PROXY", ".svc")
    assert beat("http://watch.example.org/ping/abc", Deadline.after(4.0)) == ""
    assert post("http://hooks.example.org/abc", "", {}, Deadline.after(4.0)) == ""
    assert watcher.paths == ["http://watch.example.org/ping/abc", "http://hooks.example.org/abc"]


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "http://", "nonsense", "http://[::1", "http://a:b/", "http://a:99999", "http://a\\b"]
)
def test_what_is_no_address_is_said(url):
    assert beat(url, Deadline.after(4.0)) == "the heartbeat's address is not an http or https URL"


def test_an_odd_path_is_called_as_it_is_sent(watcher):
    assert beat(f"http://127.0.0.1:{watcher.server_port}/x/../bot1:A@b/ping?a=b&c={{}}", Deadline.after(4.0)) == ""
    assert watcher.paths == ["/bot1:A@b/ping?a=b&c=%7B%7D"]
