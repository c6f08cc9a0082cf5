"""What a Thanos sidecar says of its uploads, asked over a real socket; what is not its page is no answer."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.http import Origin
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.inventory.recognition import system_pods
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.uploads import Uploads, thanos_uploads
from probes.prometheus.probe_uploads import probe_uploads
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome

NOW = 1_800_000_000.0
SUBJECT = Subject(kind="Pod", name="prometheus-0", namespace="monitoring")
PATH = "/api/v1/namespaces/monitoring/pods/prometheus-0:10902/proxy/metrics"
STARTED = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1000\n"
FAILS = "thanos_shipper_uploads_total 2\nthanos_shipper_upload_failures_total 40\n"
LAST = 'thanos_objstore_bucket_last_successful_upload_time{bucket="blocks"} 5000\n'


class Server(http.server.ThreadingHTTPServer):
    page: tuple[int, str] = (200, "")
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, text = self.server.page
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as one:
        one.asked = []
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def pod(**containers: str) -> Pod:
    status: dict[str, Any] = {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    return labelled(
        Pod,
        "monitoring",
        "prometheus-0",
        spec={"containers": [{"name": name, "image": image} for name, image in (containers or {"thanos-sidecar": ""}).items()]},
        status=status,
    )


def read(server: Server, text: str, status: int = 200, **containers: str) -> Readings[Uploads]:
    server.page = status, text
    connection = Connection(Origin(f"http://127.0.0.1:{server.server_port}"), "t", "u", "default", "proxy")
    there = listing("Pod", [pod(**containers)])
    return thanos_uploads(Cluster(connection, Deadline.after(5)), there, system_pods(there, Profile()))


def test_its_own_numbers_are_read(server: Server) -> None:
    found = read(server, STARTED + FAILS + LAST)
    assert list(found.items) == [Uploads(started=1000.0, uploaded=2.0, failed=40.0, last=5000.0)]
    assert server.asked == [PATH]


def test_one_without_a_bucket_uploads_nothing_and_fails_nothing(server: Server) -> None:
    (one,) = read(server, f"{STARTED}thanos_sidecar_prometheus_up 1\n").items
    assert (one.failed, one.stalled_since(1e9)) == (0.0, None)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<html><body>Log in</body></html>\n", 200),
        ("", 200),
        (STARTED, 200),  # another program's
        (f"# TYPE x gauge\n{FAILS}", 200),  # it does not say since when
        ("forbidden\n", 403),
        ("gone\n", 502),
    ],
)
def test_what_is_not_its_page_is_unread(server: Server, text: str, status: int) -> None:
    found = read(server, text, status)
    assert (found.values, len(found.unreadable)) == ((), 1)


@pytest.mark.parametrize(
    "other", [{"prometheus": "quay.io/x/prometheus:v3"}, {"store": "x/thanos:v1"}, {"thanos": "x/y:thanos", "prometheus": ""}]
)
def test_a_pod_without_a_sidecar_is_not_asked(server: Server, other: dict[str, str]) -> None:
    found = read(server, "", **other)
    assert (found.absent, server.asked) == ("no pod has a Thanos sidecar", [])


def test_a_sidecar_of_another_name_is_known_by_its_image(server: Server) -> None:
    (one,) = read(server, STARTED + FAILS + LAST, app="x:5000/prom/prometheus:v3", uploader="x:5000/x/thanos:v0.37@sha256:0").items
    assert (one.container, one.failed) == ("uploader", 40.0)


def uploading(**said: Any) -> Any:
    one = Uploads(**{"started": NOW - 86400, "uploaded": 12.0, "failed": 40.0, "last": NOW - 4 * 3600, **said})
    return judged(probe_uploads, thanos_uploads=single(SUBJECT, one), clock=Clock(NOW))


def test_a_sidecar_that_uploads_nothing_is_found_with_its_log() -> None:
    (one,) = uploading().findings
    assert (one.reason, one.severity) == ("UploadsFail", "error")
    assert "has uploaded no block for 4 h: its attempts failed, 40 times since it began." in one.problem
    assert "-c thanos-sidecar --since=3h" in one.fix


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"last": NOW - 2 * 3600}, "pass"),  # it failed once, and then succeeded
        ({"failed": 0.0}, "pass"),  # nothing was to be uploaded
        ({"uploaded": 0.0, "last": None}, "findings"),
        ({"uploaded": 0.0, "last": 0.0}, "findings"),
        ({"uploaded": 0.0, "last": None, "started": NOW - 3600}, "pass"),  # it may still come to it
        ({"last": None}, "inconclusive"),
    ],
)
def test_what_a_sidecar_says_of_its_uploads(said: dict[str, Any], expected: str) -> None:
    assert outcome(uploading(**said)) == expected


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_uploads, {"thanos_uploads": single(SUBJECT, Uploads(started=1.0)), "clock": Clock(NOW)})
