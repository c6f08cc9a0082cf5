"""The demo as a whole: which of its findings are causes, and what each of them explains."""

import pytest

from clusterprobe.correlation import cases
from clusterprobe.model import Finding, ProbeResult, RunResult, Severity
from tests.plugin.demo_findings import SNAPSHOT, result_of, written

# Every finding that nothing explains, with those that it explains; notes that stand for themselves are left out.
CAUSES = {
    "alertmanager/config-secret ConfigRefused prod": [
        "pipeline/alert-path AlertPathBroken prod",
        "prometheus/reconciled ObjectNotReconciled prod",
    ],
    "alertmanager/default-config ChartDefaultConfig dev": [
        "alertmanager/receivers EverythingToNull dev",
        "pipeline/alert-path AlertPathBroken dev",
    ],
    "argocd/applications SyncFailed dev": ["argocd/revision CommitNotDeployed dev"],
    "argocd/revision OldImagePaused prod": [],
    "grafana/datasources DatasourceOfOtherEnvironment dev": [],
    "grafana/log-queries InstantLogQuery prod": [],
    "ingress/routes NoEndpoints dev": [],
    "ingress/tls Expired prod": [],
    "loki/instant-queries InstantLogQueries Loki logging/loki": [],
    "loki/query-cost WideQuery Loki logging/loki": [],
    "pods/termination SlowUnmount Node worker2": [],
    "prometheus/pressure RuleGroupTooSlow dev": ["prometheus/pressure RuleGroupTooSlow prod"],
    "prometheus/selector-overlap SelectorOverlap dev": [
        "prometheus/alerting RulesOfOtherEnvironment dev",
        "prometheus/alerting RulesOfOtherEnvironment prod",
        "prometheus/cross-scrape CrossScrape dev",
        "prometheus/cross-scrape CrossScrape prod",
        "prometheus/monitors ScrapedTwice dev",
        "prometheus/monitors ScrapedTwice prod",
        "prometheus/selector-overlap SelectorOverlap prod",
    ],
    "prometheus/storage TsdbOnNfs prod": ["storage/placement StorageNotAsExpected prod"],
    "promtail/grace-period PositionsOnNfs DaemonSet logging/promtail": ["pods/termination SlowAgent DaemonSet logging/promtail"],
    "promtail/grace-period PositionsOnNfs DaemonSet logging/promtail-dev": [],
    "promtail/positions PositionsShared DaemonSet logging/promtail": [],
    "sealed-secrets/unsealed CannotDecrypt prod": ["pods/crash-loop ConfigError prod"],
    "serving/canary CanaryRollBack dev": [],
    "storage/archive-on-delete DataDeletedWithClaim StorageClass nfs-client": [],
    "storage/volume-permissions VolumePermissionDenied prod": ["pods/crash-loop CrashLoop prod"],
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return result_of(tmp_path_factory.mktemp("demo"))


def name(probe: ProbeResult, finding: Finding) -> str:
    return f"{probe.id} {finding.reason} {finding.subject.environment or finding.subject}"


def test_each_cause_gathers_what_hangs_on_it(result: RunResult) -> None:
    gathered = {
        name(case.probe, case.finding): sorted(name(one.probe, one.finding) for one in case.effects)
        for case in cases(result)
        if case.severity.at_least(Severity.WARNING)
    }
    assert gathered == CAUSES


def test_no_finding_is_lost(result: RunResult) -> None:
    shown = [id(finding) for case in cases(result) for finding in (case.finding, *(one.finding for one in case.effects))]
    assert sorted(shown) == sorted(id(finding) for _, finding in result.findings())
    assert len(shown) == 49


def test_it_says_what_the_snapshot_says(result: RunResult) -> None:
    """Where the wording was meant to change: `python -m tests.plugin.demo_findings`, and read the diff."""
    assert written(result).split("\n") == SNAPSHOT.read_text().split("\n")
