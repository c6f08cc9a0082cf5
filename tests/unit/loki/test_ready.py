from typing import Any

import pytest

from clusterprobe.errors import BadResponse, Unreachable
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.loki.sources import Build, Ready, _ready
from probes.loki.probe_ready import probe_ready
from tests.factories import judged, labelled, listing, outcome, refused, server

NOW = 1_800_000_000.0
POD, _ = server("loki", "logging", "loki", pod="loki-0")


def platform(ready: Ready | None, started: str = "2027-01-15T00:00:00Z", **changes: Any) -> dict[str, Any]:
    status = {"startTime": started, "containerStatuses": [{"name": "loki", "state": {"running": {"startedAt": started}}}]}
    return {
        "loki_ready": single(POD, ready) if ready else Readings((), (refused("Pod"),)),
        "loki_build": single(POD, Build("3.5.0")),
        "pods": listing("Pod", [labelled(Pod, "logging", "loki-0", spec={"containers": []}, status=status)]),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


NOT = Ready(ready=False, message="Ingester not ready: waiting for 15s after being ready")


def test_a_loki_that_is_ready_passes_and_shows_its_version() -> None:
    verdict = judged(probe_ready, **platform(Ready(ready=True)))
    assert outcome(verdict) == "pass"
    assert verdict.exhibits[0].rows == [["Pod logging/loki-0", "3.5.0", "ready"]]


def test_one_that_is_not_ready_long_after_its_start_is_an_error_with_its_own_words() -> None:
    (finding,) = judged(probe_ready, **platform(NOT)).findings
    assert (finding.reason, finding.severity, finding.subject.name) == ("NotReady", "error", "loki-0")
    assert "waiting for 15s" in finding.cause
    assert "ring" in finding.cause
    assert "$ kubectl get --raw /api/v1/namespaces/logging/pods/loki-0:3100/proxy/ring" in finding.fix.splitlines()


@pytest.mark.parametrize(("age", "severity"), [(299, "info"), (300, "error")])
def test_soon_after_a_start_it_is_worth_a_word_only(age: int, severity: str) -> None:
    (finding,) = judged(probe_ready, **platform(NOT, clock=Clock(1_799_971_200.0 + age))).findings
    assert finding.severity == severity


def test_one_whose_start_is_not_known_is_unchecked() -> None:
    verdict = judged(probe_ready, **platform(NOT, pods=Readings((), (refused("PodList"),))))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_one_that_is_reached_by_its_address_needs_no_start() -> None:
    subject = Subject(kind="Loki", namespace="logging", name="loki")
    (finding,) = judged(probe_ready, **platform(None, loki_ready=single(subject, NOT))).findings
    assert finding.severity == "error"


def test_one_that_cannot_be_asked_is_inconclusive() -> None:
    assert outcome(judged(probe_ready, **platform(None))) == "inconclusive"


def test_a_version_that_cannot_be_read_changes_nothing() -> None:
    assert outcome(judged(probe_ready, **platform(Ready(ready=True), loki_build=Readings((), (refused("Pod"),))))) == "pass"


class Answering:
    url = "http://loki"

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body = status, body.encode()

    def get(self, path: str, **options: Any) -> Any:
        return self


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "ready\n", Ready(ready=True)),
        (503, "Ingester not ready: x\n", Ready(ready=False, message="Ingester not ready: x")),
        (503, "Some services are not Running:\nStarting: 1", Ready(ready=False, message="Some services are not Running:\nStarting: 1")),
    ],
)
def test_lokis_own_answers_are_read(status: int, body: str, expected: Ready) -> None:
    assert _ready(Answering(status, body)) == expected


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "<html>login</html>", BadResponse),
        (200, "", BadResponse),
        (503, "no healthy upstream", Unreachable),
        (503, '{"kind":"Status","message":"no endpoints available, not ready"}', Unreachable),
        (503, "<html>not ready</html>", Unreachable),
        (503, "", Unreachable),
    ],
)
def test_what_others_answer_on_the_way_is_unreadable(status: int, body: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        _ready(Answering(status, body))
