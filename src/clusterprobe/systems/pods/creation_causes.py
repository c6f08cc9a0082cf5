"""Why the API server refuses a pod that a controller creates: by its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterprobe.patterns import Pattern, ours

Fault = Literal[
    "webhook refuses",
    "webhook silent",
    "policy refuses",
    "account missing",
    "pod security",
    "quota exceeded",
    "quota asks",
    "limit range",
    "class missing",
    "namespace going",
    "constraint",
    "name taken",
    "not allowed",
    "label too long",
    "invalid",
    "other",
]
# The first that fits. What a webhook says is free text, which may hold any of the others.
_FAULTS: tuple[tuple[Pattern, Fault], ...] = (
    (ours(r'admission webhook "[^"]*" denied the request'), "webhook refuses"),
    (ours(r"failed calling webhook"), "webhook silent"),
    (ours(r"ValidatingAdmissionPolicy '[^']*'"), "policy refuses"),
    (ours(r'error looking up service account|serviceaccounts? "[^"]+" not found'), "account missing"),
    (ours(r"violates PodSecurity"), "pod security"),
    (ours(r"exceeded quota: "), "quota exceeded"),
    (ours(r"failed quota: "), "quota asks"),
    (ours(r"(?:maximum|minimum) \S+ usage per |max limit to request ratio per "), "limit range"),
    (ours(r'no PriorityClass with name|RuntimeClass "[^"]*" not found'), "class missing"),
    (ours(r"because it is being terminated"), "namespace going"),
    (ours(r"unable to validate against any security context constraint"), "constraint"),
    (ours(r'"[^"]*" already exists'), "name taken"),
    (ours(r'User "[^"]*" cannot |cannot set blockOwnerDeletion'), "not allowed"),
    (ours(r'metadata\.labels: Invalid value: "[^"]*": must be no more than 63 '), "label too long"),
    (ours(r'"[^"]*" is invalid: '), "invalid"),
    (ours(r""), "other"),
)
_WHAT: dict[Fault, Pattern] = {
    "webhook refuses": ours(r'admission webhook "([^"]+)"'),
    "webhook silent": ours(r'failed calling webhook "([^"]+)"'),
    "policy refuses": ours(r"ValidatingAdmissionPolicy '([^']+)'"),
    "account missing": ours(r'serviceaccounts? "([^"]+)" not found'),
    "quota exceeded": ours(r"exceeded quota: ([^\s,:]+)"),
    "quota asks": ours(r"failed quota: ([^\s,:]+)"),
    "class missing": ours(r"(PriorityClass|RuntimeClass)"),
    "label too long": ours(r'metadata\.labels: Invalid value: "([^"]*)"'),
}
_SERVICE = ours(r"https://([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b")
_BEGIN = ("Error creating: ",)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pod is refused, in the words of who refuses it.

    `what` is the webhook, policy, ServiceAccount, quota, kind of class or value of a label that is concerned. `service` is the
    (namespace, name) of the Service behind a webhook that does not answer.
    """

    fault: Fault
    says: str
    what: str = ""
    service: tuple[str, str] | None = None


def refusal_of(message: str) -> Refusal:
    """What a controller was told.

    >>> refusal_of('Error creating: pods "a-" is forbidden: error looking up service account x/b: serviceaccount "b" not found').what
    'b'
    """
    for begin in _BEGIN:
        message = message.removeprefix(begin)
    fault = next(fault for pattern, fault in _FAULTS if pattern.search(message))
    pattern = _WHAT.get(fault)
    what = pattern.search(message) if pattern else None
    called = _SERVICE.search(message) if fault == "webhook silent" else None
    return Refusal(fault, message, what[1] if what else "", (called[2], called[1]) if called else None)
