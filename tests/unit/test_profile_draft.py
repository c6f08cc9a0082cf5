"""What `clusterprobe profile init` writes of a cluster, and what editors are told of profiles."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from clusterprobe.access.cluster import Cluster
from clusterprobe.access.deadline import Deadline
from clusterprobe.evidence import Evidence
from clusterprobe.profile import Profile, load_profile
from clusterprobe.profile_draft import SOURCES, draft
from clusterprobe.profile_schema import schema, schema_text
from clusterprobe.shipped import shipped
from tests.elsewhere.worlds import World, named, pod
from tests.faults.harness import connection
from tests.faults.server import FaultServer

ROOT = Path(__file__).parents[2]
DRIVER = {**named("fast"), "provisioner": "csi.example.com"}


def drafted(*pods: dict[str, Any], without: str = "") -> tuple[str, list[str]]:
    """What is written of these pods, where the answer to one request is missing."""
    made = World([pod("kube-system", "coredns-0", "coredns:1"), *pods], {("storageclasses.storage.k8s.io", "StorageClass"): [DRIVER]})
    recording = made.recording()
    recording.exchanges.pop(without, None)
    with FaultServer(recording) as server:
        deadline = Deadline.after(60)
        evidence = Evidence(SOURCES, Profile(), cluster=Cluster(connection(server.url), deadline), deadline=deadline)
        evidence.start()
        return draft(evidence, "clusterprobe.schema.json")


PLATFORM = (
    pod("monitoring-dev", "prometheus-0", "prom/prometheus:v3.5.0"),
    pod("monitoring-prod", "prometheus-0", "prom/prometheus:v3.5.0"),
    pod("shop-dev", "web-0", "corp/web:1"),
    pod("shop-prod", "web-0", "corp/web:1"),
    pod("watch", "netdata-0", "netdata/netdata:v2.5.4"),
)


def test_what_was_found_is_written_and_what_is_to_be_decided_is_left_out(tmp_path: Path) -> None:
    text, unread = drafted(*PLATFORM)
    (tmp_path / "mine.yaml").write_text(text)
    profile = load_profile(str(tmp_path / "mine.yaml"), shipped("profiles"))
    assert unread == []
    assert {name: one.namespaces for name, one in profile.environments.items()} == {
        "dev": ["monitoring-dev", "shop-dev"],
        "prod": ["monitoring-prod", "shop-prod"],
    }
    assert profile.expect == {"prometheus": ["monitoring-dev", "monitoring-prod"]}
    assert (profile.not_judged, profile.storage_drivers) == ([], {})


def test_the_marks_taken_off_what_is_to_be_decided_is_a_profile_too() -> None:
    text, _ = drafted(*PLATFORM)
    beginning = text.index("# not_judged:")
    decided = yaml.safe_load(
        "\n".join(line.removeprefix("# ") for line in text[beginning:].split("\n") if not line.startswith("# What the"))
    )
    assert decided["storage_drivers"] == {"csi.example.com": None}
    (one,) = Profile.model_validate({"not_judged": decided["not_judged"]}).not_judged
    assert (one.system, one.namespaces, str(one.until)) == ("netdata", ["watch"], "2027-07-14")


def test_without_environments_it_shows_how_to_name_them() -> None:
    text, _ = drafted(pod("shop", "web-0", "corp/web:1"))
    assert "# environments:\n" in text
    assert yaml.safe_load(text) == {"extends": "default"}


def test_what_could_not_be_read_is_said_in_the_profile() -> None:
    text, unread = drafted(*PLATFORM, without="GET /apis/apps/v1/statefulsets")
    assert unread
    assert "# Not all could be read" in text
    assert drafted(*PLATFORM, without="GET /api/v1/pods")[0] == ""


# --- the schema --------------------------------------------------------------------------------------------------------

VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_schema_is_a_schema_and_the_published_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert (ROOT / "docs" / "profile.schema.json").read_text() == schema_text()


@pytest.mark.parametrize("path", sorted(shipped("profiles").glob("*.yaml")), ids=lambda one: one.stem)
def test_the_schema_takes_the_shipped_profiles(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))) == []


@pytest.mark.parametrize(
    ("profile", "right"),
    [
        ({"not_judged": ["velero", {"system": "vector", "why": "x"}]}, True),
        ({"not_judged": ["velerro"]}, False),
        ({"fail_onn": "error"}, False),
        ({"expect": {"prometheus": ["a"]}}, True),
        ({"expect": {"prometeus": ["a"]}}, False),
        ({"thresholds": {"pods": {"oom_minutes": -1}}}, False),
    ],
)
def test_the_schema_refuses_what_a_run_refuses(profile: dict[str, Any], right: bool) -> None:
    assert VALIDATOR.is_valid(profile) is right
