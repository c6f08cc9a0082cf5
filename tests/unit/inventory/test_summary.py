"""What a report says of what runs here."""

from typing import Any

from clusterprobe.model import Installed, ProbeResult, ProbeVerdict, Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.confirmations import Confirmations
from clusterprobe.systems.inventory.installations import installations
from clusterprobe.systems.inventory.summary import inventory
from clusterprobe.systems.kubernetes.objects import Pod
from tests.factories import labelled, listing, recognised

NONE: Readings[Any] = Readings(absent="there is none")
NOW = 1_800_000_000.0  # 2027-01-15


def pod(namespace: str, image: str) -> Pod:
    return labelled(Pod, namespace, "x-0", spec={"containers": [{"name": "c", "image": image}]}, status={"phase": "Running"})


def probe(name: str, examined: int = 1, *blind: str) -> ProbeResult:
    unread = [Unchecked(subject=Subject(kind="Pod", namespace=one, name="x-0"), reason="refused") for one in blind]
    return ProbeResult(id=name, question="?", verdict=ProbeVerdict.PASS, examined=examined, unchecked=unread)


def seen(*probes: ProbeResult, profile: dict[str, Any] | None = None) -> list[Installed]:
    pods = [pod("a", "prom/prometheus:v3"), pod("b", "prom/prometheus:v3"), pod("c", "velero/velero:v1")]
    found = installations(recognised(listing("Pod", pods)), NONE, NONE, Profile())
    return inventory(found, probes, Profile.model_validate(profile or {}), NOW)


def states(*probes: ProbeResult, **changes: Any) -> list[str]:
    return [one.state for one in seen(*probes, **changes)]


def test_what_a_probe_of_its_area_examined_was_looked_at() -> None:
    assert states(probe("prometheus/targets"), probe("velero/made-up")) == ["looked at", "looked at", "not looked at"]


def test_what_no_probe_of_this_run_examined_was_not() -> None:
    assert states(probe("prometheus/targets", 0), probe("pods/crash-loop")) == ["not looked at"] * 3


def test_what_was_out_of_reach_of_all_probes_was_not() -> None:
    assert states(probe("prometheus/targets", 1, "b")) == ["looked at", "not looked at", "not looked at"]
    assert states(probe("prometheus/targets", 1, "b"), probe("prometheus/rules")) == ["looked at", "looked at", "not looked at"]


def test_what_only_has_conditions_of_its_objects_looked_at_is_told_apart() -> None:
    found = installations(recognised(listing("Pod", [pod("a", "cert-manager/cert-manager-controller:v1")])), NONE, NONE, Profile())
    its_own, of_others = Confirmations(groups=frozenset({"cert-manager.io"})), Confirmations(groups=frozenset({"external-secrets.io"}))
    for ran, said, state in (
        (probe("objects/conditions"), its_own, "objects looked at"),
        (probe("objects/conditions"), of_others, "not looked at"),
        (probe("objects/conditions", 0), its_own, "not looked at"),
    ):
        assert [one.state for one in inventory(found, [ran], Profile(), NOW, said)] == [state]


def test_what_the_profile_accepts_has_its_reason_and_its_last_day() -> None:
    entry = {"system": "velero", "why": "the vendor watches it", "until": "2027-02-01"}
    last = seen(profile={"not_judged": [entry]})[-1]
    assert (last.system, last.state, last.why, last.until) == ("velero", "accepted", "the vendor watches it", "2027-02-01")
    assert states(profile={"not_judged": [{**entry, "until": "2027-01-14"}]})[-1] == "not looked at"
