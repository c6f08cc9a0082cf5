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
from clusterprobe.systems.objects import Metadata, Object

SECRETS = Resource("v1", "secrets", "Secret")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


EMPTY_DIGEST = _digest(b"")


class NamedSecret(msgspec.Struct, frozen=True):
    """What is kept of a Secret: whether it is there, who owns it, and a digest under each key."""

    exists: bool
    owner: str = ""
    digests: dict[str, str] = {}


class _Secret(Object):
    kind: str
    metadata: Metadata  # not kept: annotations may carry the whole Secret as it was applied
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
        digests = {key: _digest(base64.b64decode(value, validate=True)) for key, value in (secret.data or {}).items()}
    except (binascii.Error, ValueError):
        raise BadResponse(f"GET {path}: a value that is not base64") from None
    return NamedSecret(exists=True, owner=owner_of(secret), digests=digests)
