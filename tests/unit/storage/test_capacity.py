from typing import Any

import pytest

from clusterprobe.model import Finding
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod
from clusterprobe.systems.prometheus.query import Sample
from clusterprobe.systems.prometheus.runtime import Runtime
from clusterprobe.systems.prometheus.volume_stats import BEFORE, NOW, VolumeStats, VolumeUse, volumes_of
from probes.storage.probe_capacity import probe_capacity
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, recognised, refused, server

GIB = float(1 << 30)
ONE, TWO = (server("prometheus", "monitoring", "main", f"prometheus-main-{number}")[0] for number in (0, 1))


def use(
    available: float, *, before: float | None = None, claim: str = "data", inodes: float | None = 1000, free: float | None = 900
) -> VolumeUse:
    """A volume of 100 GiB; what it has left is in GiB."""
    return VolumeUse("logging", claim, 100 * GIB, available * GIB, inodes, free, None if before is None else before * GIB)


def runtime(retention: str) -> Readings[Runtime]:
    return Readings(((ONE, Runtime("", "", storage_retention=retention)),))


def database(claim: str = "db") -> Pod:
    container = {
        "name": "prometheus",
        "image": "quay.io/prometheus/prometheus:v3.4.0",
        "volumeMounts": [{"name": "db", "mountPath": "/prometheus"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "db", "persistentVolumeClaim": {"claimName": claim}}]}
    return labelled(Pod, "monitoring", ONE.name, spec=spec, status={"phase": "Running"})


def readings(*volumes: VolumeUse, **changed: Any) -> dict[str, Any]:
    claim = labelled(PersistentVolumeClaim, "logging", "data", spec={"volumeName": "pv-1"}, status={"phase": "Bound"})
    volume = labelled(PersistentVolume, "", "pv-1", spec={"nfs": {"server": "10.0.0.9", "path": "/exports"}})
    return {
        "prometheus_volume_stats": Readings(((ONE, VolumeStats(list(volumes))),), absent="there is no Prometheus"),
        "prometheus_runtime": runtime("15d"),
        "system_pods": recognised(listing("Pod", [database()])),
        "claims": listing("PersistentVolumeClaim", [claim]),
        "volumes": listing("PersistentVolume", [volume]),
        "storage_classes": listing("StorageClass", []),
        "profile": Profile(),
        **changed,
    }


def found(*volumes: VolumeUse, **changed: Any) -> Finding:
    (one,) = judged(probe_capacity, **readings(*volumes, **changed)).findings
    return one


@pytest.mark.parametrize(
    ("volume", "codes"),
    [
        (use(50, before=60), []),
        (use(3.001), []),
        (use(3), ["VolumeNearlyFull"]),
        (use(0), ["VolumeNearlyFull"]),
        (use(50, free=30), ["VolumeNearlyFull"]),
        (use(50, free=31), []),
        (use(50, inodes=0, free=0), []),  # of a file system that makes inodes as it needs them
        (use(50, inodes=None, free=None), []),
        (use(15, before=16), ["VolumeFilling"]),  # full in 3.75 days
        (use(15, before=15.9), []),  # in 4.2
        (use(15.1, before=20), []),
        (use(15, before=15), []),
        (use(15, before=10), []),
        (use(15), []),
    ],
)
def test_how_full_a_volume_is_and_how_soon_it_will_be(volume: VolumeUse, codes: list[str]) -> None:
    verdict = judged(probe_capacity, **readings(volume))
    assert (reasons(verdict), verdict.examined) == (codes, 1)


def test_a_volume_without_space_is_found_with_what_is_left_and_what_the_numbers_are_of() -> None:
    one = found(use(1, before=1.5))
    assert (one.severity, str(one.subject)) == ("error", "PersistentVolumeClaim logging/data")
    assert one.problem == "PersistentVolumeClaim logging/data has used 99% of its space; as it grew in the last 6 h it is full in 12 h."
    assert (
        one.cause
        == "1.0 GiB of 100.0 GiB are left. If it is a folder of a share, these are the numbers of the whole share, whatever fills it."
    )
    assert "a larger PVC changes nothing" in one.fix
    assert "$ kubectl -n logging describe pvc data" in one.fix
    assert [str(ref) for ref in one.breaks] == ["PersistentVolumeClaim/logging/data"]


def test_a_volume_that_will_be_full_in_days_is_found_with_how_many() -> None:
    one = found(use(10, before=11))
    assert (one.reason, one.severity, "is full in 2 days" in one.problem or "60 h" in one.problem) == ("VolumeFilling", "warning", True)


def test_a_volume_without_inodes_says_so() -> None:
    one = found(use(50, free=0), claims=listing("PersistentVolumeClaim", []))
    assert one.problem == "PersistentVolumeClaim logging/data has used 100% of its inodes."
    assert one.cause == "0 of 1000 inodes are left: there are too many files."
    assert "Keep fewer files on it" in one.fix
    assert "$ kubectl -n logging edit pvc data" in one.fix
    assert "cannot be made smaller again" in one.fix


def test_claims_of_one_share_are_one_finding() -> None:
    one = found(use(1), use(1, claim="other"))
    assert "logging/other share it" in one.cause
    assert [row[0] for row in one.exhibits[0].rows] == ["logging/data", "logging/other"]


def test_of_two_replicas_the_one_that_knows_less_space_counts() -> None:
    both = Readings(((ONE, VolumeStats([use(50)])), (TWO, VolumeStats([use(1)]))))
    assert reasons(judged(probe_capacity, **readings(prometheus_volume_stats=both))) == ["VolumeNearlyFull"]


def test_where_no_kubelet_is_scraped_it_does_not_apply() -> None:
    assert outcome(judged(probe_capacity, **readings())) == "not_applicable"
    half = Readings(((ONE, VolumeStats([])),), (refused("Pod"),))
    assert outcome(judged(probe_capacity, **readings(prometheus_volume_stats=half))) == "inconclusive"


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_capacity, readings(use(1)))
    assert_blindness_is_no_health(probe_capacity, readings(use(50)))


OWN = VolumeUse("monitoring", "db", 100 * GIB, 60 * GIB)


@pytest.mark.parametrize(
    ("retention", "claim", "codes"),
    [
        ("15d", "db", []),
        ("15d or 95GiB", "db", []),
        ("15d or 96GiB", "db", ["RetentionExceedsVolume"]),
        ("1TiB", "db", ["RetentionExceedsVolume"]),
        ("15d or 96GiB", "another", []),
    ],
)
def test_a_prometheus_may_not_keep_more_than_its_volume_holds(retention: str, claim: str, codes: list[str]) -> None:
    world = readings(OWN, prometheus_runtime=runtime(retention), system_pods=recognised(listing("Pod", [database(claim)])))
    assert reasons(judged(probe_capacity, **world)) == codes


def test_what_it_may_keep_at_most_is_said() -> None:
    one = found(OWN, prometheus_runtime=runtime("15d or 120GiB"))
    assert (one.severity, str(one.subject)) == ("warning", "Prometheus monitoring/main")
    assert one.problem.startswith("Prometheus monitoring/main may keep 120.0 GiB, and its volume holds 100.0 GiB")
    assert "retentionSize: 85GiB" in one.fix


# --- the series ---------------------------------------------------------------------------------------------------------


def sample(name: str, value: float, **labels: str) -> Sample:
    place = {"namespace": "logging", "persistentvolumeclaim": "data", **labels}
    return Sample({"__name__": f"kubelet_volume_stats_{name}", **place}, 0.0, value)


def test_series_of_one_claim_are_one_volume() -> None:
    now = [sample("capacity_bytes", 10), sample("available_bytes", 4), sample("available_bytes", 3, node="b")]
    now += [sample("inodes", 8), sample("inodes_free", 7)]
    assert volumes_of(now, [sample("available_bytes", 5)]) == [VolumeUse("logging", "data", 10, 3, 8, 7, 5)]


def test_a_claim_whose_label_was_renamed_keeps_its_own_namespace() -> None:
    renamed = {"namespace": "kube-system", "exported_namespace": "logging"}
    now = [sample("capacity_bytes", 10, **renamed), sample("available_bytes", 4, **renamed)]
    assert volumes_of(now, []) == [VolumeUse("logging", "data", 10, 4)]


@pytest.mark.parametrize("now", [[], [sample("capacity_bytes", 10)], [sample("capacity_bytes", 0), sample("available_bytes", 0)]])
def test_a_volume_whose_size_or_space_is_not_known_is_none(now: list[Sample]) -> None:
    assert volumes_of(now, [sample("available_bytes", 5)]) == []


def test_what_is_asked_for_is_a_selector_now_and_before() -> None:
    assert NOW == '{__name__=~"kubelet_volume_stats_(available_bytes|capacity_bytes|inodes|inodes_free)"}'
    assert BEFORE == '{__name__="kubelet_volume_stats_available_bytes"} offset 21600s'
