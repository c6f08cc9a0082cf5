from typing import Any

import pytest

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Unchecked
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.custom_resources.object_events import Heard
from clusterprobe.systems.custom_resources.objects import CustomKind
from clusterprobe.verdict import Verdict
from probes.objects.probe_conditions import probe_conditions
from tests.factories import assert_blindness_is_no_health, judged, outcome, reasons
from tests.unit.custom_resources.custom_world import NOW, at, condition, external_secrets, kind, raw, readings

WELL = condition(status="True")
KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"
REFUSED = Unchecked(subject=Subject(kind="CustomResources"), reason="not allowed to list widgets.example.org")


def world(*kinds: CustomKind, **changed: Any) -> dict[str, Any]:
    return {
        "custom_kinds": readings(*kinds),
        "own_kinds": readings(),
        "acme_challenges": Readings(),
        "object_warnings": Readings(),
        "pods": Readings(),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changed,
    }


def judge(*kinds: CustomKind, **changed: Any) -> Verdict:
    return judged(probe_conditions, **world(*kinds, **changed))


def failing(name: str = "db", **more: Any) -> CustomKind:
    return external_secrets(raw(name, condition(reason="SecretSyncedError", message="key shop/db: permission denied"), **more))


def test_what_is_ready_passes() -> None:
    assert outcome(judge(external_secrets(raw("db", WELL)))) == "pass"


def test_what_is_not_ready_is_found_in_the_words_of_its_controller() -> None:
    (finding,) = judge(failing()).findings
    assert finding.reason == "ObjectNotReady"
    assert finding.severity is Severity.ERROR
    assert finding.problem == "ExternalSecret shop/db has had Ready=False (SecretSyncedError) for 60 min."
    assert finding.cause == "Its controller says “key shop/db: permission denied”."
    assert "$ kubectl -n shop describe externalsecrets.external-secrets.io db" in finding.fix


def test_a_condition_that_is_set_at_each_attempt_is_dated_by_the_last_one() -> None:
    kustomization = kind(KUSTOMIZATIONS, "Kustomization", raw("apps", condition(ago=40, reason="BuildFailed")))
    (finding,) = judge(kustomization).findings
    assert finding.problem == "Kustomization shop/apps has Ready=False (BuildFailed), from its last attempt 40 s ago."
    assert "Flux tries again at its next interval" in finding.fix


def test_what_is_only_degraded_is_a_warning() -> None:
    (finding,) = judge(external_secrets(raw("db", WELL, condition("Degraded", "True")))).findings
    assert finding.severity is Severity.WARNING


def test_what_is_not_decided_for_long_is_a_warning() -> None:
    (finding,) = judge(external_secrets(raw("db", condition(status="Unknown", reason="", message="")))).findings
    assert (finding.reason, finding.severity) == ("ObjectUndecided", Severity.WARNING)
    assert finding.problem == "ExternalSecret shop/db has had Ready=Unknown for 60 min."
    assert finding.cause == "Its controller gives no reason and no message."


def test_what_no_controller_has_looked_at_is_found() -> None:
    (finding,) = judge(external_secrets(raw("db"))).findings
    assert finding.reason == "ObjectNotReported"
    assert finding.problem == "ExternalSecret shop/db has been there for 24 h, and no controller has said anything of it."


def test_a_deletion_that_hangs_is_found() -> None:
    (finding,) = judge(external_secrets(raw("db", WELL, deletionTimestamp=at(7200)))).findings
    assert finding.reason == "ObjectDeletionHangs"
    assert finding.problem == "ExternalSecret shop/db was deleted 2 h ago, and is still there."


def test_a_route_that_its_gateway_refuses_names_the_gateway() -> None:
    refused = {"parentRef": {"name": "public", "namespace": "edge"}, "conditions": [condition("Accepted", reason="NotAllowedByListeners")]}
    route = kind("httproutes.gateway.networking.k8s.io", "HTTPRoute", raw("shop", status={"parents": [refused]}))
    (finding,) = judge(route).findings
    assert finding.problem == "HTTPRoute shop/shop has had Accepted=False for Gateway edge/public (NotAllowedByListeners) for 60 min."
    assert finding.fix.endswith("$ kubectl -n shop edit httproutes.gateway.networking.k8s.io shop")


def test_what_is_in_no_namespace_is_described_so() -> None:
    issuer = kind("clusterissuers.cert-manager.io", "ClusterIssuer", raw("acme", condition(), namespace=""))
    (finding,) = judge(issuer).findings
    assert "$ kubectl describe clusterissuers.cert-manager.io acme" in finding.fix


def test_a_certificate_leads_to_the_requests_that_were_made_for_it() -> None:
    certificate = kind("certificates.cert-manager.io", "Certificate", raw("tls", condition(), spec={"secretName": "shop-tls"}))
    (finding,) = judge(certificate).findings
    assert "$ kubectl -n shop describe certificaterequests.cert-manager.io" in finding.fix
    assert finding.breaks == ["Other/shop/Certificate/tls", "Secret/shop/shop-tls"]


def test_an_object_rests_on_what_it_names() -> None:
    store = kind("secretstores.external-secrets.io", "SecretStore", raw("vault", condition()))
    broken, resting = judge(store, failing(spec={"secretStoreRef": {"name": "vault"}})).findings
    assert set(broken.breaks) & set(resting.rests_on) == {"Other/shop/SecretStore/vault"}


def test_a_service_of_another_group_is_not_taken_for_one_of_kubernetes() -> None:
    (finding,) = judge(kind("services.serving.knative.dev", "Service", raw("web", condition()))).findings
    assert finding.breaks == ["Other/shop/Service/web"]


def test_what_may_pass_and_what_is_suspended_are_notes() -> None:
    verdict = judge(external_secrets(raw("young", condition(ago=60)), raw("off", condition(), spec={"suspend": True})))
    assert (outcome(verdict), len(verdict.notes)) == ("pass", 2)
    assert "ExternalSecret shop/off is suspended, so nothing of it is brought up to date" in verdict.notes


def test_what_its_controller_has_not_looked_at_since_it_changed_is_unchecked() -> None:
    verdict = judge(external_secrets(raw("db", WELL, generation=2, status={"observedGeneration": 1})))
    assert outcome(verdict) == "inconclusive"
    assert "custom_resources.skip" in verdict.unread[0].reason


def test_objects_without_any_usual_condition_are_named_as_not_judged() -> None:
    verdict = judge(external_secrets(raw("db", WELL)), kind("widgets.example.org", "Widget", raw("a"), raw("b")))
    assert outcome(verdict) == "pass"
    assert verdict.notes == [
        "These objects have none of the usual conditions, so whether they are well was not judged: widgets.example.org (2)"
    ]


def test_where_only_such_objects_are_it_does_not_apply() -> None:
    verdict = judge(kind("widgets.example.org", "Widget", raw("a")))
    assert outcome(verdict) == "not_applicable"
    assert "no object of a custom resource has one of the usual conditions" in verdict.absences


def test_where_there_is_none_it_does_not_apply() -> None:
    assert outcome(judge()) == "not_applicable"
    assert outcome(judge(external_secrets())) == "not_applicable"


def test_what_the_profile_leaves_out_is_said() -> None:
    verdict = judge(external_secrets(raw("db", WELL)), profile=Profile(custom_resources={"skip": ["*.example.org"]}))
    assert verdict.notes == ["The profile leaves out the kinds *.example.org"]


@pytest.mark.parametrize("kinds", [(), (external_secrets(raw("db", WELL)),)])
def test_what_may_not_be_listed_is_unchecked(kinds: Any) -> None:
    assert outcome(judge(custom_kinds=readings(*kinds, unreadable=(REFUSED,)))) == "inconclusive"


def test_a_finding_stands_whatever_else_could_not_be_read() -> None:
    assert reasons(judge(custom_kinds=readings(failing(), unreadable=(REFUSED,)))) == ["ObjectNotReady"]


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_conditions, world(failing()))


def test_a_word_of_a_status_is_told_with_what_its_controller_adds() -> None:
    health = {"ceph": {"health": "HEALTH_ERR", "details": {"OSD_FULL": {"message": "1 full osd(s)", "severity": "HEALTH_ERR"}}}}
    (finding,) = judge(kind("cephclusters.ceph.rook.io", "CephCluster", raw("ceph", WELL, status=health))).findings
    assert (finding.reason, finding.severity) == ("ObjectNotReady", Severity.ERROR)
    assert finding.problem == "CephCluster shop/ceph has ceph.health=HEALTH_ERR; since when is not reported."
    assert finding.cause == "Its controller says “1 full osd(s)”."


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ({"reason": "ModelLoadFailed", "message": "s3://models/x: Access Denied"}, "“s3://models/x: Access Denied”"),
        ({"reason": "RuntimeNotRecognized"}, "“RuntimeNotRecognized”"),
    ],
)
def test_a_model_that_does_not_load_is_told_with_its_failure(failure: dict[str, str], told: str) -> None:
    status = {"modelStatus": {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": failure}}
    (finding,) = judge(kind("inferenceservices.serving.kserve.io", "InferenceService", raw("fraud", WELL, status=status))).findings
    assert (finding.reason, finding.severity) == ("ObjectNotReady", Severity.ERROR)
    assert "modelStatus.transitionStatus=BlockedByFailedLoad" in finding.problem
    assert told in finding.cause


def test_a_model_that_once_failed_and_is_loaded_anew_is_well() -> None:
    status = {"modelStatus": {"transitionStatus": "InProgress", "lastFailureInfo": {"reason": "ModelLoadFailed"}}}
    assert outcome(judge(kind("inferenceservices.serving.kserve.io", "InferenceService", raw("fraud", WELL, status=status)))) == "pass"


@pytest.mark.parametrize(("status", "found"), [("True", ["ObjectNotReady"]), ("False", []), ("Unknown", [])])
def test_an_autoscaler_of_keda_that_falls_back_is_a_warning(status: str, found: list[str]) -> None:
    verdict = judge(kind("scaledobjects.keda.sh", "ScaledObject", raw("web", WELL, condition("Fallback", status))))
    assert reasons(verdict) == found
    assert all(one.severity is Severity.WARNING for one in verdict.findings)


def test_a_provider_of_crossplane_that_is_not_installed_is_found() -> None:
    missing = condition("Installed", reason="UnpackingPackage", message="cannot fetch package")
    (finding,) = judge(kind("providers.pkg.crossplane.io", "Provider", raw("aws", missing, namespace=""))).findings
    assert "Installed=False (UnpackingPackage)" in finding.problem


def test_a_word_that_leaves_it_at_work_is_a_warning() -> None:
    volume = kind("volumes.longhorn.io", "Volume", raw("pvc-1", status={"robustness": "degraded"}))
    (finding,) = judge(volume).findings
    assert finding.severity is Severity.WARNING


# --- what is missing ----------------------------------------------------------------------------------------------------

NO_STORE = condition(message='could not get SecretStore "vault", SecretStore.external-secrets.io "vault" not found')


def test_what_the_message_misses_is_named_and_looked_for() -> None:
    (finding,) = judge(external_secrets(raw("db", NO_STORE))).findings
    assert finding.cause.endswith("It misses SecretStore shop/vault.")
    assert finding.steps[0].kind == "look"
    assert "$ kubectl -n shop get secretstores.external-secrets.io vault" in finding.fix
    assert "Other/shop/SecretStore/vault" in finding.rests_on


def test_a_secret_that_is_missing_explains_it() -> None:
    issuer = kind("issuers.cert-manager.io", "Issuer", raw("lets", condition(message='secret "ca" not found')))
    (finding,) = judge(issuer).findings
    assert finding.rests_on == ["Secret/shop/ca"]


def test_what_is_there_meanwhile_is_not_called_missing() -> None:
    store = kind("secretstores.external-secrets.io", "SecretStore", raw("vault", WELL))
    (finding,) = judge(store, external_secrets(raw("db", NO_STORE))).findings
    assert "It misses" not in finding.cause
    assert "get secretstores" not in finding.fix
    elsewhere = kind("secretstores.external-secrets.io", "SecretStore", raw("vault", WELL, namespace="billing"))
    assert "It misses" in judge(elsewhere, external_secrets(raw("db", NO_STORE))).findings[0].cause


ISSUERS, CLUSTER_ISSUERS = "issuers.cert-manager.io", "clusterissuers.cert-manager.io"
OTHER_ISSUER = condition(reason="IncorrectIssuer", message="Issuing certificate as Secret was previously issued by Issuer/old")


def certificate(**issuer: str) -> CustomKind:
    return kind("certificates.cert-manager.io", "Certificate", raw("web", OTHER_ISSUER, spec={"issuerRef": issuer}))


def test_what_it_names_and_is_not_there_is_named_although_no_message_says_so() -> None:
    issuers = kind(CLUSTER_ISSUERS, "ClusterIssuer", raw("old", WELL, namespace=""))
    (finding,) = judge(certificate(kind="ClusterIssuer", name="new"), issuers).findings
    assert finding.cause.endswith("It misses ClusterIssuer new.")
    assert "$ kubectl get clusterissuers.cert-manager.io new" in finding.fix


@pytest.mark.parametrize("named", [{"name": "old"}, {"name": "old", "kind": "Issuer"}, {"name": "new", "group": "awspca.cert-manager.io"}])
def test_what_it_names_and_is_there_or_is_of_another_group_is_not_missing(named: dict[str, str]) -> None:
    (finding,) = judge(certificate(**named), kind(ISSUERS, "Issuer", raw("old", WELL))).findings
    assert "It misses" not in finding.cause


def test_what_may_be_there_unread_is_not_missing() -> None:
    assert "It misses" not in judge(certificate(name="new")).findings[0].cause, "its kind is not read"
    issuers = kind(ISSUERS, "Issuer", raw("old", WELL))
    part = Unchecked(subject=Subject(kind="IssuerList", namespace="shop"), reason="not allowed to list issuers")
    verdict = judge(custom_kinds=readings(certificate(name="new"), issuers, unreadable=(part,)))
    assert "It misses" not in verdict.findings[0].cause


def test_a_source_of_flux_is_missing_and_one_of_the_same_name_of_others_is_not() -> None:
    sources = kind("gitrepositories.source.toolkit.fluxcd.io", "GitRepository", raw("fleet", WELL))
    spec = {"sourceRef": {"kind": "GitRepository", "name": "gone"}}
    (finding,) = judge(kind(KUSTOMIZATIONS, "Kustomization", raw("apps", condition(), spec=spec)), sources).findings
    assert finding.cause.endswith("It misses GitRepository shop/gone.")
    (finding,) = judge(kind("pipelines.example.org", "Pipeline", raw("apps", condition(), spec=spec)), sources).findings
    assert "It misses" not in finding.cause


def test_what_is_not_certain_is_only_quoted() -> None:
    cluster = kind("clusterissuers.cert-manager.io", "ClusterIssuer", raw("lets", condition(message='secret "ca" not found'), namespace=""))
    (finding,) = judge(cluster).findings
    assert finding.cause == 'Its controller says “secret "ca" not found”.'
    assert len(finding.steps) == 2


def said_by_an_event(message: str) -> Readings[Heard]:
    subject = Subject(api_version="external-secrets.io/v1", kind="ExternalSecret", namespace="shop", name="db")
    return Readings(((subject, Heard(message)),))


def test_what_only_an_event_says_is_said_too() -> None:
    (finding,) = judge(failing(), object_warnings=said_by_an_event("key: billing/password: does not exist")).findings
    assert finding.cause == (
        "Its controller says “key shop/db: permission denied”. An event of it says “key: billing/password: does not exist”."
    )


def test_what_an_event_misses_is_looked_for() -> None:
    (finding,) = judge(failing(), object_warnings=said_by_an_event('Secret "vault-token" not found')).findings
    assert finding.cause.endswith("It misses Secret shop/vault-token.")
    assert "$ kubectl -n shop get secrets vault-token" in finding.fix


def test_an_event_of_one_that_is_well_is_not_told() -> None:
    assert outcome(judge(external_secrets(raw("db", WELL)), object_warnings=said_by_an_event("earlier trouble"))) == "pass"


def test_a_volume_of_longhorn_is_repaired_by_its_replicas() -> None:
    faulted = raw("pvc-1", namespace="longhorn-system", status={"robustness": "faulted", "state": "detached"})
    (finding,) = judge(kind("volumes.longhorn.io", "Volume", faulted)).findings
    assert "$ kubectl -n longhorn-system get replicas.longhorn.io -o wide" in finding.fix
    assert "Repair what the message names" not in finding.fix
