"""References: how they are written, and that what one finding breaks is what another rests on."""

import pytest

from clusterprobe.model import Subject
from clusterprobe.references import Ref, RefKind


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (Ref(RefKind.SECRET, "ns", "slack"), "Secret/ns/slack"),
        (Ref(RefKind.NODE, name="worker1"), "Node/worker1"),
        (Ref(RefKind.LOGS_OF_NODE, name="worker1"), "Logs/Node/worker1"),
        (Ref.to_finding(("loki/ready", 2)), "Finding/loki/ready/2"),
        (Ref.of(Subject(api_version="apps/v1", kind="StatefulSet", namespace="ns", name="db")), "StatefulSet/ns/db"),
    ],
)
def test_a_reference_is_written_with_what_it_has(ref: Ref, text: str) -> None:
    assert str(ref) == text


def test_a_kind_that_is_not_listed_is_told_apart_by_its_name() -> None:
    owner = Subject(api_version="kafka.strimzi.io/v1", kind="Kafka", namespace="ns", name="events")
    assert Ref.of(owner) == Ref(RefKind.OTHER, "ns", "Kafka/events")
    assert Ref.of(owner) != Ref.to("Zookeeper", "ns", "events")
