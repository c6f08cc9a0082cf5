"""What is read of SealedSecrets: digests instead of values, and odd answers that are never taken for empty ones."""

import datetime
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterprobe.errors import BadResponse
from clusterprobe.readings import Readings
from clusterprobe.redaction import redacted
from clusterprobe.systems.kubernetes.objects import Pod
from clusterprobe.systems.pods.missing_objects import missing_secret
from clusterprobe.systems.sealed_secrets.causes import keys_in
from clusterprobe.systems.sealed_secrets.sources import (
    SealedSecret,
    _reduced,
    _SealedSecret,
    certificate_of,
    sealed_secrets_controllers,
    sealing_certificates,
)
from clusterprobe.systems.sealed_secrets.unsealed import UnsealedSeries, series_of, unsealed_series
from tests.factories import labelled, listing, recognised, refused
from tests.unit.loki.test_sources import Answering


def reduced(**changes: Any) -> SealedSecret:
    metadata = {"name": "db", "namespace": "ml-dev", "uid": "u", "generation": 2, **changes.pop("metadata", {})}
    return _reduced(msgspec.convert({"metadata": metadata, **changes}, _SealedSecret))


def test_of_encrypted_values_only_digests_are_kept_which_survive_redaction() -> None:
    one = reduced(spec={"encryptedData": {"password": "planted", "url": 3}})
    assert "planted" not in repr(one)
    assert [each.key for each in one.sealed] == ["password", "url"]
    assert msgspec.convert(redacted(one), SealedSecret) == one
    assert one.sealed[0] == reduced(spec={"encryptedData": {"password": "planted"}}).sealed[0]


@pytest.mark.parametrize("spec", [{}, {"template": None, "encryptedData": None}, {"template": {"metadata": None}}, {"data": "b2xk"}])
def test_absent_fields_are_no_trouble(spec: dict[str, Any]) -> None:
    one = reduced(spec=spec)
    assert (one.scope, one.synced, one.opens, one.template.namespace, one.changed_at) == ("strict", None, False, "", "")
    assert len(one.sealed) == ("data" in spec)


def test_the_last_change_is_that_of_the_spec_and_not_of_the_status() -> None:
    fields = [{"time": "2026-01-02T00:00:00Z"}, {"time": "2026-01-01T00:00:00Z"}, {"time": "2026-02-01T00:00:00Z", "subresource": "status"}]
    assert reduced(metadata={"managedFields": fields}).changed_at == "2026-01-02T00:00:00Z"


def test_the_status_of_an_older_generation_says_nothing_of_the_newest() -> None:
    status = {"observedGeneration": 1, "conditions": [{"type": "Synced", "status": "True"}]}
    assert reduced(status=status).synced is None
    assert reduced(status={**status, "observedGeneration": 2}).opens


def pod(labels: dict[str, str] | None = None, image: str = "mirror/other:1", ready: str = "True") -> Pod:
    status = {"phase": "Running", "podIP": "10.0.0.9", "conditions": [{"type": "Ready", "status": ready}]}
    return labelled(Pod, "kube-system", "x", labels, spec={"containers": [{"name": "c", "image": image}]}, status=status)


@pytest.mark.parametrize(
    ("one", "is_one"),
    [
        (pod({"name": "sealed-secrets-controller"}), True),
        (pod({"app.kubernetes.io/name": "sealed-secrets"}), True),
        (pod(image="registry.local:5000/bitnami/sealed-secrets-controller:0.27.1"), True),
        (pod(image="registry.local/sealed-secrets-web:1"), False),
        (pod(), False),
        (pod({"name": "sealed-secrets-controller"}, ready="False"), False),
    ],
)
def test_the_controller_is_known_by_its_labels_or_its_image_and_counts_once_ready(one: Pod, is_one: bool) -> None:
    assert len(sealed_secrets_controllers(recognised(listing("Pod", [one])))) == is_one


def test_the_newest_certificate_tells_since_when_its_key_is_there() -> None:
    key, nobody = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    begun = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(nobody, nobody, key.public_key(), 1, begun, begun + datetime.timedelta(days=1))
    body = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    assert certificate_of(Answering(**{"cert.pem": body})).not_before == "2026-11-22T00:00:00+00:00"


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_unreadable(body: bytes) -> None:
    with pytest.raises(BadResponse):
        certificate_of(Answering(**{"cert.pem": body}))


def test_nothing_is_asked_where_everything_opens_or_there_is_nothing() -> None:
    nothing: Any = None
    opened = reduced(status={"observedGeneration": 2, "conditions": [{"type": "Synced", "status": "True"}]})
    assert sealing_certificates(nothing, listing("SealedSecret", [opened]), nothing, nothing).absent == "every SealedSecret opens"
    assert unsealed_series(nothing, nothing, Readings(absent="the API has none"), nothing) == Readings(absent="the API has none")
    blind: Readings[Any] = Readings((), (refused("SealedSecretList"),))
    assert not unsealed_series(nothing, nothing, blind, nothing).complete


class Prometheus:
    """Answers instant queries by the metric that they name, and records them."""

    url = "http://prometheus"

    def __init__(self, **series: list[dict[str, str]]) -> None:
        self.series, self.asked = series, []

    def json(self, path: str, kind: Any, query: dict[str, str], **_: Any) -> Any:
        self.asked.append(query["query"])
        found = next((series for metric, series in self.series.items() if metric in query["query"]), [])
        vector = [{"metric": labels, "value": [1.0, "1"]} for labels in found]
        return msgspec.convert({"status": "success", "data": {"resultType": "vector", "result": vector}}, kind)


def test_names_are_asked_for_and_owners_told_in_the_secrets_own_namespace() -> None:
    own = {"namespace": "monitoring", "exported_namespace": "ml-dev", "secret": "db.main"}
    other = {"namespace": "elsewhere", "secret": "db.main"}
    prometheus: Any = Prometheus(
        kube_secret_info=[own, other], kube_secret_owner=[{**own, "owner_kind": "SealedSecret", "owner_name": "db.main"}, other]
    )
    assert series_of(prometheus, [("ml-dev", "db.main")]) == UnsealedSeries(["ml-dev/db.main"], {"ml-dev/db.main": "SealedSecret/db.main"})
    assert '{secret=~"db[.]main"}' in prometheus.asked[0]


def test_a_secret_without_an_owner_is_told_so() -> None:
    labels = {"namespace": "ml-dev", "secret": "db"}
    prometheus: Any = Prometheus(kube_secret_info=[labels], kube_secret_owner=[labels])
    assert series_of(prometheus, [("ml-dev", "db")]).owners == {"ml-dev/db": ""}


def test_many_names_are_asked_for_in_several_queries() -> None:
    prometheus: Any = Prometheus()
    series_of(prometheus, [("ml-dev", f"db-{number}") for number in range(101)])
    assert len(prometheus.asked) == 4


@pytest.mark.parametrize(
    ("message", "keys"),
    [("no key could decrypt secret (a, b.c)", ["a", "b.c"]), ("no key could decrypt secret", []), ("", [])],
)
def test_the_controllers_message_names_the_keys(message: str, keys: list[str]) -> None:
    assert keys_in(message) == keys


@pytest.mark.parametrize(
    ("message", "name"),
    [('secret "db" not found', "db"), ('configmap "db" not found', ""), ("couldn't find key x in Secret ml/db", ""), ("", "")],
)
def test_the_kubelets_message_names_the_missing_secret(message: str, name: str) -> None:
    assert missing_secret(message) == name
