"""Sections of a profile that stand for themselves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from clusterprobe.profile_parts import Part


class ModelProfile(Part):
    """A model service: the namespaces (shell patterns) and labels of its pods, where it tells its health, and what tells a canary.

    Without `health_path` the readiness probe's path is asked.
    """

    namespaces: Annotated[list[str], Field(min_length=1)] = ["*"]
    selector: Annotated[dict[str, str], Field(min_length=1)]
    health_path: Annotated[str, Field(pattern=r"^(/\S*)?$")] = ""
    stable: dict[str, str] = {}
    canary: dict[str, str] = {}


class Serving(Part):
    """How served models are found and measured. Without `models`, labels tell; the first metric that a pod has counts."""

    models: list[ModelProfile] = []
    request_metrics: Annotated[list[str], Field(min_length=1)] = ["http_requests_total", "starlette_requests_total"]
    duration_metrics: Annotated[list[str], Field(min_length=1)] = [
        "http_request_duration_seconds",
        "http_request_duration_highr_seconds",
        "starlette_request_duration_seconds",
    ]
    status_labels: Annotated[list[str], Field(min_length=1)] = ["status", "status_code", "code"]
    path_labels: list[str] = ["handler", "path", "endpoint"]
    quiet_paths: list[str] = ["/health*", "/live*", "/ready*", "/metrics", "/docs*", "/openapi.json"]
    log_stream: Annotated[str, Field(pattern=r"^\{.*NAMESPACE.*\}$")] = '{namespace="NAMESPACE"}'
    log_pod_label: Annotated[str, Field(pattern=r"^[a-zA-Z_]\w*$")] = "pod"
    error_lines: Annotated[str, Field(pattern=r"^[^`]+$")] = r"""(?i)"?level"?\s*[=:]\s*"?(error|critical|fatal)"""


class IngressProfile(Part):
    """How Ingresses are looked at from here; without an address, where the cluster says that their controller listens."""

    address: Annotated[str, Field(pattern=r"^$|^[^\s/@]+:\d{1,5}$")] = ""
    ca_file: str = ""
    classes: list[str] = []


class CustomResources(Part):
    """Which custom resources are not looked at: patterns of what `kubectl` calls them, such as `*.example.org`."""

    skip: list[Annotated[str, Field(min_length=1)]] = []


class Deployed(Part):
    """What an Application of Argo CD (`namespace/name`) must be at: a commit, or its first seven digits or more, or a version."""

    application: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]
    revision: Annotated[str, Field(min_length=1)]


class Active(Part):
    """What `--active` may use."""

    namespace: str = "clusterprobe-active"
    image: str = "registry.k8s.io/pause@sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a"
    nfs: bool = True


class AcceptAnnotations(Part):
    """Whose objects may say by an annotation that a finding about them is accepted: those of namespaces (shell patterns), never of none.

    Only findings of these `probes`, of `level` at worst, and for `days` ahead at most; 0: without an end, too.
    """

    namespaces: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    probes: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] = ["*"]
    level: Literal["info", "warning", "error", "critical"] = "warning"
    days: Annotated[int, Field(ge=0)] = 90


class ReportsProfile(Part):
    """Whether whole runs write OpenReports objects of this name: all of it into a ClusterReport, or also a Report into each namespace."""

    openreports: Literal["", "cluster", "namespaces"] = ""
    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] = "clusterprobe"


class ClusterProfile(Part):
    """What the users of a cluster call it, and what a fleet's report groups it by, such as `environment: prod`.

    `uid` is that of its namespace kube-system: a run whose server has another one is refused.
    """

    name: str = ""
    labels: dict[str, str] = {}
    uid: str = ""
