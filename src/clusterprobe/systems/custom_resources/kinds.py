"""Which kinds of custom resources are read for their conditions: by name those that are known, and whatever else is served."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping

# By group, the kinds whose controllers report conditions. The role names just these; other kinds are listed where that is allowed.
REPORTING: Mapping[str, tuple[str, ...]] = {
    "argoproj.io": ("applicationsets", "rollouts"),
    "cert-manager.io": ("certificates", "clusterissuers", "issuers"),
    "config.openshift.io": ("clusteroperators", "clusterversions"),
    "external-secrets.io": ("clusterexternalsecrets", "clustersecretstores", "externalsecrets", "pushsecrets", "secretstores"),
    "gateway.networking.k8s.io": (
        *("backendtlspolicies", "gatewayclasses", "gateways", "grpcroutes", "httproutes", "tcproutes", "tlsroutes", "udproutes"),
    ),
    "helm.toolkit.fluxcd.io": ("helmreleases",),
    "image.toolkit.fluxcd.io": ("imagepolicies", "imagerepositories", "imageupdateautomations"),
    "keda.sh": ("scaledjobs", "scaledobjects"),
    "kustomize.toolkit.fluxcd.io": ("kustomizations",),
    "notification.toolkit.fluxcd.io": ("receivers",),
    "operator.victoriametrics.com": (
        *("vlagents", "vlclusters", "vlogs", "vlsingles", "vmagents", "vmalertmanagerconfigs", "vmalertmanagers", "vmalerts"),
        *("vmanomalies", "vmauths", "vmclusters", "vmnodescrapes", "vmpodscrapes", "vmprobes", "vmrules", "vmscrapeconfigs"),
        *("vmservicescrapes", "vmsingles", "vmstaticscrapes", "vmusers", "vtclusters", "vtsingles"),
    ),
    "pkg.crossplane.io": ("configurations", "functions", "providers"),
    "postgresql.cnpg.io": ("clusters",),
    "route.openshift.io": ("routes",),
    "serving.knative.dev": ("configurations", "domainmappings", "routes", "services"),
    "serving.kserve.io": ("inferencegraphs", "inferenceservices", "llminferenceservices", "trainedmodels"),
    "source.toolkit.fluxcd.io": ("buckets", "externalartifacts", "gitrepositories", "helmcharts", "helmrepositories", "ocirepositories"),
    "velero.io": ("backups", "backupstoragelocations", "schedules"),
}

# Of Kubernetes itself: the kinds whose conditions no other probe reads.
OWN: Mapping[str, tuple[str, ...]] = {
    "apiregistration.k8s.io": ("apiservices",),
    "autoscaling": ("horizontalpodautoscalers",),
    "policy": ("poddisruptionbudgets",),
}

# A controller reports on each object of these, so that one without a condition is not looked at by any.
ALWAYS = frozenset(
    {
        *("certificates.cert-manager.io", "issuers.cert-manager.io", "clusterissuers.cert-manager.io"),
        *("externalsecrets.external-secrets.io", "kustomizations.kustomize.toolkit.fluxcd.io", "helmreleases.helm.toolkit.fluxcd.io"),
        *("gitrepositories.source.toolkit.fluxcd.io", "ocirepositories.source.toolkit.fluxcd.io", "buckets.source.toolkit.fluxcd.io"),
        *("gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io", "grpcroutes.gateway.networking.k8s.io"),
        *("inferenceservices.serving.kserve.io", "services.serving.knative.dev"),
    }
)

# What is not listed: other probes judge it; or it says nothing of itself, is a record of what was done once, or a part of an object
# that speaks for it. Whole groups by `*`. Some of these come by the ten thousand, or are large.
JUDGED_ELSEWHERE = ("*.monitoring.coreos.com", "applications.argoproj.io", "sealedsecrets.bitnami.com")
SILENT = (
    *("appprojects.argoproj.io", "workflows.argoproj.io", "workflowtemplates.argoproj.io", "clusterworkflowtemplates.argoproj.io"),
    *("workflow*.argoproj.io", "analysis*.argoproj.io", "clusteranalysis*.argoproj.io"),
    *("experiments.argoproj.io", "*.acme.cert-manager.io", "certificaterequests.cert-manager.io", "*.generators.external-secrets.io"),
    *("referencegrants.gateway.networking.k8s.io", "listenersets.gateway.networking.k8s.io", "*.traefik.io", "*.traefik.containo.us"),
    *("alerts.notification.toolkit.fluxcd.io", "providers.notification.toolkit.fluxcd.io"),
    *("triggerauthentications.keda.sh", "clustertriggerauthentications.keda.sh", "revisions.serving.knative.dev"),
    *("*.autoscaling.internal.knative.dev", "*.networking.internal.knative.dev", "*.caching.internal.knative.dev"),
    *("servingruntimes.serving.kserve.io", "clusterservingruntimes.serving.kserve.io", "clusterstoragecontainers.serving.kserve.io"),
    *("backups.postgresql.cnpg.io", "imagecatalogs.postgresql.cnpg.io", "clusterimagecatalogs.postgresql.cnpg.io"),
    *("backuprepositories.velero.io", "datadownloads.velero.io", "datauploads.velero.io"),
    *("deletebackuprequests.velero.io", "downloadrequests.velero.io", "podvolume*.velero.io", "resticrepositories.velero.io"),
    *("restores.velero.io", "serverstatusrequests.velero.io", "volumesnapshotlocations.velero.io"),
    *("ciliumendpoints.cilium.io", "ciliumendpointslices.cilium.io", "ciliumidentities.cilium.io", "*.crd.projectcalico.org"),
    *("*.wgpolicyk8s.io", "*.reports.kyverno.io", "*.aquasecurity.github.io", "*.spdx.softwarecomposition.kubescape.io"),
    *("*.packages.operators.coreos.com", "*.metrics.k8s.io", "*.custom.metrics.k8s.io", "*.external.metrics.k8s.io"),
)

# The groups of Kubernetes itself.
BUILT_IN = frozenset(
    {
        *("", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "authentication.k8s.io"),
        *("authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io"),
        *("events.k8s.io", "extensions", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io"),
        *("policy", "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io"),
    }
)

MOST_KINDS = 200


def chosen(names: Iterable[str], left_out: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of the resources that are served (`plural.group`): those to list, the known ones first, and those beyond the most that are.

    `left_out` are patterns of resources that the profile leaves out.
    """
    unwanted = (*JUDGED_ELSEWHERE, *SILENT, *left_out)
    custom = [one for one in names if _group(one) not in BUILT_IN and not _like(one, unwanted)]
    ordered = sorted(custom, key=lambda name: (not is_known(name), name))
    return ordered[:MOST_KINDS], ordered[MOST_KINDS:]


def own(names: Iterable[str], left_out: Iterable[str]) -> list[str]:
    """Of the resources that are served, those of Kubernetes itself to list."""
    unwanted = tuple(left_out)
    return sorted(one for one in names if is_own(one) and not _like(one, unwanted))


def may_be_read(group: str, left_out: Iterable[str]) -> bool:
    """Whether a group of which it is not known what it serves may hold kinds to list."""
    return group not in BUILT_IN and not _like(f"any.{group}", (*JUDGED_ELSEWHERE, *SILENT, *left_out))


def is_known(name: str) -> bool:
    """Whether the role names this resource."""
    plural, _, group = name.partition(".")
    return plural in REPORTING.get(group, ()) or is_own(name)


def is_own(name: str) -> bool:
    """Whether this resource is one of Kubernetes itself that is judged by its conditions."""
    plural, _, group = name.partition(".")
    return plural in OWN.get(group, ())


def _group(name: str) -> str:
    return name.partition(".")[2]


def _like(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, one) for one in patterns)
