import shlex
from typing import Any

import msgspec
import pytest

from clusterprobe.fixes import line
from clusterprobe.model import Severity
from clusterprobe.readings import Readings, single
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.kubernetes.secrets import NamedSecret
from clusterprobe.systems.sealed_secrets.unsealed import UnsealedSeries
from probes.sealed_secrets.probe_unsealed import probe_unsealed
from tests.factories import assert_blindness_is_no_health, labelled, listing, outcome, refused, server
from tests.sealed_factories import (
    CLUSTER_WIDE,
    IN_THE_WAY,
    JUST_NOW,
    NAMESPACE_WIDE,
    NO_KEY,
    STRICT,
    TEN_MINUTES_AGO,
    certificate,
    condition,
    judge,
    only,
    platform,
    sealed,
)

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
    assert "Argo CD's Synced only means" in finding.cause
    assert "(password, url)" in finding.problem
    kubeseal = (
        "kubeseal --controller-namespace=sealing --controller-name=sealed-secrets --namespace=ml-prod --name=db --format yaml > db.sealed"
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


def test_the_fix_keeps_the_type() -> None:
    copy = sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev", "type": "kubernetes.io/basic-auth"})
    assert "--from-file=url=./url --type=kubernetes.io/basic-auth --dry-run=client" in only(judge(copy)).fix


def test_two_controllers_make_no_command_that_is_for_one_of_them() -> None:
    servers = Readings(tuple(server("sealed-secrets", place, "sealed-secrets") for place in ("one", "two")))
    copy = sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev"})
    steps = only(judge(copy, sealed_secrets_controllers=servers)).steps
    assert "kubeseal" not in " ".join(line(command) for step in steps for command in step.commands)


@pytest.mark.parametrize("payload", ["a;b", "$(id)", "a'b", "--all", "a\nb", "a\u2028b", "`id`", "a b"])
def test_whatever_the_names_and_keys_are_they_stay_arguments(payload: str) -> None:
    copy = sealed(payload, payload, synced=NO_KEY, template={"namespace": payload, "name": payload, "type": payload})
    copy = msgspec.structs.replace(copy, sealed=[msgspec.structs.replace(copy.sealed[0], key=payload)])
    (finding,) = [one for one in judge(copy).findings if one.reason == "CannotDecrypt"]
    for command in (one for step in finding.steps for one in step.commands):
        assert shlex.split(line(command).split(" | ")[0]) == command.pipeline[0]
        assert "\n" not in line(command)
    assert not any(one.startswith("$ ") and not one.startswith("$ kubectl ") for one in finding.fix.splitlines())


def test_the_fix_keeps_the_scope() -> None:
    copy = sealed("ml-prod", synced=NO_KEY, annotations=NAMESPACE_WIDE, template={"namespace": "ml-dev"})
    assert "--name=db --scope=namespace-wide --format yaml" in only(judge(copy)).fix


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
