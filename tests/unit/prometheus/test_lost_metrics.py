import json
import time
from typing import Any
from urllib.parse import urlencode

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.servers import servers_of
from clusterprobe.access.session import Origin
from clusterprobe.decoding import from_json
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.prometheus.alerting import AlertingRule, LoadedRules, RuleFile, _Rule
from clusterprobe.systems.prometheus.lost_metrics import Lost, LostMetrics, names_of, prometheus_lost_metrics
from probes.prometheus.probe_lost_metrics import probe_lost_metrics
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons, server
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer

ONE, TWO = (server("prometheus", "monitoring", "main", f"prometheus-main-{number}")[0] for number in (0, 1))
RULES = LoadedRules(
    [
        RuleFile(
            "a.yaml", ["a"], 2, [], [AlertingRule("ShopDown", {}, ["shop_up"]), AlertingRule("ShopSlow", {}, ["shop_up", "web_seconds"])]
        ),
        RuleFile("b.yaml", ["b"], 1, [], [AlertingRule("Old", {}, None)]),
    ]
)


def readings(*lost: Lost, replicas: tuple[Subject, ...] = (ONE,)) -> dict[str, Any]:
    return {
        "prometheus_lost_metrics": Readings(tuple((one, LostMetrics(2, list(lost))) for one in replicas), absent="there is none"),
        "prometheus_loaded_rules": Readings(tuple((one, RULES) for one in replicas)),
    }


def test_alerts_whose_metrics_are_there_pass() -> None:
    verdict = judged(probe_lost_metrics, **readings())
    assert (outcome(verdict), verdict.examined) == ("pass", 1)
    assert verdict.notes == ["Of Old the metrics were not looked at: a secret may stand in the expression."]


def test_a_job_that_is_scraped_no_more_is_found_with_its_alerts() -> None:
    (one,) = judged(probe_lost_metrics, **readings(Lost("shop_up", {"shop": False}), replicas=(ONE, TWO))).findings
    assert (one.reason, one.severity, str(one.subject)) == ("AlertsWithoutSeries", "warning", "Prometheus monitoring/main")
    assert one.problem == (
        "Prometheus monitoring/main scrapes no job shop any more, as it did a day ago: 2 alerts cannot fire as they should: "
        "ShopDown, ShopSlow."
    )
    assert one.exhibits[0].rows == [["ShopDown", "shop_up"], ["ShopSlow", "shop_up"]]


def test_a_metric_that_only_comes_and_goes_is_a_note() -> None:
    for lost in (Lost("shop_up", {"shop": True}), Lost("shop_up", {"old": False, "new": True}), Lost("shop_up", {"": False})):
        verdict = judged(probe_lost_metrics, **readings(lost))
        assert (reasons(verdict), outcome(verdict)) == ([], "pass")
        assert "alerts ask for 1 metric that had series a day ago and have none now" in verdict.notes[0]


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_lost_metrics, readings(Lost("shop_up", {"shop": False})))
    assert_blindness_is_no_health(probe_lost_metrics, readings())


# --- asking ---------------------------------------------------------------------------------------------------------------


def answer(*series: dict[str, str]) -> Exchange:
    result = [{"metric": one, "value": [0, "1"]} for one in series]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return Exchange(200, "application/json", json.dumps(body).encode())


def test_what_is_missing_is_asked_for_a_day_ago_and_only_then_what_is_scraped() -> None:
    asked = {
        'group by (__name__) ({__name__=~"shop_up|web_seconds"})': answer({"__name__": "web_seconds"}),
        'group by (__name__, job) ({__name__=~"shop_up"} offset 86400s)': answer({"__name__": "shop_up", "job": "shop"}),
        "group by (job) (up)": answer({"job": "web"}),
    }
    assert read(asked) == (LostMetrics(2, [Lost("shop_up", {"shop": False})]), 3)


def test_where_nothing_is_missing_nothing_more_is_asked() -> None:
    query = 'group by (__name__) ({__name__=~"shop_up|web_seconds"})'
    there = answer({"__name__": "web_seconds"}, {"__name__": "shop_up"})
    assert read({query: there}) == (LostMetrics(2, []), 1)


def read(answers: dict[str, Exchange]) -> tuple[LostMetrics, int]:
    """What is read of a server that answers these queries, and how often it was asked."""
    recording = Recording(time.time())
    for text, exchange in answers.items():
        recording.add("GET", "/api/v1/query?" + urlencode({"query": text}), exchange)
    with FaultServer(recording) as running:
        profile = Profile.model_validate({"endpoints": [{"system": "prometheus", "url": running.url, "namespace": "monitoring"}]})
        cluster = Cluster(Connection(Origin(running.url), "test", "me", "default", "proxy"), Deadline.after(10))
        (one,) = servers_of(profile, "prometheus")
        subject = Subject(kind="Prometheus", namespace="monitoring", name=one.name)
        found = prometheus_lost_metrics(cluster, Readings(((subject, one),)), Readings(((subject, RULES),)), profile)
        (lost,) = found.items
        return lost, len(running.seen)


def test_names_are_those_of_all_alerts_once() -> None:
    assert names_of(RULES) == ["shop_up", "web_seconds"]


def test_what_may_be_a_secret_in_an_expression_is_not_taken_for_a_metric() -> None:
    """Once the names stand alone, the redaction of what is kept does not know any more what stood before them."""
    odd = from_json(b'{"name": "A", "type": "alerting", "query": "id_token: anna9108anna"}', _Rule)
    assert odd.alerting.metrics is None
    plain = from_json(b'{"name": "A", "type": "alerting", "query": "kube_secret_info > 1 and up"}', _Rule)
    assert plain.alerting.metrics == ["kube_secret_info", "up"]
