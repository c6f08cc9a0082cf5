"""Kept reports: which are removed, what is served, and nothing else."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterprobe.archive import finished, folders, prune
from clusterprobe.archive_server import Reports, server
from clusterprobe.report import write_all
from tests.report_factories import healthy, unwell

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
    assert f'<a href="/{NEW}/index.html">{NEW}</a></td><td>findings</td>' in text
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
