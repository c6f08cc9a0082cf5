"""Kept reports: which are removed, what is served, and nothing else."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterprobe import archive_server, report
from clusterprobe.archive import finished, folders, prune
from clusterprobe.archive_server import MAX_CONNECTIONS, Reports, server
from clusterprobe.report import write_all
from tests.report_factories import healthy, unwell

ROOT = Path(__file__).parents[2]
OLD, NEW, RUNNING = "2026-11-20T03-00-00Z", "2026-11-21T03-00-00Z", "2026-11-22T03-00-00Z"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two finished runs, one in progress, and things that are no runs."""
    assert write_all(healthy(), tmp_path / OLD) == []
    assert write_all(unwell(), tmp_path / NEW) == []
    (tmp_path / RUNNING).mkdir()
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "secret.txt").write_text("do not serve")
    return tmp_path


def test_the_newest_comes_first_and_one_in_progress_is_not_finished(archive: Path) -> None:
    assert [one.name for one in folders(archive)] == [RUNNING, NEW, OLD]
    assert [one.name for one in finished(archive)] == [NEW, OLD]


def test_only_old_finished_runs_are_removed(archive: Path) -> None:
    assert [one.name for one in prune(archive, 1)] == [OLD]
    assert sorted(one.name for one in archive.iterdir()) == [NEW, RUNNING, "lost+found", "secret.txt"]


def test_a_folder_that_is_only_named_like_a_run_is_kept(archive: Path) -> None:
    other = archive / "2020-01-01T00-00-00Z"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    prune(archive, 0)
    assert (other / "thesis.txt").exists()


def test_a_link_is_never_followed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_all(healthy(), elsewhere)
    (archive / "2019-01-01T00-00-00Z").symlink_to(elsewhere)
    prune(archive, 0)
    assert (elsewhere / "results.json").exists()


@pytest.fixture
def client(archive: Path) -> Iterator[http.client.HTTPConnection]:
    listening = server(archive, "127.0.0.1", 0)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield http.client.HTTPConnection("127.0.0.1", listening.server_address[1], timeout=5)
    listening.shutdown()
    listening.server_close()


def get(client: http.client.HTTPConnection, path: str, method: str = "GET") -> tuple[int, str, http.client.HTTPMessage]:
    client.request(method, path)
    answer = client.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_the_list_names_the_runs_and_their_verdicts(client: http.client.HTTPConnection) -> None:
    status, text, headers = get(client, "/")
    assert status == 200
    assert f'<a href="/{NEW}/index.html">{NEW}</a>' in text
    assert "<span>findings</span>" in text
    assert text.index(NEW) < text.index(OLD)
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_newest_report_has_an_address_of_its_own(client: http.client.HTTPConnection) -> None:
    status, _, headers = get(client, "/latest/")
    assert (status, headers["Location"]) == (302, f"/{NEW}/index.html")
    status, text, _ = get(client, headers["Location"])
    assert (status, "Not healthy" in text) == (200, True)


def test_metrics_are_those_of_the_newest_run(client: http.client.HTTPConnection) -> None:
    status, text, _ = get(client, "/metrics")
    assert status == 200
    assert "clusterprobe_runs_kept 2" in text
    assert 'clusterprobe_run_verdict{verdict="findings"} 1.0' in text


@pytest.mark.parametrize(
    "path", ["/secret.txt", f"/{NEW}/../secret.txt", "/..%2fsecret.txt", f"/{NEW}/other.txt", f"/{RUNNING}/index.html", "//etc/passwd", "/lost+found/index.html"]
)  # fmt: skip
def test_nothing_but_the_files_of_finished_runs_is_served(client: http.client.HTTPConnection, path: str) -> None:
    assert get(client, path)[0] == 404


def test_a_head_has_no_body_and_a_post_is_refused(client: http.client.HTTPConnection) -> None:
    assert get(client, "/", "HEAD")[:2] == (200, "")
    assert get(client, "/", "POST")[0] == 501


def test_an_empty_archive_says_that_nothing_has_run(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    assert b"clusterprobe_runs_kept 0" in reports.answer("/metrics")[2]
    assert b"No run has finished yet." in reports.answer("/")[2]
    assert reports.answer("/latest")[0] == 404


def test_a_run_that_cannot_be_read_is_listed_as_such(archive: Path) -> None:
    (archive / NEW / "results.json").write_text("{")
    assert b"not readable" in Reports(archive).answer("/")[2]


def test_the_list_is_filtered_by_its_query_and_by_nothing_else(client: http.client.HTTPConnection) -> None:
    assert OLD not in get(client, "/?severity=error")[1]
    assert OLD in get(client, "/?verdict=healthy")[1]
    for odd in ("/?severity=<script>", "/?" + "x=1&" * 2000, "/?%ff", "/?nosuch=1", "/?#"):
        status, text, _ = get(client, odd)
        assert (status, OLD in text, "<script" in text) == (200, True, False)


def test_a_run_is_read_for_the_list_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports(archive)
    first = reports.answer("/")[2]
    monkeypatch.setattr(archive_server, "load", None)
    assert reports.answer("/")[2] == first
    prune(archive, 1)
    assert OLD.encode() not in reports.answer("/")[2]


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["index.html", "pytest.html", "results.json", "junit.xml", "metrics.prom"])
@pytest.mark.parametrize("target", ["secret.txt", f"{OLD}/index.html"], ids=["out of the run", "into another run"])
def test_a_link_within_a_runs_folder_is_not_followed(client, archive: Path, name: str, target: str) -> None:
    (archive / NEW / name).unlink(missing_ok=True)
    (archive / NEW / name).symlink_to(archive / target)
    assert get(client, f"/{NEW}/{name}")[0] == 404
    assert "do not serve" not in get(client, "/metrics")[1]


def test_a_fifo_in_place_of_an_output_holds_no_thread(client, archive: Path) -> None:
    (archive / NEW / "index.html").unlink()
    os.mkfifo(archive / NEW / "index.html")
    assert get(client, f"/{NEW}/index.html")[0] == 404


# --- whole runs --------------------------------------------------------------------------------------------------------


def test_while_a_run_writes_its_outputs_the_run_before_is_the_newest(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, put = [], report.put

    def looked_at(staged: Path, file: Path) -> None:
        seen.append(next(one.name for one in finished(archive)))
        put(staged, file)

    monkeypatch.setattr(report, "put", looked_at)
    assert report.write_all(healthy(), archive / RUNNING) == []
    assert (seen, finished(archive)[0].name) == ([NEW] * 4, RUNNING)


def test_a_run_that_was_killed_as_it_wrote_leaves_the_metrics_of_the_run_before(archive: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from clusterprobe import report; from tests.report_factories import healthy\n"
        "def killed(staged, file): put(staged, file) if file.name != sys.argv[1] else os.kill(os.getpid(), 9)\n"
        "put, report.put = report.put, killed; report.write_all(healthy(), Path(sys.argv[2]))"
    )
    for name in ("index.html", "metrics.prom", "results.json"):
        done = subprocess.run([sys.executable, "-c", code, name, str(archive / RUNNING)], cwd=ROOT, check=False)
        assert done.returncode == -9
        assert 'clusterprobe_run_verdict{verdict="findings"} 1.0' in Reports(archive).answer("/metrics")[2].decode()
    assert report.write_all(healthy(), archive / RUNNING) == []
    assert 'verdict="healthy"' in Reports(archive).answer("/metrics")[2].decode()


def test_a_run_whose_metrics_could_not_be_written_leaves_those_of_the_run_before(archive: Path) -> None:
    (archive / NEW / "metrics.prom").unlink()
    assert 'clusterprobe_run_verdict{verdict="healthy"} 1.0' in Reports(archive).answer("/metrics")[2].decode()


@pytest.mark.parametrize(
    "content", [b"\xff", *(b'{"schema": "clusterprobe/results/v1", "%s": ' % one + b"[" * 100_000 for one in (b"run", b"more")), b""]
)
def test_damaged_results_are_listed_as_not_readable(archive: Path, content: bytes) -> None:
    (archive / NEW / "results.json").write_bytes(content)
    assert b"not readable" in Reports(archive).answer("/")[2]


# --- policies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/", "default-src 'none'"),
        (f"/{NEW}/index.html", "style-src 'unsafe-inline'"),
        (f"/{NEW}/pytest.html", "script-src 'unsafe-inline'; sandbox allow-scripts"),
        (f"/{NEW}/results.json", "sandbox"),
        (f"/{NEW}/junit.xml", "sandbox"),
        ("/metrics", "sandbox"),
        ("/latest", "sandbox"),
        ("/nosuch", "sandbox"),
    ],
)
def test_every_answer_has_a_policy_that_lets_nothing_be_fetched(client, archive: Path, path: str, policy: str) -> None:
    (archive / NEW / "pytest.html").write_text("<script>1</script>")
    found = get(client, path)[2]["Content-Security-Policy"]
    assert found.startswith("default-src 'none'; ")
    assert policy in found


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "<script>"])
def test_another_method_is_refused_without_repeating_it(client, method: str) -> None:
    status, text, headers = get(client, "/<script>", method)
    assert (status, "script" in text, "default-src 'none'" in headers["Content-Security-Policy"]) == (501, False, True)


# --- many, and slow ----------------------------------------------------------------------------------------------------


def test_connections_that_say_nothing_keep_nobody_out_and_take_no_more_threads(client, archive: Path) -> None:
    before = threading.active_count()
    silent = [socket.create_connection((client.host, client.port)) for _ in range(MAX_CONNECTIONS * 4)]
    try:
        for _ in range(3):
            assert get(client, "/healthz")[:2] == (200, "ok\n")
            client.close()
        assert threading.active_count() - before <= MAX_CONNECTIONS
    finally:
        for one in silent:
            one.close()


def test_a_request_that_comes_byte_by_byte_is_cut_off(client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_server, "WHOLE_SECONDS", 0.5)
    with socket.create_connection((client.host, client.port), timeout=20) as slow, pytest.raises(OSError):
        for _ in range(400):
            slow.sendall(b"x")
            time.sleep(0.05)
