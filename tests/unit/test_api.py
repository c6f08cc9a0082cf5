"""The public API: what is in it stays, and what it is made of is all there."""

from importlib.resources import files

from clusterprobe import api

# Names of version 1. A new one is added here; where one has to go, `VERSION` grows.
FIRST = [
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
    "VERSION",
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


def test_no_name_goes_without_a_new_version() -> None:
    assert (api.VERSION, set(FIRST) - set(api.__all__)) == (1, set())


def test_a_new_name_is_kept_from_now_on() -> None:
    assert set(api.__all__) - set(FIRST) == set()


def test_every_name_is_there_and_says_what_it_is() -> None:
    things = {name: getattr(api, name) for name in api.__all__ if name != "VERSION"}
    silent = [name for name, one in things.items() if not (one.__doc__ or "").strip()]
    assert [name for name in silent if not issubclass(things[name], api.Object)] == []  # what Kubernetes names, it explains itself


def test_the_package_says_that_it_is_typed() -> None:
    assert files("clusterprobe").joinpath("py.typed").is_file()
