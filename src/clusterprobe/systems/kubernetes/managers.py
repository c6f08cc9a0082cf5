"""Who manages an object, as its own labels and annotations show: where a change of it has to be made to stay.

What shows nothing may be managed all the same: Argo CD can keep its track elsewhere, and a chart need not set labels.
"""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.fixes import GIT, IN_GIT, SOURCE
from clusterprobe.patterns import ours
from clusterprobe.systems.kubernetes.objects import Metadata

MANAGED_BY = "app.kubernetes.io/managed-by"
OPENSHIFT = "cluster-monitoring-operator"

_CHART = ours(r"([a-z0-9][a-z0-9._-]*?)-v?(\d+\.\d+\.\d+[A-Za-z0-9._-]*)")
_TRACKED = ours(r"([a-z0-9][a-z0-9._-]*):[^:]*:([^:]+)")
_NAME = ours(r"[a-z0-9][a-z0-9._-]*")
_FLUX = (("helm.toolkit.fluxcd.io", "HelmRelease"), ("kustomize.toolkit.fluxcd.io", "Kustomization"))


@dataclass(frozen=True, slots=True)
class Manager:
    """What is seen of who writes an object; each is empty where nothing shows it.

    `chart` and `version` are those of the Helm chart that rendered it, `release` is its Helm release, `namespace/name` where Helm
    itself installed it, else the name. `git` applies it from Git. `maker` makes it of another object, and undoes what is changed on it.
    """

    chart: str = ""
    version: str = ""
    release: str = ""
    git: str = ""
    maker: str = ""

    @property
    def values(self) -> str:
        """Whose values they are; empty where no chart is seen."""
        chart = f"{self.chart} {self.version}".strip()
        if not chart:
            return f"the values of the Helm release {self.release}" if self.release else ""
        return f"the values of the Helm release {self.release} (chart {chart})" if self.release else f"the values of the chart {chart}"

    @property
    def source(self) -> str:
        """Where it is changed, as it continues a sentence."""
        if self.maker:
            return f"in {self.maker}, which makes it and undoes what is changed on it"
        if self.git:
            return f"in Git, from where {self.git} applies it" + (f", in {self.values}" if self.values else "")
        return f"in {self.values}, {IN_GIT}" if self.values else SOURCE

    def lasting(self, value: str = "") -> str:
        """Where a command's change has to be made as well, as sentences. `value` is its key among the chart's values, where it is one."""
        named = f" In {self.values} it is `{value}`." if value and self.values else f" It is made of {self.values}." if self.values else ""
        if self.maker:
            return f"{self.maker[0].upper()}{self.maker[1:]} makes the object, and undoes what is changed on it."
        if self.git:
            return f"Change it in Git: {self.git} applies it from there, and reverts a command.{named}"
        if "/" in self.release:
            return f"{named[1:]} Without that, the next upgrade of the release may revert a command."
        return f"{GIT}.{named}"


def manager_of(metadata: Metadata) -> Manager:
    """Who manages the object that has this metadata."""
    chart, version = _chart(metadata)
    return Manager(chart, version, _release(metadata, chart), _git(metadata), _maker(metadata))


def manager_of_pods(pod: Metadata) -> Manager:
    """Who manages a workload, as far as its pods show: they have the labels of its template, and an owner of their own."""
    chart, version = _chart(pod)
    return Manager(chart, version, _release(pod, chart))


def _chart(metadata: Metadata) -> tuple[str, str]:
    for key in ("helm.sh/chart", "chart"):
        if found := _CHART.fullmatch(metadata.labels.get(key, "")):
            return str(found[1]), str(found[2])
    return "", ""


def _release(metadata: Metadata, chart: str) -> str:
    labels, notes = metadata.labels, metadata.annotations
    if _NAME.fullmatch(notes.helm_release) and _NAME.fullmatch(notes.helm_namespace):
        return f"{notes.helm_namespace}/{notes.helm_release}"
    helm = labels.get(MANAGED_BY, labels.get("heritage", "")) == "Helm"
    return labels.get("release", "") or labels.get("app.kubernetes.io/instance", "") if helm or chart else ""


def _git(metadata: Metadata) -> str:
    labels = metadata.labels
    tracked = _TRACKED.fullmatch(metadata.annotations.argo_tracking)
    if tracked and tracked[2] == f"{metadata.namespace}/{metadata.name}":  # else it was copied from another object, which is tracked
        return f"Argo CD's Application {str(tracked[1]).replace('_', '/', 1)}"
    if named := labels.get("argocd.argoproj.io/instance"):
        return f"Argo CD's Application {named}"
    for group, kind in _FLUX:
        if named := labels.get(f"{group}/name"):
            return f"Flux's {kind} {labels.get(f'{group}/namespace', metadata.namespace)}/{named}"
    return ""


def _maker(metadata: Metadata) -> str:
    if metadata.labels.get(MANAGED_BY) == OPENSHIFT:
        return "OpenShift's Cluster Monitoring Operator"
    owner = next((one for one in metadata.owner_references if one.controller), None)
    return f"the {owner.kind} {owner.name}" if owner else ""
