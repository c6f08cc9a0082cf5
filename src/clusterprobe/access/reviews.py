"""What we may: the API server is asked, which knows every rule, whatever authorizer it has. Any authenticated user may ask for itself."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from clusterprobe.access.cluster import Cluster
from clusterprobe.errors import BadResponse
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.sources import Call

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class _Status(msgspec.Struct, rename="camel"):
    allowed: bool = False
    evaluation_error: str = ""


class _Review(msgspec.Struct):
    kind: str
    status: _Status


def review(cluster: Cluster, calls: Iterable[Call]) -> Readings[bool]:
    """Whether each call is allowed in every namespace, by subjects of kind `Call` that are named as the call is written.

    A POST each, which changes nothing.
    """
    asked = Readings(tuple((Subject(kind="Call", name=str(one)), one) for one in calls))
    return cluster.each(asked, lambda _, one: _allowed(cluster, one))


def _allowed(cluster: Cluster, call: Call) -> bool:
    resource, _, subresource = call.resource.partition("/")
    attributes = {"verb": call.verb, "group": call.group, "resource": resource, "subresource": subresource}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
    answer = cluster.post(PATH, body, _Review, retry=True)
    if answer.kind != "SelfSubjectAccessReview":
        raise BadResponse(f"POST {PATH}: the answer is a {answer.kind}")
    if not answer.status.allowed and answer.status.evaluation_error:
        raise BadResponse(f"POST {PATH}: it cannot be told: {answer.status.evaluation_error}")
    return answer.status.allowed
