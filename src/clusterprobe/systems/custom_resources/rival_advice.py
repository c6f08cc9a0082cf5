"""Two objects where one is right, in words: what comes of it, and which of them to change."""

from __future__ import annotations

from clusterprobe.fixes import SOURCE, change, each, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.systems.custom_resources.rivals import Crowd, SameSecret
from clusterprobe.words import listed

# By which field an object says which Secret it makes.
_NAMED_BY = {"Certificate": "spec.secretName", "ExternalSecret": "spec.target.name"}


def names(subjects: tuple[Subject, ...]) -> str:
    """The names of objects of one kind and namespace."""
    return listed([one.name for one in subjects], 4, between=" and ")


def of_crowd(one: Crowd) -> list[Step]:
    """One budget is enough."""
    return [
        look(
            "See what each of them asks for, and what it is made of.",
            shell(
                "kubectl -n {} get poddisruptionbudgets {} -o yaml", one.workload.namespace, each("{}", [two.name for two in one.budgets])
            ),
        ),
        change(
            f"Leave one of them, with what is to hold, and remove the others, or let their selectors leave these pods out, {SOURCE}. Many "
            "charts bring one of their own (podDisruptionBudget, pdb)."
        ),
    ]


def why_secret(one: SameSecret) -> str:
    """What the makers do to each other."""
    fields = listed(sorted({_NAMED_BY.get(two.kind, "its name") for two in one.makers}), 3)
    if all(two.kind == "Certificate" for two in one.makers):
        return (
            f"Each names it ({fields}). cert-manager issues each anew whenever the other has written, until the issuer's rate limit is "
            "used up, and what serves the Secret shows now the one and now the other; newer versions let one have it, and the others wait."
        )
    anew = "and writes it anew whenever another has written"
    return f"Each names it ({fields}), {anew}: what reads the Secret gets now the one and now the other."


def of_secret(one: SameSecret) -> list[Step]:
    """A Secret for each, or one object for all."""
    fields = " or ".join(sorted({_NAMED_BY.get(two.kind, "its name") for two in one.makers}))
    both = " Or let one Certificate have the names of all (spec.dnsNames)." if all(two.kind == "Certificate" for two in one.makers) else ""
    return [
        look(
            "See what each makes.",
            *(shell("kubectl -n {} describe {} {}", two.namespace, two.kind.lower(), two.name) for two in one.makers[:4]),
        ),
        change(f"Give each a Secret of its own ({fields}), and name that where it is used, {SOURCE}.{both} Or remove what is left over."),
    ]
