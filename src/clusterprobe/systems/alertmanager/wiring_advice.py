"""Why a Prometheus has no Alertmanager to send to, and how to name its own."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.fixes import change, look, patch, shell, snippet
from clusterprobe.model import Step, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.sources import Alertmanager
from clusterprobe.systems.kubernetes.looking import asked_again
from clusterprobe.systems.kubernetes.objects import Service
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, AlertmanagerEndpoint, Prometheus

VALUE = "prometheus.prometheusSpec.alertingEndpoints"


def why_nobody(custom: Prometheus | None, place: Subject, services: Readings[Service], dropped: bool) -> str:
    """The likeliest reason why it found no Alertmanager."""
    name = f"{place.namespace}/{place.name}"
    if custom is None:
        return (
            f"No Prometheus object {name} was read, so which Alertmanagers it is configured with is not known: see `alerting` in its file."
        )
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
    return f"{what}, behind which no address was found" + (" (what else is in the namespace was found, and left out)" if dropped else "")


def name_the_alertmanager(
    place: Subject,
    own: str,
    custom: Prometheus | None,
    server: Server,
    alertmanagers: Readings[Alertmanager],
    services: Readings[Service],
    environments: Environments,
) -> list[Step]:
    """How to make a Prometheus send to its own environment's Alertmanager; commands only where that is certain."""
    found = look("See which Alertmanagers it has found.", asked_again(server, "/api/v1/alertmanagers"))
    ours = _own_service(place, own, alertmanagers, services, environments)
    if ours is None:
        return [
            look("See which Alertmanagers there are.", shell("kubectl get services -A | grep -i alertmanager")),
            change(
                f"Name the Service of its environment's Alertmanager under spec.alerting of the object (`{VALUE}` in the values, or "
                "`alerting` in the file of a Prometheus without the Operator). Change it at its source, in Git."
            ),
            found,
        ]
    return [_name_it(place, custom, ours), found]


def _name_it(place: Subject, custom: Prometheus | None, ours: tuple[str, str, str]) -> Step:
    namespace, name, port = ours
    entry = {"namespace": namespace, "name": name, "port": port, "apiVersion": "v2"}
    edit = patch({"spec": {"alerting": {"alertmanagers": [entry]}}})
    target = (place.namespace, PROMETHEUSES.name, place.name)
    return change(
        "Name its own. In Git where Argo CD or Flux manages it, as they revert the command; in the values of this release "
        f"(or leave `{VALUE}` empty and `alertmanager.enabled` true):",
        *([shell("kubectl -n {} patch {} {} --type merge -p {}", *target, edit)] if custom else []),
        code=snippet(
            "prometheus:\n  prometheusSpec:\n    alertingEndpoints:\n    - namespace: {}\n      name: {}\n      port: {}\n"
            "      apiVersion: v2",
            *ours,
        ),
    )


def _own_service(
    place: Subject, own: str, alertmanagers: Readings[Alertmanager], services: Readings[Service], environments: Environments
) -> tuple[str, str, str] | None:
    """The Service before the one Alertmanager of the same namespace, else environment; the Operator's own if the chart's is not there."""
    same = [one for one in alertmanagers.items if one.metadata.namespace == place.namespace]
    near = same or [one for one in alertmanagers.items if own and environments.of(one.metadata.namespace) == own]
    if len(near) != 1:
        return None
    one = near[0]
    service = services.by_name().get((one.metadata.namespace, one.metadata.name))
    return one.metadata.namespace, one.metadata.name if service else "alertmanager-operated", one.spec.port_name
