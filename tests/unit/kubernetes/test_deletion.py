from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Finding
from clusterprobe.systems.kubernetes.deletions import Deletion
from clusterprobe.systems.kubernetes.objects import Namespace, PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.verdict import Verdict
from probes.objects.probe_deletion import probe_deletion
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused
from tests.unit.custom_resources import test_own_kinds as own_kinds

CLOCK = Clock(1_800_000_000.0)  # 2027-01-15T08:00:00Z
LONG_AGO, HALF_AN_HOUR_AGO, JUST_UNDER = "2027-01-15T05:00:00Z", "2027-01-15T07:30:00Z", "2027-01-15T07:30:01Z"


def namespace(at: str | None = LONG_AGO, *conditions: dict[str, str]) -> Namespace:
    status = {"conditions": list(conditions)} if conditions else {}
    return labelled(Namespace, "", "old", metadata={"deletionTimestamp": at}, status=status)


def condition(kind: str, message: str, status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "message": message}


def claim(at: str | None = LONG_AGO, finalizer: str = "kubernetes.io/pvc-protection", volume: str = "pvc-1") -> PersistentVolumeClaim:
    metadata = {"deletionTimestamp": at, "finalizers": [finalizer]}
    return labelled(PersistentVolumeClaim, "shop", "data", metadata=metadata, spec={"volumeName": volume})


def volume(at: str | None = LONG_AGO, finalizer: str = "external-provisioner.volume.kubernetes.io/finalizer") -> PersistentVolume:
    return make(PersistentVolume, metadata={"name": "pvc-1", "deletionTimestamp": at, "finalizers": [finalizer]})


def user() -> Pod:
    mounted = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    return labelled(Pod, "shop", "web-0", spec={"containers": [], "volumes": mounted})


def readings(**changed: Any) -> dict[str, Any]:
    return {
        "namespaces": listing("Namespace", [namespace(None)]),
        "claims": listing("PersistentVolumeClaim", [claim(None)]),
        "volumes": listing("PersistentVolume", [volume(None)]),
        "pods": listing("Pod", [user()]),
        "clock": CLOCK,
        **changed,
    }


def judge(**changed: Any) -> Verdict:
    return judged(probe_deletion, **readings(**changed))


def found(**changed: Any) -> Finding:
    (one,) = judge(**changed).findings
    return one


def test_what_is_not_being_deleted_passes() -> None:
    verdict = judge()
    assert (outcome(verdict), verdict.examined) == ("pass", 3)


@pytest.mark.parametrize(("at", "expected"), [(JUST_UNDER, []), (HALF_AN_HOUR_AGO, ["ClaimHeld"])])
def test_a_deletion_may_take_half_an_hour(at: str, expected: list[str]) -> None:
    assert reasons(judge(claims=listing("PersistentVolumeClaim", [claim(at)]))) == expected


def test_a_namespace_that_an_api_holds_says_which() -> None:
    told = condition("NamespaceDeletionDiscoveryFailure", "unable to retrieve: metrics.k8s.io/v1beta1")
    one = found(namespaces=listing("Namespace", [namespace(LONG_AGO, told)]))
    assert (one.reason, one.severity) == ("NamespaceHeld", "warning")
    assert one.problem == "Namespace old has been terminating for 3 h."
    assert "“unable to retrieve: metrics.k8s.io/v1beta1”" in one.cause
    assert "kubectl get apiservices" in one.fix


@pytest.mark.parametrize(
    "message",
    [
        "Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1: the server is currently unable to handle the request",
        "unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1",
    ],
)
def test_a_namespace_that_an_api_holds_rests_on_that_api(message: str) -> None:
    told = condition("NamespaceDeletionDiscoveryFailure", message)
    held = found(namespaces=listing("Namespace", [namespace(LONG_AGO, told)]))
    (gone,) = own_kinds.judge(own_kinds.api(own_kinds.available("MissingEndpoints"))).findings
    assert held.rests_on == ["Other/APIService/v1beta1.metrics.k8s.io"] == gone.breaks


def test_a_namespace_that_finalizers_hold_rests_on_no_api() -> None:
    told = condition("NamespaceFinalizersRemaining", "kafka.example.org/v1-topic in 3 resource instances")
    assert found(namespaces=listing("Namespace", [namespace(LONG_AGO, told)])).rests_on == []


def test_a_namespace_that_finalizers_hold_says_whose_and_shows_what_is_left() -> None:
    told = condition("NamespaceFinalizersRemaining", "kafka.example/topic in 3 resource instances")
    well = condition("NamespaceDeletionContentFailure", "All content successfully deleted", "False")
    one = found(namespaces=listing("Namespace", [namespace(LONG_AGO, told, well)]))
    assert "kafka.example/topic in 3" in one.cause
    assert "successfully" not in one.cause
    assert "--ignore-not-found -n old" in one.fix


def test_a_namespace_that_says_nothing_is_said_to_say_nothing() -> None:
    assert found(namespaces=listing("Namespace", [namespace()])).cause == "Its conditions do not say what is left in it."


def test_a_claim_names_the_pods_that_hold_it_and_keeps_its_data_first() -> None:
    one = found(claims=listing("PersistentVolumeClaim", [claim()]))
    assert one.cause == "Its finalizers hold it: `kubernetes.io/pvc-protection` (pods that mount it hold it). Pod web-0 mounts it."
    assert "kubectl patch pv pvc-1 -p" in one.fix
    assert "Retain" in one.fix
    assert [str(ref) for ref in one.rests_on] == ["Pod/shop/web-0"]


def test_a_claim_without_a_volume_has_no_data_to_keep() -> None:
    assert "kubectl patch pv" not in found(claims=listing("PersistentVolumeClaim", [claim(volume="")])).fix


def test_of_pods_that_were_not_read_none_is_said_to_mount_it() -> None:
    from clusterprobe.readings import Readings

    one = found(claims=listing("PersistentVolumeClaim", [claim()]), pods=Readings((), (refused("PodList"),)))
    assert "Which pods mount it is not known." in one.cause


def test_a_volume_waits_for_its_driver() -> None:
    one = found(volumes=listing("PersistentVolume", [volume()]))
    assert one.reason == "VolumeHeld"
    assert "its driver has to delete the disk first" in one.cause


def test_a_volume_that_a_claim_uses_is_kept_and_no_driver_is_blamed() -> None:
    one = found(volumes=listing("PersistentVolume", [volume(finalizer="kubernetes.io/pv-protection")]))
    assert "$ kubectl patch pv" in one.fix
    assert "Retain" in one.fix
    assert "driver" not in one.fix


def test_a_finalizer_that_is_not_known_is_a_controllers() -> None:
    assert Deletion(1.0, ("example.com/keep",)).holds() == ["`example.com/keep` (a controller has to take it off)"]


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_deletion, readings())
    assert_blindness_is_no_health(probe_deletion, readings(claims=listing("PersistentVolumeClaim", [claim()])))
