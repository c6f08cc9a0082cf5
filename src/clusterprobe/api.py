"""What probes and sources of your own are made of: the one module of Clusterprobe that they import.

It is stable, and every other module is private. Within one `VERSION` a name is only ever added; where one goes, or comes to mean something
else, `VERSION` grows with a line in the changelog. docs/own-probes.md has an example, docs/sources.md what there is to read.
"""

from clusterprobe.access.cluster import Cluster, Endpoint, Resource
from clusterprobe.access.servers import Server, read_each
from clusterprobe.environments import Environments
from clusterprobe.errors import Forbidden, NotFound, Unreadable
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import change, destroys, each, look, shell
from clusterprobe.model import Bar, Bars, Matrix, ProbeResult, Severity, Step, Struct, Subject, Table, Text
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings, single, unreadable
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Conditional, Enriching, Examined, Needed
from clusterprobe.sources import Call, proxied, source
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import (
    Condition,
    Ingress,
    Metadata,
    Namespace,
    Node,
    Object,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    ReplicaSet,
    Service,
    StorageClass,
    Workload,
)
from clusterprobe.systems.kubernetes.resources import lists
from clusterprobe.systems.prometheus.query import Sample, query
from clusterprobe.times import ago, duration_seconds, epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import said

VERSION = 1

__all__ = [
    "VERSION",
    "Bar",
    "Bars",
    "Call",
    "Clock",
    "Cluster",
    "Collector",
    "Condition",
    "Conditional",
    "Endpoint",
    "Enriching",
    "Environments",
    "Examined",
    "FindingKind",
    "Forbidden",
    "Ingress",
    "Matrix",
    "Metadata",
    "Namespace",
    "Needed",
    "Node",
    "NotFound",
    "Object",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "ProbeResult",
    "Profile",
    "Readings",
    "Ref",
    "RefKind",
    "ReplicaSet",
    "Resource",
    "Sample",
    "Served",
    "Server",
    "Service",
    "Severity",
    "Step",
    "StorageClass",
    "Struct",
    "Subject",
    "Table",
    "Text",
    "Unreadable",
    "Verdict",
    "Workload",
    "ago",
    "change",
    "destroys",
    "duration_seconds",
    "each",
    "epoch",
    "list_custom",
    "lists",
    "look",
    "proxied",
    "query",
    "read_each",
    "reports",
    "said",
    "shell",
    "single",
    "source",
    "unreadable",
]
