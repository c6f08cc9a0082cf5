"""What is known of a product that runs in clusters: how it is recognised, asked, and spoken of."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from clusterprobe.words import a


class Support(enum.StrEnum):
    """How much of a system the probes judge."""

    JUDGED = "judged"
    RECOGNISED = "recognised only"


class Purpose(enum.StrEnum):
    """What a system is for. A run without any system of `PLATFORM` has not seen the platform."""

    MONITORING = "monitoring"
    LOGS = "logs"
    DELIVERY = "delivery"
    LEARNING = "machine learning"
    TRAFFIC = "traffic"
    SECRETS = "secrets"
    STORAGE = "storage"
    CLUSTER = "the cluster"


PLATFORM = (Purpose.MONITORING, Purpose.LOGS, Purpose.DELIVERY, Purpose.LEARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a system is recognised by, the strongest first.

    - `operated`: labels that an operator gives the pods that it makes for a custom resource; their value is its name.
    - `managed`: the one label that its operator writes on all pods that it makes; the usual label of the instance is then the name of
      the custom resource.
    - `images`: the last segment of an image's repository, or the last two (`grafana/agent`), whatever the registry, tag or digest.
    - `programs`: how its command line begins, such as `mlflow server`.
    - `flags`: flags that no other program has, without dashes.
    - `labels`: labels that its charts and manifests write; all those of one entry, such as `app=prometheus,component=server`; a label
      without a value (`component=`) must not be there.
    """

    operated: tuple[str, ...] = ()
    managed: str = ""
    images: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A product that runs in clusters: `key` as labels, profiles and areas of probes have it, `name` as people write it.

    It listens on `port`, or on the first container port with one of `port_names`; `health_paths` is what the kubelet asks there,
    below its prefix. On the way of an alert it has a `role`, and nothing gets past it unless the probes in `vital` pass, and it is
    there. What works for it alone has `areas` of its own. `does` says in a clause what it does, `stands_for` is the key of the judged
    system whose work it does. With `beside` it also runs beside other programs, in their pods, and is then none of its own.
    `groups` are the API groups of its objects, or single kinds (`plural.group`), where their conditions say whether it does its work.
    Where it has `parts`, each is a program of its own, which the image, a label or the container is called after, with its usual port.
    The name of a `generic` one is a word that others use as well: a label of just that is a sign only where the image is called the same.
    """

    key: str
    name: str
    purpose: Purpose
    signs: Signs
    support: Support = Support.RECOGNISED
    port: int = 0
    port_names: tuple[str, ...] = ()
    health_paths: tuple[str, ...] = ()
    role: str = ""
    vital: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    does: str = ""
    stands_for: str = ""
    beside: bool = False
    groups: tuple[str, ...] = ()
    generic: bool = False
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def one(self) -> str:
        """One of them, for a sentence: `an Airflow`."""
        return a(self.name)

    @property
    def missing(self) -> str:
        """The probe that asks whether it is where the profile expects it."""
        return f"{self.key}/missing"

    @property
    def judged(self) -> bool:
        return self.support is Support.JUDGED

    @property
    def looked_for(self) -> str:
        """What it is recognised by, for a sentence that says that it is not there."""
        names = dict.fromkeys(one.rpartition("/")[2] for one in self.signs.images if one.count("/") == 0 or len(self.signs.images) == 1)
        kinds = [
            *(["a custom resource"] if self.signs.operated else []),
            *([f"an image called {' or '.join(list(names)[:2])}"] if names else []),
            *([f"the command {self.signs.programs[0]}"] if self.signs.programs else []),
            f"the label {self.signs.labels[0]}",
        ]
        return f"neither {', nor '.join(kinds)}"
