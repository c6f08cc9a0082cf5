"""What the profile expects to be there, held against what discovery found: what is gone is no quiet "not applicable"."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.access.servers import Server
from clusterprobe.model import Severity, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Namespace
from clusterprobe.verdict import Verdict


@dataclass(frozen=True, slots=True)
class System:
    """How a system is called, in the profile and in sentences, and how one looks for it by hand."""

    key: str
    kind: str
    look: str


PROMETHEUS = System("prometheus", "Prometheus", "prometheuses.monitoring.coreos.com,statefulsets,deployments")
ALERTMANAGER = System("alertmanager", "Alertmanager", "alertmanagers.monitoring.coreos.com,statefulsets")
LOKI = System("loki", "Loki", "statefulsets,deployments")
GRAFANA = System("grafana", "Grafana", "deployments,statefulsets,configmaps")
AIRFLOW = System("airflow", "Airflow", "deployments,statefulsets")
MLFLOW = System("mlflow", "MLflow", "deployments,statefulsets")


def judge_expected(
    verdict: Verdict, system: System, expected: list[str], servers: Readings[Server], namespaces: Readings[Namespace]
) -> None:
    """Report each expected namespace in which discovery, having read everything there, finds no such system.

    What is there but cannot be asked (scaled to 0, starting) is not missing: it is unchecked, here and in every other probe.
    """
    if not expected:
        verdict.not_applicable(f"the profile expects no {system.kind} (expect.{system.key})")
        return
    known = verdict.enrich(namespaces)
    for namespace in dict.fromkeys(expected):
        here = servers.keep(lambda _, server, place=namespace: server.namespace == place)  # type: ignore[misc]
        seen = tuple((subject, server) for subject, server in here if not server.url)
        blind = tuple(one for one in servers.unreadable if one.subject.namespace in ("", namespace))
        there = any(one.subject.namespace == namespace and one.subject.name for one in blind)
        for _ in verdict.examine(Readings(seen, blind, "nothing was found where the profile expects it")):
            there = True
        for subject, _ in here.values if not there else ():
            verdict.unchecked(subject, "only the profile names it, by its address; whether it answers, other probes say")
        if not there and not blind and not here.values:
            _report(verdict, system, namespace, known)


def _report(verdict: Verdict, system: System, namespace: str, namespaces: Readings[Namespace]) -> None:
    exists = any(subject.name == namespace for subject, _ in namespaces) or not namespaces.complete
    where = f"The namespace {namespace} has none" if exists else f"There is not even a namespace {namespace}"
    verdict.finding(
        Severity.ERROR,
        "ExpectedMissing",
        Subject(kind=system.kind, namespace=namespace),
        settles=True,
        problem=f"The profile expects a {system.kind} in {namespace}, and there is none.",
        cause=f"{where}: neither a custom resource nor a pod labelled app.kubernetes.io/name={system.key}.",
        fix=f"See what is left of it, and whether its release or its Argo CD application is still there:\n"
        f"$ kubectl -n {namespace} get {system.look}\n"
        f"$ helm -n {namespace} list --all\n"
        f"If it is gone on purpose, take {namespace} off expect.{system.key} in the profile.",
        prevention="Let Argo CD own it with selfHeal, and keep the profile's `expect` in the same repository.",
    )
