from typing import Any

import msgspec
import pytest

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Severity, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.alertmanager import Alertmanager
from clusterprobe.systems.config_secrets import SecretSeries
from clusterprobe.systems.objects import Pod
from clusterprobe.systems.sealed_secrets import SealedSecret, SealedStatus, SealingCertificate
from clusterprobe.systems.secrets import NamedSecret
from clusterprobe.systems.unsealed import UnsealedSeries, unsealed_secrets
from clusterprobe.verdict import Verdict
from probes.sealed_secrets.probe_unsealed import KEY, probe_unsealed
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused, server

NOW = 1_795_366_800.0  # 2026-11-22T17:00:00Z
LONG_AGO, TEN_MINUTES_AGO, JUST_NOW = "2026-10-01T12:00:00Z", "2026-11-22T16:50:00Z", "2026-11-22T16:59:30Z"
NO_KEY = "no key could decrypt secret (password, url)"
IN_THE_WAY = 'failed update: Resource "db" already exists and is not managed by SealedSecret'
STRICT: dict[str, str] = {}
CLUSTER_WIDE = {"sealedsecrets.bitnami.com/cluster-wide": "true"}
NAMESPACE_WIDE = {"sealedsecrets.bitnami.com/namespace-wide": "true"}
CONTROLLER = Server(system="sealed-secrets", namespace="sealing", name="sealed-secrets", pod="sealed-secrets-x", ip="10.0.0.9", port=8080)


def condition(status: str, message: str = "", since: str = TEN_MINUTES_AGO) -> dict[str, Any]:
    return {"type": "Synced", "status": status, "message": message, "lastTransitionTime": since}


def sealed(namespace: str, name: str = "db", /, *, synced: Any = "True", digests: tuple[str, ...] = ("one", "two"), **more: Any) -> Any:
    """A SealedSecret as kubeseal makes it for its place, two months old; `synced` is a message for one that was refused."""
    if isinstance(synced, str):
        synced = condition("True") if synced == "True" else condition("False", synced)
    generation = more.get("generation", 1)
    status = {"observedGeneration": more.get("observed", generation), "conditions": [synced] if synced else []}
    made = labelled(
        SealedSecret,
        namespace,
        name,
        metadata={
            "generation": generation,
            "creationTimestamp": more.get("created", LONG_AGO),
            "annotations": more.get("annotations", STRICT),
        },
        sealed=[{"key": key, "digest": digest} for key, digest in zip(("password", "url"), digests, strict=False)],
        template={"namespace": namespace, "name": name, "annotations": more.get("annotations", STRICT), **more.get("template", {})},
        changedAt=more.get("changed", ""),
    )
    return made if synced is None else msgspec.structs.replace(made, status=msgspec.convert(status, SealedStatus))


def platform(
    *objects: SealedSecret, absent: tuple[str, ...] = (), named: dict[str, NamedSecret] | None = None, **changes: Any
) -> dict[str, Any]:
    """A cluster whose kube-state-metrics lists a Secret of its own for each of them, but for those that are `absent`."""
    every = listing("SealedSecret", objects)
    places = {"/".join(one.place): f"SealedSecret/{one.metadata.name}" for one in objects if "/".join(one.place) not in absent}
    places |= changes.pop("owners", {})
    subject = server("prometheus", "monitoring-dev", "main")[0]
    series = changes.pop("series", single(subject, UnsealedSeries(sorted(places), places)))
    counts = changes.pop("counts", single(subject, SecretSeries({one.metadata.namespace: 3 for one in objects})))
    read = Readings(tuple((Subject(kind="Secret", namespace=k.split("/")[0], name=k.split("/")[1]), v) for k, v in (named or {}).items()))
    read = changes.pop("named_secrets", read)
    return {
        "sealed_secrets": every,
        "unsealed_secrets": unsealed_secrets(every, series, counts, read),
        "sealing_certificates": Readings(absent="none was asked for"),
        "sealed_secrets_controllers": single(Subject(kind="Pod", namespace="sealing", name="sealed-secrets-x"), CONTROLLER),
        "alertmanagers": listing("Alertmanager", []),
        "pods": listing("Pod", []),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def judge(*objects: SealedSecret, **changes: Any) -> Verdict:
    return judged(probe_unsealed, **platform(*objects, **changes))


def only(verdict: Verdict) -> Finding:
    (finding,) = verdict.findings
    return finding


def certificate(not_before: str) -> Readings[SealingCertificate]:
    return single(Subject(kind="Pod", namespace="sealing", name="sealed-secrets-x"), SealingCertificate(not_before))


# --- healthy, and what only looks alike -------------------------------------------------------------------------------


def test_one_that_opens_and_whose_secret_is_there_and_its_own_passes() -> None:
    verdict = judge(sealed("ml-dev"))
    assert (outcome(verdict), verdict.examined, verdict.notes) == ("pass", 1, [])


def test_a_cluster_without_sealed_secrets_has_nothing_to_judge() -> None:
    assert outcome(judge()) == "not_applicable"


@pytest.mark.parametrize("annotations", [CLUSTER_WIDE, NAMESPACE_WIDE])
def test_copies_that_their_scope_allows_pass(annotations: dict[str, str]) -> None:
    place = "ml-prod" if annotations is CLUSTER_WIDE else "ml-dev"
    copy = sealed(place, "copied", annotations=annotations, template={"namespace": "ml-dev", "name": "db"})
    assert outcome(judge(sealed("ml-dev", annotations=annotations), copy)) == "pass"


def test_one_that_was_just_created_is_unchecked_and_no_finding() -> None:
    verdict = judge(sealed("ml-dev", synced=None, created=JUST_NOW), absent=("ml-dev/db",))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert "30 s ago" in verdict.unread[0].reason


def test_a_secret_that_is_not_listed_yet_is_unchecked() -> None:
    verdict = judge(sealed("ml-dev", synced=condition("True", since=JUST_NOW)), absent=("ml-dev/db",))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_a_listed_secret_whose_owner_is_not_told_is_unchecked() -> None:
    subject = server("prometheus", "monitoring-dev", "main")[0]
    verdict = judge(sealed("ml-dev"), series=single(subject, UnsealedSeries(["ml-dev/db"], {})))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert "whether its Secret is its own is not known" in verdict.unread[0].reason


@pytest.mark.parametrize(("owner", "said"), [("Deployment/other", "inconclusive"), ("SealedSecret/db", "pass")])
def test_another_owner_is_no_finding_while_a_prometheus_that_may_know_better_cannot_be_asked(owner: str, said: str) -> None:
    subject = server("prometheus", "monitoring-dev", "main")[0]
    series = Readings(((subject, UnsealedSeries(["ml-dev/db"], {"ml-dev/db": owner})),), (refused("Pod"),))
    verdict = judge(sealed("ml-dev"), series=series)
    assert (outcome(verdict), verdict.findings) == (said, [])


def test_a_listed_secret_that_nobody_owns_may_be_patched_and_is_only_noted() -> None:
    verdict = judge(sealed("ml-dev"), owners={"ml-dev/db": ""})
    assert outcome(verdict) == "pass"
    assert "patched" in verdict.notes[0]


def test_a_patched_secret_that_was_read_by_name_passes() -> None:
    assert outcome(judge(sealed("ml-dev"), named={"ml-dev/db": NamedSecret(exists=True, patched=True)})) == "pass"


def test_a_secret_that_is_meant_to_have_no_owner_passes() -> None:
    template = {"annotations": {"sealedsecrets.bitnami.com/skip-set-owner-references": "true"}}
    assert outcome(judge(sealed("ml-dev", template=template), named={"ml-dev/db": NamedSecret(exists=True)})) == "pass"


def test_no_status_at_all_is_fine_where_the_secret_is_there_and_its_own() -> None:
    verdict = judge(sealed("ml-dev", synced=None))
    assert outcome(verdict) == "pass"
    assert "--update-status" in verdict.notes[0]


def test_one_that_is_being_deleted_is_only_noted() -> None:
    going = sealed("ml-dev", synced=NO_KEY)
    going = msgspec.structs.replace(going, metadata=msgspec.structs.replace(going.metadata, deletion_timestamp=JUST_NOW))
    assert not judge(going).findings


# --- sealed for another place -----------------------------------------------------------------------------------------


def test_a_copy_names_the_namespace_that_it_was_sealed_for_and_how_to_seal_it_again() -> None:
    copy = sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev"})
    finding = only(judge(sealed("ml-dev"), copy, absent=("ml-prod/db",)))
    assert (finding.reason, finding.severity, finding.subject.namespace) == ("CannotDecrypt", Severity.ERROR, "ml-prod")
    assert "copied from namespace ml-dev" in finding.cause
    assert "spec.template.metadata.namespace is ml-dev" in finding.cause
    assert "The original, SealedSecret ml-dev/db with the same encrypted values, opens" in finding.cause
    assert "Argo CD shows it Synced only says" in finding.cause
    assert "(password, url)" in finding.problem
    kubeseal = (
        "kubeseal --controller-namespace sealing --controller-name sealed-secrets --namespace ml-prod --name db --format yaml > db.sealed"
    )
    assert kubeseal in finding.fix
    assert "--from-file=password=./password --from-file=url=./url" in finding.fix
    assert "$ kubectl -n ml-dev get secret db -o yaml | sed '/^  namespace:/d' | kubeseal" in finding.fix
    assert (finding.breaks, finding.rests_on) == (["Secret/ml-prod/db"], [])


def test_a_renamed_one_names_the_name_that_it_was_sealed_for() -> None:
    finding = only(judge(sealed("ml-dev", "database", synced=NO_KEY, template={"name": "db"}), absent=("ml-dev/database",)))
    assert "renamed from db: it was sealed for ml-dev/db" in finding.cause
    assert "get secret" not in finding.fix


def test_a_copy_whose_template_was_edited_too_is_known_by_its_encrypted_values() -> None:
    finding = only(judge(sealed("ml-dev"), sealed("ml-prod", synced=NO_KEY, digests=("new", "two")), absent=("ml-prod/db",)))
    assert "copied from namespace ml-dev" in finding.cause
    assert "the same encrypted values open in SealedSecret ml-dev/db" in finding.cause


def test_a_namespace_wide_one_in_another_namespace_was_copied_but_under_another_name_was_not() -> None:
    copy = sealed("ml-prod", synced=NO_KEY, annotations=NAMESPACE_WIDE, template={"namespace": "ml-dev", "name": "old"})
    assert "binds its values to that namespace." in only(judge(copy)).cause
    renamed = sealed("ml-dev", synced=NO_KEY, annotations=NAMESPACE_WIDE, template={"name": "old"})
    assert "by likeliest cause" in only(judge(renamed, absent=("ml-dev/db",))).cause


@pytest.mark.parametrize(("own", "template"), [(CLUSTER_WIDE, STRICT), (STRICT, CLUSTER_WIDE)])
def test_a_scope_that_was_changed_by_an_annotation_is_named(own: dict[str, str], template: dict[str, str]) -> None:
    finding = only(judge(sealed("ml-dev", synced=NO_KEY, annotations=own, template={"annotations": template})))
    assert "Its scope was changed" in finding.cause
    assert "cluster-wide" in finding.cause


def test_the_fix_keeps_the_scope() -> None:
    copy = sealed("ml-prod", synced=NO_KEY, annotations=NAMESPACE_WIDE, template={"namespace": "ml-dev"})
    assert "--name db --scope namespace-wide --format yaml" in only(judge(copy)).fix


def test_the_original_of_a_copy_is_not_taken_for_the_copy() -> None:
    verdict = judge(
        sealed("ml-dev", synced=NO_KEY),
        sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev"}),
        sealed("other", digests=("x", "y")),
    )
    causes = {one.subject.namespace: one.cause for one in verdict.findings}
    assert "copied" not in causes["ml-dev"]
    assert "copied from namespace ml-dev" in causes["ml-prod"]


def test_one_that_says_nothing_of_itself_gets_all_causes_by_likelihood() -> None:
    finding = only(judge(sealed("ml-dev", synced=NO_KEY, generation=2, changed=TEN_MINUTES_AGO), sealed("ml-prod", digests=("x", "y"))))
    assert "another place's file was edited until it fitted" in finding.cause
    assert "another cluster's certificate" in finding.cause


def test_a_secret_of_before_that_still_serves_is_said_and_not_called_broken() -> None:
    changed = sealed("ml-dev", synced=NO_KEY, generation=2, changed=TEN_MINUTES_AGO)
    finding = only(judge(changed))
    assert "Its Secret of before is still there" in finding.problem
    assert finding.breaks == []


# --- what hangs on it -------------------------------------------------------------------------------------------------


def test_an_alertmanager_that_is_configured_from_it_is_named() -> None:
    custom = labelled(Alertmanager, "ml-prod", "main", spec={"configSecret": "db"})
    other = labelled(Alertmanager, "ml-dev", "main", spec={"configSecret": "db"})
    copy = sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev"})
    finding = only(judge(copy, absent=("ml-prod/db",), alertmanagers=listing("Alertmanager", [custom, other])))
    assert "Alertmanager ml-prod/main is configured from it" in finding.problem
    assert "ml-dev/main" not in finding.problem


def waiting(reason: str, message: str) -> Pod:
    status = {"phase": "Pending", "containerStatuses": [{"name": "x", "state": {"waiting": {"reason": reason, "message": message}}}]}
    return labelled(Pod, "ml-prod", "refresh", spec={"containers": [{"name": "x"}], "nodeName": "worker1"}, status=status)


def test_pods_that_wait_for_it_are_named() -> None:
    copy = sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev"})
    stuck = waiting("CreateContainerConfigError", 'secret "db" not found')
    other = waiting("CreateContainerConfigError", 'secret "other" not found')
    finding = only(judge(copy, absent=("ml-prod/db",), pods=listing("Pod", [stuck, other])))
    assert finding.problem.count("cannot start without it (CreateContainerConfigError)") == 1
    mounting = labelled(
        Pod,
        "ml-prod",
        "mounting",
        spec={"containers": [{"name": "x"}], "nodeName": "worker1", "volumes": [{"name": "v", "secret": {"secretName": "db"}}]},
        status={"phase": "Pending", "containerStatuses": [{"name": "x", "state": {"waiting": {"reason": "ContainerCreating"}}}]},
    )
    assert (
        "Pod mounting mounts it and has not started" in only(judge(copy, absent=("ml-prod/db",), pods=listing("Pod", [mounting]))).problem
    )


# --- the key ----------------------------------------------------------------------------------------------------------


def test_what_opened_before_as_it_is_shows_a_lost_key() -> None:
    verdict = judge(sealed("ml-dev", synced=NO_KEY), sealed("ml-prod", digests=("x", "y")))
    assert reasons(verdict) == ["CannotDecrypt", "SealingKeyLost"]
    sealed_one, key = verdict.findings
    assert sealed_one.rests_on == key.breaks == [KEY]
    assert "it opened before as it is" in sealed_one.cause
    assert "restart deployment sealed-secrets" in key.fix
    assert "kubectl -n sealing apply -f sealing-keys.yaml" in key.fix


def test_one_that_ceased_to_open_as_it_was_changed_shows_no_lost_key() -> None:
    assert reasons(judge(sealed("ml-dev", synced=NO_KEY, generation=2, changed=TEN_MINUTES_AGO))) == ["CannotDecrypt"]
    assert "SealingKeyLost" in reasons(judge(sealed("ml-dev", synced=NO_KEY, generation=2, changed=LONG_AGO)))


def test_where_nothing_opens_at_all_the_key_is_missing() -> None:
    both = sealed("ml-dev", synced=NO_KEY), sealed("ml-prod", synced=NO_KEY, digests=("x", "y"))
    verdict = judge(*both, absent=("ml-dev/db", "ml-prod/db"))
    assert reasons(verdict) == ["CannotDecrypt", "CannotDecrypt", "SealingKeyLost"]
    assert "2 SealedSecrets: ml-dev/db, ml-prod/db" in verdict.findings[-1].problem


def test_a_single_one_that_does_not_open_is_no_lost_key() -> None:
    assert reasons(judge(sealed("ml-dev", synced=NO_KEY), absent=("ml-dev/db",))) == ["CannotDecrypt"]


@pytest.mark.parametrize(("newest", "lost"), [(TEN_MINUTES_AGO, True), ("2026-09-01T12:00:00Z", False)])
def test_with_a_newer_key_what_is_older_and_does_not_open_lacks_its_key(newest: str, lost: bool) -> None:
    old = sealed("a", synced=NO_KEY), sealed("b", synced=NO_KEY, digests=("x", "y"))
    new = sealed("c", digests=("p", "q"), created=JUST_NOW)
    verdict = judge(*old, new, absent=("a/db", "b/db"), sealing_certificates=certificate(newest))
    assert ("SealingKeyLost" in reasons(verdict)) is lost


def test_a_rotated_key_that_leaves_old_ones_opening_is_no_lost_key() -> None:
    objects = sealed("a", synced=NO_KEY), sealed("b", synced=NO_KEY, digests=("x", "y")), sealed("c", digests=("p", "q"))
    assert "SealingKeyLost" not in reasons(judge(*objects, absent=("a/db", "b/db"), sealing_certificates=certificate(TEN_MINUTES_AGO)))


def test_copies_are_no_sign_of_a_lost_key() -> None:
    copies = [sealed(place, synced=NO_KEY, template={"namespace": "ml-dev"}) for place in ("a", "b")]
    assert set(reasons(judge(*copies))) == {"CannotDecrypt"}


def test_an_incomplete_list_shows_no_lost_key_by_what_is_missing_in_it() -> None:
    both = [sealed("a", synced=NO_KEY), sealed("b", synced=NO_KEY, digests=("x", "y"))]
    readings = platform(*both, absent=("a/db", "b/db"))
    partial = listing("SealedSecret", both, unreadable=[refused("SealedSecretList", "c")])
    assert "SealingKeyLost" not in reasons(judged(probe_unsealed, **{**readings, "sealed_secrets": partial}))


# --- other refusals ---------------------------------------------------------------------------------------------------


def test_a_secret_in_the_way_is_named_with_how_to_hand_it_over() -> None:
    finding = only(judge(sealed("ml-dev", synced=IN_THE_WAY), owners={"ml-dev/db": "ExternalSecret/db"}))
    assert finding.reason == "SecretInTheWay"
    assert "A Secret ml-dev/db is there that belongs to ExternalSecret/db" in finding.cause
    assert "$ kubectl -n ml-dev annotate secret db sealedsecrets.bitnami.com/managed=true" in finding.fix
    assert "$ kubectl -n sealing rollout restart deployment sealed-secrets" in finding.fix
    assert finding.breaks == ["Secret/ml-dev/db"]


@pytest.mark.parametrize(
    ("message", "words"),
    [("Error: the target Secret is immutable", "delete secret db"), ("illegal base64 data", "logs deployment/sealed-secrets")],
)
def test_any_other_refusal_gives_the_controllers_words(message: str, words: str) -> None:
    finding = only(judge(sealed("ml-dev", synced=message)))
    assert finding.reason == "UnsealFailed"
    assert message in finding.cause
    assert words in finding.fix


# --- not looked at ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changed", "found"), [("2026-11-22T16:54:59Z", True), ("2026-11-22T16:55:01Z", False)])
def test_a_stale_status_is_a_finding_after_the_threshold(changed: str, found: bool) -> None:
    verdict = judge(sealed("ml-dev", generation=3, observed=2, changed=changed))
    assert (reasons(verdict) == ["NotReconciled"]) is found
    assert outcome(verdict) == ("findings" if found else "inconclusive")


def test_a_stale_status_says_which_generation_and_whether_the_controller_runs() -> None:
    stale = sealed("ml-dev", generation=3, observed=2, changed=LONG_AGO)
    assert "has seen generation 2 of it, not 3" in only(judge(stale)).cause
    assert "It runs (sealing/sealed-secrets-x)" in only(judge(stale)).cause
    nowhere = only(judge(stale, sealed_secrets_controllers=Readings(absent="no pod looks like it")))
    assert "No pod of it is ready" in nowhere.cause
    assert "kubectl -n kube-system get deployment,pods" in nowhere.fix
    blind = only(judge(stale, sealed_secrets_controllers=Readings((), (refused("Pod"),))))
    assert "could not be read" in blind.cause


def test_one_that_was_never_looked_at_is_a_finding_if_its_secret_is_missing_or_no_controller_runs() -> None:
    silent = sealed("ml-dev", synced=None)
    assert only(judge(silent, absent=("ml-dev/db",))).reason == "NotReconciled"
    assert only(judge(silent, sealed_secrets_controllers=Readings(absent="none"))).reason == "NotReconciled"
    nothing_known = judge(silent, series=Readings((), (refused("Pod"),)))
    assert (outcome(nothing_known), nothing_known.findings) == ("inconclusive", [])


@pytest.mark.parametrize("odd", [sealed("a", generation=2, observed=1), sealed("a", observed=0), sealed("a", synced=condition("Unknown"))])
def test_what_the_status_does_not_tell_is_unchecked(odd: SealedSecret) -> None:
    verdict = judge(odd)
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


# --- opened, and the Secret -------------------------------------------------------------------------------------------


def test_synced_without_its_secret_is_a_finding() -> None:
    finding = only(judge(sealed("ml-dev"), absent=("ml-dev/db",)))
    assert (finding.reason, finding.breaks) == ("SecretMissing", ["Secret/ml-dev/db"])
    assert "kube-state-metrics lists the Secrets of ml-dev, and this one is not among them" in finding.cause


def test_a_secret_that_was_asked_for_by_name_and_is_not_there_is_missing_at_once() -> None:
    fresh = sealed("ml-dev", synced=condition("True", since=JUST_NOW))
    assert reasons(judge(fresh, named={"ml-dev/db": NamedSecret(exists=False)})) == ["SecretMissing"]


@pytest.mark.parametrize(
    "changes",
    [
        {"series": Readings((), (refused("Pod"),))},
        {"counts": single(Subject(kind="Pod", name="x"), SecretSeries({"other": 3})), "absent": ("ml-dev/db",)},
        {"absent": ("ml-dev/db",), "counts": Readings((), (refused("Pod"),))},
        {"named_secrets": Readings((), (refused("source"),))},
    ],
)
def test_where_nothing_tells_of_the_secret_it_is_unchecked(changes: dict[str, Any]) -> None:
    verdict = judge(sealed("ml-dev"), **changes)
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_what_is_unknown_says_what_to_grant() -> None:
    verdict = judge(sealed("ml-dev"), absent=("ml-dev/db",), counts=Readings(absent="no Prometheus"))
    assert "Let kube-state-metrics list Secrets there" in verdict.unread[0].reason
    assert "name ml-dev/db under `secrets:` in the profile" in verdict.unread[0].reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"owners": {"ml-dev/db": "ExternalSecret/db"}}, "ExternalSecret/db owns it"),
        ({"named": {"ml-dev/db": NamedSecret(exists=True)}}, "Nothing owns it"),
        ({"named": {"ml-dev/db": NamedSecret(exists=True, owner="SealedSecret/db", owner_uid="old")}}, "An earlier SealedSecret"),
    ],
)
def test_a_secret_that_belongs_to_something_else_is_a_warning(changes: dict[str, Any], words: str) -> None:
    finding = only(judge(sealed("ml-dev"), **changes))
    assert (finding.reason, finding.severity) == ("SecretNotOwned", Severity.WARNING)
    assert words in finding.cause


def test_a_secret_whose_owner_has_the_right_uid_passes() -> None:
    own = NamedSecret(exists=True, owner="SealedSecret/db", owner_uid="uid-ml-dev-db")
    assert outcome(judge(sealed("ml-dev"), named={"ml-dev/db": own})) == "pass"


# --- blindness --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "readings",
    [
        platform(sealed("ml-dev")),
        platform(sealed("ml-dev"), sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev"})),
        platform(
            sealed("a", synced=NO_KEY), sealed("b", synced=NO_KEY, digests=("x", "y")), sealing_certificates=certificate(TEN_MINUTES_AGO)
        ),
        platform(sealed("ml-dev", synced=None), absent=("ml-dev/db",)),
        platform(sealed("ml-dev"), absent=("ml-dev/db",)),
        platform(sealed("ml-dev", synced=IN_THE_WAY)),
    ],
)
def test_what_cannot_be_read_is_no_health_and_no_finding(readings: dict[str, Any]) -> None:
    assert_blindness_is_no_health(probe_unsealed, readings)
