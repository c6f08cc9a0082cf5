"""The Secrets that a profile names, reduced to digests. No other Secret is ever read."""

from __future__ import annotations

import base64
import binascii
import hashlib

import msgspec

from clusterprobe.access.cluster import Cluster, Resource, owner_of
from clusterprobe.errors import BadResponse, Forbidden, NotFound, Unreadable
from clusterprobe.profile import Profile
from clusterprobe.readings import Collector, Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.formats.alertmanager_digest import meaning_of_value
from clusterprobe.systems.kubernetes.objects import ManagedMetadata, Object
from clusterprobe.times import epoch

SECRETS = Resource("v1", "secrets", "Secret")
CONFIGURATION = "alertmanager.yaml"  # what keys with configurations have in their names


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


EMPTY_DIGEST = _digest(b"")


class Writer(msgspec.Struct, frozen=True):
    """A program that wrote some of a Secret's data, and when (epoch seconds), as the API server noted it."""

    manager: str
    time: float


class NamedSecret(msgspec.Struct, frozen=True):
    """What is kept of a Secret: whether it is there, who owns and who wrote it, and a digest under each key.

    `meanings` are digests of what configurations of an Alertmanager mean, by key. `patched`: its annotation lets the
    SealedSecrets controller add to it without owning it.
    """

    exists: bool
    owner: str = ""
    digests: dict[str, str] = {}
    created: float | None = None
    writers: list[Writer] = []
    meanings: dict[str, str] = {}
    owner_uid: str = ""
    patched: bool = False


class _Secret(Object):
    kind: str
    metadata: ManagedMetadata  # not kept: annotations may carry the whole Secret as it was applied
    data: dict[str, str] | None = None


@source(Call("get", "secrets"))
def named_secrets(cluster: Cluster, profile: Profile) -> Readings[NamedSecret]:
    """The Secrets that the profile names under `secrets:`, each by a `get` of its name; nothing without that."""
    found: Collector[NamedSecret] = Collector()
    for place in dict.fromkeys(profile.secrets):
        namespace, _, name = place.partition("/")
        subject = SECRETS.subject(namespace, name)
        try:
            found.add(subject, _read(cluster, namespace, name))
        except Forbidden:
            found.fail(subject, f"not allowed to get the Secret {place}, which the profile names under `secrets:`")
        except Unreadable as error:
            found.fail(subject, str(error))
    return found.readings("the profile names no Secrets")


def _read(cluster: Cluster, namespace: str, name: str) -> NamedSecret:
    path = SECRETS.path(namespace, name)
    try:
        secret = cluster.get(path, _Secret)
    except NotFound:
        return NamedSecret(exists=False)
    if secret.kind != "Secret" or secret.metadata.name != name:
        raise BadResponse(f"GET {path}: the answer is not this Secret")
    try:
        values = {key: base64.b64decode(value, validate=True) for key, value in (secret.data or {}).items()}
    except (binascii.Error, ValueError):
        raise BadResponse(f"GET {path}: a value that is not base64") from None
    return NamedSecret(
        exists=True,
        owner=owner_of(secret),
        digests={key: _digest(value) for key, value in values.items()},
        created=epoch(secret.metadata.creation_timestamp),
        writers=[
            Writer(one.manager, epoch(one.time) or 0.0)
            for one in secret.metadata.managed
            if one.fields and (one.fields.data or one.fields.string_data)
        ],
        meanings={key: found for key, value in values.items() if CONFIGURATION in key and (found := meaning_of_value(key, value))},
        owner_uid=next((one.uid for one in secret.metadata.owner_references if one.controller), ""),
        patched=secret.metadata.annotations.sealed_patch == "true",
    )
