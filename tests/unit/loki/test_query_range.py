from typing import Any
from urllib.parse import quote

import pytest

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.evidence import Clock
from clusterprobe.fixes import line
from clusterprobe.model import Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.kubernetes.objects import Namespace, Pod
from clusterprobe.systems.loki.sources import RecentLines, Searched, range_query_command, workload_namespaces
from probes.loki.probe_query_range import probe_query_range
from tests.factories import judged, labelled, listing, make, outcome, refused

NOW = 1_800_000_000
END = NOW * 10**9
START = END - 600 * 10**9
SERVICE = Subject(api_version="v1", kind="Service", namespace="logging", name="loki")
SERVER = Server(system="loki", namespace="logging", name="loki", service="loki", port=3100)


def searched(namespace: str, lines: int, error: str = "") -> Searched:
    return Searched(namespace, f'{{namespace="{namespace}"}}', lines, NOW - 5.0 if lines else 0.0, 0.1, error)


def platform(*found: Searched, label: str = "namespace", labels: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    lines = RecentLines(START, END, label, ["namespace", "pod"] if labels is None else labels, list(found))
    return {
        "loki_recent_lines": single(SERVICE, lines),
        "loki_queriers": single(SERVICE, SERVER),
        "pods": listing("Pod", []),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def test_lines_of_every_workload_pass_and_show_the_query_to_copy() -> None:
    verdict = judged(probe_query_range, **platform(searched("fastapi-dev", 5), searched("fastapi-prod", 2)))
    assert outcome(verdict) == "pass"
    table, text = verdict.exhibits
    assert table.rows[0] == ["fastapi-dev", "5", "5 s before the check", "0.1 s"]
    assert text.text.startswith("kubectl get --raw '/api/v1/namespaces/")
    assert f"&start={START}&end={END}&" in text.text
    selector = quote('{namespace="fastapi-dev"}')
    assert f"query={selector}&" in text.text
    assert "10 minutes" in text.title


def test_a_quiet_namespace_beside_others_with_lines_is_only_noted() -> None:
    verdict = judged(probe_query_range, **platform(searched("fastapi-dev", 5), searched("batch-dev", 0)))
    assert outcome(verdict) == "pass"
    assert "batch-dev" in verdict.notes[0]


def test_no_line_of_any_workload_is_unchecked_with_what_to_check() -> None:
    verdict = judged(probe_query_range, **platform(searched("fastapi-dev", 0), searched("fastapi-prod", 0)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert "tenant" in verdict.unread[0].reason
    assert "`namespace`" in verdict.unread[0].reason


def test_a_namespace_whose_query_failed_is_unchecked() -> None:
    verdict = judged(probe_query_range, **platform(searched("fastapi-dev", 5), searched("fastapi-prod", 0, "no whole answer in time")))
    assert outcome(verdict) == "inconclusive"
    assert "no whole answer in time" in verdict.unread[0].reason


@pytest.mark.parametrize(("labels", "words"), [([], "no line at all"), (["app"], "it has app")])
def test_a_loki_without_a_label_for_namespaces_is_unchecked(labels: list[str], words: str) -> None:
    verdict = judged(probe_query_range, **platform(label="", labels=labels))
    assert outcome(verdict) == "inconclusive"
    assert words in verdict.unread[0].reason


def test_without_any_known_workload_it_is_unchecked() -> None:
    assert outcome(judged(probe_query_range, **platform())) == "inconclusive"


@pytest.mark.parametrize("name", ["loki_recent_lines", "loki_queriers", "pods"])
def test_what_cannot_be_read_is_inconclusive(name: str) -> None:
    unread: Readings[Any] = Readings((), (refused("thing"),))
    assert outcome(judged(probe_query_range, **platform(searched("fastapi-dev", 5), **{name: unread}))) == "inconclusive"


def test_the_command_carries_the_tenant_and_address_of_the_profile() -> None:
    profile = Profile.model_validate({"endpoints": [{"system": "loki", "url": "https://loki.example", "tenant": "a|b"}]})
    server = Server(system="loki", namespace="", name="x", url="https://loki.example")
    command = range_query_command(server, profile, "{a='b'}", 1, 2)
    assert command is not None
    assert "-H 'X-Scope-OrgID: a|b' https://loki.example/loki/api/v1/query_range" in line(command)
    assert "query={a='b'}" in command.pipeline[0]


def pod(namespace: str, phase: str = "Running") -> Pod:
    return labelled(Pod, namespace, "x", spec={"containers": []}, status={"phase": phase, "podIP": "10.0.0.1"})


def test_environments_that_only_names_suggest_come_first_and_leave_none_out() -> None:
    pods = listing("Pod", [pod("kube-system"), pod("shop"), pod("fastapi-prod"), pod("fastapi-dev"), pod("idle-dev", "Succeeded")])
    assert workload_namespaces(pods, Environments(Profile())) == ["fastapi-dev", "fastapi-prod", "shop", "kube-system"]


def test_of_several_environments_that_labels_name_only_these_are_asked_for() -> None:
    names = ("kube-system", "a", "b")
    labels = {"a": {"environment": "dev"}, "b": {"environment": "prod"}}
    labelled_ones = [make(Namespace, metadata={"name": name, "labels": labels.get(name, {})}) for name in names]
    assert workload_namespaces(listing("Pod", map(pod, names)), Environments(Profile(), labelled_ones)) == ["a", "b"]
    assert workload_namespaces(listing("Pod", map(pod, names)), Environments(Profile(), labelled_ones[:2])) == ["a", "b", "kube-system"]


def test_without_any_environment_all_are_asked_for() -> None:
    assert workload_namespaces(listing("Pod", [pod("kube-system")]), Environments(Profile())) == ["kube-system"]
