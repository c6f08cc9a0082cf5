import json
from typing import Any

import pytest

from clusterprobe.access.http import Answer
from clusterprobe.access.servers import Server
from clusterprobe.errors import BadResponse, Forbidden, NotFound, Unauthenticated, Unreachable, Unreadable
from clusterprobe.model import Subject
from clusterprobe.readings import Readings, single
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.mlflow.sources import Alive, Asked, Behind, Started, _alive, judge, names_of, started
from probes.mlflow.probe_health import probe_health
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, recognised, refused, server

POD, _ = server("mlflow", "mlflow", "mlflow", pod="mlflow-0")
SERVICE = Subject(api_version="v1", kind="Service", namespace="mlflow", name="mlflow")
NAMES = ["mlflow.mlflow:5000", "mlflow.mlflow.svc:5000", "mlflow.mlflow.svc.cluster.local:5000"]
HOST = "Invalid Host header - possible DNS rebinding attack detected"
LABELS = {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": "mlflow"}


def all_say(outcome_: str, message: str = "") -> list[Asked]:
    return [Asked(name, outcome_, message) for name in NAMES]


def platform(asked: list[Asked] | None = None, command: str = "mlflow server", **changes: Any) -> dict[str, Any]:
    pod = labelled(Pod, "mlflow", "mlflow-0", LABELS, spec={"containers": [{"name": "mlflow", "args": [command]}]})
    return {
        "mlflow_alive": single(POD, Alive("3.17.2")),
        "mlflow_behind": single(SERVICE, Behind(asked or all_say("ok"))),
        "system_pods": recognised(listing("Pod", [pod])),
        **changes,
    }


def test_one_that_finds_its_experiments_under_every_name_passes() -> None:
    verdict = judged(probe_health, **platform())
    assert (outcome(verdict), verdict.notes) == ("pass", [])
    assert verdict.exhibits[0].rows[0] == ["Pod mlflow/mlflow-0", "3.17.2", "OK"]


def test_one_that_refuses_its_services_names_is_an_error_with_what_to_allow() -> None:
    (finding,) = judged(probe_health, **platform(all_say("host", HOST), "mlflow server --allowed-hosts mlflow.example.com")).findings
    assert (finding.reason, finding.severity, str(finding.subject)) == ("HostRefused", "error", "MLflow mlflow/mlflow")
    assert "--allowed-hosts is mlflow.example.com" in finding.cause
    assert "mlflow.example.com,mlflow.mlflow:*,mlflow.mlflow.svc:*,mlflow.mlflow.svc.cluster.local:*" in finding.fix


def test_without_an_option_the_default_is_named() -> None:
    (finding,) = judged(probe_health, **platform(all_say("host", HOST))).findings
    assert "not among its arguments" in finding.cause


def test_one_without_a_version_passes_and_says_so() -> None:
    verdict = judged(probe_health, **platform(mlflow_alive=single(POD, Alive())))
    assert (outcome(verdict), verdict.notes) == (
        "pass",
        ["Pod mlflow/mlflow-0 does not report its version: it has no /version, or asks for a login there"],
    )


def test_one_that_refuses_some_names_only_passes_and_says_which() -> None:
    verdict = judged(probe_health, **platform([Asked(NAMES[0], "host", HOST), Asked(NAMES[1], "ok"), Asked(NAMES[2], "ok")]))
    assert outcome(verdict) == "pass"
    assert "mlflow.mlflow:5000" in verdict.notes[0]


def test_a_database_that_is_down_is_an_error_with_the_drivers_words() -> None:
    said = "(psycopg2.OperationalError) connection to server at postgres failed: Connection refused"
    command = "mlflow server --backend-store-uri postgresql+psycopg2://mlflow:planted@postgres.db:5432/mlflow"
    (finding,) = judged(probe_health, **platform(all_say("database", said), command)).findings
    assert (finding.reason, finding.severity) == ("BackendStoreDown", "error")
    assert "(postgresql at postgres.db) fails: “(psycopg2.OperationalError)" in finding.cause
    assert "planted" not in repr(finding)


def test_an_api_that_fails_otherwise_is_an_error() -> None:
    assert reasons(judged(probe_health, **platform(all_say("failed", "INTERNAL_ERROR: boom")))) == ["ApiFails"]


def test_one_that_asks_for_credentials_is_inconclusive_and_says_how_to_give_them() -> None:
    verdict = judged(probe_health, **platform(all_say("login", "it asks for credentials")))
    assert outcome(verdict) == "inconclusive"
    assert "endpoints:" in verdict.unread[0].reason


def test_a_server_that_starts_is_inconclusive() -> None:
    nobody: Readings[Any] = Readings((), (refused("Pod", "mlflow", "connection refused"),))
    assert outcome(judged(probe_health, **platform(mlflow_alive=nobody, mlflow_behind=nobody))) == "inconclusive"


@pytest.mark.parametrize("asked", [all_say("ok"), all_say("host", HOST), all_say("database", "(sqlite3.OperationalError) x")])
def test_whatever_cannot_be_read_is_no_health(asked: list[Asked]) -> None:
    assert_blindness_is_no_health(probe_health, platform(asked))


# --- reading it


def answer(status: int, body: Any) -> Answer:
    return Answer(status, {}, body.encode() if isinstance(body, str) else json.dumps(body).encode(), 0.0)


SQLITE = "(sqlite3.DatabaseError) file is not a database\n[SQL: SELECT experiments.name FROM experiments]"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"experiments": [{"experiment_id": "0"}]}, ("ok", "")),
        (403, HOST, ("host", HOST)),
        (400, {"error_code": "BAD_REQUEST", "message": SQLITE}, ("database", "(sqlite3.DatabaseError) file is not a database")),
        (
            503,
            {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "(pymysql.err.OperationalError) x"},
            ("database", "(pymysql.err.OperationalError) x"),
        ),
        (500, {"error_code": "INTERNAL_ERROR", "message": "boom"}, ("failed", "INTERNAL_ERROR: boom")),
        (401, "You are not authenticated.", ("login", "it asks for credentials")),
    ],
)
def test_what_mlflow_answers_is_told_apart(status: int, body: Any, expected: tuple[str, str]) -> None:
    found = judge(answer(status, body), "name", "GET")
    assert (found.outcome, found.message) == expected


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "<html>login</html>", BadResponse),
        (200, {}, BadResponse),
        (200, {"kind": "Status", "experiments": 5}, BadResponse),
        (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}, BadResponse),
        (401, {"kind": "Status", "message": "Unauthorized"}, Unauthenticated),
        (403, {"kind": "Status", "message": "forbidden"}, Forbidden),
        (403, {"error_code": "PERMISSION_DENIED", "message": "no"}, Forbidden),
        (503, {"kind": "Status", "message": "no endpoints available"}, Unreachable),
        (500, "<html>oops</html>", Unreadable),
    ],
)
def test_what_others_answer_on_the_way_is_unreadable(status: int, body: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        judge(answer(status, body), "name", "GET")


class Answering:
    url = "http://mlflow"

    def __init__(self, health: str = "OK", version: Any = "3.17.2") -> None:
        self.answers = {"/health": health, "/version": version}

    def get(self, path: str, **options: Any) -> Answer:
        if isinstance(self.answers[path], Exception):
            raise self.answers[path]
        return answer(200, self.answers[path])


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.17.2", "3.17.2"), ("2.9.0.dev0\n", "2.9.0.dev0"), (NotFound("HTTP 404"), ""), (Unauthenticated("HTTP 401"), "")],
)
def test_a_server_tells_its_version_or_has_none(version: Any, expected: str) -> None:
    assert _alive(Answering(version=version)) == Alive(expected)


@pytest.mark.parametrize(("health", "version"), [("<html>login</html>", "3"), ("", "3"), ("OK", "<html>login</html>")])
def test_a_page_that_answers_everything_is_not_mlflow(health: str, version: str) -> None:
    with pytest.raises(BadResponse):
        _alive(Answering(health, version))


def test_the_names_are_those_that_clients_use() -> None:
    there = Server(system="mlflow", namespace="mlflow", name="mlflow", service="mlflow", port=5000)
    assert names_of(there) == NAMES
    assert names_of(Server(system="mlflow", namespace="ml", name="mlflow", service="web", port=80))[0] == "web.ml"
    assert names_of(Server(system="mlflow", namespace="", name="mlflow", url="https://mlflow.example.com")) == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["mlflow", "server", "--allowed-hosts", "a:*,b"], Started("a:*,b", "", "b")),
        (
            ["sh", "-c", "mlflow server --allowed-hosts='*' --backend-store-uri sqlite:////data/m.db"],
            Started("*", "sqlite at /data/m.db", "b"),
        ),
        (["mlflow", "--backend-store-uri=mysql+pymysql://u:planted@db/x?ssl=1"], Started("", "mysql at db", "b")),
        (["mlflow", "--backend-store-uri", "$(STORE)"], Started("", "", "b")),
    ],
)
def test_the_command_line_tells_names_and_database_but_no_password(command: list[str], expected: Started) -> None:
    assert started(labelled(Pod, "a", "b", spec={"containers": [{"name": "c", "command": command}]})) == expected
