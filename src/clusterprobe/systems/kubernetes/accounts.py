"""What the API server refuses to a ServiceAccount, as it says, and how that is allowed."""

from __future__ import annotations

import msgspec

from clusterprobe.fixes import SOURCE, change, each, look, shell
from clusterprobe.model import Command, Step
from clusterprobe.patterns import ours

_REFUSED = ours(
    r'User \\?"(system:serviceaccount:([^":\\]+):([^":\\]+))\\?" cannot (\w+) resource \\?"([^"\\]+)\\?" in API group \\?"([^"\\]*)'
)
MOST_ASKED = 3
_WITHIN = ours(r'in the namespace \\?"([^"\\]+)')


class Refused(msgspec.Struct, frozen=True):
    """A ServiceAccount (its `namespace` and `name`, and as a `user`), and what it may not do; `within` a namespace, empty for all."""

    user: str
    namespace: str
    name: str
    verb: str
    resource: str
    group: str
    within: str = ""

    @property
    def what(self) -> str:
        """The resource as kubectl takes it, without its part (`pods/log`)."""
        return f"{self.resource.partition('/')[0]}.{self.group}".rstrip(".")


def refused_in(line: str) -> Refused | None:
    """The refusal that a line quotes.

    >>> refused_in('User "system:serviceaccount:a:b" cannot list resource "jobs" in API group "batch" at the cluster scope').what
    'jobs.batch'
    """
    told, within = _REFUSED.search(line), _WITHIN.search(line)
    if told is None:
        return None
    user, namespace, name, verb, resource, group = told.groups()
    return Refused(user, namespace, name, verb, resource, group, within[1] if within else "")


def steps_for(*refused: Refused) -> list[Step]:
    """See whether it is still so, and bind a role: of refusals to one ServiceAccount."""
    one = refused[0]
    verbs = " and ".join(dict.fromkeys(another.verb for another in refused))
    resources = ", ".join(dict.fromkeys(another.resource for another in refused))
    role = f"RoleBinding in {one.within}" if one.within else "ClusterRoleBinding"
    return [
        look("See whether it is still refused (you need the right to impersonate).", *map(_asked, refused[:MOST_ASKED])),
        change(f"Let a role with {verbs} on {resources} be bound to the ServiceAccount {one.namespace}/{one.name} by a {role}, {SOURCE}."),
    ]


def _asked(one: Refused) -> Command | None:
    """Whether the API server refuses it."""
    flags = (*each("--subresource={}", [part for part in [one.resource.partition("/")[2]] if part]), *each("--as={}", [one.user]))
    if one.within:
        return shell("kubectl -n {} auth can-i {} {} {}", one.within, one.verb, one.what, flags)
    return shell("kubectl auth can-i {} {} {}", one.verb, one.what, flags)
