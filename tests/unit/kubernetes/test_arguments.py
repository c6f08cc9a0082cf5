"""Of a container's command line, what is used is kept, each in its place, and nothing else."""

from __future__ import annotations

import json

import msgspec
import pytest

from clusterprobe.decoding import from_json
from clusterprobe.systems.kubernetes.objects import Container, Pod, Workload
from clusterprobe.systems.mlflow.sources import started
from clusterprobe.systems.pods.startup_waits import Target, targets_of
from clusterprobe.systems.prometheus.objects import database_path
from clusterprobe.systems.prometheus.selection import flags

V = "Zx9qLm27Vt5Kp3Wd"


def container(*args: str, command: tuple[str, ...] = ()) -> Container:
    return from_json(json.dumps({"name": "main", "image": "i", "args": [*args], "command": [*command]}), Container)


@pytest.mark.parametrize(
    "args",
    [
        ("--password", V),
        (f"--password={V}",),
        (f"--some-flag={V}", V),
        ("sh", "-c", f"export X={V}; run {V}"),
        (f"--namespaces=a,b --password={V}",),
        (f"--backend-store-uri=postgresql://mlflow:{V}@db:5432/mlflow",),
        ("--backend-store-uri", f"postgresql://mlflow:{V}/x@db/mlflow"),
        ("sh", "-c", f"mlflow server --backend-store-uri postgresql://u:{V}@db/x --workers {V}"),
        (f"curl -u admin:{V} http://user:{V}@db.x.svc:80/{V}?token={V}",),
    ],
)
def test_nothing_of_a_password_in_the_arguments_is_kept(args: tuple[str, ...]) -> None:
    for one in (container(*args), container(command=args)):
        assert V not in msgspec.json.encode(one).decode()


def test_an_argument_that_is_used_stays_in_its_place() -> None:
    assert container("--port=8080", "--telemetry", "--namespaces=a,b", "--x").args == ["", "", "--namespaces=a,b", ""]


def test_a_flag_s_value_may_be_the_next_argument() -> None:
    assert flags(container("--v", "3", "--namespaces", "a,b").args or [])["namespaces"] == "a,b"


def test_a_variable_in_an_argument_is_still_seen() -> None:
    assert container("--namespaces=$(NAMESPACES)").args == ["--namespaces=$(NAMESPACES)"]


def test_what_is_kept_stays_the_same_when_a_bundle_is_read_again() -> None:
    once = container("--namespaces=a", "wait db.x.svc:5432", command=("sh", "-c", "curl http://api:80/x"))
    assert from_json(msgspec.json.encode(once), Container) == once


@pytest.mark.parametrize(
    ("command", "targets"),
    [
        (("sh", "-c", "until nc -z db 5432; do sleep 1; done"), [Target("db", 5432)]),
        (("nc", "-z", "db", "5432"), [Target("db", 5432)]),
        (("curl", "-f", "http://user:pw@api.x.svc:8080/ready?a=b"), [Target("api.x.svc", 8080)]),
        (("wait-for-it", "redis.cache.svc.cluster.local:6379"), [Target("redis.cache.svc.cluster.local", 6379)]),
        (("app", "--upstream=queue:5672"), [Target("queue", 5672)]),
    ],
)
def test_what_it_calls_is_known_without_its_command_line(command: tuple[str, ...], targets: list[Target]) -> None:
    assert targets_of(container(command=command)) == targets


def pod(*args: str) -> Pod:
    return from_json(json.dumps({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "main", "args": [*args]}]}}), Pod)


def test_where_a_prometheus_keeps_its_database_is_known() -> None:
    assert database_path(pod("--config.file=/etc/x", "--storage.tsdb.path=/data")) == "/data"
    assert database_path(pod("--storage.tsdb.path", "/data")) == "/data"


def test_what_mlflow_stores_in_is_known_without_its_password() -> None:
    told = started(pod("server", "--backend-store-uri", f"postgresql://mlflow:{V}@postgres.db:5432/mlflow", "--allowed-hosts", "a,b"))
    assert (told.database, told.allowed_hosts) == ("postgresql at postgres.db", "a,b")


def test_templates_keep_no_more_than_pods() -> None:
    template = {"spec": {"containers": [{"name": "main", "args": [f"--password={V}"]}], "initContainers": [{"name": "i", "command": [V]}]}}
    one = from_json(json.dumps({"metadata": {"name": "a"}, "spec": {"template": template}}), Workload)
    assert V not in msgspec.json.encode(one).decode()
