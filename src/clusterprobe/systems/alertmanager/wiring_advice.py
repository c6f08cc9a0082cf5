"""Why a Prometheus has no Alertmanager to send to, and how to name its own."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.environments import Environments
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Step, Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.sources import ALERTMANAGERS, Alertmanager
from clusterprobe.systems.kubernetes.looking import asked_again
from clusterprobe.systems.kubernetes.objects import Service
from clusterprobe.systems.prometheus.object_advice import IN_ALERTMANAGER, IN_PROMETHEUS, set_spec, value_of, where
from clusterprobe.systems.prometheus.objects import PROMETHEUSES, VM_ALERTS, AlertmanagerEndpoint, Prometheus
from clusterprobe.systems.prometheus.openshift import openshift_setting

OPERATED = "alertmanager-operated"  # the Operator's own Service
VALUE = f"{IN_PROMETHEUS}.alertingEndpoints"


def why_nobody(custom: Prometheus | None, place: Subject, services: Readings[Service], dropped: bool) -> str:
    """The likeliest reason why it found no Alertmanager."""
    name = f"{place.namespace}/{place.name}"
    if place.kind == VM_ALERTS.kind:
        return "It has no notifier: its flag -notifier.url names none, and what -notifier.config discovers has found none."
    if custom is None:
        return (
            f"No Prometheus object {name} was read, so which Alertmanagers it is configured with is not known: see `alerting` in its file."
        )
    named = (custom.spec.alerting.alertmanagers or []) if custom.spec.alerting else []
    if not named:
        return f"spec.alerting of {name} names no Alertmanager." + (
            f" The chart writes it empty where `alertmanager.enabled` is false and `{VALUE}` is not set."
            if value_of(custom.metadata, VALUE)
            else ""
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
    if place.kind == VM_ALERTS.kind:
        return _name_a_notifier(server)
    found = look("See which Alertmanagers it has found.", asked_again(server, "/api/v1/alertmanagers"))
    idle = _idle_one(place, custom, alertmanagers)
    if idle is not None:
        text = f"Let {idle.metadata.namespace}/{idle.metadata.name} run, which it names and which is scaled to 0."
        return [set_spec(text, ALERTMANAGERS, idle.metadata, {"replicas": 1}, key=IN_ALERTMANAGER), found]
    ours = _own_service(place, own, alertmanagers, services, environments)
    if ours is None:
        return [
            look("See which Alertmanagers there are.", shell("kubectl get services -A | grep -i alertmanager")),
            change(f"Name the Service of its environment's Alertmanager {_where_named(custom)}"),
            found,
        ]
    return [_name_it(custom, ours), found]


def _idle_one(place: Subject, custom: Prometheus | None, alertmanagers: Readings[Alertmanager]) -> Alertmanager | None:
    """The Alertmanager whose Service it names, and that is scaled to 0."""
    listed = custom.spec.alerting.alertmanagers or [] if custom and custom.spec.alerting else []
    named = {(one.namespace or place.namespace, one.name) for one in listed}
    idle = [one for one in alertmanagers.items if not one.wanted_pods]
    return next((one for one in idle if {(one.metadata.namespace, name) for name in (one.metadata.name, OPERATED)} & named), None)


def _name_a_notifier(server: Server) -> list[Step]:
    """For a VMAlert, whose Alertmanagers are addresses: no command, for which of them is its own is not certain."""
    return [
        look("See which Alertmanagers there are.", shell("kubectl get services -A | grep -i alertmanager")),
        change(
            "Name the address of its environment's Alertmanager under spec.notifiers of the VMAlert (`vmalert.spec.notifiers` in the "
            "values of victoria-metrics-k8s-stack), or by the flag -notifier.url of a vmalert without the operator. Change it at its "
            "source, in Git."
        ),
        look("See where it sends alerts, by the label addr of vmalert_alerts_sent_total.", asked_again(server, "/metrics")),
    ]


def _where_named(custom: Prometheus | None) -> str:
    if custom is None:
        return f"under `alerting` in its configuration, {SOURCE}."
    return f"under spec.alerting of the object. {where(custom.metadata, VALUE)}"


def _name_it(custom: Prometheus | None, ours: tuple[str, str, str]) -> Step:
    namespace, name, port = ours
    if custom is None:
        return change(f"Name its own, the port {port} of the Service {namespace}/{name}, {_where_named(custom)}")
    entry = {"namespace": namespace, "name": name, "port": port, "apiVersion": "v2"}
    default = f"Or leave `{VALUE}` empty and `alertmanager.enabled` true." if value_of(custom.metadata, VALUE) else ""
    config_map, key, section = openshift_setting(custom.metadata)
    return set_spec(
        "Name its own.",
        *(PROMETHEUSES, custom.metadata, {"alerting": {"alertmanagers": [entry]}}),
        key=IN_PROMETHEUS,
        values={"alertingEndpoints": [entry]},
        instead=f"Name it under {section}.additionalAlertmanagerConfigs in the key config.yaml of the ConfigMap {config_map}/{key}.",
        after=default,
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
    return one.metadata.namespace, one.metadata.name if service else OPERATED, one.spec.port_name
