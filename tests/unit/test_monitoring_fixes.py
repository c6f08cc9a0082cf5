"""Whatever the objects of Prometheus, Alertmanager, Loki and Grafana are called: a fix runs what we wrote, on them, or prints no command."""

import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from clusterprobe.access.servers import Server
from clusterprobe.expectations import EXPECTED_MISSING, judge_expected
from clusterprobe.findings import Declared
from clusterprobe.fixes import line
from clusterprobe.known_systems import LOKI
from clusterprobe.model import Step, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.roles import Conditional
from clusterprobe.systems.alertmanager.config_advice import correct_the_secret, look_at_source, make_the_secret, name_the_secret
from clusterprobe.systems.alertmanager.config_secrets import ConfigSecret
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.alertmanager.wiring_advice import name_the_alertmanager
from clusterprobe.systems.grafana.sources import Datasources
from clusterprobe.systems.kubernetes.looking import asked_again, log_of, logs_of, proxied
from clusterprobe.systems.kubernetes.objects import Metadata, Pod, StorageClass
from clusterprobe.systems.loki.sources import range_query_command
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.pressure_advice import Place, raise_limits
from clusterprobe.systems.prometheus.relocation_advice import follow_the_object, move_of_custom, move_of_workload
from clusterprobe.systems.prometheus.selection import SELECTED
from clusterprobe.systems.prometheus.selection_advice import Apart, keep_to_namespaces, narrow_job, narrow_monitors, narrow_shared
from clusterprobe.systems.storage.natures import Storage
from clusterprobe.verdict import Verdict
from tests.factories import ENVIRONMENTS, judged, labelled, listing, make
from tests.unit.grafana import test_datasources as grafana
from tests.unit.prometheus import test_foreign_series as foreign
from tests.unit.prometheus import test_unselected_monitors as unselected

HOSTILE = [
    "$(id)",
    "`id`",
    "a'b",
    'a"b',
    "a;id",
    "a|id",
    "a&",
    "a>b",
    "a b",
    "*",
    "!!",
    "--everything",
    "-x",
    "a\nid",
    "a\u2028b",
    "a\u202eb",
    "{}",
    "",
]


def custom(name: str) -> Prometheus:
    selectors: dict[str, Any] = {one.field: {"matchLabels": {name or "x": name}} for one in SELECTED}
    storage = {"volumeClaimTemplate": {"spec": {"storageClassName": name}}}
    extra = {"name": name, "key": name}
    return labelled(Prometheus, name, name, spec={**selectors, "storage": storage, "additionalScrapeConfigs": extra})


def storage(name: str) -> Storage:
    classes = [make(StorageClass, metadata={"name": name}, provisioner="ebs.csi.aws.com")]
    return Storage(listing("PersistentVolumeClaim", []), listing("PersistentVolume", []), listing("StorageClass", classes))


def as_place(name: str) -> Subject:
    return Subject(kind="Prometheus", namespace=name, name=name)


def as_pod(name: str) -> Subject:
    return Subject(kind="Pod", namespace=name, name=name, owner=f"Prometheus/{name}")


def as_server(name: str) -> Server:
    return Server(system="prometheus", namespace=name, name=name, custom=True, pod=name, port=9090)


def apart(name: str) -> Apart:
    return Apart(as_place(name), name, name, frozenset({name}))


def a_pressed_one(name: str) -> list[Step]:
    labels = {"operator.prometheus.io/name": name}
    pod = labelled(Pod, name, name, labels, spec={"containers": [{"name": name}]})
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": "1", "controller": True}
    plain = labelled(Pod, name, name, metadata={"ownerReferences": [owner]}, spec={"containers": [{"name": name}]})
    places = [Place(as_pod(name), pod, custom=custom(name)), Place(as_pod(name), plain)]
    return [step for one in places for step in raise_limits(one, None, cpu=True)]


def an_expected_one(name: str) -> list[Step]:
    verdict = Verdict(ENVIRONMENTS.of, Declared((EXPECTED_MISSING,)))
    servers, namespaces = Conditional(verdict, Readings(absent="none")), Conditional(verdict, listing("Namespace", []))
    judge_expected(verdict, LOKI, Profile(expect={"loki": [name]}), servers, namespaces, Conditional(verdict, Readings(absent="none")))
    return verdict.findings[0].steps


def an_alertmanager(name: str) -> Alertmanager:
    return labelled(Alertmanager, name, name, spec={"portName": name, "configSecret": name})


def its_alertmanager(name: str) -> list[Step]:
    own = listing("Alertmanager", [an_alertmanager(name)])
    return name_the_alertmanager(as_place(name), "", custom(name), as_server(name), own, listing("Service", []), ENVIRONMENTS)


def a_monitor(name: str) -> list[Step]:
    one = labelled(
        Prometheus, "a", name, spec={"serviceMonitorSelector": {"matchLabels": {"k": name}}, "serviceMonitorNamespaceSelector": {}}
    )
    left = unselected.monitor("a", name or "x", k="other")
    verdict = judged(unselected.probe_unselected_monitors, **unselected.platform(left, prometheuses=listing("Prometheus", [one])))
    return [step for finding in verdict.findings for step in finding.steps]


def a_kube_state_metrics(name: str) -> list[Step]:
    pod = foreign.watcher("monitoring-dev", f"--namespaces={name}")
    verdict = judged(foreign.probe_foreign_series, **foreign.platform([*foreign.FOREIGN, foreign.series(name)], pod))
    return [step for finding in verdict.findings for step in finding.steps]


def a_data_source(name: str) -> list[Step]:
    wrong = grafana.source(grafana.OTHER, name, type=name, health="down")
    where = Subject(kind="Grafana", namespace="monitoring-dev", name=name)
    verdict = judged(grafana.probe_datasources, **grafana.platform(wrong, grafana_datasources=single(where, Datasources([wrong]))))
    return [step for finding in verdict.findings for step in finding.steps]


KEY = ("servicemonitors.monitoring.coreos.com",)
FIXES: dict[str, Callable[[str], list[Step]]] = {
    "namespaces": lambda name: keep_to_namespaces(apart(name), custom(name), SELECTED),
    "unread": lambda name: keep_to_namespaces(apart(name), None, SELECTED),
    "monitors": lambda name: narrow_monitors(apart(name), {(*KEY, name, name): {name}}),
    "shared": lambda name: narrow_shared(apart(name), [(*KEY, name, name)]),
    "job": lambda name: narrow_job(apart(name), custom(name), name, [name], [name]),
    "move": lambda name: move_of_custom(as_place(name), custom(name), [name], [name], storage(name), ["local"]),
    "stay": lambda name: follow_the_object(custom("x"), name, storage(name), []),
    "workload": lambda name: move_of_workload(Subject(kind=name, namespace=name, name=name), Metadata(name), storage(name), []),
    "named secret": lambda name: name_the_secret(an_alertmanager(name), [name]),
    "made secret": lambda name: make_the_secret(an_alertmanager(name), None),
    "owned secret": lambda name: correct_the_secret(name, name, name, ConfigSecret(name, owner=f"SealedSecret/{name}")),
    "source": lambda name: [look_at_source(name, name, True, []), look_at_source(name, name, False, [as_pod(name)])],
    "limits": a_pressed_one,
    "expected": an_expected_one,
    "alertmanager": its_alertmanager,
    "monitor": a_monitor,
    "kube-state-metrics": a_kube_state_metrics,
    "data source": a_data_source,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_a_command_is_what_we_wrote_with_each_value_as_one_argument(fix: Callable[[str], list[Step]], name: str) -> None:
    for command in (one for step in fix(name) for one in step.commands):
        text = line(command)
        stages = [word for stage in command.pipeline for word in ("|", *stage)][1:] + ([">", command.target] if command.target else [])
        assert shlex.split(text) == stages
        assert "\n" not in text
        assert not [
            stage[0] for stage in command.pipeline if stage[0] not in ("kubectl", "helm", "amtool", "base64", "grep", "curl", "kubeseal")
        ]
        assert not {"--everything", "-x"} & {word for stage in command.pipeline for word in stage[3:]}, "a name never becomes a flag"
        subprocess.run(["bash", "-n", "-c", text], check=True)


@pytest.mark.parametrize("name", HOSTILE)
def test_looking_asks_for_just_that_name_or_for_nothing(name: str) -> None:
    raw = Server(system="loki", namespace=name, name=name, service=name, port=3100)
    commands = [
        log_of(name, name, "wal"),
        *logs_of(name, [name], "wal"),
        proxied(name, "pods", name, 9090, "/api", {"query": name}),
        asked_again(raw, "/x"),
        range_query_command(raw, Profile(), name or "x", 1, 2),
    ]
    for command in (one for one in commands if one is not None):
        assert shlex.split(line(command)) == [word for stage in command.pipeline for word in ("|", *stage)][1:]
        subprocess.run(["bash", "-n", "-c", line(command)], check=True)


def test_a_name_that_is_none_gets_no_command() -> None:
    assert proxied("a/../b", "pods", "x?y#z", 9090, "/api") is None
