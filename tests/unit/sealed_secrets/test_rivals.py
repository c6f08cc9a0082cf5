from typing import Any

import msgspec
import pytest

from clusterprobe.access.servers import Server
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.sealed_secrets.sources import SealingCertificate
from tests.factories import reasons
from tests.sealed_factories import CONTROLLER, NO_KEY, judge, sealed

OLD_KEY, NEW_KEY = "2026-09-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"
OTHER = msgspec.structs.replace(CONTROLLER, namespace="second", name="sealed-two", pod="sealed-two-x")


def controllers(*servers: Server) -> Readings[Server]:
    return Readings(tuple((Subject(kind="Pod", namespace=one.namespace, name=one.pod), one) for one in servers))


def keys(*pairs: tuple[Server, str]) -> Readings[SealingCertificate]:
    return Readings(tuple((Subject(kind="Pod", namespace=one.namespace, name=one.pod), SealingCertificate(since)) for one, since in pairs))


def two(first: str = OLD_KEY, second: str = NEW_KEY) -> dict[str, Any]:
    return {
        "sealed_secrets_controllers": controllers(CONTROLLER, OTHER),
        "sealing_certificates": keys((CONTROLLER, first), (OTHER, second)),
    }


def test_two_controllers_with_different_keys_are_named_with_the_one_that_has_the_key() -> None:
    verdict = judge(sealed("ml-dev", synced=NO_KEY), sealed("ml-prod", synced=NO_KEY, digests=("a", "b")), **two())
    assert sorted(reasons(verdict)) == ["CannotDecrypt", "CannotDecrypt", "ControllersCompete"]
    finding = next(one for one in verdict.findings if one.reason == "ControllersCompete")
    assert "Deployment sealing/sealed-secrets" in finding.problem
    assert "Deployment second/sealed-two" in finding.problem
    assert "older than the newest key of Deployment second/sealed-two" in finding.cause
    assert "with a key of Deployment sealing/sealed-secrets" in finding.cause
    assert "kubectl -n sealing rollout restart deployment sealed-secrets" in finding.fix
    assert all("lost" not in one.cause for one in verdict.findings)


def test_where_both_keys_are_older_neither_is_chosen() -> None:
    verdict = judge(sealed("ml-dev", synced=NO_KEY), **two(OLD_KEY, "2026-09-02T00:00:00+00:00"))
    finding = next(one for one in verdict.findings if one.reason == "ControllersCompete")
    assert "Which of them has its key, if any, is not known here" in finding.cause
    assert "rollout restart" not in finding.fix


def test_certificates_that_were_not_read_choose_neither() -> None:
    verdict = judge(sealed("ml-dev", synced=NO_KEY), sealed_secrets_controllers=controllers(CONTROLLER, OTHER))
    assert "ControllersCompete" in reasons(verdict)


@pytest.mark.parametrize(
    ("other", "key"),
    [
        (msgspec.structs.replace(OTHER, namespace="sealing"), NEW_KEY),
        (OTHER, OLD_KEY),
        (msgspec.structs.replace(CONTROLLER, pod="sealed-secrets-y"), OLD_KEY),
    ],
)
def test_controllers_of_one_namespace_or_with_the_same_key_do_not_compete(other: Server, key: str) -> None:
    failing = [sealed(name, synced=NO_KEY, digests=(name, name + "2")) for name in ("ml-dev", "ml-prod")]
    verdict = judge(
        *failing, sealed_secrets_controllers=controllers(CONTROLLER, other), sealing_certificates=keys((CONTROLLER, OLD_KEY), (other, key))
    )
    assert "SealingKeyLost" in reasons(verdict)
    assert "ControllersCompete" not in reasons(verdict)


def test_a_copy_from_another_place_is_no_matter_of_controllers() -> None:
    copy = sealed("ml-prod", synced=NO_KEY, template={"namespace": "ml-dev"})
    assert reasons(judge(sealed("ml-dev"), copy, absent=("ml-prod/db",), **two())) == ["CannotDecrypt"]


def test_two_controllers_where_everything_opens_are_no_finding() -> None:
    assert reasons(judge(sealed("ml-dev"), **two())) == []
