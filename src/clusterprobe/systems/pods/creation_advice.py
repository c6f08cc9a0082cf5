"""A pod that cannot be created, in words, and what to do about it: by who refuses it."""

from __future__ import annotations

from collections.abc import Callable

from clusterprobe.fixes import IN_GIT, SOURCE, change, look, shell
from clusterprobe.model import Step
from clusterprobe.systems.pods.creation_causes import Fault
from clusterprobe.systems.pods.creations import Refused
from clusterprobe.words import said

MOST_OF_A_LABEL = 63  # characters
_MEANS: dict[Fault, str] = {
    "webhook refuses": "An admission webhook refuses it",
    "webhook silent": "The API server cannot ask an admission webhook that it has to ask",
    "policy refuses": "A ValidatingAdmissionPolicy refuses it",
    "account missing": "Its ServiceAccount does not exist",
    "pod security": "The namespace's Pod Security level forbids what it asks for",
    "quota exceeded": "The ResourceQuota of the namespace is used up",
    "quota asks": "The ResourceQuota of the namespace asks for requests or limits that it does not have",
    "limit range": "The LimitRange of the namespace forbids its requests or limits",
    "class missing": "A class that it names does not exist",
    "namespace going": "Its namespace is being deleted",
    "constraint": "No SecurityContextConstraints that its ServiceAccount may use allow what it asks for",
    "name taken": "Another object has its name",
    "not allowed": "Who creates it may not do so",
    "label too long": "A label of its pods is too long",
    "invalid": "Its specification is not valid",
    "other": "The API server refuses it",
}


def cause_of(one: Refused) -> str:
    """Who refuses, in the words of who does."""
    named = " That label is made of its own name and a hash." if _is_of_its_name(one) else ""
    own = " That webhook is of its own namespace: neither comes up without the other." if one.by_its_own_webhook else ""
    return f"{_MEANS[one.refusal.fault]}: {said(one.refusal.says)}.{own}{named}"


def _is_of_its_name(one: Refused) -> bool:
    """Whether the label is that of a StatefulSet's revision: its name, and a hash behind it."""
    return one.refusal.fault == "label too long" and one.refusal.what.startswith(f"{one.controller.name}-")


def steps(one: Refused) -> list[Step]:
    """First what it says itself, then what changes it."""
    subject = one.controller
    seen = look(
        "Read its state and its events.", shell("kubectl -n {} describe {} {}", subject.namespace, subject.kind.lower(), subject.name)
    )
    return [seen, *_MADE[one.refusal.fault](one)]


def _of_account(one: Refused) -> list[Step]:
    return [
        look("See which ServiceAccounts there are.", shell("kubectl -n {} get serviceaccounts", one.controller.namespace)),
        change(f"Create the ServiceAccount {one.refusal.what or 'that the message names'}, or correct serviceAccountName, {SOURCE}."),
    ]


def _of_pod_security(one: Refused) -> list[Step]:
    return [
        look("See which level the namespace enforces.", shell("kubectl get namespace {} --show-labels", one.controller.namespace)),
        change(
            f"Set in its securityContext what the message asks for, {SOURCE}. Or, if it has to have what is forbidden, as agents of a node "
            "have, move it to a namespace of its own whose label pod-security.kubernetes.io/enforce allows it."
        ),
    ]


def _of_quota(one: Refused) -> list[Step]:
    command = shell("kubectl -n {} describe resourcequota", one.controller.namespace)
    seen = look("See what the quota allows, and what is used.", command)
    if one.refusal.fault == "quota asks":
        text = f"Give each container the requests and limits that the message names, {SOURCE}. Or add a LimitRange with defaults for them."
    else:
        text = f"Raise the quota, {SOURCE}, or request less here or in the namespace's other workloads."
    return [seen, change(text)]


def _of_limit_range(one: Refused) -> list[Step]:
    return [
        look("See what is allowed.", shell("kubectl -n {} describe limitrange", one.controller.namespace)),
        change(f"Bring its requests and limits within that, or correct the LimitRange, {SOURCE}."),
    ]


# The message names a webhook, and the list of configurations does not: so each is shown with its webhooks.
_WEBHOOKS = (
    "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations "
    "-o custom-columns='KIND:.kind,CONFIGURATION:.metadata.name,WEBHOOKS:.webhooks[*].name'"
)


def _of_webhook(_: Refused) -> list[Step]:
    return [
        look("See whose webhook it is.", shell(_WEBHOOKS)),
        change(f"Correct what its message names, {SOURCE}, or the policy by which it refuses."),
    ]


def _of_silent_webhook(one: Refused) -> list[Step]:
    steps = [look("See whose webhook it is.", shell(_WEBHOOKS))]
    if one.refusal.service:
        namespace, name = one.refusal.service
        steps.append(look("See what is behind its Service.", shell("kubectl -n {} describe service {}", namespace, name)))
    if one.by_its_own_webhook:
        return [*steps, *_without_webhook(one)]
    steps.append(
        change(
            "Bring the webhook's pods back, or repair its certificate, as the message says. If what it belongs to is no longer there, "
            "its configuration has to go with it."
        )
    )
    return steps


_POLICIES = (
    "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations "
    "-o custom-columns=KIND:.kind,NAME:.metadata.name,WEBHOOKS:.webhooks[*].name,POLICY:.webhooks[*].failurePolicy"
)


def _without_webhook(one: Refused) -> list[Step]:
    """Its pods come up as soon as the API server goes on without them."""
    which = one.refusal.what or "that the message names"
    return [
        look(f"See which configuration has the webhook {which}.", shell(_POLICIES)),
        change(
            f"Let the API server go on without the webhook {which} until its pods run: set its failurePolicy to Ignore there (`kubectl "
            "edit`), and back. A policy engine that makes its own configuration sets it back as it starts."
        ),
        change(f"So that it does not happen again, let it leave out its own namespace by a namespaceSelector, {SOURCE}."),
    ]


def _of_policy(one: Refused) -> list[Step]:
    name = one.refusal.what
    found = [look("Read the policy.", shell("kubectl get validatingadmissionpolicy {} -o yaml", name))] if name else []
    return [*found, change(f"Correct what its message names, {SOURCE}, or the policy.")]


def _of_class(one: Refused) -> list[Step]:
    found = [look("See which there are.", shell("kubectl get {}", one.refusal.what.lower()))] if one.refusal.what else []
    return [*found, change(f"Create the class, or correct its name, {SOURCE}.")]


def _of_label(one: Refused) -> list[Step]:
    if not _is_of_its_name(one):
        return [change(f"Shorten the label that the message names, {SOURCE}.")]
    name = one.controller.name
    most = MOST_OF_A_LABEL - (len(one.refusal.what) - len(name))
    whose = "the name of the object that it is made of" if one.controller.owner else "it"
    text = f"Its name has {len(name)} characters, and may have {most}: shorten {whose}, such as by `fullnameOverride` of a chart, {IN_GIT}."
    return [change(f"{text} Its pods then get other names, and new PVCs without data: what is in the present ones stays there.")]


def _plain(text: str) -> Callable[[Refused], list[Step]]:
    return lambda _: [change(text)]


_MADE: dict[Fault, Callable[[Refused], list[Step]]] = {
    "webhook refuses": _of_webhook,
    "webhook silent": _of_silent_webhook,
    "policy refuses": _of_policy,
    "account missing": _of_account,
    "pod security": _of_pod_security,
    "quota exceeded": _of_quota,
    "quota asks": _of_quota,
    "limit range": _of_limit_range,
    "class missing": _of_class,
    "namespace going": _plain(
        "Deploy it to a namespace that stays, or let this one be deleted first: finalizers of what is in it may hold it."
    ),
    "constraint": _plain(f"Ask for less in its securityContext, {SOURCE}, or let its ServiceAccount use the constraints that it needs."),
    "name taken": _plain("Let the object of that name terminate (`pods/termination`), or see which other controller owns it."),
    "label too long": _of_label,
    "not allowed": _plain("Give whom the message names the permission that it names."),
    "invalid": _plain(f"Correct the field that the message names, {SOURCE}."),
    "other": _plain(f"Correct what the message names, {SOURCE}."),
}
