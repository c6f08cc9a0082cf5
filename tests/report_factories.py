"""Makes run results for tests of the sinks: a healthy one, one with many findings, an incomplete one, and hostile ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from clusterprobe.fixes import change, destroys, look, shell, text_of
from clusterprobe.model import (
    SCHEMA,
    Bar,
    Bars,
    Cluster,
    Finding,
    Matrix,
    ProbeResult,
    ProbeVerdict,
    Run,
    RunResult,
    RunVerdict,
    Severity,
    Step,
    Subject,
    Table,
    Text,
    Unchecked,
)

CLUSTER = Cluster(
    context="mlops-platform",
    server="https://10.20.0.10:6443",
    user="system:serviceaccount:clusterprobe:clusterprobe",
    version="v1.31.4",
    route="API server's proxy",
    uid="0c9f2f5e",
)

QUESTIONS = {
    "prometheus/cross-scrape": "Does a Prometheus scrape targets of another environment?",
    "prometheus/selector-overlap": "Could a Prometheus select monitors of another environment?",
    "prometheus/storage": "Does a Prometheus keep its database on NFS?",
    "prometheus/targets": "Are all targets scraped?",
    "alertmanager/default-config": "Does an Alertmanager run its default configuration?",
    "alertmanager/config-secret": "Does an Alertmanager use the Secret that it is meant to?",
    "alertmanager/receivers": "Does every route end at a receiver that tells somebody?",
    "alertmanager/delivery": "Do notifications leave Alertmanager?",
    "loki/ready": "Is Loki ready?",
    "loki/instant-queries": "Does something send log queries to the instant endpoint?",
    "promtail/grace-period": "Does Promtail get a short grace period?",
    "pods/termination": "Do pods of one node take longer to go than the others?",
    "storage/placement": "Where does each system keep its data?",
    "grafana/health": "Does Grafana answer, and its database?",
    "argocd/applications": "Are Argo CD's applications healthy?",
    "serving/health": "Do the models answer?",
}


def subject(kind: str = "Pod", name: str = "one", namespace: str = "", environment: str = "", **more: Any) -> Subject:
    return Subject(kind=kind, name=name, namespace=namespace, environment=environment, **more)


def finding(severity: Severity = Severity.ERROR, reason: str = "Wrong", about: Subject | None = None, **texts: Any) -> Finding:
    words = {
        "problem": "It is wrong.",
        "cause": "It was made so.",
        **repair(look("Make it right.", shell("kubectl get pods"))),
        "prevention": "Look.",
    }
    return Finding(reason=reason, severity=severity, subject=about or subject(), **{**words, **texts})


def repair(*steps: Step) -> dict[str, Any]:
    """The two forms in which a finding holds its fix."""
    return {"fix": text_of(steps), "steps": list(steps)}


def unchecked(reason: str = "forbidden", about: Subject | None = None) -> Unchecked:
    return Unchecked(subject=about or subject(), reason=reason)


def probe(probe_id: str, verdict: ProbeVerdict | str = ProbeVerdict.PASS, **more: Any) -> ProbeResult:
    fields = {"question": QUESTIONS.get(probe_id, "Is it well?"), "examined": 3, "reason": "3 examined", **more}
    return ProbeResult(id=probe_id, verdict=ProbeVerdict(verdict), **fields)


def run_of(**more: Any) -> Run:
    fields: dict[str, Any] = {
        "id": "2026-11-22T02-58-07Z-7f3a",
        "started": "2026-11-22T02:58:07Z",
        "finished": "2026-11-22T02:58:19Z",
        "tool_version": "0.1.0",
        "profile": "default",
        "fail_on": "error",
        "sources": {"pods": 1.42, "prometheus_targets": 0.81, "loki_logs": 2.3, "namespaces": 0.05},
    }
    return Run(**{**fields, **more})


def result(*probes: ProbeResult, verdict: RunVerdict | str = RunVerdict.HEALTHY, **more: Any) -> RunResult:
    run = more.pop("run", None) or run_of()
    cluster = more.pop("cluster", CLUSTER)
    return RunResult(schema=SCHEMA, run=run, cluster=cluster, verdict=RunVerdict(verdict), probes=list(probes), **more)


def matrix(cross: int = 0) -> Matrix:
    return Matrix(
        title="Who scrapes whom",
        row_title="Prometheus of",
        column_title="targets in",
        rows=["dev", "prod"],
        columns=["dev", "prod", "(shared)"],
        cells=[[21, cross, 14], [0, 26, 14]],
        wrong=[("dev", "prod"), ("prod", "dev")],
    )


def termination(*, hanging: bool = False) -> Bars:
    slow = [("application", 1.4), ("unmount and clean-up", 33.8)] if hanging else [("application", 1.3), ("unmount and clean-up", 1.2)]
    return Bars(
        title="Median time to terminate",
        unit="s",
        limit=30.0,
        bars=[
            Bar(label="control-plane", parts=[("application", 1.1), ("unmount and clean-up", 0.8)], note="6 pods"),
            Bar(label="worker1", parts=[("application", 1.6), ("unmount and clean-up", 1.1)], note="14 pods"),
            Bar(label="worker2", parts=slow, outlier=hanging, note="11 pods"),
            Bar(label="worker3", parts=[("application", 1.2), ("unmount and clean-up", 0.9)], note="12 pods"),
        ],
    )


def placement(*, nfs: bool = False) -> Table:
    prometheus = (
        ["Prometheus", "prod", "monitoring-prod/prometheus-main-0", "NFS", "nfs-client", "export nas01:/k8s"]
        if nfs
        else ["Prometheus", "prod", "monitoring-prod/prometheus-main-0", "local", "local-path", "worker1"]
    )
    return Table(
        title="Volumes by system",
        columns=["System", "Environment", "Claim", "Really", "Class", "Where"],
        rows=[
            prometheus,
            ["Prometheus", "dev", "monitoring-dev/prometheus-main-0", "local", "local-path", "worker3"],
            ["Alertmanager", "prod", "monitoring-prod/alertmanager-main-0", "ephemeral", "", ""],
            ["Loki", "(shared)", "logging/storage-loki-0", "NFS", "nfs-client", "export `nas01:/k8s`"],
        ],
    )


def healthy() -> RunResult:
    """Everything passed, and some systems are not applicable."""
    exhibits = {
        "prometheus/cross-scrape": [matrix()],
        "pods/termination": [termination()],
        "storage/placement": [placement()],
    }
    absent = {"argocd/applications": "the API group argoproj.io is not served"}
    probes = [
        probe(one, "not_applicable", examined=0, reason=absent[one])
        if one in absent
        else probe(one, examined=4, reason="4 examined", exhibits=exhibits.get(one, []))
        for one in QUESTIONS
    ]
    return result(*probes, environments={"dev": ["monitoring-dev", "fastapi-dev"], "prod": ["monitoring-prod", "fastapi-prod"]})


DEV = subject("Prometheus", "main", "monitoring-dev", "dev", api_version="monitoring.coreos.com/v1")
PROD = subject("Prometheus", "main", "monitoring-prod", "prod", api_version="monitoring.coreos.com/v1")
ALERTMANAGER = subject("Alertmanager", "main", "monitoring-prod", "prod", api_version="monitoring.coreos.com/v1")

CROSS_SCRAPE = Finding(
    reason="CrossScrape",
    severity=Severity.ERROR,
    subject=DEV,
    problem="The dev Prometheus monitoring-dev/main scrapes 18 targets of prod.",
    cause="It takes 3 scrape pools of prod, the first from ServiceMonitor fastapi-prod/churn: label `release: monitoring`. "
    "What they are meant for: Prometheus monitoring-prod/main.",
    **repair(
        look(
            "See what it selects today.",
            shell("kubectl -n monitoring-dev get prometheus main -o jsonpath='{.spec.serviceMonitorSelector}'"),
            shell("kubectl get servicemonitors -A -l release=monitoring"),
        ),
        change(
            "Give dev a release label of its own, on the monitors and in the selector. In Git, in the values of the dev release:",
            code="prometheus:\n  prometheusSpec:\n    serviceMonitorSelector:\n      matchLabels:\n        release: monitoring-dev",
        ),
    ),
    prevention="Name the environment in the release label of both; `prometheus/selector-overlap` checks it before anything is scraped.",
    exhibits=[
        Table(
            title="Scraped by dev, belonging to prod",
            columns=["Taken from", "Through", "Targets"],
            rows=[
                ["serviceMonitor/fastapi-prod/churn/0", "ServiceMonitor fastapi-prod/churn", "9"],
                ["serviceMonitor/fastapi-prod/fraud/0", "ServiceMonitor fastapi-prod/fraud", "6"],
                ["podMonitor/airflow-prod/scheduler/0", "PodMonitor airflow-prod/scheduler", "3"],
            ],
        )
    ],
)
DEFAULT_CONFIG = Finding(
    reason="OperatorFallback",
    severity=Severity.CRITICAL,
    subject=ALERTMANAGER,
    problem="Alertmanager monitoring-prod/main runs the Operator's fallback configuration: no alert of prod reaches anybody.",
    cause="`spec.configSecret` names the Secret `alertmanager-slack`, whose key is `config.yaml`. The Operator reads `alertmanager.yaml` "
    "and, not finding it, routes everything to the receiver `null`.",
    **repair(
        change("Name the key `alertmanager.yaml` in the SealedSecret's source, seal it again and let Argo CD sync it."),
        look(
            "See what Alertmanager has loaded.",
            shell("kubectl -n monitoring-prod get secret alertmanager-slack -o jsonpath='{.data}' | jq keys"),
            shell("kubectl -n monitoring-prod port-forward svc/alertmanager-operated 9093"),
        ),
    ),
    prevention="Run this probe after each sync; add a `Watchdog` route to a dead man's switch, so that silence is noticed.",
    exhibits=[Text(title="The route in use", text="route:\n  receiver: 'null'\nreceivers:\n- name: 'null'")],
)
ON_NFS = Finding(
    reason="TsdbOnNfs",
    severity=Severity.ERROR,
    subject=PROD,
    problem="The database of the prod Prometheus lies on NFS. Prometheus does not support that: samples get lost and blocks corrupt.",
    cause="The claim monitoring-prod/prometheus-main-0 is bound to a volume of `nas01:/k8s`. Its class is called `local-path`, "
    "but its provisioner is `k8s-sigs.io/nfs-subdir-external-provisioner`.",
    **repair(
        change("A claim's class cannot be changed: in Git, set `storageSpec` to a local class and `replicas: 0`."),
        destroys("the history in the PVC", "Then delete it.", shell("kubectl -n monitoring-prod delete pvc prometheus-main-0")),
        change("Restore the replicas."),
    ),
    prevention="Name the storage class in the values; never rely on the cluster's default.",
)
HANGING = Finding(
    reason="UnmountHangs",
    severity=Severity.ERROR,
    subject=subject("Node", "worker2"),
    problem="Pods on worker2 take 35 s to terminate, 13 times as long as elsewhere. Rollouts and drains wait for them.",
    cause="The containers end after 1.4 s; the other 33.8 s pass while their NFS volumes are unmounted.",
    **repair(
        look(
            "See how the node mounts, and how it reaches the NFS server; a `soft` mount ends by itself.",
            shell("kubectl debug node/worker2 -it --image=busybox -- chroot /host nfsstat -m"),
        )
    ),
    prevention="Keep what is written all the time off NFS. A shorter grace period does not help: the containers have ended already.",
)
INSTANT = Finding(
    reason="LogQueryAsInstantQuery",
    severity=Severity.WARNING,
    subject=subject("Pod", "grafana-7d9c5b7c9-x2x8q", "monitoring-dev", "dev", owner="Deployment/grafana"),
    problem="Something asks Loki for log lines on the instant endpoint: 42 refusals in 10 minutes.",
    cause="A Grafana panel of type Stat queries logs with `Instant` set. Loki has refused that since 3.2.0; it is not ill.",
    **repair(change('Set the panel\'s query type to `Range`, or count the lines: `sum(count_over_time({app="churn"}[5m]))`.')),
    prevention="Review dashboards for `queryType: instant` before they are merged.",
    exhibits=[
        Text(
            title="Loki's own log",
            text='level=error ts=2026-11-22T02:51:03Z msg="log queries are not supported as an instant query type, please change your query to a range query type"',
        )
    ],
)
GRACE = Finding(
    reason="GracePeriodLong",
    severity=Severity.INFO,
    subject=subject("DaemonSet", "promtail", "logging"),
    problem="Promtail has the default grace period of 30 s.",
    cause="Its chart sets none.",
    **repair(change("Set `terminationGracePeriodSeconds: 10`.")),
    prevention="",
)
KNOWN = Finding(
    reason="TargetDown",
    severity=Severity.WARNING,
    subject=subject("Pod", "node-exporter-9kq2z", "monitoring-dev", "dev", owner="DaemonSet/node-exporter"),
    problem="One target has been down for 3 hours.",
    cause="The node is switched off at night.",
    **repair(look("Nothing.")),
    prevention="",
)


def unwell() -> RunResult:
    """Findings on dev and prod, some things unchecked, some not applicable, one accepted."""
    refused = "forbidden: get pods/log in namespace airflow-prod is not allowed to system:serviceaccount:clusterprobe:clusterprobe"
    probes = [
        probe("prometheus/cross-scrape", "findings", examined=2, reason="1 error", findings=[CROSS_SCRAPE], exhibits=[matrix(18)]),
        probe("prometheus/selector-overlap", examined=2),
        probe("prometheus/storage", "findings", examined=2, reason="1 error", findings=[ON_NFS]),
        probe("prometheus/targets", "known", examined=61, reason="only findings that are accepted", known=[KNOWN]),
        probe("alertmanager/default-config", "findings", examined=2, reason="1 critical", findings=[DEFAULT_CONFIG]),
        probe("alertmanager/config-secret", "inconclusive", examined=1, reason="could not check Secret monitoring-prod/alertmanager-slack: kube-state-metrics shows no Secrets",
              unchecked=[unchecked("kube-state-metrics shows no Secrets", subject("Secret", "alertmanager-slack", "monitoring-prod", "prod"))]),
        probe("alertmanager/receivers", examined=2),
        probe("loki/ready", examined=1),
        probe("loki/instant-queries", "findings", examined=1, reason="1 warning", findings=[INSTANT]),
        probe("promtail/grace-period", examined=4, findings=[GRACE], reason="4 examined"),
        probe("pods/termination", "findings", examined=43, reason="1 error", findings=[HANGING], exhibits=[termination(hanging=True)]),
        probe("storage/placement", examined=4, exhibits=[placement(nfs=True)]),
        probe("grafana/health", examined=2, notes=["Data sources were not checked: Grafana asks for credentials, and the profile names none."]),
        probe("argocd/applications", "not_applicable", examined=0, reason="the API group argoproj.io is not served"),
        probe("serving/health", "inconclusive", examined=5, reason="could not check Pod airflow-prod/churn-0: forbidden",
              unchecked=[unchecked(refused, subject("Pod", f"churn-{number}", "airflow-prod", "prod", owner="StatefulSet/churn")) for number in range(3)]),
    ]  # fmt: skip
    return result(*probes, verdict="findings", run=run_of(exit_status=1))


def incomplete() -> RunResult:
    """Nothing is wrong with what could be seen, but not everything could."""
    down = "refused: no connection to the Prometheus at monitoring-prod/main through the API server's proxy (503, no endpoints)"
    pods = [subject("Pod", f"prometheus-main-{number}", "monitoring-prod", "prod") for number in range(2)]
    probes = [
        probe("prometheus/cross-scrape", "inconclusive", examined=1, reason=f"could not check {pods[0]}: {down}",
              unchecked=[unchecked(down, one) for one in pods], exhibits=[msgspec.structs.replace(matrix(), cells=[[21, 0, 14], [None, None, None]])]),
        probe("prometheus/storage", examined=2),
        probe("alertmanager/default-config", examined=2),
        probe("loki/instant-queries", "inconclusive", examined=0, reason="it examined nothing"),
        probe("pods/crash-loop", findings=[finding(Severity.INFO, "NormalStartup", subject("Pod", "tmp-curl", "fastapi-dev", "dev"),
              problem="tmp-curl crashed twice until churn was ready, and has run since.")]),
    ]  # fmt: skip
    return result(
        *probes,
        verdict="incomplete",
        run=run_of(exit_status=2, bundle="reports/demo/bundle", interrupted=True),
        cluster=msgspec.structs.replace(CLUSTER, skew_seconds=41.0),
    )


def every_text(value: Any, text: str) -> Any:
    """Plain data of a result with every text that a cluster can write replaced by this one."""
    kept = {"schema", "verdict", "severity", "type", "started", "finished", "fail_on", "id"}
    if isinstance(value, dict):
        own = kept | {"kind"} if "commands" in value else kept  # what a step does is one of three words of ours
        return {key: one if key in own else every_text(one, text) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [every_text(one, text) for one in value]
    return text if isinstance(value, str) else value


def hostile(text: str) -> RunResult:
    """The result with many findings, and this text in every field of it."""
    return msgspec.convert(every_text(msgspec.to_builtins(unwell()), text), RunResult)


def texts(value: Any) -> Iterator[str]:
    """Every text of plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


def two_thousand() -> RunResult:
    """A run with 2,000 findings of 200 codes, by 40 probes."""
    base = [one for _, one in unwell().findings()]
    about = [subject("Pod", f"api-{n}-7d9c5b7c9-x2x8q", f"shop-{n % 37}", ("dev", "prod", "")[n % 3]) for n in range(2000)]
    found = [msgspec.structs.replace(base[n % 5], reason=f"Code{n % 200}", subject=one) for n, one in enumerate(about)]
    probes = [probe(f"area{n % 17}/probe-{n}", "findings", findings=found[n * 50 : n * 50 + 50]) for n in range(40)]
    return result(*probes, verdict="findings", production=["prod"])
