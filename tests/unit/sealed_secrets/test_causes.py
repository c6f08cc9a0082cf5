"""Why a SealedSecret does not open: the key, a Secret in the way, a controller that does not look; and what became of its Secret."""

from typing import Any

import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Finding, Severity, Subject
from clusterprobe.readings import Readings, single
from clusterprobe.systems.alertmanager.config_secrets import SecretSeries
from clusterprobe.systems.kubernetes.secrets import NamedSecret
from clusterprobe.systems.sealed_secrets.advice import Controller, clear_the_way
from clusterprobe.systems.sealed_secrets.sources import SealedSecret
from probes.sealed_secrets.probe_unsealed import KEY, probe_unsealed
from tests.factories import judged, listing, outcome, reasons, refused
from tests.sealed_factories import (
    IN_THE_WAY,
    JUST_NOW,
    LONG_AGO,
    NO_KEY,
    TEN_MINUTES_AGO,
    certificate,
    condition,
    judge,
    only,
    platform,
    sealed,
)

# --- the key ----------------------------------------------------------------------------------------------------------


def test_what_opened_before_as_it_is_shows_a_lost_key() -> None:
    verdict = judge(sealed("ml-dev", synced=NO_KEY), sealed("ml-prod", digests=("x", "y")))
    assert reasons(verdict) == ["CannotDecrypt", "SealingKeyLost"]
    sealed_one, key = verdict.findings
    assert sealed_one.rests_on == key.breaks == [str(KEY)]
    assert "it opened before as it is" in sealed_one.cause
    assert "restart deployment sealed-secrets" in key.fix
    assert "$ kubectl -n sealing get secrets -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml > sealing-keys.yaml" in key.fix


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
    finding = only(judge(sealed("ml-dev", synced=IN_THE_WAY), owners={"ml-dev/db": ""}))
    assert finding.reason == "SecretInTheWay"
    assert "A Secret ml-dev/db exists that has no owner" in finding.cause
    assert "$ kubectl -n ml-dev annotate secret db sealedsecrets.bitnami.com/managed=true" in finding.fix
    assert "$ kubectl -n sealing rollout restart deployment sealed-secrets" in finding.fix
    assert finding.breaks == ["Secret/ml-dev/db"]


def test_a_secret_that_another_controller_makes_is_not_taken_from_it() -> None:
    finding = only(judge(sealed("ml-dev", synced=IN_THE_WAY), owners={"ml-dev/db": "ExternalSecret/db"}))
    assert "A Secret ml-dev/db exists that belongs to ExternalSecret/db" in finding.cause
    assert [len(step.commands) for step in finding.steps if step.kind != "look"] == [0]


@pytest.mark.parametrize(
    ("message", "words"),
    [("Error: the target Secret is immutable", "delete secret db"), ("illegal base64 data", "logs deployment/sealed-secrets")],
)
def test_any_other_refusal_gives_the_controllers_words(message: str, words: str) -> None:
    finding = only(judge(sealed("ml-dev", synced=message)))
    assert finding.reason == "UnsealFailed"
    assert message in finding.cause
    assert words in finding.fix


def kinds_of(finding: Finding) -> list[str]:
    return [step.kind for step in finding.steps]


def test_a_copy_is_kept_of_a_secret_that_the_controller_is_to_take_over() -> None:
    steps = clear_the_way("ml-dev", "db", Controller("sealing", "sealed-secrets"))
    kinds = [step.kind for step in steps]
    kept = kinds.index("destroys") - 1
    assert "get secret db -o yaml > db.before.yaml" in line(steps[kept].commands[0])
    assert "not encrypted" in steps[kept].text


def test_what_destroys_a_secret_is_said_and_a_copy_is_kept_first() -> None:
    finding = only(judge(sealed("ml-dev", synced="Error: the target Secret is immutable")))
    assert kinds_of(finding) == ["look", "look", "destroys", "change", "look"]
    assert "get secret db -o yaml > db.before.yaml" in line(finding.steps[1].commands[0])


@pytest.mark.parametrize(
    ("message", "type_"),
    [
        ('Secret "db" is invalid: data[username]: Required value', "kubernetes.io/basic-auth"),
        ('Secret "db" is invalid: [type: Invalid value: "x": field is immutable, data[tls.crt]: Required value]', "kubernetes.io/tls"),
        ('Secret "db" is invalid: type: Invalid value: "kubernetes.io/basic-auth": field is immutable', "kubernetes.io/basic-auth"),
    ],
)
def test_a_secret_that_could_not_be_made_again_is_not_to_be_deleted(message: str, type_: str) -> None:
    finding = only(judge(sealed("ml-dev", synced=message, template={"type": type_})))
    assert "destroys" not in kinds_of(finding)
    assert "Do not delete the Secret that exists" in finding.fix


# --- not looked at ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changed", "found"), [("2026-11-22T16:54:59Z", True), ("2026-11-22T16:55:01Z", False)])
def test_a_stale_status_is_a_finding_after_the_threshold(changed: str, found: bool) -> None:
    verdict = judge(sealed("ml-dev", generation=3, observed=2, changed=changed))
    assert (reasons(verdict) == ["NotReconciled"]) is found
    assert outcome(verdict) == ("findings" if found else "inconclusive")


def test_a_stale_status_says_which_generation_and_whether_the_controller_runs() -> None:
    stale = sealed("ml-dev", generation=3, observed=2, changed=LONG_AGO)
    assert "has seen generation 2 of it, not 3" in only(judge(stale)).cause
    runs = only(judge(stale))
    assert "It runs (sealing/sealed-secrets-x), and looked at it before" in runs.cause
    assert "--all-namespaces" not in runs.cause, "what it looked at before it does not leave out"
    assert "`Error updating SealedSecret status`" in runs.cause
    assert "rollout restart" in runs.fix
    nowhere = only(judge(stale, sealed_secrets_controllers=Readings(absent="no pod looks like it")))
    assert "No pod of it is ready" in nowhere.cause
    assert "$ kubectl get deployments,pods -A | grep -i sealed" in nowhere.fix
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
