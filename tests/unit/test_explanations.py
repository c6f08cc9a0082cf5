"""What one probe breaks is what another rests on: for every kind of reference, the two ends meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from clusterprobe.correlation import explain
from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, ProbeResult, ProbeVerdict, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.references import RefKind
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret
from clusterprobe.systems.kubernetes.objects import Pod, Service
from clusterprobe.systems.pods.crashes import CrashLog
from clusterprobe.systems.prometheus.alerting import FailingRule
from clusterprobe.systems.prometheus.rule_groups import RuleGroup
from clusterprobe.verdict import Verdict
from probes.alertmanager.probe_config_secret import probe_config_secret
from probes.alertmanager.probe_default_config import probe_default_config
from probes.alertmanager.probe_receivers import probe_receivers
from probes.argocd.probe_applications import probe_applications
from probes.argocd.probe_revision import probe_revision
from probes.ingress.probe_routes import probe_routes
from probes.ingress.probe_tls import probe_tls
from probes.loki.probe_freshness import probe_freshness
from probes.loki.probe_ready import probe_ready
from probes.loki.probe_ruler import probe_ruler
from probes.pods.probe_crash_loop import probe_crash_loop
from probes.pods.probe_termination import probe_termination
from probes.prometheus.probe_alerting import probe_alerting
from probes.prometheus.probe_cross_scrape import probe_cross_scrape
from probes.prometheus.probe_monitors import probe_monitors
from probes.prometheus.probe_pressure import probe_pressure
from probes.prometheus.probe_rules import probe_rules
from probes.prometheus.probe_selector_overlap import probe_selector_overlap
from probes.prometheus.probe_storage import probe_storage
from probes.promtail.probe_coverage import probe_coverage
from probes.promtail.probe_grace_period import probe_grace_period
from probes.storage.probe_placement import probe_placement
from probes.storage.probe_volume_permissions import probe_volume_permissions
from tests import sealed_factories as sealing
from tests.factories import judged, labelled, listing, recognised, server
from tests.unit.alertmanager import test_config_secret as config_secret
from tests.unit.alertmanager import test_default_config as default_config
from tests.unit.alertmanager import test_receivers as receivers
from tests.unit.argocd import application_world as applications
from tests.unit.argocd import test_revision as revisions
from tests.unit.ingress import test_routes as routes
from tests.unit.ingress import test_tls as tls
from tests.unit.log_agents import test_coverage as coverage
from tests.unit.log_agents import test_grace_period as grace_period
from tests.unit.loki import test_freshness as freshness
from tests.unit.loki import test_ready as ready
from tests.unit.loki import test_ruler as ruler
from tests.unit.pods import test_termination as termination
from tests.unit.prometheus import test_alerting as alerting
from tests.unit.prometheus import test_cross_scrape as cross_scrape
from tests.unit.prometheus import test_monitors as monitors
from tests.unit.prometheus import test_pressure as pressure
from tests.unit.prometheus import test_rules as rules
from tests.unit.prometheus import test_selector_overlap as overlap
from tests.unit.prometheus import test_storage as storage
from tests.unit.storage import test_volume_permissions as permissions

NOW = 1_800_000_000.0
LONG_AGO = "2027-01-14T08:00:00Z"  # a day before
Pair = tuple[Finding, Finding]  # what breaks it, and what rests on it


def found(verdict: Verdict, reason: str) -> Finding:
    """The first finding with that code."""
    return next(one for one in verdict.findings if one.reason == reason)


# --- a pod that crashes, and what hangs on it ---------------------------------------------------------------------------


def crashing(namespace: str, name: str, owner: str = "", *, command: tuple[str, ...] = (), waits: str = "", **more: Any) -> Pod:
    """A pod whose container crashes again and again, or cannot start because of what it says; `owner` is `Kind/name`."""
    kind, _, own = owner.partition("/")
    owners = [{"kind": kind, "name": own, "uid": "u", "controller": True}] if owner else []
    state = {"waiting": {"reason": "CreateContainerConfigError" if waits else "CrashLoopBackOff", "message": waits}}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": LONG_AGO, "finishedAt": LONG_AGO}}
    container = {"name": "main", "ready": False, "restartCount": 9, "state": state, "lastState": {} if waits else ended}
    status = {"phase": "Running", "startTime": LONG_AGO, "containerStatuses": [container], **more.pop("status", {})}
    metadata = {"ownerReferences": owners, "creationTimestamp": LONG_AGO}
    spec = {"containers": [{"name": "main", "image": "app:1", "command": list(command)}]}
    return labelled(Pod, namespace, name, more.pop("labels", {}), metadata=metadata, spec=spec, status=status)


def logging(pods: Iterable[Pod], line: str) -> Readings[CrashLog]:
    return listing("Pod", pods).map(lambda _, __: CrashLog("main", [line]))


def crashes(*pods: Pod, services: tuple[Service, ...] = (), logs: Readings[CrashLog] | None = None) -> Verdict:
    return judged(
        probe_crash_loop,
        pods=listing("Pod", pods),
        services=listing("Service", services),
        crash_logs=logs or Readings(),
        crash_events=Readings(),
        stateful_sets=Readings(),
        profile=Profile(),
        clock=Clock(NOW),
    )


def workload(owner: str) -> Callable[[], Pair]:
    """Loki's only pod crashes: it is not ready."""

    def pair() -> Pair:
        pod = crashing("logging", "loki-0", owner)
        unready = judged(probe_ready, **ready.platform(ready.NOT, pods=listing("Pod", [pod])))
        return found(crashes(pod), "CrashLoop"), found(unready, "NotReady")

    return pair


def secret() -> Pair:
    pod = crashing("ml-prod", "train", waits='secret "db" not found')
    unsealed = sealing.judge(sealing.sealed("ml-prod", synced=sealing.NO_KEY), absent=("ml-prod/db",))
    return found(unsealed, "CannotDecrypt"), found(crashes(pod), "ConfigError")


def service() -> Pair:
    """What calls a Service whose only pod crashes."""
    database = labelled(Service, "ml", "db", spec={"selector": {"app": "db"}, "ports": [{"port": 5432}]})
    back = crashing("ml", "db-0", "StatefulSet/db", labels={"app": "db"})
    front = crashing("ml", "web", command=("serve", "--db=postgres://db:5432/ml"))
    refused = logging([back, front], "dial tcp 10.96.0.9:5432: connect: connection refused")
    verdict = crashes(back, front, services=(database,), logs=refused)
    caller = next(one for one in verdict.findings if one.subject.name == "web")
    return next(one for one in verdict.findings if one.subject.name == "db"), caller


def writes() -> Pair:
    """A program that ends because it may not write to its volume: the volume's finding names user, groups and owner."""
    pod = permissions.pod(ready=False, context=permissions.POD_CONTEXT)
    refused = judged(probe_volume_permissions, **permissions.platform(pod, permissions.DENIED))
    logs = Readings(((Subject(kind="Pod", namespace="app", name="api-1"), CrashLog("api", [permissions.LINE])),))
    return found(refused, "VolumePermissionDenied"), found(crashes(pod, logs=logs), "CrashLoop")


# --- the systems --------------------------------------------------------------------------------------------------------


def application() -> Pair:
    state = applications.operation("Failed", resources=[applications.FAILED])
    one = applications.application("OutOfSync", operationState=state)
    late = judged(probe_revision, **revisions.world(one=one))
    return found(judged(probe_applications, **applications.world(one)), "SyncFailed"), found(late, "CommitNotDeployed")


def ingress() -> Pair:
    one = tls.ingress(ingressClassName="internal")
    shown = judged(probe_tls, **tls.platform(tls.TRAEFIK, one=one))
    return found(judged(probe_routes, **routes.platform(one)), "ClassMissing"), found(shown, "DefaultCertificate")


def node() -> Pair:
    stuck = judged(probe_termination, **termination.cluster(termination.pod(node="worker3")))
    broken = coverage.agent("worker3", ready=False)
    uncovered = judged(
        probe_coverage, **coverage.platform((broken, coverage.work("worker3")), (coverage.node("worker3"),), agent_states=Readings())
    )
    return found(stuck, "StuckTerminating"), found(uncovered, "AgentNotRunning")


def claim() -> Pair:
    slow = judged(probe_pressure, **pressure.platform(pressure.pressure(intervals=pressure.LATE), nfs=True))
    return found(judged(probe_storage, **storage.platform(storage.NFS, "nfs-client")), "TsdbOnNfs"), found(slow, "FallsBehind")


def logs_of_node() -> Pair:
    bare = coverage.platform((coverage.agent("worker2"), coverage.work("worker1")), (coverage.node("worker1"),))
    missing = judged(probe_freshness, **freshness.platform([freshness.wrote()], freshness.searched(None)))
    return found(judged(probe_coverage, **bare), "NodeWithoutAgent"), found(missing, "NamespaceNotInLoki")


def logs() -> Pair:
    dropping = judged(probe_coverage, **coverage.platform(**coverage.dropping()))
    missing = judged(probe_freshness, **freshness.platform([freshness.wrote()], freshness.searched(None)))
    return found(dropping, "LinesDropped"), found(missing, "NamespaceNotInLoki")


def loki() -> Pair:
    failing = ruler.ruler(ruler.rule(ruler.HEARTBEAT, health="err", error="too many unhealthy instances in the ring"))
    return found(judged(probe_ready, **ready.platform(ready.NOT)), "NotReady"), found(
        judged(probe_ruler, **ruler.platform(failing)), "RuleFails"
    )


def sealing_key() -> Pair:
    verdict = sealing.judge(sealing.sealed("ml-dev", synced=sealing.NO_KEY), sealing.sealed("ml-prod", digests=("x", "y")))
    return found(verdict, "SealingKeyLost"), found(verdict, "CannotDecrypt")


def selectors() -> Pair:
    taken = judged(probe_selector_overlap, **overlap.platform(*overlap.SHARED, overlap.monitor("fastapi-prod", "monitoring")))
    loaded = judged(probe_alerting, **alerting.platform(alerting.DEV, rules_of="monitoring-prod"))
    return found(taken, "SelectorOverlap"), found(loaded, "RulesOfOtherEnvironment")


def shared_label() -> Pair:
    """Each of two Prometheuses takes the other's monitors, through the same label."""
    dev, prod = judged(probe_selector_overlap, **overlap.platform(*overlap.SHARED)).findings
    return dev, prod


def rule_group() -> Pair:
    """Two replicas evaluate the same group, which is too heavy."""
    slow = pressure.pressure(groups=[RuleGroup(pressure.FILE, "capacity", 30.0, 45.0, 7.0)])
    two = Readings(tuple((server("prometheus", "monitoring-dev", "main", f"prometheus-main-{number}")[0], slow) for number in range(2)))
    first, second = judged(probe_pressure, **pressure.platform(prometheus_pressure=two)).findings
    return first, second


def scrape() -> Pair:
    """What is scraped twice makes a rule fail that joins it."""
    twice = judged(probe_monitors, **monitors.readings(None, monitors.target(by="old-ksm"), monitors.target(by="new-ksm")))
    failing = FailingRule("shop", "ShopErrors", rules.DUPLICATES, True)
    fails = judged(probe_rules, **rules.readings(prometheus_loaded_rules=rules.loaded(failing)))
    return found(twice, "ScrapedTwice"), found(fails, "EvaluationFails")


def rules_loaded() -> Pair:
    both = rules.starved()
    return both["RulesUnselected"], both["NoRules"]


def alertmanager() -> Pair:
    served = judged(probe_default_config, **default_config.platform(default_config.FALLBACK))
    return found(served, "OperatorFallbackConfig"), found(
        judged(probe_receivers, **receivers.platform(default_config.FALLBACK)), "EverythingToNull"
    )


def alertmanager_configuration() -> Pair:
    missing = ConfigSecret("team-config", exists=False, proof="the Secret was read by name, as the profile says")
    judgement = judged(probe_config_secret, **config_secret.platform(default_config.FALLBACK, missing))
    served = judged(probe_default_config, **default_config.platform(default_config.FALLBACK))
    return found(judgement, "ConfigSecretMissing"), found(served, "OperatorFallbackConfig")


def termination_of_an_agent() -> Pair:
    positions = judged(probe_grace_period, **grace_period.platform(grace_period.agent(), agent_terminations=grace_period.terminations(30)))
    slow = judged(probe_termination, **termination.cluster(termination.staying(), agent_terminations=termination.agents(30)))
    return found(positions, "PositionsOnNfs"), found(slow, "SlowAgent")


def unmount() -> Pair:
    stuck = termination.pod(state=termination.ENDED)
    verdict = judged(probe_termination, **termination.cluster(stuck, termination_canaries=termination.SLOW))
    return found(verdict, "SlowUnmount"), found(verdict, "StuckTerminating")


MEETINGS: dict[RefKind, Callable[[], Pair]] = {
    RefKind.ALERTMANAGER: alertmanager,
    RefKind.ALERTMANAGER_CONFIGURATION: alertmanager_configuration,
    RefKind.APPLICATION: application,
    RefKind.DAEMON_SET: workload("DaemonSet/loki"),
    RefKind.DEPLOYMENT: workload("Deployment/loki"),
    RefKind.INGRESS: ingress,
    RefKind.JOB: workload("Job/loki"),
    RefKind.LOGS: logs,
    RefKind.LOGS_OF_NODE: logs_of_node,
    RefKind.LOKI: loki,
    RefKind.NODE: node,
    RefKind.OTHER: workload("LokiStack/loki"),
    RefKind.PERSISTENT_VOLUME_CLAIM: claim,
    RefKind.POD: workload(""),
    RefKind.REPLICA_SET: workload("ReplicaSet/loki"),
    RefKind.RULE_GROUP: rule_group,
    RefKind.RULES: rules_loaded,
    RefKind.SCRAPE: scrape,
    RefKind.SEALING_KEY: sealing_key,
    RefKind.SECRET: secret,
    RefKind.SELECTORS: selectors,
    RefKind.SERVICE: service,
    RefKind.SHARED_LABEL: shared_label,
    RefKind.STATEFUL_SET: workload("StatefulSet/loki"),
    RefKind.TERMINATION: termination_of_an_agent,
    RefKind.UNMOUNT: unmount,
    RefKind.WRITES: writes,
}
WITHOUT = {
    RefKind.FINDING: "every finding breaks the reference to itself; tests/unit/test_pipeline_alert_path.py shows who rests on it",
    RefKind.ALERTS: "the way of an alert needs it; tests/unit/test_pipeline_alert_path.py shows that",
}


def test_every_kind_has_both_ends_or_a_reason() -> None:
    assert set(MEETINGS) | set(WITHOUT) == set(RefKind)
    assert not set(MEETINGS) & set(WITHOUT)


def meet(cause: Finding, effect: Finding) -> str:
    """Through what the one explains the other, which it has to."""
    results = [
        ProbeResult(id=name, question="", verdict=ProbeVerdict.FINDINGS, findings=[one]) for name, one in (("a", cause), ("b", effect))
    ]
    (one,) = explain(results)
    assert (one.finding, one.cause) == (("b", 0), ("a", 0))
    return one.through


@pytest.mark.parametrize("kind", MEETINGS)
def test_what_one_finding_breaks_is_what_the_other_rests_on(kind: RefKind) -> None:
    assert meet(*MEETINGS[kind]()).startswith(f"{kind}/")


def test_the_placement_of_a_claim_is_a_matter_of_the_database_on_it() -> None:
    world = storage.platform(storage.NFS, "nfs-client")
    pods = world["system_pods"].map(lambda _, one: one.pod)
    placed = judged(probe_placement, **{name: one for name, one in world.items() if name != "prometheuses"}, pods=pods)
    through = meet(found(judged(probe_storage, **world), "TsdbOnNfs"), found(placed, "StorageNotAsExpected"))
    assert through == f"PersistentVolumeClaim/monitoring-dev/{storage.CLAIM}"


def test_a_database_that_is_lost_with_its_pod_is_told_once() -> None:
    """`prometheus/storage` says so; that the profile expects something else is below it."""
    pods = listing("Pod", [storage.pod({"emptyDir": {}})])
    bare: dict[str, Any] = {"system_pods": recognised(pods), "prometheuses": listing("Prometheus", [storage.prometheus(None)])}
    world = storage.platform(**bare)
    placed = judged(probe_placement, **{name: one for name, one in world.items() if name != "prometheuses"}, pods=pods)
    meet(found(judged(probe_storage, **world), "TsdbNotKept"), found(placed, "StorageNotAsExpected"))


def test_what_is_scraped_across_environments_is_a_matter_of_the_selectors() -> None:
    taken = judged(probe_selector_overlap, **overlap.platform(*overlap.SHARED, overlap.monitor("fastapi-prod", "monitoring")))
    scraped = judged(probe_cross_scrape, **cross_scrape.platform(cross_scrape.CROSSING))
    assert meet(found(taken, "SelectorOverlap"), found(scraped, "CrossScrape")) == "Selectors/monitoring-dev/main"


def test_pods_that_went_late_are_a_matter_of_the_slow_unmount_of_their_node() -> None:
    verdict = judged(
        probe_termination,
        **termination.cluster(termination.staying(), past_terminations=termination.past(6), termination_canaries=termination.SLOW),
    )
    assert meet(found(verdict, "SlowUnmount"), found(verdict, "WentLate")) == "Unmount/worker2"


def test_a_node_that_is_slow_by_itself_explains_the_pods_that_hang_there() -> None:
    slow = termination.timings(worker1=[termination.canary(1)], worker2=[termination.canary(35)])
    verdict = judged(probe_termination, **termination.cluster(termination.pod(), termination_canaries=slow))
    assert meet(found(verdict, "SlowTermination"), found(verdict, "StuckTerminating")) == "Termination/worker2"


def test_an_agent_that_waits_for_the_unmount_is_a_matter_of_that_unmount() -> None:
    read = {"agent_terminations": grace_period.terminations(30), "termination_canaries": grace_period.canaries(29)}
    slow = judged(probe_termination, **termination.cluster(termination.staying(), termination_canaries=termination.SLOW))
    positions = judged(probe_grace_period, **grace_period.platform(grace_period.agent(), **read))
    assert meet(found(slow, "SlowUnmount"), found(positions, "PositionsOnNfs")) == "Unmount/worker2/nas"


# --- and what does not meet ---------------------------------------------------------------------------------------------


def test_a_service_that_another_pod_still_serves_is_not_broken() -> None:
    database = labelled(Service, "ml", "db", spec={"selector": {"app": "db"}, "ports": [{"port": 5432}]})
    first, second = (crashing("ml", name, "StatefulSet/db", labels={"app": "db"}) for name in ("db-0", "db-1"))
    assert crashes(first, second, services=(database,)).findings[0].breaks == ["StatefulSet/ml/db", "Service/ml/db"]
    healthy = labelled(
        Pod,
        "ml",
        "db-1",
        {"app": "db"},
        spec={"containers": []},
        status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    )
    assert crashes(first, healthy, services=(database,)).findings[0].breaks == ["StatefulSet/ml/db"]


def test_two_ingresses_that_lead_to_one_silent_service_have_one_cause() -> None:
    silent = {"services": [routes.service(selector={"app": "none"})], "endpoint_slices": []}
    verdict = judged(probe_routes, **routes.platform(routes.ingress("api"), routes.ingress("api-v2", path="/v2"), **silent))
    result = ProbeResult(id="ingress/routes", question="", verdict=ProbeVerdict.FINDINGS, findings=verdict.findings)
    assert [(one.finding[1], one.cause[1], one.through) for one in explain([result])] == [(1, 0, "Service/shop/api")]


def test_a_crash_for_another_reason_does_not_rest_on_the_volume() -> None:
    pod = permissions.pod(ready=False)
    logs = Readings(((Subject(kind="Pod", namespace="app", name="api-1"), CrashLog("api", ["KeyError: 'model'"])),))
    assert found(crashes(pod, logs=logs), "CrashLoop").rests_on == []


def test_a_target_that_the_own_monitor_reaches_is_no_matter_of_the_selectors() -> None:
    own = cross_scrape.target("fastapi-prod", "serviceMonitor/monitoring-dev/wide/0")
    for targets in ([own], [own, cross_scrape.FOREIGN]):
        assert found(judged(probe_cross_scrape, **cross_scrape.platform(targets)), "CrossScrape").rests_on == []


def test_what_a_pod_without_that_volume_waits_for_is_another_cause() -> None:
    """Of two pods that are stuck on a node, on which NFS is slow, one mounts no NFS."""
    stuck = termination.pod(state=termination.ENDED)
    bare = termination.cluster(stuck, termination_canaries=termination.SLOW, claims=Readings(), volumes=Readings())
    verdict = judged(probe_termination, **bare)
    assert not {*found(verdict, "SlowUnmount").breaks} & {*found(verdict, "StuckTerminating").rests_on}
