from typing import Any

import pytest

from clusterprobe.catalogue import declared
from clusterprobe.judging import call
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.kubernetes.objects import ReplicaSet
from clusterprobe.systems.serving.canary.traffic import ErrorLines, PodLines, PodTraffic, Traffic
from clusterprobe.verdict import Verdict
from probes.serving.probe_canary import probe_canary
from tests.canary_factories import CANARY, LOKI, NAMESPACE, PODS, PROMETHEUS, QUICK, SLOW, STABLE, canaries, pod
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused


def revision(number: int, hash_: str, image: str) -> ReplicaSet:
    return labelled(
        ReplicaSet,
        NAMESPACE,
        f"fastapi-canary-{hash_}",
        metadata={
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{"kind": "Deployment", "name": "fastapi-canary", "uid": "1", "controller": True}],
        },
        spec={"template": {"spec": {"containers": [{"name": "fastapi", "image": image}]}}},
    )


REVISIONS = [revision(3, "5f7f4469c8", "churn:1.6"), revision(1, "old", "churn:1.4"), revision(2, "older", "churn:1.5")]


def traffic(
    replica_set: str, name: str, requests: int, failed: int = 0, refused_: int = 0, scale: int = 1, buckets: dict[str, float] | None = None
):
    counts = {bound: count * scale for bound, count in (buckets or {}).items()}
    return PodTraffic(
        namespace=NAMESPACE, pod=f"{replica_set}-{name}", requests=requests, server_errors=failed, client_errors=refused_, buckets=counts
    )


def platform(own: PodTraffic, base: PodTraffic, *, errors: int = 0, base_errors: int = 0, **changes: Any) -> dict[str, Any]:
    lines = [
        PodLines(
            namespace=NAMESPACE, pod=own.pod, lines=own.requests + 1, errors=errors, examples=["KeyError: 'region_risk'"] if errors else []
        ),
        PodLines(namespace=NAMESPACE, pod=base.pod, lines=base.requests + 1, errors=base_errors),
    ]
    return {
        "model_canaries": canaries(),
        "canary_traffic": single(PROMETHEUS, Traffic([own, base])),
        "canary_error_lines": single(LOKI, ErrorLines(lines)),
        "replica_sets": listing("ReplicaSet", REVISIONS),
        "profile": Profile(),
        **changes,
    }


def canary(requests: int = 200, failed: int = 0, **others: Any) -> PodTraffic:
    return traffic(CANARY, "ccccc", requests, failed, **others)


def stable(requests: int = 400, failed: int = 0, **others: Any) -> PodTraffic:
    return traffic(STABLE, "aaaaa", requests, failed, **others)


def judge(own: PodTraffic, base: PodTraffic, **changes: Any):
    return judged(probe_canary, **platform(own, base, **changes))


def test_a_canary_that_is_as_good_is_to_be_promoted() -> None:
    verdict = judge(canary(buckets=QUICK, scale=2), stable(buckets=QUICK, scale=4))
    (finding,) = verdict.findings
    assert (outcome(verdict), finding.reason, finding.severity) == ("pass", "CanaryPromote", "info")
    assert "(revision 3, image churn:1.6)" in finding.problem
    assert "at most 1.3% of its requests fail" in finding.cause


def test_one_whose_requests_fail_is_to_be_rolled_back_to_the_revision_before() -> None:
    (finding,) = judge(canary(failed=20), stable(), errors=20).findings
    assert (finding.reason, finding.severity, str(finding.subject)) == ("CanaryRollBack", "error", "Deployment fastapi-dev/fastapi-canary")
    assert "(revision 3)" in finding.problem
    assert "10.0% (20 of 200) of the canary against 0.0% (0 of 400) of stable" in finding.cause
    assert "KeyError: 'region_risk'" in finding.cause
    assert "$ kubectl rollout undo deployment/fastapi-canary -n fastapi-dev --to-revision=2" in finding.fix
    assert "churn:1.5" in finding.fix
    assert finding.breaks == ["Deployment/fastapi-dev/fastapi-canary"]


@pytest.mark.parametrize(("failed", "said"), [(0, "(revision 3, image churn:1.6) is not worse"), (20, "(revision 3) is worse")])
def test_the_revision_that_it_names_is_the_one_whose_pods_were_judged(failed: int, said: str) -> None:
    """A quota lets the newest revision have no pod yet."""
    pending = listing("ReplicaSet", [*REVISIONS, revision(4, "pending", "churn:1.7")])
    (finding,) = judge(canary(failed=failed), stable(), replica_sets=pending).findings
    assert said in finding.problem
    assert "churn:1.7" not in finding.problem + finding.fix
    assert failed == 0 or "--to-revision=2" in finding.fix


def test_error_lines_alone_are_enough() -> None:
    (finding,) = judge(canary(), stable(), errors=20).findings
    assert finding.reason == "CanaryRollBack"
    assert "error log lines" in finding.cause


def test_a_much_higher_latency_is_enough() -> None:
    (finding,) = judge(canary(buckets=SLOW, scale=2), stable(buckets=QUICK, scale=4)).findings
    assert finding.reason == "CanaryRollBack"
    assert "500 ms with the canary against 100 ms with stable" in finding.cause


def test_a_latency_that_is_higher_by_less_than_matters_is_no_reason() -> None:
    a_little = {"0.1": 90.0, "0.25": 99.0, "0.5": 100.0, "+Inf": 100.0}
    near = Profile.model_validate({"thresholds": {"canary": {"latency_factor": 3}}})
    assert reasons(judge(canary(buckets=a_little, scale=2), stable(buckets=QUICK, scale=4), profile=near)) == ["CanaryPromote"]


def test_more_errors_by_less_than_matters_are_no_reason() -> None:
    verdict = judge(canary(100_000, 900), stable(100_000, 0))
    assert reasons(verdict) == ["CanaryPromote"]
    assert reasons(judge(canary(100_000, 1000), stable(100_000, 0))) == ["CanaryRollBack"]


@pytest.mark.parametrize(("failed", "expected"), [(2, ["CanaryPromote"]), (3, []), (4, []), (5, ["CanaryRollBack"])])
def test_what_chance_may_still_explain_is_waited_for(failed: int, expected: list[str]) -> None:
    verdict = judge(canary(100, failed), stable(200))  # by chance: 0.11, 0.036, 0.012, 0.004
    assert reasons(verdict) == expected
    assert expected or verdict.unread[0].reason.startswith("wait: it may be worse")


@pytest.mark.parametrize(("own", "base", "enough"), [(99, 400, False), (100, 400, True), (200, 99, False), (200, 100, True)])
def test_too_few_samples_are_inconclusive(own: int, base: int, enough: bool) -> None:
    verdict = judge(canary(own), stable(base))
    assert outcome(verdict) == ("pass" if enough else "inconclusive")
    assert enough or verdict.unread[0].reason.startswith("wait: too few samples")


def test_too_few_samples_roll_nothing_back() -> None:
    assert judge(canary(99, 99), stable(), errors=99).findings == []


def test_errors_in_both_are_not_the_canarys_and_nothing_to_promote() -> None:
    verdict = judge(canary(200, 100), stable(400, 200), errors=100, base_errors=200)
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert "both fail alike" in verdict.unread[0].reason


@pytest.mark.parametrize(("failed", "expected"), [(19, ["CanaryPromote"]), (20, [])])
def test_a_few_errors_in_both_are_no_reason_to_wait(failed: int, expected: list[str]) -> None:
    assert reasons(judge(canary(200, failed), stable(400, 40))) == expected


def test_a_canary_that_fails_and_is_clearly_better_is_promoted() -> None:
    (finding,) = judge(canary(200, 40), stable(400, 240)).findings
    assert finding.reason == "CanaryPromote"
    assert "Stable fails more often" in finding.problem


def test_a_better_canary_is_promoted() -> None:
    assert reasons(judge(canary(200, 0), stable(400, 200), base_errors=200)) == ["CanaryPromote"]


def test_mistakes_of_clients_do_not_count() -> None:
    assert reasons(judge(canary(refused_=150), stable())) == ["CanaryPromote"]


def test_a_first_revision_is_scaled_away() -> None:
    (finding,) = judge(canary(failed=50), stable(), replica_sets=listing("ReplicaSet", REVISIONS[:1])).findings
    assert "$ kubectl scale deployment/fastapi-canary -n fastapi-dev --replicas=0" in finding.fix


def test_without_the_revisions_it_is_still_rolled_back() -> None:
    verdict = judge(canary(failed=50), stable(), replica_sets=Readings((), (refused("ReplicaSetList"),)))
    assert reasons(verdict) == ["CanaryRollBack"]
    assert "rollout history" in verdict.findings[0].fix


def test_without_a_canary_it_does_not_apply() -> None:
    verdict = judge(canary(), stable(), model_canaries=canaries(*PODS[:2]))
    assert outcome(verdict) == "not_applicable"
    assert "no canary is deployed" in verdict.absences[0]


def test_without_a_stable_version_there_is_nothing_to_compare_with() -> None:
    assert outcome(judge(canary(), stable(), model_canaries=canaries(PODS[2]))) == "inconclusive"


def test_a_canary_of_which_no_pod_is_ready_is_not_promoted() -> None:
    blind = canaries(*PODS[:2], pod(CANARY, "ccccc", "canary", ready=False))
    assert outcome(judge(canary(), stable(), model_canaries=blind)) == "inconclusive"


def test_without_a_prometheus_nothing_is_known() -> None:
    verdict = judge(canary(), stable(), canary_traffic=Readings(absent="there is no Prometheus"))
    assert outcome(verdict) == "inconclusive"


def test_without_a_loki_the_requests_decide() -> None:
    assert reasons(judge(canary(), stable(), canary_error_lines=Readings(absent="there is no Loki"))) == ["CanaryPromote"]


def test_where_loki_could_not_be_read_it_is_not_promoted_and_errors_still_count() -> None:
    blind = Readings((), (refused("Loki"),))
    assert judge(canary(), stable(), canary_error_lines=blind).findings == []
    assert reasons(judge(canary(failed=50), stable(), canary_error_lines=blind)) == ["CanaryRollBack"]


def test_where_a_pod_beside_it_could_not_be_read_nothing_is_decided() -> None:
    whole = canaries()
    verdict = judge(canary(failed=100), stable(), model_canaries=Readings(whole.values, (refused("Pod", NAMESPACE),)))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])
    elsewhere = Readings(whole.values, (refused("Pod", "another"),))
    assert reasons(judge(canary(failed=100), stable(), model_canaries=elsewhere)) == ["CanaryRollBack"]


@pytest.mark.parametrize("own", [canary(), canary(failed=100)])
def test_where_one_of_two_prometheus_servers_could_not_be_read_nothing_is_decided(own: PodTraffic) -> None:
    half = Readings(single(PROMETHEUS, Traffic([own, stable()])).values, (refused("Pod", "monitoring-dev"),))
    verdict = judge(own, stable(), canary_traffic=half)
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_a_prometheus_of_another_environment_does_not_matter_to_a_roll_back() -> None:
    verdict = Verdict(lambda namespace: namespace.rpartition("-")[2], declared(probe_canary))
    half = Readings(single(PROMETHEUS, Traffic([canary(failed=100), stable()])).values, (refused("Pod", "monitoring-prod"),))
    call(probe_canary, verdict, platform(canary(failed=100), stable(), canary_traffic=half))
    assert reasons(verdict) == ["CanaryRollBack"]


def test_error_lines_count_only_where_every_loki_was_read() -> None:
    readings = platform(canary(), stable(), errors=100)
    assert reasons(judged(probe_canary, **readings)) == ["CanaryRollBack"]
    readings["canary_error_lines"] = Readings(readings["canary_error_lines"].values, (refused("Service", "logging"),))
    verdict = judged(probe_canary, **readings)
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_a_canary_whose_lines_are_missing_from_loki_is_not_promoted() -> None:
    only = [PodLines(namespace=NAMESPACE, pod=f"{STABLE}-aaaaa", lines=400)]
    verdict = judge(canary(), stable(), canary_error_lines=single(LOKI, ErrorLines(only)))
    assert (outcome(verdict), reasons(verdict)) == ("inconclusive", [])


def test_two_prometheus_servers_that_saw_the_same_count_once() -> None:
    both = Readings(((PROMETHEUS, Traffic([canary(99), stable()])), (LOKI, Traffic([canary(98), stable()]))))
    assert outcome(judge(canary(), stable(), canary_traffic=both)) == "inconclusive"


def test_blindness_is_no_health() -> None:
    assert_blindness_is_no_health(probe_canary, platform(canary(), stable()))
    assert_blindness_is_no_health(probe_canary, platform(canary(failed=50), stable(), errors=50))


# --- which is the canary ----------------------------------------------------------------------------------------------


def test_the_newest_revision_of_the_canary_is_judged() -> None:
    newer = pod("fastapi-canary-7bc9d8f6d4", "ddddd", "canary", created="2027-01-15T07:50:00Z")
    (one,) = canaries(*PODS, newer).items
    assert (one.revision, one.created) == ("7bc9d8f6d4", "2027-01-15T07:50:00Z")
    assert one.is_canary("fastapi-canary-7bc9d8f6d4-xxxxx")
    assert not one.is_canary("fastapi-canary-5f7f4469c8-ccccc")


@pytest.mark.parametrize(
    ("name", "is_stable"),
    [
        ("fastapi-7bccd9755b-zzzzz", True),
        ("fastapi-66db-zzzzz", True),
        ("fastapi-canary-5f7f4469c8-ccccc", False),
        ("other-66db-zzzzz", False),
    ],
)
def test_pods_that_are_gone_are_told_by_their_names(name: str, is_stable: bool) -> None:
    assert canaries().items[0].is_stable(name) is is_stable


@pytest.mark.parametrize("label", ["track", "role", "version", "release"])
def test_usual_labels_tell_a_canary(label: str) -> None:
    own = [pod(STABLE, "aaaaa"), pod(CANARY, "ccccc", **{label: "canary"})]
    assert [one.canary.name for one in canaries(*own).items] == ["fastapi-canary"]


def test_the_profile_can_tell_it_otherwise() -> None:
    model = {"selector": {"app.kubernetes.io/name": "fastapi"}, "canary": {"color": "green"}}
    profile = Profile.model_validate({"serving": {"models": [model]}})
    own = [pod(STABLE, "aaaaa", color="blue"), pod("fastapi-green-66db4", "ccccc", color="green")]
    assert [one.canary.name for one in canaries(*own, profile=profile).items] == ["fastapi-green"]
    assert len(canaries(profile=profile)) == 0
