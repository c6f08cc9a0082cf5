"""What findings break and rest on: the references through which one explains another."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from clusterprobe.model import Place, Subject


class RefKind(enum.StrEnum):
    """What a finding can break, and another rest on. Its value begins the reference on the wire."""

    # Objects of the cluster; `OTHER` is one of any other kind, such as a custom resource that owns pods.
    APPLICATION = "Application"
    DAEMON_SET = "DaemonSet"
    DEPLOYMENT = "Deployment"
    INGRESS = "Ingress"
    JOB = "Job"
    NODE = "Node"
    OTHER = "Other"
    PERSISTENT_VOLUME_CLAIM = "PersistentVolumeClaim"
    POD = "Pod"
    REPLICA_SET = "ReplicaSet"
    SECRET = "Secret"  # noqa: S105 - no password
    SERVICE = "Service"
    STATEFUL_SET = "StatefulSet"
    # Systems, and what they do or have.
    ALERTMANAGER = "Alertmanager"  # whether it sends to anyone at all
    ALERTMANAGER_CONFIGURATION = "AlertmanagerConfiguration"  # whether it was given what the team wrote
    ALERTS = "Alerts"  # whether a Prometheus sends any
    FINDING = "Finding"
    LOGS = "Logs"  # what the log agents of a namespace send
    LOGS_OF_NODE = "Logs/Node"
    LOKI = "Loki"
    RULES = "Rules"  # what a Prometheus has loaded
    RULE_GROUP = "RuleGroup"  # namespace, and PrometheusRule/group
    SCRAPE = "Scrape"  # namespace, and Prometheus/Service: whether it scrapes once what is behind it
    SEALING_KEY = "SealingKey"
    SELECTORS = "Selectors"  # what a Prometheus selects
    SHARED_LABEL = "SharedLabel"  # by which several Prometheuses select, `key: value`
    TERMINATION = "Termination"  # how long pods take: those of a DaemonSet, or all of a node
    UNMOUNT = "Unmount"  # node, and NFS server; or all of the node
    WRITES = "Writes"  # namespace, and Kind/workload/container


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A reference: `Kind/namespace/name`, or `Kind/name` for what is in no namespace."""

    kind: RefKind
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    @classmethod
    def of(cls, subject: Subject) -> Ref:
        """The reference to an object."""
        return cls.to(subject.kind, subject.namespace, subject.name)

    @classmethod
    def to(cls, kind: str, namespace: str, name: str) -> Ref:
        """The reference to an object whose kind the cluster names; where it is not listed, the kind is part of the name."""
        try:
            return cls(RefKind(kind), namespace, name)
        except ValueError:
            return cls(RefKind.OTHER, namespace, f"{kind}/{name}")

    @classmethod
    def to_finding(cls, place: Place) -> Ref:
        """The reference to a finding itself, for what rests on nothing but that finding."""
        return cls(RefKind.FINDING, place[0], str(place[1]))
