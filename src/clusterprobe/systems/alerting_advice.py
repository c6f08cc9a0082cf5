"""Why a Prometheus has no Alertmanager to send to, and how to name its own."""

from __future__ import annotations

from clusterprobe.environments import Environments
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager import Alertmanager
from clusterprobe.systems.objects import Service
from clusterprobe.systems.prometheus import AlertmanagerEndpoint, Prometheus

VALUE = "prometheus.prometheusSpec.alertingEndpoints"


def why_nobody(custom: Prometheus | None, place: Subject, services: Readings[Service], dropped: bool) -> str:
    """The likeliest reason why it found no Alertmanager."""
    name = f"{place.namespace}/{place.name}"
    if custom is None:
        return f"No Prometheus object {name} was read, so what it is told about Alertmanagers is not known: see `alerting` in its file."
    named = (custom.spec.alerting.alertmanagers or []) if custom.spec.alerting else []
    if not named:
        return (
            f"spec.alerting of {name} names no Alertmanager. The chart writes it empty where `alertmanager.enabled` is false and "
            f"`{VALUE}` is not set."
        )
    return f"spec.alerting.alertmanagers of {name} names " + "; and ".join(_look_at(one, place, services, dropped) for one in named) + "."


def _look_at(one: AlertmanagerEndpoint, place: Subject, services: Readings[Service], dropped: bool) -> str:
    namespace = one.namespace or place.namespace
    what = f"the Service {namespace}/{one.name}"
    service = services.by_name().get((namespace, one.name))
    if service is None:
        blind = services.missing_reason(namespace)
        return f"{what}, which could not be looked at ({blind})" if blind else f"{what}, which does not exist"
    ports = [port.name or str(port.port) for port in service.spec.ports or []]
    if one.port and str(one.port) not in ports and one.port not in [port.port for port in service.spec.ports or []]:
        return f"port {one.port} of {what}, which has only {', '.join(ports) or 'none'}"
    return f"{what}, behind which no address was found" + (" (what else lies in the namespace was found, and left out)" if dropped else "")


def name_the_alertmanager(
    place: Subject, own: str, alertmanagers: Readings[Alertmanager], services: Readings[Service], environments: Environments
) -> str:
    """How to make a Prometheus send to its own environment's Alertmanager."""
    namespace, name, port = _own_service(place, own, alertmanagers, services, environments)
    patch = (
        f'{{"spec":{{"alerting":{{"alertmanagers":[{{"namespace":"{namespace}","name":"{name}","port":"{port}","apiVersion":"v2"}}]}}}}}}'
    )
    return (
        f"In the values of this release, leave `{VALUE}` empty and `alertmanager.enabled` true, or name its own:\n"
        f"    prometheus:\n      prometheusSpec:\n        alertingEndpoints:\n        - namespace: {namespace}\n          name: {name}\n"
        f"          port: {port}\n          apiVersion: v2\n"
        "Where Git is not the source, change the object at once, and look what it has found:\n"
        f"$ kubectl -n {place.namespace} patch prometheuses.monitoring.coreos.com {place.name} --type merge -p '{patch}'\n"
        f"$ kubectl get --raw /api/v1/namespaces/{place.namespace}/services/prometheus-operated:9090/proxy/api/v1/alertmanagers"
    )


def _own_service(
    place: Subject, own: str, alertmanagers: Readings[Alertmanager], services: Readings[Service], environments: Environments
) -> tuple[str, str, str]:
    """The Service before an Alertmanager of the same namespace, else environment; the Operator's own if the chart's is not there."""
    spaces = [one.metadata.namespace for one in alertmanagers.items]
    same = [one for one in alertmanagers.items if one.metadata.namespace == place.namespace]
    near = same or [one for one in alertmanagers.items if own and environments.of(one.metadata.namespace) == own]
    if not near:
        return (spaces[0] if spaces and not own else place.namespace), "YOUR-ALERTMANAGER", "http-web"
    one = near[0]
    service = services.by_name().get((one.metadata.namespace, one.metadata.name))
    return one.metadata.namespace, one.metadata.name if service else "alertmanager-operated", one.spec.port_name
