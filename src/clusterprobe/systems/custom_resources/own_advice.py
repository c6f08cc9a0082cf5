"""What kinds of Kubernetes itself say that is wrong with them: the cause that their message shows, and what to change for just that.

Reasons and messages are those of kube-aggregator and of the controllers of autoscalers and of budgets of disruptions. One that is not in
the table is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Command, Step, Subject
from clusterprobe.patterns import Pattern, ours
from clusterprobe.references import Ref
from clusterprobe.systems.custom_resources.objects import CustomKind, CustomObject, Named
from clusterprobe.systems.custom_resources.statuses import Stated

# What it means for others, by kind.
EFFECTS: Mapping[str, str] = {
    "APIService": "What it serves cannot be read or written, and no namespace can be deleted until it answers or is deleted.",
    "HorizontalPodAutoscaler": "As long as that is so, it does not scale.",
    "PodDisruptionBudget": "No pod that it selects may be evicted, so a drain of their node waits.",
}
# Which group an autoscaler asks for its values, by its reason; and in which versions groups have been served.
_METRICS: Mapping[str, str] = {
    "FailedGetResourceMetric": "metrics.k8s.io",
    "FailedGetContainerResourceMetric": "metrics.k8s.io",
    "FailedGetPodsMetric": "custom.metrics.k8s.io",
    "FailedGetObjectMetric": "custom.metrics.k8s.io",
    "FailedGetExternalMetric": "external.metrics.k8s.io",
}
_FOR_KEDA = (
    "Let the APIService lead to KEDA's own server (its release brings it: keda-operator-metrics-apiserver), "
    f"{SOURCE}, and take that group out of the other adapter (prometheus-adapter: rules.external). What only that one has, is asked for by "
    "a trigger of KEDA instead."
)
_VERSIONS = ("v1beta1", "v1beta2", "v1")
_UNREADY = ours(r"did not receive metrics|no metrics returned from resource metrics API")


class Row(NamedTuple):
    """`says` is searched in what a condition has as its reason and its message, with a space between them."""

    kind: str
    says: Pattern
    why: str
    helps: str


TABLE = (
    Row(
        "APIService",
        ours(r"^ServiceNotFound\b"),
        "The Service that it names is not there: what served this API was removed, or is not installed whole.",
        "Install what serves this API again. If it was removed for good, its APIService has to go with it.",
    ),
    Row(
        "APIService",
        ours(r"^ServicePortError\b"),
        "The Service that it names does not have the port that it names.",
        "Correct the port in spec.service of the APIService, or the ports of the Service",
    ),
    Row(
        "APIService",
        ours(r"^(?:MissingEndpoints|EndpointsNotFound)\b"),
        "No pod behind its Service is ready, or the Service's selector or the name of its port leads to none.",
        "Let a pod behind the Service become ready; where pods are ready, correct the selector of the Service or the name of its port",
    ),
    Row(
        "APIService",
        ours(r"^FailedDiscoveryCheck\b.*x509"),
        "The API server does not trust the certificate that is shown there: it has expired, or caBundle is not of the CA that signed it.",
        "Renew the certificate if it has expired, and let spec.caBundle of the APIService be the CA that signed it",
    ),
    Row(
        "APIService",
        ours(r"(?i)^FailedDiscoveryCheck\b.*(?:timeout|timed out|deadline exceeded|no route to host|network is unreachable)"),
        "The API server gets no answer in time: a firewall before the nodes or a network policy is in the way, or the pod hangs.",
        "Let the API server reach the port of the pods behind the Service (firewall, network policies), and see whether they answer at all",
    ),
    Row(
        "APIService",
        ours(r"(?i)^FailedDiscoveryCheck\b.*connection refused"),
        "Nothing listens where the Service leads to: its targetPort is another, or the program does not serve yet.",
        "Correct the targetPort of the Service, or repair what keeps the program behind it from listening",
    ),
    Row(
        "APIService",
        ours(r"^FailedDiscoveryCheck\b.*(?:: 40[13]\b|Unauthorized|forbidden)"),
        "What serves it refuses the API server: it does not know its client certificate, or may not ask whether it is allowed.",
        "Let its ServiceAccount have the Role extension-apiserver-authentication-reader of kube-system and the ClusterRole "
        "system:auth-delegator, and start it again",
    ),
    Row(
        "APIService",
        ours(r"^FailedDiscoveryCheck\b.*: 404\b"),
        "What is behind the Service answers, and does not serve this group and version.",
        "Let the Service lead to what serves it. After an upgrade that serves another version, the APIService of the old one has to go.",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"AmbiguousSelector|are controlled by multiple HPAs"),
        "Several autoscalers scale the same pods, those that the message names.",
        "Keep one of them, with the metrics of all. Where these scale different workloads that select each other's pods, give each a label "
        "of its own, in its selector and its template",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"InvalidSelector|missing a selector|selector is required"),
        "What it scales does not say by which labels its pods are found.",
        "Let it scale a workload that does; of a custom resource, its definition has to name labelSelectorPath in subresources.scale",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"no matches for kind|FailedGetScale.*could not find the requested resource"),
        "The kind that it is to scale is not served in the version that it names, or cannot be scaled.",
        "Correct apiVersion and kind in spec.scaleTargetRef",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"FailedGetScale.*not found"),
        "What it is to scale is not there.",
        "Correct spec.scaleTargetRef, or delete the autoscaler with the workload that it was for",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"missing request for"),
        "It is to keep to a share of what the pods request, and the container that the message names requests none.",
        "Set that request for each container of the pods, sidecars, too",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"could not find the requested resource.*\bexternal\.metrics\.k8s\.io"),
        "Nothing in the cluster serves external.metrics.k8s.io, or what does has no such metric.",
        "Install the adapter that its metrics come from (such as KEDA), or let that have this metric",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"could not find the requested resource.*\bcustom\.metrics\.k8s\.io|no custom metrics API"),
        "Nothing in the cluster serves custom.metrics.k8s.io.",
        "Install the adapter that its metrics come from (such as prometheus-adapter), or let it scale by another metric",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"could not find the requested resource.*\bmetrics\.k8s\.io"),
        "Nothing in the cluster serves metrics.k8s.io.",
        "Install metrics-server, or let it scale by another metric",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"unable to handle the request"),
        "What serves the API of its metrics does not answer.",
        "Repair what serves it, as its APIService says",
    ),
    Row(
        "HorizontalPodAutoscaler",
        _UNREADY,
        "There are no values of its pods: they do not run, are not ready, or metrics-server does not reach the kubelets of their nodes.",
        "Repair the pods; where they are ready, and `kubectl top` shows none of them, repair metrics-server",
    ),
    Row(
        "HorizontalPodAutoscaler",
        ours(r"no metrics returned from (?:custom|external) metrics API|unable to get (?:external )?metric\b"),
        "The adapter of its metrics has no value of this name for it.",
        "Correct the metric's name and selector in the autoscaler, or the rule of the adapter that makes it",
    ),
    Row(
        "PodDisruptionBudget",
        ours(r"found no controller|does not implement the scale subresource"),
        "It selects pods of which nobody says how many there should be: they have no controller, or one that cannot be scaled.",
        "Let its selector match the pods of one workload only. For pods without a controller only minAvailable as a number is possible",
    ),
)


def row_of(kind: str, found: list[Stated]) -> Row | None:
    """The cause that the conditions of an object show; None where they show none that is known."""
    said = [f"{one.reason} {one.message}" for one in found]
    return next((row for row in TABLE if row.kind == kind and any(row.says.search(one) for one in said)), None)


def served_by(kinds: Iterable[CustomKind]) -> dict[str, Named]:
    """The Service that stands for each group of an API, by its group."""
    services = (one for kind in kinds if kind.kind == "APIService" for one in kind.objects)
    return {one.name.partition(".")[2]: one.about for one in services if one.about}


def asked_of(one: CustomObject, found: list[Stated], servers: Mapping[str, Named]) -> str:
    """A sentence on who is asked for an autoscaler's values; empty where that is not its trouble, or not known."""
    told = [f"{group} is served by Service {there.namespace}/{there.name}." for group, there in _asked(found, servers).items()]
    if _asks_another(one, found, servers):
        told.append("That is not KEDA's, which has the values: only one can serve the group, and another adapter has its APIService.")
    return " ".join(told)


def _asked(found: list[Stated], servers: Mapping[str, Named]) -> dict[str, Named]:
    groups = (_METRICS[each.reason] for each in found if each.reason in _METRICS)
    return {group: servers[group] for group in groups if group in servers}


def _asks_another(one: CustomObject, found: list[Stated], servers: Mapping[str, Named]) -> bool:
    """Whether KEDA made it, and another than KEDA is asked."""
    of_keda = one.owner is not None and one.owner.kind == "ScaledObject"
    return of_keda and any("keda" not in f"{there.namespace}/{there.name}" for there in _asked(found, servers).values())


def steps(subject: Subject, one: CustomObject, found: list[Stated], servers: Mapping[str, Named]) -> list[Step]:
    """Where to look besides the object itself, and what to change."""
    if _asks_another(one, found, servers):
        return [*_looks(subject, one, found), change(_FOR_KEDA)]
    row = row_of(subject.kind, found)
    helps = row.helps if row else "Repair what the message names"
    done = change(helps if helps.endswith(".") else f"{helps}, {SOURCE}. Its controller tries again by itself.")
    return [*_looks(subject, one, found), done]


def _looks(subject: Subject, one: CustomObject, found: list[Stated]) -> Iterator[Step]:
    there = one.about
    if subject.kind == "APIService" and there and not any(each.reason == "ServiceNotFound" for each in found):
        yield look("See its Service, and which pods are ready behind it.", *_behind(there.namespace, there.name))
    if subject.kind == "HorizontalPodAutoscaler":
        if any(each.reason in _METRICS for each in found):
            yield look("See whether the APIs of metrics are served and answer.", shell("kubectl get apiservices"))
        if any(_UNREADY.search(each.message) for each in found):
            yield look("See its pods.", shell("kubectl -n {} get pods", subject.namespace))


def _behind(namespace: str, name: str) -> tuple[Command | None, ...]:
    slices = "kubectl -n {} get endpointslices -l kubernetes.io/service-name={}"
    return shell("kubectl -n {} describe service {}", namespace, name), shell(slices, namespace, name)


def rests_on(kind: str, one: CustomObject, found: list[Stated]) -> Iterator[Ref]:
    """What explains it: the API of its metrics, what it scales if that is not ready, and whoever made it."""
    if kind != "HorizontalPodAutoscaler":
        return
    groups = sorted({_METRICS[each.reason] for each in found if each.reason in _METRICS})
    yield from (Ref.to("APIService", "", f"{version}.{group}") for group in groups for version in _VERSIONS)
    if one.about and any(_UNREADY.search(each.message) for each in found):
        yield Ref.to(one.about.kind, one.about.namespace, one.about.name)
    if one.owner:
        yield Ref.to(one.owner.kind, one.namespace, one.owner.name)
