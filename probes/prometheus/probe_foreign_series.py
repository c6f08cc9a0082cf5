from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from clusterprobe.environments import Environments
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, patch, shell, snippet
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.kubernetes.managers import Manager, manager_of, manager_of_pods
from clusterprobe.systems.kubernetes.objects import Pod, Workload
from clusterprobe.systems.kubernetes.workloads import workload_of
from clusterprobe.systems.prometheus.objects import called, pool_origin, stack_of
from clusterprobe.systems.prometheus.query import Sample
from clusterprobe.systems.prometheus.selection import flags
from clusterprobe.systems.prometheus.sources import Target
from clusterprobe.systems.prometheus.stacks import known_stacks, name_of
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

KUBE_STATE_METRICS_WATCHES_OTHER = FindingKind(
    "KubeStateMetricsWatchesOther", Severity.ERROR, "The kube-state-metrics of an environment reports the objects of another one."
)
NAMESPACE_OVERWRITTEN = FindingKind(
    "NamespaceOverwritten",
    Severity.WARNING,
    "The series of kube-state-metrics have the namespace that it runs in itself, and not that of the object that they are about.",
    prevention="Let every monitor of kube-state-metrics set honorLabels to true, as its charts do.",
)

CHART_KEYS = {"kube-state-metrics": "namespaces"}
_PARENT = " Where kube-prometheus-stack contains that chart, it is `kube-state-metrics.namespaces`."


@dataclass(frozen=True, slots=True)
class Argument:
    """Of kube-state-metrics' container: its place in the pod and its name, its arguments, and the value of --namespaces."""

    container: int = 0
    name: str = ""
    arguments: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True)
class Watching:
    """A kube-state-metrics of one environment, and the other that its series speak of."""

    workload: Subject
    own: str
    other: str
    argument: Argument
    manager: Manager


@reports(KUBE_STATE_METRICS_WATCHES_OTHER, NAMESPACE_OVERWRITTEN)
def probe_foreign_series(
    verdict: Verdict,
    prometheus_kube_state: Examined[list[Sample]],
    prometheus_targets: Needed[list[Target]],
    pods: Needed[Pod],
    deployments: Enriching[Workload],
    environments: Environments,
) -> None:
    """Does an environment's kube-state-metrics report the objects of another?

    Problem: The series of kube-state-metrics speak of another environment's pods and deployments, although no foreign target is
    scraped: dashboards mix the two, and the alerts on them fire in both.
    Cause: kube-state-metrics watches every namespace unless it is configured with some. The `namespace` of its series is that of the object
    observed, for the chart sets `honorLabels: true`; where that is not set, it is the one in which kube-state-metrics runs.
    Fix: Give each kube-state-metrics the namespaces of its environment.
    Prevention: Set `kube-state-metrics.namespaces` in the values of every environment; what is not listed is not watched, so add the
    namespaces of new systems there.
    """
    environments = environments.divided_by(known_stacks(prometheus_kube_state.readings) | known_stacks(prometheus_targets))
    scraped, known, managed = dict(prometheus_targets), pods.by_name(), deployments.by_name()
    watching: dict[Watching, dict[str, int]] = defaultdict(dict)
    kept: dict[str, set[str]] = defaultdict(set)  # by environment: the namespaces, its own and shared ones, that it sees now
    for subject, samples in _where_scraped(verdict, prometheus_kube_state, scraped):
        targets = {_source_of(one): one for one in scraped.get(subject, [])}
        if not _is_scraped(samples, scraped.get(subject)):
            verdict.unchecked(subject, "from which targets its series of kube-state-metrics come now is not known")
            continue
        for sample in samples:
            observed = sample.labels.get("exported_namespace") or sample.labels.get("namespace", "")
            own, other = environments.of(subject.namespace), environments.of(observed)
            pod = None
            if other in ("", own):
                kept[own].add(observed)
            elif own:
                pod = _source(verdict, subject, (own, other), targets.get(_origin(sample)), known, environments)
            if pod:
                watching[Watching(workload_of(pod), own, other, _argument(pod), _manager(pod, managed))][observed] = int(sample.value)
    for one, counts in watching.items():
        _report(verdict, one, counts, sorted({*environments.members().get(one.own, [one.workload.namespace]), *kept[one.own]} - {""}))
    _judge_namespaces(verdict, prometheus_kube_state.readings, scraped)


def _judge_namespaces(verdict: Verdict, series: Readings[list[Sample]], scraped: Mapping[Subject, list[Target]]) -> None:
    """What scrapes kube-state-metrics so that its own `namespace` stands where the series say another."""
    found: set[tuple[Subject, str, str]] = set()
    for subject, samples in series:
        exported = {_origin(one) for one in samples if one.labels.get("exported_namespace")}
        targets = (one for one in scraped.get(subject, []) if _source_of(one) in exported)
        found |= {(stack_of(subject), one.scrape_pool, one.namespace) for one in targets}
    for stack, pool, namespace in sorted(found, key=str):
        _report_overwritten(verdict, stack, pool, namespace)


def _report_overwritten(verdict: Verdict, stack: Subject, pool: str, namespace: str) -> None:
    origin = pool_origin(pool, stack)
    subject = origin[0].subject(*origin[1:]) if origin else stack
    field = "`honorLabels: true` in that endpoint of the monitor" if origin else f"`honor_labels: true` in the scrape job {pool}"
    verdict.report(
        NAMESPACE_OVERWRITTEN,
        subject,
        problem=f"{called(stack)} has the series of kube-state-metrics under the namespace {namespace}, whatever they are about: alerts on "
        f"them are of {namespace}, and no route for another namespace takes them.",
        cause="The labels that kube-state-metrics gives are not honoured (honorLabels): what it says of an object's namespace and pod is "
        "kept as exported_namespace and exported_pod, and `namespace` is where it runs itself. It is scraped through "
        f"{subject if origin else pool}.",
        fix=[
            look(
                "See what is set.",
                *([shell("kubectl -n {} get {} {} -o yaml", origin[1], origin[0].name, origin[2])] if origin else []),
            ),
            change(f"Set {field}, {SOURCE}. Rules that were written for exported_namespace have to be changed with it."),
            *([edited(origin[0].name, subject)] if origin else []),
        ],
    )


def _manager(pod: Pod, deployments: Mapping[tuple[str, str], Workload]) -> Manager:
    """What manages its Deployment; of that which is none, or was not read, what its pods show."""
    workload = workload_of(pod)
    one = deployments.get((workload.namespace, workload.name)) if workload.kind == "Deployment" else None
    return manager_of(one.metadata) if one else manager_of_pods(pod.metadata)


def _is_scraped(samples: list[Sample], targets: list[Target] | None) -> bool:
    """Whether a replica scrapes now what some of its series come from: of the shards of a Prometheus only one does."""
    sources = {_source_of(one) for one in targets or []}
    return any(_origin(sample) in sources for sample in samples)


def _where_scraped(verdict: Verdict, series: Examined[list[Sample]], scraped: dict[Subject, list[Target]]) -> Examined[list[Sample]]:
    """The replicas that scrape kube-state-metrics; and all those of a Prometheus of which none does."""
    heard = {name_of(on) for on, samples in series.readings if _is_scraped(samples, scraped.get(on))} - {None}
    asked = series.keep(lambda on, samples: name_of(on) not in heard or _is_scraped(samples, scraped.get(on)))
    _note_silent(verdict, asked.readings)
    return asked


def _note_silent(verdict: Verdict, series: Readings[list[Sample]]) -> None:
    for subject in (subject for subject, samples in series if not samples):
        verdict.note(f"{subject} has no series of kube-state-metrics: see `prometheus/unselected-monitors` and `prometheus/targets`")


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
        verdict.unchecked(subject, f"which kube-state-metrics its series of {other} come from is not known")
    return pod


def _source_of(target: Target) -> tuple[str | None, str | None]:
    return target.labels.get("job"), target.labels.get("instance")


def _origin(sample: Sample) -> tuple[str | None, str | None]:
    return sample.labels.get("job"), sample.labels.get("instance")


def _report(verdict: Verdict, one: Watching, counts: dict[str, int], wanted: list[str]) -> None:
    name, value = one.workload.name, one.argument.value
    watched = f"its argument is `--namespaces={value}`" if value else "without `--namespaces` it watches every namespace"
    verdict.report(
        KUBE_STATE_METRICS_WATCHES_OTHER,
        one.workload,
        problem=f"The {one.own} kube-state-metrics {one.workload.namespace}/{name} reports {number(sum(counts.values()), 'object')} of "
        f"{one.other}.",
        cause=f"It watches {', '.join(sorted(counts))}: {watched}. No foreign target is needed for this.",
        fix=_fix(one, ",".join(wanted)),
        exhibits=[
            Table(
                title=f"Series of {one.other} from the kube-state-metrics of {one.own}",
                columns=["Namespace observed", "Objects"],
                rows=[[namespace, str(count)] for namespace, count in sorted(counts.items())],
            )
        ],
    )


def _fix(one: Watching, wanted: str) -> list[Step]:
    """On the workload, where its arguments are certainly those of the pod; and in the values, where a chart is seen to have made it."""
    place, kind, name = one.workload.namespace, one.workload.kind, one.workload.name
    target = (place, f"{kind.lower()}/{name}")
    edit = _edit(one.argument, wanted) if kind in ("Deployment", "StatefulSet") else []
    manager, key = one.manager, CHART_KEYS.get(one.manager.chart, "")
    where = manager.lasting(key) + (_PARENT if key else "")
    return [
        look("See its arguments.", shell("kubectl -n {} get {} -o jsonpath='{.spec.template.spec.containers[*].args}'", *target))
        if edit
        else look("See how it is started.", shell("kubectl -n {} get {} -o yaml", *target)),
        change(
            f"Let it watch the namespaces of {one.own}, and the shared ones that it reports now. {where}",
            *([shell("kubectl -n {} patch {} --type json -p {}", *target, patch(edit))] if edit and not manager.maker else []),
            code=snippet("namespaces: {}", wanted) if key else "",
        ),
    ]


def _edit(argument: Argument, wanted: str) -> list[dict[str, object]]:
    """A JSON patch that fails, and changes nothing, where the template's containers are not in the order of the pod's."""
    place = f"/spec/template/spec/containers/{argument.container}"
    value = f"--namespaces={wanted}"
    index = next((number for number, one in enumerate(argument.arguments) if one.startswith("--namespaces=")), None)
    if not argument.name or (argument.value and index is None):
        return []  # its value stands in an argument of its own
    guard: list[dict[str, object]] = [{"op": "test", "path": f"{place}/name", "value": argument.name}]
    if index is not None:
        old = argument.arguments[index]
        return [
            *guard,
            {"op": "test", "path": f"{place}/args/{index}", "value": old},
            {"op": "replace", "path": f"{place}/args/{index}", "value": value},
        ]
    if argument.arguments:
        return [*guard, {"op": "add", "path": f"{place}/args/-", "value": value}]
    return [*guard, {"op": "add", "path": f"{place}/args", "value": [value]}]


def _argument(pod: Pod) -> Argument:
    for place, container in enumerate(pod.spec.containers):
        if "kube-state-metrics" in container.image or container.name == "kube-state-metrics":
            arguments = container.args or []
            return Argument(place, container.name, tuple(arguments), flags(arguments).get("namespaces", ""))
    return Argument()
