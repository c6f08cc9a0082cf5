import pytest

from clusterprobe.fixes import SOURCE, change, line, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.kubernetes.editing import by_hand

WEB = Subject(kind="Deployment", namespace="shop", name="web")
LOOK = look("See it.", shell("kubectl get pods"))
AT_SOURCE = change(f"Correct its image, {SOURCE}.")


def test_what_is_to_be_changed_where_it_is_deployed_can_be_changed_on_the_object_until_then() -> None:
    *before, edits, seen = by_hand(WEB, [LOOK, AT_SOURCE])
    assert before == [LOOK, AT_SOURCE]
    assert edits.commands == [shell("kubectl -n shop edit deployment web")]
    assert edits.text.startswith("Until that is deployed")
    assert (seen.kind, seen.commands) == ("look", [shell("kubectl -n shop rollout status deployment web --timeout=5m")])


def test_a_stateful_set_that_waits_for_a_pod_is_given_the_change_by_deleting_that() -> None:
    stateful = Subject(kind="StatefulSet", namespace="shop", name="db")
    *_, deleted, seen = by_hand(stateful, [AT_SOURCE], unready=["db-1", "db-0"])
    assert deleted.commands == [shell("kubectl -n shop delete pod db-0"), shell("kubectl -n shop delete pod db-1")]
    assert seen.commands == [shell("kubectl -n shop rollout status statefulset db --timeout=5m")]
    assert "delete pod" not in str([one.commands for one in by_hand(WEB, [AT_SOURCE], unready=["web-1"])])


def test_no_command_is_printed_for_what_operators_of_openshift_undo() -> None:
    for namespace, where in (("openshift-monitoring", "cluster-monitoring-config"), ("openshift-ingress", "configuration of the operator")):
        *before, last = by_hand(Subject(kind="Deployment", namespace=namespace, name="web"), [AT_SOURCE])
        assert (before, last.commands) == ([AT_SOURCE], [])
        assert where in last.text


def test_what_the_prometheus_operator_makes_is_changed_on_its_own_object() -> None:
    made = {"app.kubernetes.io/managed-by": "prometheus-operator", "app.kubernetes.io/name": "prometheus"}
    stateful = Subject(kind="StatefulSet", namespace="shop", name="prometheus-main")
    *_, last = by_hand(stateful, [AT_SOURCE], {**made, "app.kubernetes.io/instance": "main"})
    assert last.commands == [shell("kubectl -n shop edit prometheuses.monitoring.coreos.com main")]
    assert by_hand(stateful, [AT_SOURCE], made) == [AT_SOURCE]  # which object it is, is not known
    for name, plural in (("prometheus-agent", "prometheusagents"), ("thanos-ruler", "thanosrulers")):
        *_, last = by_hand(stateful, [AT_SOURCE], {**made, "app.kubernetes.io/name": name, "app.kubernetes.io/instance": "main"})
        assert last.commands == [shell(f"kubectl -n shop edit {plural}.monitoring.coreos.com main")]


def test_a_pod_that_nothing_makes_is_made_again_of_a_file() -> None:
    *_, fetched, made = by_hand(Subject(kind="Pod", namespace="shop", name="once"), [AT_SOURCE])
    assert [line(one) for one in (*fetched.commands, *made.commands)] == [
        "kubectl -n shop get pod once -o yaml > once.yaml",
        "kubectl replace --force -f once.yaml",
    ]
    assert (fetched.kind, made.kind) == ("look", "destroys")


@pytest.mark.parametrize(
    ("subject", "steps"),
    [
        (Subject(kind="ReplicaSet", namespace="shop", name="web-1"), [AT_SOURCE]),
        (WEB, [LOOK, change("Repair its node.")]),
        (WEB, [AT_SOURCE, change("Roll it back.", shell("kubectl -n shop rollout undo deployment web"))]),
    ],
)
def test_nothing_is_edited_where_that_does_not_help_or_a_command_does(subject: Subject, steps: list[Step]) -> None:
    assert by_hand(subject, steps) == steps
