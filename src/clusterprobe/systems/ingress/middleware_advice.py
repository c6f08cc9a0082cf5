"""A middleware that is named and not there, in words: what comes of it, why, and what to do."""

from __future__ import annotations

from clusterprobe.findings import FindingKind
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject
from clusterprobe.systems.ingress.middlewares import PLURALS, PROVIDER, Absent, identity
from clusterprobe.words import listed

MIDDLEWARE_MISSING = FindingKind(
    "MiddlewareMissing",
    Severity.ERROR,
    "A route or Ingress names a middleware of Traefik that does not exist, so that Traefik does not serve it.",
)
ANNOTATION = "traefik.ingress.kubernetes.io/router.middlewares"


def problem(subject: Subject, one: Absent) -> str:
    """What comes of it; a chain is no route by itself."""
    names = f"names the {one.reference.kind} {one.reference.name}, which is not there"
    if subject.kind == "Middleware":
        return f"The chain {subject} {names}: no route through it is served."
    instead = "ends its connections" if one.reference.kind == "MiddlewareTCP" else "answers its requests with 404"
    return f"{subject} {names}: Traefik leaves the route out, and {instead}."


def cause(subject: Subject, one: Absent) -> str:
    """Under which name Traefik looks for it, and where there is one of that name."""
    kind, given = one.reference.kind, one.reference
    if one.known_as is None:
        looks = f"Its annotation names {given.name} without @{PROVIDER}, so that Traefik does not look among the {kind}s of the cluster"
    elif given.namespace:
        beside = "Without another namespace beside it, " if given.namespace == subject.namespace else ""
        looks = f"{beside}Traefik looks for {given.name} in {given.namespace}"
    else:
        looks = f"Traefik looks for what it calls {one.known_as}@{PROVIDER}, its namespace first, and nothing is called so"
    found = [f"{kind} {subject.namespace}/{name} is called {identity(subject.namespace, name)}@{PROVIDER}." for name in one.here]
    found += [f"One of that name is in {listed(one.elsewhere, 3)}."] if one.elsewhere else []
    found += [f"There is {listed(one.near, 2)}."] if one.near and not found else []
    return " ".join([f"{looks}.", *found])


def steps(subject: Subject, one: Absent, annotation: str = "") -> list[Step]:
    """How it is named as Traefik knows it, where it is there; `annotation` is the whole one of an Ingress."""
    plural = PLURALS[one.reference.kind]
    seen = look("See which there are.", shell("kubectl get {} -A", plural))
    name = one.reference.name.rpartition("@")[0] or one.reference.name
    places = [subject.namespace] if one.here else list(one.elsewhere)
    if annotation and len(places) == 1:
        right = f"{identity(places[0], name)}@{PROVIDER}"
        named = [right if each.strip() == one.reference.name else each.strip() for each in annotation.split(",") if each.strip()]
        command = shell(
            "kubectl -n {} annotate {} {} {} --overwrite",
            subject.namespace,
            subject.kind.lower(),
            subject.name,
            f"{ANNOTATION}={','.join(named)}",
        )
        return [seen, change(f"Name it as Traefik calls it, {right}, {SOURCE}. Until that is deployed, on the Ingress itself.", command)]
    if one.elsewhere and not annotation:
        return [
            seen,
            change(
                f"Make a {one.reference.kind} {name} in {subject.namespace} as well, {SOURCE}. Or name its namespace beside its name "
                f"(namespace: {one.elsewhere[0]}), which Traefik takes only with --providers.kubernetescrd.allowCrossNamespace=true (in "
                "its chart providers.kubernetesCRD.allowCrossNamespace)."
            ),
        ]
    return [seen, change(f"Create the {one.reference.kind}, correct its name where it is named, or take it out there, {SOURCE}.")]
