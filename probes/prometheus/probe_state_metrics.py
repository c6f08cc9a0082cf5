from collections import defaultdict

from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, shell
from clusterprobe.model import Command, Severity, Step, Subject
from clusterprobe.roles import Examined
from clusterprobe.systems.kubernetes.accounts import Refused, steps_for
from clusterprobe.systems.prometheus.state_metrics import Unlisted
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, said

MAY_NOT_LIST = FindingKind(
    "StateMetricsMayNotList",
    Severity.ERROR,
    "A kube-state-metrics may not list what it is to count, and has no series of it.",
    settles=True,
)


MOST_PLACES = 3


@reports(MAY_NOT_LIST)
def probe_state_metrics(verdict: Verdict, state_metrics_refusals: Examined[Unlisted]) -> None:
    """May every kube-state-metrics list what it counts?

    Problem: Everything is up, and alerts on Deployments, Jobs or PVCs never fire: their series are not there. kube-state-metrics is ready
    without them.
    Cause: Its ServiceAccount lacks the role: it was not created, is bound to another account, or is one of a namespace only. Its log says
    so, each half minute.
    Fix: Bind the role of its chart again; or let it leave out what it is not to count.
    Prevention: Alert on `rate(kube_state_metrics_list_total{result="error"}[5m]) > 0` (of its telemetry port), and on an absent
    `kube_deployment_status_replicas`.
    """
    found: dict[Subject, list[Unlisted]] = defaultdict(list)
    for _, one in state_metrics_refusals:
        if one.refused:
            found[one.workload].append(one)
    for workload, ones in found.items():
        _report(verdict, workload, ones)


def _report(verdict: Verdict, workload: Subject, ones: list[Unlisted]) -> None:
    refused: dict[tuple[str, str], Refused] = {(no.what, no.within): no for one in ones for no in one.refused}
    kinds = listed(list(dict.fromkeys(what for what, _ in refused)), 6)
    places = listed(list(dict.fromkeys(within for _, within in refused if within)), 3)
    where = f" in {places}" if places else ""
    verdict.report(
        MAY_NOT_LIST,
        workload,
        problem=f"{workload} may not list {kinds}{where}: it has no series of them, so that no alert on them fires.",
        cause=f"Its log says {said(ones[0].said)}.",
        fix=[
            *steps_for(*refused.values()),
            *_allowed(list(refused.values())),
            change(
                "The chart of kube-state-metrics brings that role and its binding (rbac.create). If these are not to be counted, leave "
                f"them out of its --resources (in its chart: collectors) instead, {SOURCE}."
            ),
        ],
    )


def _allowed(refused: list[Refused]) -> list[Step]:
    """A role of its own for just that. Who may list Secrets may read them, which is not to be given by the way."""
    places = sorted({no.within for no in refused})
    if len(places) > MOST_PLACES or any(no.resource == "secrets" for no in refused):
        return []
    commands = [made for one in ([""] if "" in places else places) for made in _role(refused, one)]
    return [change("Until that is deployed, give it a role of its own for just that. It lists them half a minute later.", *commands)]


def _role(refused: list[Refused], place: str) -> list[Command | None]:
    """Of one namespace, or of all."""
    one = refused[0]
    name, account = f"{one.name}-lists", f"{one.namespace}:{one.name}"
    lists = ",".join(dict.fromkeys(no.what for no in refused if not place or no.within == place))
    if place:
        return [
            shell("kubectl -n {} create role {} --verb=list,watch --resource={}", place, name, lists),
            shell("kubectl -n {} create rolebinding {} --role={} --serviceaccount={}", place, name, name, account),
        ]
    return [
        shell("kubectl create clusterrole {} --verb=list,watch --resource={}", name, lists),
        shell("kubectl create clusterrolebinding {} --clusterrole={} --serviceaccount={}", name, name, account),
    ]
