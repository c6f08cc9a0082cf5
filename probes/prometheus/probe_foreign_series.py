from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.environments import Environments
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.objects import Pod
from clusterprobe.systems.prometheus import Sample, Target
from clusterprobe.systems.selection import flags
from clusterprobe.systems.workloads import workload_of
from clusterprobe.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Argument:
    """Of kube-state-metrics' container: its place in the pod, the place of its argument --namespaces, and that one's value."""

    container: int = 0
    index: int | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Watching:
    """A kube-state-metrics of one environment, and the other that its series speak of."""

    workload: Subject
    own: str
    other: str
    argument: Argument


def probe_foreign_series(
    verdict: Verdict,
    prometheus_kube_state: Readings[list[Sample]],
    prometheus_targets: Readings[list[Target]],
    pods: Readings[Pod],
    environments: Environments,
) -> None:
    """Does an environment's kube-state-metrics report the objects of another?

    Problem: The series of kube-state-metrics speak of another environment's pods and deployments, although no foreign target is
    scraped: dashboards mix the two, and the alerts on them fire in both.
    Cause: kube-state-metrics watches every namespace unless it is told which. It runs in one environment, but the `namespace`
    of its series is that of the object observed, for the chart sets `honorLabels: true`.
    Fix: Give each kube-state-metrics the namespaces of its environment.
    Prevention: Set `kube-state-metrics.namespaces` in the values of every environment.
    """
    scraped, known = dict(verdict.need(prometheus_targets)), verdict.need(pods).by_name()
    watching: dict[Watching, dict[str, int]] = defaultdict(dict)
    for subject, samples in verdict.examine(prometheus_kube_state):
        targets = {(one.labels.get("job"), one.labels.get("instance")): one for one in scraped.get(subject, [])}
        if subject not in scraped or not any(_origin(sample) in targets for sample in samples):
            verdict.unchecked(subject, "from which targets its series of kube-state-metrics come now cannot be told")
            continue
        for sample in samples:
            observed = sample.labels.get("exported_namespace") or sample.labels.get("namespace", "")
            own, other = environments.of(subject.namespace), environments.of(observed)
            pod = None
            if own and other and other != own:
                pod = _source(verdict, subject, (own, other), targets.get(_origin(sample)), known, environments)
            if pod:
                watching[Watching(workload_of(pod), own, other, _argument(pod))][observed] = int(sample.value)
    for subject in (subject for subject, samples in prometheus_kube_state if not samples):
        verdict.note(f"{subject} has no series of kube-state-metrics: see `prometheus/unselected-monitors` and `prometheus/targets`")
    for one, counts in watching.items():
        _report(verdict, one, counts, environments)


def _source(
    verdict: Verdict,
    subject: Subject,
    pair: tuple[str, str],
    target: Target | None,
    pods: dict[tuple[str, str], Pod],
    environments: Environments,
) -> Pod | None:
    """The kube-state-metrics of the own environment that series of the other come from; none where it is another's matter."""
    own, other = pair
    if target is None:  # Prometheus goes on for five minutes to answer with what it no longer scrapes
        verdict.note(f"{subject} still has series of {other} from what it does not scrape any more")
        return None
    if environments.of(target.namespace) != own:
        verdict.note(f"{subject} has series of {other} from {target.namespace}, which is for `prometheus/cross-scrape` to say")
        return None
    pod = pods.get((target.namespace, target.discovered.pod))
    if pod is None:
        verdict.unchecked(subject, f"which kube-state-metrics its series of {other} come from cannot be told")
    return pod


def _origin(sample: Sample) -> tuple[str | None, str | None]:
    return sample.labels.get("job"), sample.labels.get("instance")


def _report(verdict: Verdict, one: Watching, counts: dict[str, int], environments: Environments) -> None:
    wanted = ",".join(environments.members().get(one.own, [one.workload.namespace]))
    container, index, value = one.argument.container, one.argument.index, one.argument.value
    watched = f"its argument is `--namespaces={value}`" if value else "without `--namespaces` it watches every namespace"
    place = f"/spec/template/spec/containers/{container}/args/{'-' if index is None else index}"
    patch = f'[{{"op":"{"add" if index is None else "replace"}","path":"{place}","value":"--namespaces={wanted}"}}]'
    name, kind = one.workload.name, one.workload.kind.lower()
    verdict.finding(
        Severity.ERROR,
        "KubeStateMetricsWatchesOther",
        one.workload,
        problem=f"The {one.own} kube-state-metrics {one.workload.namespace}/{name} reports {sum(counts.values())} objects of {one.other}.",
        cause=f"It watches {', '.join(sorted(counts))}: {watched}. No foreign target is needed for this.",
        fix=f"In the Helm values of {one.own} (with the shared namespaces that only it is to watch, if any):\n"
        f"    kube-state-metrics.namespaces: {wanted}\n"
        f"Where Git is not the source:\n"
        f"$ kubectl -n {one.workload.namespace} patch {kind} {name} --type json -p '{patch}'",
        prevention="Set `kube-state-metrics.namespaces` in the values of every environment; what is not listed is not watched, "
        "so add the namespaces of new systems there.",
        exhibits=[
            Table(
                title=f"Series of {one.other} from the kube-state-metrics of {one.own}",
                columns=["Namespace observed", "Objects"],
                rows=[[namespace, str(count)] for namespace, count in sorted(counts.items())],
            )
        ],
    )


def _argument(pod: Pod) -> Argument:
    for place, container in enumerate(pod.spec.containers):
        if "kube-state-metrics" in container.image or container.name == "kube-state-metrics":
            arguments = container.args or []
            index = next((number for number, one in enumerate(arguments) if one.startswith("--namespaces=")), None)
            return Argument(place, index, flags(arguments).get("namespaces", ""))
    return Argument()
