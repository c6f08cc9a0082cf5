import pytest

from clusterprobe.fixes import SOURCE, change, line, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.kubernetes.editing import by_hand

WEB = Subject(kind="Deployment", namespace="shop", name="web")
LOOK = look("See it.", shell("kubectl get pods"))
AT_SOURCE = change(f"Correct its image, {SOURCE}.")


def test_what_is_to_be_changed_where_it_is_deployed_can_be_changed_on_the_object_until_then() -> None:
    *before, last = by_hand(WEB, [LOOK, AT_SOURCE])
    assert before == [LOOK, AT_SOURCE]
    assert last.commands == [shell("kubectl -n shop edit deployment web")]
    assert last.text.startswith("Until that is deployed")


def test_what_the_prometheus_operator_makes_is_changed_on_its_own_object() -> None:
    made = {"app.kubernetes.io/managed-by": "prometheus-operator", "app.kubernetes.io/name": "prometheus"}
    stateful = Subject(kind="StatefulSet", namespace="shop", name="prometheus-main")
    *_, last = by_hand(stateful, [AT_SOURCE], {**made, "app.kubernetes.io/instance": "main"})
    assert last.commands == [shell("kubectl -n shop edit prometheuses.monitoring.coreos.com main")]
    assert by_hand(stateful, [AT_SOURCE], made) == [AT_SOURCE]  # which object it is, is not known


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
