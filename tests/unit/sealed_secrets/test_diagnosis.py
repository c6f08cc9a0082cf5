"""What became of a SealedSecret, as data: one row for each."""

from typing import Any

import pytest

from clusterprobe.readings import Readings, single
from clusterprobe.systems.alertmanager.config_secrets import SecretSeries
from clusterprobe.systems.kubernetes.secrets import NamedSecret
from clusterprobe.systems.sealed_secrets.diagnosis import Diagnosis, World, diagnose
from clusterprobe.systems.sealed_secrets.sources import SealedSecret
from clusterprobe.systems.sealed_secrets.unsealed import UnsealedSeries
from tests.factories import refused, server
from tests.sealed_factories import IN_THE_WAY, JUST_NOW, LONG_AGO, NO_KEY, NOW, certificate, condition, platform, sealed

PROMETHEUS = server("prometheus", "monitoring-dev", "main")[0]
NOBODY_KNOWS = {"series": Readings((), (refused("Pod"),)), "counts": single(PROMETHEUS, SecretSeries({}))}
UNOWNED = {"series": single(PROMETHEUS, UnsealedSeries(["ml-dev/db"], {}))}
SILENT = {"synced": None, "generation": 1}
AWAY: dict[str, Any] = {"sealed_secrets_controllers": Readings(absent="no pod looks like it")}


def diagnosed(*objects: SealedSecret, **changes: Any) -> list[Diagnosis]:
    read = platform(*objects, **changes)
    names = ("sealed_secrets", "unsealed_secrets", "sealing_certificates", "sealed_secrets_controllers")
    world = World(*(read[name] for name in names), now=NOW, patience_seconds=300)
    return [diagnose(one, world) for one in objects]


def one_of(changes: dict[str, Any], **fields: Any) -> Diagnosis:
    (found,) = diagnosed(sealed("ml-dev", **fields), **changes)
    return found


@pytest.mark.parametrize(
    ("fields", "changes", "state"),
    [
        ({}, {}, "fine"),
        ({"synced": condition("Unknown")}, {}, "odd condition"),
        ({"synced": NO_KEY}, {}, "sealed"),
        ({"synced": IN_THE_WAY}, {}, "in the way"),
        ({"synced": "the target Secret is immutable"}, {}, "immutable"),
        ({"synced": "field is immutable", "template": {"type": "kubernetes.io/tls"}}, {}, "bad template"),
        ({"synced": "data[username]: Required value"}, {}, "bad template"),
        ({"synced": "illegal base64 data"}, {}, "refused"),
        ({"synced": None, "generation": 2}, {}, "age unknown"),
        ({"synced": None, "created": JUST_NOW}, {}, "young"),
        ({"generation": 3, "observed": 2, "changed": LONG_AGO}, {}, "stale"),
        ({"generation": 3, "observed": 2, "changed": JUST_NOW}, {}, "young"),
        (SILENT, {"absent": ("ml-dev/db",)}, "ignored"),
        (SILENT, AWAY, "ignored"),
        (SILENT, {}, "without status"),
        (SILENT, NOBODY_KNOWS, "without status, and unknown"),
        ({}, NOBODY_KNOWS, "unknown"),
        ({"synced": condition("True", since=JUST_NOW)}, {"absent": ("ml-dev/db",)}, "not listed yet"),
        ({"synced": condition("True", since="")}, {"absent": ("ml-dev/db",)}, "not listed yet"),
        ({}, {"absent": ("ml-dev/db",)}, "missing"),
        ({"synced": condition("True", since=JUST_NOW)}, {"named": {"ml-dev/db": NamedSecret(exists=False)}}, "missing"),
        ({}, UNOWNED, "owner unknown"),
        ({}, {"owners": {"ml-dev/db": "ExternalSecret/db"}}, "of another"),
        ({}, {"owners": {"ml-dev/db": ""}}, "of no owner"),
    ],
)
def test_each_state_is_told(fields: dict[str, Any], changes: dict[str, Any], state: str) -> None:
    assert one_of(changes, **fields).state == state


@pytest.mark.parametrize(
    ("absent", "owners", "keeps"), [((), {}, True), (("ml-dev/db",), {}, False), ((), {"ml-dev/db": "ExternalSecret/db"}, False)]
)
def test_only_an_older_secret_of_its_own_keeps_serving(absent: tuple[str, ...], owners: dict[str, str], keeps: bool) -> None:
    assert one_of({"absent": absent, "owners": owners}, synced=NO_KEY).keeps_secret is keeps


@pytest.mark.parametrize(
    ("template", "sign", "place"),
    [
        ({"namespace": "ml-prod"}, "place", ("ml-prod", "db")),
        ({"name": "other"}, "place", ("ml-dev", "other")),
        ({"annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}}, "scope", ("ml-dev", "db")),
    ],
)
def test_the_template_tells_what_it_was_sealed_for(template: dict[str, Any], sign: str, place: tuple[str, str]) -> None:
    found = one_of({"absent": ("ml-dev/db",)}, synced=NO_KEY, template=template)
    assert found.origin is not None
    assert (found.origin.sign, found.origin.place, found.loss) == (sign, place, None)
    assert found.origin.fits(("ml-dev", "db")) is (sign == "scope")


def test_a_twin_tells_where_it_was_copied_from() -> None:
    copy, original = diagnosed(sealed("ml-dev", synced=NO_KEY), sealed("ml-prod"), absent=("ml-dev/db",))
    assert copy.origin is not None
    assert (copy.origin.sign, copy.origin.twin, original.state) == ("twin", original.sealed, "fine")


@pytest.mark.parametrize(
    ("others", "changes", "loss"),
    [
        ([], {}, "opened before"),
        ([], {"absent": ("ml-dev/db",)}, None),
        ([sealed("b", synced=NO_KEY, digests=("x", "y"))], {"absent": ("ml-dev/db", "b/db")}, "nothing opens"),
        (
            [sealed("b", synced=NO_KEY, digests=("x", "y")), sealed("c", digests=("p", "q"), created=JUST_NOW)],
            {"absent": ("ml-dev/db", "b/db"), "sealing_certificates": certificate("2026-11-22T16:50:00Z")},
            "older than the key",
        ),
    ],
)
def test_what_tells_that_its_key_is_lost(others: list[SealedSecret], changes: dict[str, Any], loss: str | None) -> None:
    assert diagnosed(sealed("ml-dev", synced=NO_KEY), *others, **changes)[0].loss == loss
