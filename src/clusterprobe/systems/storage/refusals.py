"""Why a provisioner makes no volume, by what it says: a table of causes, and what to do about just each."""

from __future__ import annotations

from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours


class Refusal(NamedTuple):
    """Why a provisioner makes no volume, by what it says: `why` as a clause, and what to do about just that."""

    says: Pattern
    why: str
    helps: str


REFUSALS = (
    Refusal(
        ours(r"(?i)MULTI_NODE|access ?modes?\b"),
        "its driver does not make volumes with this access mode",
        "Ask for an access mode that the driver has, such as ReadWriteOnce, or for a class of shared storage. A PVC's mode cannot be "
        "changed: it has to be made again.",
    ),
    Refusal(
        ours(r"(?i)unauthori[sz]ed|not authori[sz]ed|access ?denied|forbidden|\b403\b.{0,80}permission|InvalidClientTokenId|credential"),
        "the storage refuses the driver's credentials",
        "Give the driver's controller the role or credentials that it needs: its ServiceAccount, its Secret, or the cloud's policy.",
    ),
    Refusal(
        ours(r"(?i)quota|ResourceExhausted|LimitExceeded|limit exceeded"),
        "a quota of the storage is used up",
        "Raise the quota at the storage or the cloud, delete volumes that are not needed, or ask for less.",
    ),
    Refusal(
        ours(r"(?i)data ?source|volumesnapshots?\b"),
        "what it is to be filled from does not exist, or is not ready",
        "Correct spec.dataSource of the PVC, or restore that snapshot or PVC.",
    ),
    Refusal(
        ours(r"(?i)topology|accessibility requirements"),
        "no node that fits has the driver",
        "Let the driver's DaemonSet run on the nodes that are to mount it, or correct allowedTopologies of the class.",
    ),
    Refusal(
        ours(r"(?i)no space|not enough|insufficient|out of capacity"),
        "the storage has no room for it",
        "Give the storage more room, or ask for less.",
    ),
    Refusal(
        ours(r"(?i)no such host|connection refused|timeout|timed out|deadline exceeded|no route to host|unavailable"),
        "the driver does not reach the storage, or not in time",
        "Repair the way from the driver's controller to the storage: its address, DNS, the network between them.",
    ),
)
