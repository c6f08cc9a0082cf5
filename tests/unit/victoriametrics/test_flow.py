from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.errors import BadResponse
from clusterprobe.model import Severity, Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.prometheus.runtime import START
from clusterprobe.systems.victoriametrics.flow import MISSED, REFUSED, Flow, Growth, flow_of, victoriametrics_servers
from clusterprobe.verdict import Verdict
from probes.victoriametrics.probe_flow import probe_flow
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons

NOW, HOUR = 1_800_000_000.0, 3600.0
POD = Subject(api_version="v1", kind="Pod", namespace="metrics", name="vmagent-0", owner="VMAgent/main")
QUIET = Growth({"metrics/vmagent-0": {REFUSED: 0.0, MISSED: 0.0}})


def readings(growth: Growth | None = QUIET, age: float = HOUR, **flow: Any) -> dict[str, Any]:
    return {
        "victoriametrics_flow": Readings(((POD, Flow(started=NOW - age, **flow)),)),
        "victoriametrics_growth": Readings(((Subject(kind="Pod", name="vmsingle-0"), growth),) if growth else ()),
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOW),
    }


def judge(growth: Growth | None = QUIET, age: float = HOUR, **flow: Any) -> Verdict:
    return judged(probe_flow, **readings(growth, age, **flow))


def grew(**counters: float) -> Growth:
    return Growth({"metrics/vmagent-0": dict(counters)})


def test_a_program_that_loses_nothing_and_keeps_up_passes() -> None:
    assert outcome(judge()) == "pass"
    assert outcome(judge(behind={"1:secret-url": 119.0})) == "pass"


@pytest.mark.parametrize(
    ("flow", "growth", "found", "says"),
    [
        ({"lost": {REFUSED: 7.0}}, grew(**{REFUSED: 3.0}), "SamplesLost", "vmagent_remotewrite_packets_dropped_total +3"),
        ({"behind": {"1:secret-url": 120.0}}, QUIET, "SendingLags", "too slow, refuses, or cannot be reached"),
        ({"behind": {"1:secret-url": None}}, QUIET, "SendingLags", "It has sent nothing there since its start"),
        ({"read_only": True, "free": 5 * 2.0**20, "least": 10 * 2.0**20}, QUIET, "StorageReadOnly", "It has 5 MiB left"),
        (
            {"refused": ["vmalert_config_last_reload_successful"]},
            QUIET,
            "ConfigurationRefused",
            "vmalert_config_last_reload_successful is 0",
        ),
        ({"missed": 5.0}, grew(**{MISSED: 3.0}), "EvaluationsMissed", "too heavy for their interval"),
    ],
)
def test_what_is_lost_or_late_is_found(flow: dict[str, Any], growth: Growth, found: str, says: str) -> None:
    (finding,) = judge(growth, **flow).findings
    assert (finding.reason, str(finding.subject)) == (found, "Pod metrics/vmagent-0")
    assert says in finding.cause


def test_only_what_grew_lately_counts() -> None:
    assert outcome(judge(grew(**{REFUSED: 0.0}), lost={REFUSED: 7.0})) == "pass"
    assert outcome(judge(grew(**{MISSED: 2.0}), missed=9.0)) == "pass"


def test_what_a_young_program_counts_is_lately() -> None:
    assert reasons(judge(None, age=599.0, lost={REFUSED: 1.0})) == ["SamplesLost"]


def test_where_no_store_has_its_counters_it_is_not_known_whether_they_grow() -> None:
    verdict = judge(None, age=600.0, lost={REFUSED: 7.0})
    assert outcome(verdict) == "inconclusive"
    assert verdict.unread[0].reason.endswith("no store of metrics here tells; let it be scraped")


def test_a_storage_that_takes_nothing_is_critical() -> None:
    assert judge(read_only=True).findings[0].severity is Severity.CRITICAL


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_flow, readings(grew(**{REFUSED: 3.0}), lost={REFUSED: 7.0}))


# --- the page of metrics ------------------------------------------------------------------------------------------------


def page(**values: float) -> list[Metric]:
    return [Metric(START, {}, NOW - 1000.0), *(Metric(name, {"url": "1:secret-url"}, value) for name, value in values.items())]


def test_a_queue_is_as_late_as_its_usual_speed_makes_it() -> None:
    found = flow_of(page(vmagent_remotewrite_pending_data_bytes=3000.0, vmagent_remotewrite_bytes_sent_total=10_000.0), NOW)
    assert found.behind == {"1:secret-url": 300.0}
    assert flow_of(page(vmagent_remotewrite_pending_data_bytes=1.0), NOW).behind == {"1:secret-url": None}


def test_what_the_page_says_of_losses_reloads_and_the_disk() -> None:
    found = flow_of(
        page(
            **{REFUSED: 2.0, MISSED: 1.0},
            vm_promscrape_config_last_reload_successful=0.0,
            vm_storage_is_read_only=1.0,
            vm_free_disk_space_bytes=5.0,
        ),
        NOW,
    )
    assert (found.lost, found.missed, found.read_only, found.free, found.least) == ({REFUSED: 2.0}, 1.0, True, 5.0, None)
    assert found.refused == ["vm_promscrape_config_last_reload_successful"]


@pytest.mark.parametrize("metrics", [[], [Metric(START, {}, NOW)], [Metric(REFUSED, {}, 1.0)]])
def test_a_page_of_another_program_is_unreadable(metrics: list[Metric]) -> None:
    with pytest.raises(BadResponse):
        flow_of(metrics, NOW)


@pytest.mark.parametrize("kind", ["source", "Pod"])
def test_where_pods_were_not_listed_it_is_not_known_that_none_is_there(kind: str) -> None:
    """A list that failed is told by its source's name; one of a namespace has none."""
    name = "pods" if kind == "source" else ""
    found = victoriametrics_servers(Readings(unreadable=(Unchecked(Subject(kind=kind, name=name), "HTTP 500"),), absent="none"))
    assert [one.reason for one in found.unreadable] == ["HTTP 500"]


def test_what_another_program_could_not_be_asked_for_concerns_none_of_these() -> None:
    one = Unchecked(Subject(kind="Pod", namespace="a", name="prometheus-main-0", owner="Prometheus/main"), "no answer")
    assert victoriametrics_servers(Readings(unreadable=(one,), absent="none")).unreadable == ()
