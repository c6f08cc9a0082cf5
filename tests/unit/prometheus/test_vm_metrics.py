"""What a vmagent and a vmalert say on their pages of metrics, which have no types."""

import pytest

from clusterprobe.errors import BadResponse
from clusterprobe.systems.prometheus.alerting import _sent_since_the_start
from clusterprobe.systems.prometheus.runtime import Runtime, _by_metrics
from tests.unit.loki.test_sources import Answering

VMAGENT = b"""vm_app_version{version="vmagent-v1"} 1
vm_promscrape_config_last_reload_successful 1
vm_promscrape_config_last_reload_success_timestamp_seconds 1767268800
process_start_time_seconds 1767225600
"""
VMALERT = b"""vmalert_alerts_send_errors_total{addr="http://am.metrics.svc:9093/api/v2/alerts"} 1
vmalert_alerts_sent_total{addr="http://am.metrics.svc:9093/api/v2/alerts"} 5
vmalert_config_last_reload_successful 0
vmalert_config_last_reload_success_timestamp_seconds 0
process_start_time_seconds 1767225600
"""


def test_since_when_it_runs_and_with_which_configuration() -> None:
    assert _by_metrics(Answering(metrics=VMAGENT)) == Runtime("2026-01-01T00:00:00+00:00", "2026-01-01T12:00:00+00:00")
    assert _by_metrics(Answering(metrics=VMALERT)) == Runtime("2026-01-01T00:00:00+00:00", "", reload_config_success=False)


@pytest.mark.parametrize("page", [b"", b"{}", b"<html>login</html>", b"up 1\n", VMAGENT[:-3]])
def test_a_page_that_is_not_victoriametrics_or_half_of_it_is_unreadable(page: bytes) -> None:
    with pytest.raises(BadResponse):
        _by_metrics(Answering(metrics=page))


def test_what_a_vmalert_sent_and_what_was_not_taken() -> None:
    found = _sent_since_the_start(Answering(metrics=VMALERT))
    assert (found.sent, found.failed, found.since_start) == ({"am.metrics.svc:9093": 5.0}, {"am.metrics.svc:9093": 1.0}, True)


def test_one_that_sends_nowhere_says_so() -> None:
    found = _sent_since_the_start(Answering(metrics=VMALERT.replace(b"http://am.metrics.svc:9093/api/v2/alerts", b"blackhole")))
    assert found.sent == {"": 5.0}


@pytest.mark.parametrize("page", [VMAGENT, VMALERT.replace(b"http://am.metrics.svc:9093/api/v2/alerts", b"1:secret-url")])
def test_a_page_that_does_not_tell_where_alerts_are_sent_is_no_proof_that_they_are_sent_nowhere(page: bytes) -> None:
    with pytest.raises(BadResponse):
        _sent_since_the_start(Answering(metrics=page))
