import shlex
from types import SimpleNamespace
from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.sources import Down, Target
from clusterprobe.times import epoch
from probes.prometheus.probe_targets import probe_targets
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused, server

NOW = epoch("2026-01-01T12:00:00Z")
LONG_AGO = "2026-01-01T08:00:00Z"
ASKED = server("prometheus", "monitoring-dev", "main")[0]
POOL = "serviceMonitor/fastapi-dev/api/0"


def target(health: str = "up", pod: str = "api-0", **fields: Any) -> Target:
    defaults: dict[str, Any] = {
        "labels": {"job": "api", "instance": pod},
        "scrapePool": POOL,
        "scrapeUrl": f"http://{pod}:80/metrics",
        "health": health,
        "lastScrapeDuration": 0.01,
        "scrapeInterval": "30s",
        "scrapeTimeout": "10s",
        "discoveredLabels": {"__meta_kubernetes_namespace": "fastapi-dev", "__meta_kubernetes_pod_name": pod},
    }
    return make(Target, **(defaults | fields))


def pod(name: str = "api-0", start: str = LONG_AGO, *, ready: bool = True, phase: str = "Running", **metadata: Any) -> Pod:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"phase": phase, "startTime": start, "conditions": conditions, "podIP": "10.0.0.1"}
    return labelled(Pod, "fastapi-dev", name, metadata=metadata, spec={"containers": []}, status=status)


def platform(*targets: Target, down: list[Target] | None = None, pods: list[Pod] | None = None, config: str = LONG_AGO) -> dict[str, Any]:
    failing = [one for one in targets if one.health == "down"] if down is None else down
    return {
        "prometheus_targets": Readings(((ASKED, list(targets)),)),
        "prometheus_down": Readings(((ASKED, Down([one.labels for one in failing])),)),
        "prometheus_runtime": Readings(((ASKED, Runtime(start_time=LONG_AGO, last_config_time=config)),)),
        "pods": listing("Pod", [pod(), pod("api-1")] if pods is None else pods),
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOW),
    }


REFUSED = "Get http://api-0:80/metrics: dial tcp: connect: connection refused"


def test_targets_that_are_up_pass() -> None:
    assert outcome(judged(probe_targets, **platform(target(), target(pod="api-1")))) == "pass"


def test_a_pool_that_is_all_down_is_an_error_with_prometheus_own_words() -> None:
    (finding,) = judged(probe_targets, **platform(target("down", lastError=REFUSED))).findings
    assert (finding.severity, finding.reason, str(finding.subject)) == (Severity.ERROR, "TargetsDown", "ServiceMonitor fastapi-dev/api")
    assert "1 of 1 target that" in finding.problem
    assert "connection refused" in finding.cause
    assert "Nothing listens" in finding.cause


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://10.0.0.1:8080/metrics?a=b", "/api/v1/namespaces/fastapi-dev/pods/api-0:8080/proxy/metrics?a=b"),
        ("https://10.0.0.1/metrics", "/api/v1/namespaces/fastapi-dev/pods/https:api-0:443/proxy/metrics"),
        ("http://10.0.0.2:8080/metrics", ""),
        ("http://[broken/metrics", ""),
    ],
)
def test_a_pod_that_is_down_is_asked_through_the_api_server_where_it_is_the_one_that_is_scraped(url: str, asked: str) -> None:
    (finding,) = judged(probe_targets, **platform(target("down", lastError=REFUSED, scrapeUrl=url))).findings
    commands = [line(one) for step in finding.steps for one in step.commands]
    assert commands[0] == "kubectl -n fastapi-dev get servicemonitors.monitoring.coreos.com api -o yaml"
    assert [shlex.split(one)[-1] for one in commands[1:]] == ([asked] if asked else [])


def test_targets_of_a_pool_that_are_down_for_several_reasons_are_told_apart() -> None:
    plain = 'Get "https://api-1:80/metrics": http: server gave HTTP response to HTTPS client'
    third = target("down", "api-2", lastError=REFUSED, discoveredLabels={"__meta_kubernetes_namespace": "fastapi-dev"})
    targets = [target("down", lastError=REFUSED), target("down", "api-1", lastError=plain), third]
    (finding,) = judged(probe_targets, **platform(*targets)).findings
    assert "The last error of 2 targets: Get http://api-0:80/metrics: dial tcp: connect: connection refused. Nothing" in finding.cause
    assert 'The last error of 1 target: Get "https' in finding.cause
    assert "Set `spec.endpoints[0].scheme` to `http`" in finding.fix


def test_a_message_that_is_not_known_names_no_cause() -> None:
    (finding,) = judged(probe_targets, **platform(target("down", lastError="the flux is out of phase"))).findings
    assert finding.cause == "The last error: the flux is out of phase. No known cause has this message."
    assert "what the message names" in finding.fix


def test_a_program_that_listens_at_localhost_is_named_with_its_argument() -> None:
    bound = labelled(
        Pod,
        "fastapi-dev",
        "api-0",
        spec={"containers": [{"name": "api", "args": ["--web.listen-address=127.0.0.1:80"]}]},
        status={"phase": "Running", "startTime": LONG_AGO, "podIP": "10.0.0.1"},
    )
    (finding,) = judged(probe_targets, **platform(target("down", lastError=REFUSED), pods=[bound])).findings
    assert "localhost only: the argument `--web.listen-address=127.0.0.1:80` of container api" in finding.cause


def test_a_pool_that_is_partly_down_is_a_warning() -> None:
    (finding,) = judged(probe_targets, **platform(target(), target("down", "api-1", lastError=REFUSED))).findings
    assert finding.severity is Severity.WARNING
    assert "1 of 2 targets" in finding.problem


def test_replicas_that_see_the_same_make_one_finding() -> None:
    both = [server("prometheus", "monitoring-dev", "main", f"prometheus-main-{index}")[0] for index in (0, 1)]
    seen = target("down", lastError=REFUSED)
    changes: dict[str, Any] = {
        "prometheus_targets": Readings(tuple((one, [seen]) for one in both)),
        "prometheus_down": Readings(tuple((one, Down([seen.labels])) for one in both)),
    }
    (finding,) = judged(probe_targets, **platform() | changes).findings
    assert "1 of 1 target that" in finding.problem


def test_a_single_failed_scrape_is_only_noted() -> None:
    verdict = judged(probe_targets, **platform(target("down", lastError=REFUSED), down=[]))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])
    assert "failed its last scrape" in verdict.notes[0]


def test_where_scrapes_are_rare_the_last_one_counts() -> None:
    assert reasons(judged(probe_targets, **platform(target("down", scrapeInterval="5m"), down=[]))) == ["TargetsDown"]


def test_a_target_that_shares_its_series_with_one_that_is_up_is_still_found() -> None:
    broken = target("down", scrapePool="serviceMonitor/fastapi-dev/broken/0", scrapeUrl="http://api-0:80/nope", lastError="status 404")
    verdict = judged(probe_targets, **platform(target(), broken, down=[]))
    assert [str(one.subject) for one in verdict.findings] == ["ServiceMonitor fastapi-dev/broken"]


def test_the_target_of_a_pod_that_is_being_deleted_is_left_to_termination() -> None:
    going = pod(deletionTimestamp="2026-01-01T12:00:10Z")
    verdict = judged(probe_targets, **platform(target("down"), pods=[going]))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])


def test_the_target_of_a_pod_that_is_gone_is_no_finding() -> None:
    assert reasons(judged(probe_targets, **platform(target("down"), pods=[]))) == []


def test_a_pod_that_has_just_started_and_is_not_ready_is_settling() -> None:
    young = pod(start="2026-01-01T11:59:00Z", ready=False)
    verdict = judged(probe_targets, **platform(target("down"), pods=[young]))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_a_pod_that_is_not_ready_for_long_is_a_finding() -> None:
    assert reasons(judged(probe_targets, **platform(target("down"), pods=[pod(ready=False)]))) == ["TargetsDown"]


@pytest.mark.parametrize(("config", "expected"), [("2026-01-01T11:58:00Z", []), ("2026-01-01T11:57:59Z", ["TargetsNeverScraped"])])
def test_a_target_that_was_never_scraped_is_given_three_intervals(config: str, expected: list[str]) -> None:
    verdict = judged(probe_targets, **platform(target("unknown"), config=config))
    assert reasons(verdict) == expected
    assert outcome(verdict) == ("findings" if expected else "inconclusive")


def test_a_new_pods_target_is_given_time_too() -> None:
    verdict = judged(probe_targets, **platform(target("unknown"), pods=[pod(start="2026-01-01T11:59:50Z")]))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


@pytest.mark.parametrize(("seconds", "expected"), [(7.99, []), (8.0, ["ScrapesNearTimeout"])])
def test_a_scrape_may_take_up_to_four_fifths_of_its_timeout(seconds: float, expected: list[str]) -> None:
    assert reasons(judged(probe_targets, **platform(target(lastScrapeDuration=seconds)))) == expected


def test_an_unknown_timeout_makes_no_finding() -> None:
    slow = target(lastScrapeDuration=100.0, scrapeTimeout="", scrapeInterval="")
    assert reasons(judged(probe_targets, **platform(slow))) == []


def test_a_target_without_a_pod_is_judged_by_itself() -> None:
    kubelet = target("down", discoveredLabels={"__meta_kubernetes_namespace": "kube-system"}, scrapePool="node-exporter")
    (finding,) = judged(probe_targets, **platform(kubelet, pods=[])).findings
    assert str(finding.subject) == "Prometheus monitoring-dev/main"
    assert "monitor" not in finding.steps[-1].text


def test_a_prometheus_without_targets_is_inconclusive() -> None:
    assert outcome(judged(probe_targets, **platform())) == "inconclusive"


def test_a_prometheus_that_cannot_be_asked_is_inconclusive() -> None:
    assert outcome(judged(probe_targets, **platform() | {"prometheus_targets": Readings((), (refused("Pod"),))})) == "inconclusive"


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_targets, platform(target("down", lastError=REFUSED), target("unknown", "api-1")))
