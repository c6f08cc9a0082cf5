import math
from typing import Any

import msgspec
import pytest

from clusterprobe.access.http import Answer
from clusterprobe.errors import BadResponse
from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Severity
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.formats.exposition import Metric, parse_line
from clusterprobe.systems.formats.quantities import amount
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from clusterprobe.systems.prometheus.objects import Prometheus, Rule
from clusterprobe.systems.prometheus.own_log import OwnError
from clusterprobe.systems.prometheus.pressure import (
    TROUBLES,
    Head,
    Interval,
    Pressure,
    SlowRule,
    SlowRules,
    _refused,
    before_query,
    lacking,
    pressure_of,
)
from clusterprobe.systems.prometheus.query import Sample
from clusterprobe.systems.prometheus.rule_groups import RuleGroup, with_lately
from probes.prometheus.probe_pressure import probe_pressure
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, server

NOW = 1_800_000_000.0
SUBJECT, SERVER = server("prometheus", "monitoring-dev", "main")
CLAIM = "prometheus-main-db-prometheus-main-0"
FILE = "/etc/prometheus/rules/monitoring-dev-capacity-uid-monitoring-dev-capacity.yaml"
OLD = 100_000.0


def pressure(age: float = OLD, **changes: Any) -> Pressure:
    fine: dict[str, Any] = {
        "started": NOW - age,
        "window": min(age, 600.0),
        "intervals": [Interval(30.0, 30.0, 30.1)],
        "groups": [RuleGroup(FILE, "capacity", 30.0, 0.5, 0.0)],
        "troubles": {},
        "cpu": 0.2,
        "lifelong": 0.2,
        "memory": 500 * 2**20,
        "queue": 0.001,
    }
    return Pressure(**{**fine, **changes})


def platform(one: Pressure | None = None, *, nfs: bool = False, limits: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    data = {"name": "db", "persistentVolumeClaim": {"claimName": CLAIM}}
    container = {
        "name": "prometheus",
        "volumeMounts": [{"name": "db", "mountPath": "/prometheus"}],
        "resources": {"limits": limits or {}},
    }
    labels = {"app.kubernetes.io/name": "prometheus", "operator.prometheus.io/name": "main"}
    spec = {"containers": [container], "volumes": [data], "nodeName": "worker1"}
    volume = {"nfs": {"server": "nas", "path": "/tsdb"}} if nfs else {"hostPath": {"path": "/opt/x"}, "nodeAffinity": {"required": {}}}
    return {
        "prometheus_pressure": single(SUBJECT, one or pressure()),
        "prometheus_heads": single(SUBJECT, Head(4000, [("apiserver_request_duration_seconds_bucket", 1000)])),
        "prometheus_slow_rules": single(SUBJECT, SlowRules([SlowRule(FILE, "capacity", "up:max", "max_over_time(up[1d])", 29.0)])),
        "prometheus_own_errors": Readings(absent="no Prometheus is in trouble"),
        "prometheus_rules": listing("PrometheusRule", [labelled(Rule, "monitoring-dev", "capacity")]),
        "prometheuses": listing("Prometheus", [labelled(Prometheus, "monitoring-dev", "main")]),
        "pods": listing("Pod", [labelled(Pod, "monitoring-dev", "prometheus-main-0", labels, spec=spec)]),
        "claims": listing(
            "PersistentVolumeClaim", [labelled(PersistentVolumeClaim, "monitoring-dev", CLAIM, spec={"volumeName": "pvc-1"})]
        ),
        "volumes": listing("PersistentVolume", [make(PersistentVolume, metadata={"name": "pvc-1"}, spec=volume)]),
        "storage_classes": listing(
            "StorageClass", [make(StorageClass, metadata={"name": "local-path"}, provisioner="rancher.io/local-path")]
        ),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def found(one: Pressure, **changes: Any) -> Any:
    (finding,) = judged(probe_pressure, **platform(one, **changes)).findings
    return finding


LATE = [Interval(30.0, 31.0, 40.0)]


def test_one_that_keeps_up_passes_and_shows_how_busy_it_is() -> None:
    verdict = judged(probe_pressure, **platform(limits={"cpu": "500m", "memory": "1Gi"}))
    assert outcome(verdict) == "pass"
    assert verdict.exhibits[0].rows[0][1:7] == ["100% of the interval", "200m", "500m", "500 MiB", "1024 MiB", "4000"]


@pytest.mark.parametrize(("late", "expected"), [(32.9, []), (33.0, ["FallsBehind"])])
def test_late_scrapes_count_from_the_factor_on(late: float, expected: list[str]) -> None:
    assert reasons(judged(probe_pressure, **platform(pressure(intervals=[Interval(30.0, 30.0, late)])))) == expected


@pytest.mark.parametrize(("late", "severity"), [(44.9, Severity.WARNING), (45.0, Severity.ERROR)])
def test_badly_late_scrapes_are_an_error(late: float, severity: Severity) -> None:
    assert found(pressure(intervals=[Interval(30.0, 30.0, late)])).severity == severity


def test_a_used_up_cpu_limit_is_named_as_the_cause_with_the_command_that_lifts_it() -> None:
    finding = found(pressure(intervals=LATE, cpu=0.095, throttled=0.6), limits={"cpu": "100m"})
    assert "uses 95m of CPU, and its limit is 100m, and was held back in 60%" in finding.cause
    assert '"limits":{"cpu":null}' in finding.fix
    assert "“apiserver_request_duration_seconds_bucket” has most (1000, 25% of all)" in finding.fix


def test_nfs_is_named_as_the_cause_and_what_it_rests_on() -> None:
    finding = found(pressure(intervals=LATE), nfs=True)
    assert "NFS nas:/tsdb" in finding.cause
    assert finding.rests_on == [f"PersistentVolumeClaim/monitoring-dev/{CLAIM}"]


def test_memory_near_its_limit_is_named_as_the_cause() -> None:
    verdict = judged(probe_pressure, **platform(pressure(intervals=LATE, memory=950 * 2**20), limits={"memory": "1Gi"}))
    assert reasons(verdict) == ["FallsBehind", "MemoryNearLimit"]
    assert "garbage collector" in verdict.findings[0].cause


def test_where_nothing_explains_it_what_was_seen_is_said() -> None:
    finding = found(pressure(intervals=LATE))
    assert "Neither a CPU limit nor the kind of its disk" in finding.cause
    assert "worker1" in finding.cause


def test_late_with_its_own_metrics_its_use_since_the_start_has_to_do() -> None:
    one = pressure(intervals=LATE, cpu=None, lifelong=0.095)
    assert "uses 95m of CPU, and its limit is 100m" in found(one, limits={"cpu": "100m"}).cause


@pytest.mark.parametrize(("cpu", "expected"), [(0.089, []), (0.091, ["CpuThrottled"])])
def test_a_used_up_cpu_limit_without_late_scrapes_is_a_warning(cpu: float, expected: list[str]) -> None:
    verdict = judged(probe_pressure, **platform(pressure(cpu=cpu), limits={"cpu": "100m"}))
    assert reasons(verdict) == expected
    assert all(one.severity == Severity.WARNING for one in verdict.findings)


@pytest.mark.parametrize(("share", "expected"), [(0.249, []), (0.25, ["CpuThrottled"])])
def test_a_cpu_limit_that_throttles_is_a_warning(share: float, expected: list[str]) -> None:
    assert reasons(judged(probe_pressure, **platform(pressure(cpu=0.05, throttled=share), limits={"cpu": "100m"}))) == expected


def test_what_the_kernel_counted_during_a_start_a_while_ago_is_no_finding() -> None:
    one = pressure(age=400, cpu=0.05, lifelong=0.5, throttled=0.9)
    assert outcome(judged(probe_pressure, **platform(one, limits={"cpu": "100m"}))) == "pass"


def test_no_limit_throttles_nothing() -> None:
    assert outcome(judged(probe_pressure, **platform(pressure(cpu=4.0, throttled=0.9)))) == "pass"


@pytest.mark.parametrize(("age", "expected"), [(89, "inconclusive"), (90, "pass")])
def test_of_one_that_has_just_started_nothing_can_be_told(age: float, expected: str) -> None:
    assert outcome(judged(probe_pressure, **platform(pressure(age=age)))) == expected


def test_a_single_late_round_soon_after_the_start_is_no_finding() -> None:
    one = pressure(age=300, intervals=[Interval(30.0, 30.1, 60.0)])
    assert outcome(judged(probe_pressure, **platform(one))) == "pass"


def test_soon_after_the_start_every_other_scrape_has_to_be_late() -> None:
    assert "every other scrape" in found(pressure(age=300, intervals=[Interval(30.0, 50.0, 60.0)])).problem


@pytest.mark.parametrize(("missed", "expected"), [(2.0, []), (3.0, ["RuleGroupTooSlow"])])
def test_missed_evaluations_count_from_the_threshold_on(missed: float, expected: list[str]) -> None:
    one = pressure(groups=[RuleGroup(FILE, "capacity", 30.0, 1.0, missed)])
    assert reasons(judged(probe_pressure, **platform(one))) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(23.9, []), (24.0, ["RuleGroupTooSlow"])])
def test_a_group_that_nearly_takes_its_interval_is_a_warning(seconds: float, expected: list[str]) -> None:
    verdict = judged(probe_pressure, **platform(pressure(groups=[RuleGroup(FILE, "capacity", 30.0, seconds, 0.0)])))
    assert reasons(verdict) == expected
    assert all(one.severity == Severity.WARNING for one in verdict.findings)


@pytest.mark.parametrize(
    ("seconds", "lately", "expected"),
    [(1.0, 0.0, []), (1.0, 1.0, ["RuleGroupTooSlow"]), (1.0, None, ["RuleGroupTooSlow"]), (24.0, 0.0, ["RuleGroupTooSlow"])],
)
def test_a_group_that_has_become_light_again_is_a_note(seconds: float, lately: float | None, expected: list[str]) -> None:
    verdict = judged(probe_pressure, **platform(pressure(groups=[RuleGroup(FILE, "capacity", 30.0, seconds, 7.0, lately, 60.0)])))
    assert reasons(verdict) == expected
    told = "left out 7 evaluations of the group capacity in the last 10 min, and none in the last 60 s."
    assert any(one.endswith(told) for one in verdict.notes) == (not expected)


def test_a_slow_group_names_its_rule_and_the_object_that_it_comes_from() -> None:
    finding = found(pressure(groups=[RuleGroup(FILE, "capacity", 30.0, 45.0, 7.0)]))
    assert finding.severity == Severity.ERROR
    assert "PrometheusRule monitoring-dev/capacity" in finding.cause
    assert "up:max (29.00 s): `max_over_time(up[1d])`" in finding.cause
    assert "$ kubectl -n monitoring-dev get prometheusrules.monitoring.coreos.com capacity -o yaml" in finding.fix


LIGHT = [RuleGroup(FILE, name, 30.0, 0.2, 21.0) for name in ("capacity", "general", "nodes")]


def test_light_groups_that_are_left_out_together_are_not_to_blame() -> None:
    finding = found(pressure(groups=LIGHT))
    assert (finding.reason, finding.severity) == ("EvaluationsLeftOut", Severity.ERROR)
    assert "left out 63 evaluations of 3 groups of rules in 10 min (capacity, general, nodes)" in finding.problem
    assert "It is not the rules: none takes more than 1 % of its interval." in finding.problem
    assert "is too heavy" not in finding.cause


def test_a_heavy_group_beside_them_is_told_as_well() -> None:
    heavy = RuleGroup(FILE, "heavy", 30.0, 45.0, 20.0)
    assert reasons(judged(probe_pressure, **platform(pressure(groups=[*LIGHT, heavy])))) == ["EvaluationsLeftOut", "RuleGroupTooSlow"]


def test_one_light_group_alone_may_have_been_too_heavy_at_times() -> None:
    well = [RuleGroup(FILE, name, 30.0, 0.2, 0.0) for name in ("general", "nodes")]
    finding = found(pressure(groups=[RuleGroup(FILE, "capacity", 30.0, 1.0, 7.0), *well]))
    assert "took too long for its interval at times, if not the last time; or Prometheus stood still." in finding.cause


def test_a_group_of_a_file_that_no_object_made_names_the_file() -> None:
    finding = found(pressure(groups=[RuleGroup("/etc/rules/mine.yaml", "capacity", 30.0, 45.0, 7.0)]))
    assert "the file mine.yaml" in finding.cause
    assert [line(one) for one in finding.steps[0].commands] == ["kubectl -n monitoring-dev describe pod prometheus-main-0"]


def test_where_scrapes_are_late_as_well_no_group_is_blamed() -> None:
    finding = found(pressure(intervals=LATE, groups=[RuleGroup(FILE, "capacity", 30.0, 45.0, 7.0)]))
    assert (finding.reason, finding.severity) == ("FallsBehind", Severity.ERROR)
    assert "1 group of rules missed evaluations (capacity)" in finding.problem


@pytest.mark.parametrize(("held", "expected"), [(0.899, []), (0.9, ["MemoryNearLimit"])])
def test_memory_near_its_limit_is_a_warning(held: float, expected: list[str]) -> None:
    assert reasons(judged(probe_pressure, **platform(pressure(memory=held * 2**30), limits={"memory": "1Gi"}))) == expected


@pytest.mark.parametrize(
    ("counter", "severity"),
    [("prometheus_tsdb_wal_writes_failed_total", Severity.CRITICAL), ("prometheus_tsdb_compactions_failed_total", Severity.ERROR)],
)
def test_a_database_in_trouble_is_named_with_its_counter_and_disk(counter: str, severity: Severity) -> None:
    finding = found(pressure(troubles={counter: 2.0}), nfs=True)
    assert (finding.reason, finding.severity) == ("DatabaseErrors", severity)
    assert f"{counter} +2" in finding.cause
    assert "NFS nas:/tsdb" in finding.cause
    assert finding.rests_on == [f"PersistentVolumeClaim/monitoring-dev/{CLAIM}"]


def test_trouble_long_ago_is_no_finding() -> None:
    assert outcome(judged(probe_pressure, **platform(pressure(troubles={"prometheus_tsdb_wal_corruptions_total": 0.0})))) == "pass"


def test_trouble_of_which_it_is_not_known_when_is_unchecked() -> None:
    assert outcome(judged(probe_pressure, **platform(pressure(troubles={"prometheus_tsdb_wal_corruptions_total": None})))) == "inconclusive"


def test_missed_evaluations_of_which_it_is_not_known_when_are_unchecked() -> None:
    one = pressure(groups=[RuleGroup(FILE, "capacity", 30.0, 1.0, None)])
    assert outcome(judged(probe_pressure, **platform(one))) == "inconclusive"


@pytest.mark.parametrize(("seconds", "expected"), [(0.99, []), (1.0, ["DiskTooSlow"])])
def test_a_disk_that_takes_too_long_is_a_warning(seconds: float, expected: list[str]) -> None:
    assert reasons(judged(probe_pressure, **platform(pressure(sync=seconds)))) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.99, []), (1.0, ["QueriesWait"])])
def test_queries_that_wait_are_a_warning(seconds: float, expected: list[str]) -> None:
    assert reasons(judged(probe_pressure, **platform(pressure(queue=seconds)))) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(119.0, []), (120.0, ["RemoteWriteBehind"])])
def test_a_remote_write_that_lags_is_an_error(seconds: float, expected: list[str]) -> None:
    assert reasons(judged(probe_pressure, **platform(pressure(behind={"mimir": seconds})))) == expected


@pytest.mark.parametrize(("lost", "expected"), [(0.4, []), (1.0, ["RemoteWriteRefused"]), (160_000.0, ["RemoteWriteRefused"])])
def test_samples_that_a_receiver_refuses_are_an_error(lost: float, expected: list[str]) -> None:
    assert reasons(judged(probe_pressure, **platform(pressure(refused={"mimir": lost})))) == expected


def test_a_refusal_is_counted_over_the_window_and_its_log_is_named() -> None:
    (finding,) = judged(probe_pressure, **platform(pressure(refused={"mimir": 160_000.0}))).findings
    assert finding.problem.endswith("lost 160000 samples for mimir in the last 10 min: they were refused.")
    assert "401 and 403 are about credentials" in finding.cause


@pytest.mark.parametrize(
    ("answer", "cause", "fix"),
    [
        ("400 Bad Request: another sample with the same timestamp (err-mimir-sample-duplicate-timestamp)", "two replicas", "external labels"),
        ("400 Bad Request: out of order sample", "older than what the receiver has", "within a window"),
        ("400 Bad Request: per-user series limit of 150000 exceeded (err-mimir-max-series-per-user)", "A limit of the receiver", "raise that limit"),
        ("400 Bad Request: received a series whose label value length exceeds: label value too long", "not valid at the receiver", "drop it"),
        ("401 Unauthorized: no token", "refuses the credentials", "Correct the credentials"),
        ("404 Not Found: page", "takes nothing at this path", "Correct the URL"),
        ("413 Request Entity Too Large", "too large", "maxSamplesPerSend"),
        ("400 Bad Request: something new", "401 and 403 are about credentials", "or the receiver's limits"),
    ],
)  # fmt: skip
def test_what_a_receiver_answers_names_why_it_refuses(answer: str, cause: str, fix: str) -> None:
    given = platform(pressure(refused={"mimir": 9.0}))
    said = OwnError("remote write", f"server returned HTTP status {answer}", "mimir")
    errors = given["prometheus_pressure"].map(lambda _, __: [said])
    (finding,) = judged(probe_pressure, **{**given, "prometheus_own_errors": errors}).findings
    assert (cause in finding.cause, fix in finding.fix, f"HTTP status {answer}" in finding.cause) == (True, True, True)


def test_refusals_of_which_it_is_not_known_when_they_were_are_unchecked() -> None:
    verdict = judged(probe_pressure, **platform(pressure(refused={"mimir": None})))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_no_prometheus_does_not_apply() -> None:
    assert outcome(judged(probe_pressure, **platform(prometheus_pressure=Readings(absent="there is none")))) == "not_applicable"


def test_a_pod_without_a_container_explains_nothing_and_breaks_nothing() -> None:
    world = platform(pressure(intervals=LATE))
    bare = [msgspec.structs.replace(one, spec=msgspec.structs.replace(one.spec, containers=[])) for one in world["pods"].items]
    assert outcome(judged(probe_pressure, **{**world, "pods": listing("Pod", bare)})) == "findings"


def test_blindness_is_never_taken_for_health() -> None:
    bad = pressure(intervals=LATE, groups=[RuleGroup(FILE, "capacity", 30.0, 45.0, 7.0)], memory=2**30, sync=3.0, queue=3.0)
    assert_blindness_is_no_health(probe_pressure, platform(bad, nfs=True, limits={"cpu": "100m", "memory": "1Gi"}))
    assert_blindness_is_no_health(probe_pressure, platform(pressure(cpu=0.1), limits={"cpu": "100m"}))
    assert_blindness_is_no_health(probe_pressure, platform())


# --- what is read ------------------------------------------------------------------------------------------------------

PAGE = """
process_start_time_seconds 1.7999e+09
process_cpu_seconds_total 5000
go_memstats_sys_bytes 300
go_memstats_heap_released_bytes 100
prometheus_target_interval_length_seconds{interval="30s",quantile="0.5"} 30
prometheus_target_interval_length_seconds{interval="30s",quantile="0.9"} 31
prometheus_target_interval_length_seconds{interval="1m",quantile="0.5"} NaN
prometheus_target_interval_length_seconds{interval="1m",quantile="0.9"} NaN
prometheus_rule_group_interval_seconds{rule_group="f.yaml;g"} 30
prometheus_rule_group_last_duration_seconds{rule_group="f.yaml;g"} 2
prometheus_rule_group_iterations_missed_total{rule_group="f.yaml;g"} 9
prometheus_tsdb_compactions_failed_total 4
prometheus_tsdb_wal_corruptions_total 0
prometheus_tsdb_wal_fsync_duration_seconds{quantile="0.9"} NaN
prometheus_engine_query_duration_seconds{slice="inner_eval",quantile="0.9"} 40
prometheus_engine_query_duration_seconds{slice="queue_time",quantile="0.9"} 0.5
prometheus_remote_storage_highest_timestamp_in_seconds 1000
prometheus_remote_storage_queue_highest_sent_timestamp_seconds{remote_name="a",url="http://x"} 900
"""


def read(before: list[Sample], age: float = OLD) -> Pressure:
    metrics = [parse_line(line) for line in PAGE.strip().splitlines()]
    return pressure_of(metrics, before, NOW - age, NOW, 600)


def sample(value: float, name: str = "", **labels: str) -> Sample:
    return Sample({**({"__name__": name} if name else {}), **labels}, NOW, value)


MISSED, FAILED = "prometheus_rule_group_iterations_missed_total", "prometheus_tsdb_compactions_failed_total"


def test_counters_count_by_how_much_they_grew() -> None:
    one = read([sample(7, MISSED, rule_group="f.yaml;g"), sample(4, FAILED)])
    assert one.groups == [RuleGroup("f.yaml", "g", 30.0, 2.0, 2.0)]
    assert one.troubles == {FAILED: 0.0}


def test_what_is_now_is_read_and_what_is_no_number_is_left_out() -> None:
    one = read([sample(0.3, read="cpu"), sample(0.1, read="throttled")])
    assert one.intervals == [Interval(30.0, 30.0, 31.0)]
    assert (one.cpu, one.throttled, one.memory, one.sync, one.queue, one.behind) == (0.3, 0.1, 200.0, None, 0.5, {"a": 100.0})
    assert one.lifelong == pytest.approx(0.05)


def test_of_a_young_process_its_counters_are_the_growth_whatever_the_one_before_had() -> None:
    one = read([sample(7, MISSED, rule_group="f.yaml;g")], age=300)
    assert (one.groups[0].missed, one.troubles[FAILED], one.window) == (9.0, 4.0, 300.0)


def test_a_group_that_was_loaded_within_the_window_begins_at_nothing() -> None:
    assert read([sample(4, FAILED)]).groups[0].missed == 9.0
    assert read([sample(50, MISSED, rule_group="f.yaml;g")]).groups[0].missed == 9.0


def test_of_one_that_does_not_scrape_itself_nothing_is_known_but_what_is_still_zero() -> None:
    one = read([])
    assert (one.groups[0].missed, one.troubles, one.cpu) == (None, {FAILED: None}, None)


@pytest.mark.parametrize(
    ("interval", "answer", "lately", "asked"),
    [
        (30.0, [("f.yaml;g", 0.0)], 0.0, "[60s]"),
        (45.0, [("f.yaml;g", 0.0), ("f.yaml;g", 2.0)], 2.0, "[90s]"),  # it may be scraped twice
        (30.0, [("f.yaml;other", 0.0)], None, "[60s]"),
        (300.0, [], None, ""),  # two of its intervals are the whole window
    ],
)
def test_whether_a_group_still_misses_evaluations_is_asked_over_two_of_its_intervals(
    interval: float, answer: list[tuple[str, float]], lately: float | None, asked: str
) -> None:
    questions: list[str] = []

    def answered(question: str) -> list[Sample]:
        questions.append(question)
        return [sample(value, rule_group=group) for group, value in answer]

    well = RuleGroup("f.yaml", "well", 600.0, 1.0, 0.0)
    bad, still = with_lately(answered, [RuleGroup("f.yaml", "g", interval, 1.0, 3.0), well], [30.0], 1.5, 600.0)
    assert (bad.missed_lately, still) == (lately, well)
    assert [asked in one and "process_start_time_seconds == 1.5" in one for one in questions] == ([True] if asked else [])


def test_the_past_is_asked_in_one_query_that_tells_this_process_by_its_start() -> None:
    text = before_query(1795375163.09, 600, SERVER)
    assert "process_start_time_seconds == 1795375163.09" in text
    assert "offset 600s" in text
    assert 'pod="prometheus-main-0"' in text


def test_a_page_without_a_start_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    from clusterprobe.systems.prometheus import pressure as module

    class Answering:
        url = "http://prometheus"

        def get(self, path: str, **options: Any) -> Answer:
            return Answer(200, {}, b"# TYPE up gauge\nup 1\n", 0.0)

    monkeypatch.setattr(module, "read_each", lambda cluster, profile, servers, read: read(Answering(), SERVER))
    with pytest.raises(BadResponse, match="process_start_time_seconds"):
        module.prometheus_pressure(None, Readings(), Profile())  # type: ignore[arg-type]


def whole_page() -> list[Metric]:
    return [*(parse_line(line) for line in PAGE.strip().splitlines()), *(Metric(name, {}, 0.0) for name in TROUBLES)]


def test_a_page_with_all_that_every_prometheus_has_lacks_nothing() -> None:
    assert lacking(whole_page()) == ""


@pytest.mark.parametrize("name", [*TROUBLES, "go_memstats_sys_bytes", MISSED, "prometheus_rule_group_last_duration_seconds"])
def test_a_page_that_ends_early_is_not_the_whole_page(name: str) -> None:
    assert lacking([one for one in whole_page() if one.name != name]) != ""


def test_the_page_of_an_agent_has_no_database_and_no_rules() -> None:
    page = [one for one in whole_page() if one.name not in TROUBLES and "rule_group" not in one.labels]
    assert lacking(page) != ""
    assert lacking(page, ()) == ""


def test_a_value_that_is_no_number_is_only_right_for_a_summary() -> None:
    assert "go_memstats_sys_bytes is not a number" in lacking([*whole_page(), Metric("go_memstats_sys_bytes", {}, math.nan)])


def test_one_that_scrapes_nothing_is_unchecked() -> None:
    verdict = judged(probe_pressure, **platform(pressure(intervals=[])))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_one_whose_pod_was_not_read_is_unchecked() -> None:
    assert outcome(judged(probe_pressure, **platform(pods=listing("Pod", [])))) == "inconclusive"


@pytest.mark.parametrize(("lifelong", "expected"), [(0.1, "pass"), (0.49, "inconclusive")])
def test_an_unknown_use_of_a_cpu_limit_passes_only_where_the_average_is_far_below(lifelong: float, expected: str) -> None:
    verdict = judged(probe_pressure, **platform(pressure(cpu=None, lifelong=lifelong), limits={"cpu": "500m"}))
    assert (outcome(verdict), bool(verdict.notes)) == (expected, expected == "pass")
    assert outcome(judged(probe_pressure, **platform(pressure(cpu=None, lifelong=lifelong)))) == "pass"


@pytest.mark.parametrize(
    ("text", "value"), [("100m", 0.1), ("1", 1.0), (2, 2.0), ("1e3", 1000.0), ("128Mi", 2.0**27), ("", None), ("1x", None)]
)
def test_quantities_are_read(text: object, value: float | None) -> None:
    assert amount(text) == value


def lost(*, young: bool = False, grown: dict[str, float] | None = None) -> dict[str, float | None]:
    name = "prometheus_remote_storage_samples_failed_total"
    metrics = [parse_line(f'{name}{{remote_name="mimir"}} 900')]
    return _refused(metrics, [sample(value, remote_name=remote) for remote, value in (grown or {}).items()], young=young)


def test_refused_samples_count_by_how_much_they_grew() -> None:
    assert lost(grown={"mimir": 12.0, "other": 5.0}) == {"mimir": 12.0}
    assert lost(grown={"mimir": 0.0}) == {"mimir": 0.0}
    assert lost() == {"mimir": None}
    assert lost(young=True) == {"mimir": 900.0}


@pytest.mark.parametrize(
    ("one", "topic"),
    [
        (pressure(refused={"mimir": 5.0}), "remote write"),
        (pressure(behind={"mimir": 900.0}), "remote write"),
        (pressure(troubles={"prometheus_tsdb_compactions_failed_total": 2.0}), "database"),
    ],
)
def test_what_its_log_says_is_quoted(one: Pressure, topic: Any) -> None:
    errors = single(SUBJECT, [OwnError(topic, "the reason", "mimir")])
    assert "Its log says: “the reason”." in found(one, prometheus_own_errors=errors).cause
