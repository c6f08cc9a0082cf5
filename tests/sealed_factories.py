"""Sealed Secrets, their Secrets and their controller, as probes are given them."""

from typing import Any

import msgspec

from clusterprobe.access.servers import Server
from clusterprobe.evidence import Clock
from clusterprobe.model import Finding, Subject
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings, single
from clusterprobe.systems.alertmanager.config_secrets import SecretSeries
from clusterprobe.systems.kubernetes.secrets import NamedSecret
from clusterprobe.systems.sealed_secrets.sources import SealedSecret, SealedStatus, SealingCertificate
from clusterprobe.systems.sealed_secrets.unsealed import UnsealedSeries, unsealed_secrets
from clusterprobe.verdict import Verdict
from probes.sealed_secrets.probe_unsealed import probe_unsealed
from tests.factories import judged, labelled, listing, server

NOW = 1_795_366_800.0  # 2026-11-22T17:00:00Z
LONG_AGO, TEN_MINUTES_AGO, JUST_NOW = "2026-10-01T12:00:00Z", "2026-11-22T16:50:00Z", "2026-11-22T16:59:30Z"
NO_KEY = "no key could decrypt secret (password, url)"
IN_THE_WAY = 'failed update: Resource "db" already exists and is not managed by SealedSecret'
STRICT: dict[str, str] = {}
CLUSTER_WIDE = {"sealedsecrets.bitnami.com/cluster-wide": "true"}
NAMESPACE_WIDE = {"sealedsecrets.bitnami.com/namespace-wide": "true"}
CONTROLLER = Server(system="sealed-secrets", namespace="sealing", name="sealed-secrets", pod="sealed-secrets-x", ip="10.0.0.9", port=8080)


def condition(status: str, message: str = "", since: str = TEN_MINUTES_AGO) -> dict[str, Any]:
    return {"type": "Synced", "status": status, "message": message, "lastTransitionTime": since}


def sealed(namespace: str, name: str = "db", /, *, synced: Any = "True", digests: tuple[str, ...] = ("one", "two"), **more: Any) -> Any:
    """A SealedSecret as kubeseal makes it for its place, two months old; `synced` is a message for one that was refused."""
    if isinstance(synced, str):
        synced = condition("True") if synced == "True" else condition("False", synced)
    generation = more.get("generation", 1)
    status = {"observedGeneration": more.get("observed", generation), "conditions": [synced] if synced else []}
    made = labelled(
        SealedSecret,
        namespace,
        name,
        metadata={
            "generation": generation,
            "creationTimestamp": more.get("created", LONG_AGO),
            "annotations": more.get("annotations", STRICT),
        },
        sealed=[{"key": key, "digest": digest} for key, digest in zip(("password", "url"), digests, strict=False)],
        template={"namespace": namespace, "name": name, "annotations": more.get("annotations", STRICT), **more.get("template", {})},
        changedAt=more.get("changed", ""),
    )
    return made if synced is None else msgspec.structs.replace(made, status=msgspec.convert(status, SealedStatus))


def platform(
    *objects: SealedSecret, absent: tuple[str, ...] = (), named: dict[str, NamedSecret] | None = None, **changes: Any
) -> dict[str, Any]:
    """A cluster whose kube-state-metrics lists a Secret of its own for each of them, but for those that are `absent`."""
    every = listing("SealedSecret", objects)
    places = {"/".join(one.place): f"SealedSecret/{one.metadata.name}" for one in objects if "/".join(one.place) not in absent}
    places |= changes.pop("owners", {})
    subject = server("prometheus", "monitoring-dev", "main")[0]
    series = changes.pop("series", single(subject, UnsealedSeries(sorted(places), places)))
    counts = changes.pop("counts", single(subject, SecretSeries({one.metadata.namespace: 3 for one in objects})))
    read = Readings(tuple((Subject(kind="Secret", namespace=k.split("/")[0], name=k.split("/")[1]), v) for k, v in (named or {}).items()))
    read = changes.pop("named_secrets", read)
    return {
        "sealed_secrets": every,
        "unsealed_secrets": unsealed_secrets(every, series, counts, read),
        "sealing_certificates": Readings(absent="none was asked for"),
        "sealed_secrets_controllers": single(Subject(kind="Pod", namespace="sealing", name="sealed-secrets-x"), CONTROLLER),
        "alertmanagers": listing("Alertmanager", []),
        "pods": listing("Pod", []),
        "profile": Profile(),
        "clock": Clock(NOW),
        **changes,
    }


def judge(*objects: SealedSecret, **changes: Any) -> Verdict:
    return judged(probe_unsealed, **platform(*objects, **changes))


def only(verdict: Verdict) -> Finding:
    (finding,) = verdict.findings
    return finding


def certificate(not_before: str) -> Readings[SealingCertificate]:
    return single(Subject(kind="Pod", namespace="sealing", name="sealed-secrets-x"), SealingCertificate(not_before))
