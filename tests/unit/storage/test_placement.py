from typing import Any

import yaml

from clusterprobe.model import Severity, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from probes.storage.probe_placement import probe_placement
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, recognised, refused

NFS = {"nfs": {"server": "nas", "path": "/x"}}
LOCAL = {"hostPath": {"path": "/x"}, "nodeAffinity": {"required": {}}}


def pod(system: str, volume: dict[str, Any] | None = None, name: str = "", path: str = "/var/loki") -> Pod:
    data = {"name": "data", **(volume or {"persistentVolumeClaim": {"claimName": f"data-{system}"}})}
    spec = {"containers": [{"name": "c", "volumeMounts": [{"name": "data", "mountPath": path}]}], "volumes": [data]}
    return labelled(Pod, "monitoring", name or f"{system}-0", {"app.kubernetes.io/name": system}, spec=spec)


def platform(*pods: Pod, volume: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    systems = dict.fromkeys(one.label("app.kubernetes.io/name") for one in pods)
    claims = [
        labelled(PersistentVolumeClaim, "monitoring", f"data-{one}", spec={"storageClassName": "fast", "volumeName": "pv"})
        for one in systems
    ]
    return {
        "pods": listing("Pod", pods),
        "system_pods": recognised(listing("Pod", pods)),
        "claims": listing("PersistentVolumeClaim", claims),
        "volumes": listing("PersistentVolume", [make(PersistentVolume, metadata={"name": "pv"}, spec=volume or LOCAL)]),
        "storage_classes": listing("StorageClass", [make(StorageClass, metadata={"name": "fast"}, provisioner="rancher.io/local-path")]),
        "profile": Profile(),
        **changes,
    }


def test_everything_on_local_disks_passes_and_is_listed() -> None:
    verdict = judged(probe_placement, **platform(pod("prometheus"), pod("loki")))
    assert (outcome(verdict), verdict.examined) == ("pass", 2)
    (exhibit,) = verdict.exhibits
    assert isinstance(exhibit, Table)
    assert (exhibit.title, len(exhibit.rows)) == ("Storage per system", 2)
    assert exhibit.rows[1][:3] == ["loki", "PersistentVolumeClaim monitoring/data-loki", "fast"]


def test_grafana_loki_and_alertmanager_may_be_on_nfs() -> None:
    verdict = judged(probe_placement, **platform(pod("grafana"), pod("loki"), pod("alertmanager"), volume=NFS))
    assert outcome(verdict) == "pass"


def test_prometheus_on_nfs_is_a_warning_that_points_to_its_own_probe() -> None:
    (finding,) = judged(probe_placement, **platform(pod("prometheus"), volume=NFS)).findings
    assert (finding.severity, finding.subject.name) == (Severity.WARNING, "data-prometheus")
    assert "the profile expects local" in finding.problem
    assert "NFS nas:/x" in finding.cause
    assert "prometheus/storage" in finding.fix


def test_what_the_profile_allows_passes() -> None:
    profile = Profile.model_validate({"storage": {"prometheus": ["local", "nfs"]}})
    assert outcome(judged(probe_placement, **platform(pod("prometheus"), volume=NFS, profile=profile))) == "pass"


def test_a_system_that_only_the_profile_names_is_judged_too() -> None:
    profile = Profile.model_validate({"storage": {"mlflow": ["network"]}})
    (finding,) = judged(probe_placement, **platform(pod("mlflow"), volume=NFS, profile=profile)).findings
    assert "mlflow stores its data" in finding.problem


def test_a_loki_that_keeps_nothing_is_a_warning() -> None:
    verdict = judged(probe_placement, **platform(pod("loki", {"emptyDir": {}})))
    assert reasons(verdict) == ["StorageNotAsExpected"]


def test_parts_of_loki_without_a_claim_are_fine_beside_one_that_has_it() -> None:
    verdict = judged(probe_placement, **platform(pod("loki"), pod("loki", {"emptyDir": {}}, name="loki-read-0")))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])


def test_parts_of_loki_that_share_no_disk_keep_their_data_elsewhere() -> None:
    parts = [pod("loki", {"emptyDir": {}}, name=name) for name in ("loki-read-0", "loki-write-0")]
    verdict = judged(probe_placement, **platform(*parts, claims=listing("PersistentVolumeClaim", [])))
    assert (outcome(verdict), reasons(verdict)) == ("pass", [])
    assert "The 2 parts of the Loki in monitoring have no PVC" in verdict.notes[0]


def test_a_prometheus_on_a_block_device_is_as_expected() -> None:
    assert outcome(judged(probe_placement, **platform(pod("prometheus"), volume={"csi": {"driver": "ebs.csi.aws.com"}}))) == "pass"


def test_a_driver_that_only_the_profile_knows_is_judged() -> None:
    own = {"csi": {"driver": "csi.example.com"}}
    profile = Profile.model_validate({"storage_drivers": {"csi.example.com": "block"}})
    assert outcome(judged(probe_placement, **platform(pod("prometheus"), volume=own))) == "inconclusive"
    assert outcome(judged(probe_placement, **platform(pod("prometheus"), volume=own, profile=profile))) == "pass"


def test_a_part_that_cannot_be_read_may_be_the_one_with_the_claim() -> None:
    readings = platform(pod("loki", {"emptyDir": {}}))
    readings["pods"] = listing("Pod", readings["pods"].items, unreadable=[refused("Pod", "monitoring")])
    verdict = judged(probe_placement, **readings)
    assert (reasons(verdict), outcome(verdict)) == ([], "inconclusive")


def test_storage_of_a_kind_that_cannot_be_told_is_unchecked_where_it_matters() -> None:
    shared = {"hostPath": {"path": "/mnt/shared"}}
    assert outcome(judged(probe_placement, **platform(pod("prometheus"), volume=shared))) == "inconclusive"
    assert outcome(judged(probe_placement, **platform(pod("grafana"), volume=shared))) == "pass"


def test_none_of_the_systems_do_not_apply() -> None:
    assert outcome(judged(probe_placement, **platform())) == "not_applicable"


def test_claims_that_cannot_be_read_are_inconclusive() -> None:
    unread: Readings[Any] = Readings((), (refused("PersistentVolumeClaimList"),))
    assert outcome(judged(probe_placement, **platform(pod("prometheus"), claims=unread))) == "inconclusive"


def test_blindness_is_never_taken_for_health() -> None:
    assert_blindness_is_no_health(probe_placement, platform(pod("prometheus"), volume=NFS))


def test_replacing_a_claim_is_said_to_destroy_its_data_and_what_creates_it_again() -> None:
    profile = Profile.model_validate({"storage": {"loki": ["local"]}})
    (finding,) = judged(probe_placement, **platform(pod("loki"), volume=NFS, profile=profile)).findings
    (step,) = [one for one in finding.steps if one.kind == "destroys"]
    assert step.text.startswith("This destroys the data of PVC monitoring/data-loki. Copy them first.")
    assert step.commands == []
    assert "one of fast" in finding.fix


def test_data_of_a_volume_that_is_retained_are_out_of_reach_and_not_gone() -> None:
    profile = Profile.model_validate({"storage": {"loki": ["local"]}})
    retained = {**NFS, "persistentVolumeReclaimPolicy": "Retain"}
    (finding,) = judged(probe_placement, **platform(pod("loki"), volume=retained, profile=profile)).findings
    assert "This destroys the way to the data" in finding.fix
    assert "until its claimRef is removed" in finding.fix


def test_what_may_be_accepted_is_a_fragment_of_the_profile() -> None:
    profile = Profile.model_validate({"storage": {"loki": ["local"]}})
    (finding,) = judged(probe_placement, **platform(pod("loki", {"emptyDir": {}}), profile=profile)).findings
    assert yaml.safe_load(finding.steps[-1].code) == {"storage": {"loki": ["local", "ephemeral"]}}
    assert not [one for one in finding.steps if one.kind == "destroys"]
