"""Hosts that do not lead to their application, and hosts that only look as if they did not."""

from __future__ import annotations

import http.client

from lab import api
from lab.command import wait_until
from lab.platform import ingress
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.ingress import DOMAIN, host_of, ingress_path
from lab.platform.manifests import Environment, document
from lab.stages import Stage

_NEXT = "fastapi-next"
_ADMIN = "admin-page"
_OTHER = "internal"
# It asks for the password only where there is a page.
_SERVE = "cd /tmp && echo hello > index.html && echo '/:admin:*' > httpd.conf && exec httpd -f -p 8080 -h /tmp -c /tmp/httpd.conf"
_TRAEFIK = "/apis/apps/v1/namespaces/traefik/deployments/traefik"
_TRAEFIK_PODS = "/api/v1/namespaces/traefik/pods"
_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"


def stage_without_endpoints(environment: Environment) -> None:
    """Blue and green: the Ingress is switched to the Service of a version that was never rolled out."""
    selector = {"app.kubernetes.io/name": "fastapi", "version": "v2"}
    ports = [{"name": "http", "port": 8000, "targetPort": "http"}]
    api.create(_services(environment), _object("v1", "Service", environment, _NEXT, {"selector": selector, "ports": ports}))
    _lead_to(environment, {"service": {"name": _NEXT, "port": {"name": "http"}}})
    _wait(environment, http.client.SERVICE_UNAVAILABLE)


def stage_port_closed(environment: Environment) -> None:
    """The application listens on another port than before; the Service still leads to the old one."""
    ports = [{"name": "http", "port": 8000, "targetPort": 8080}]
    wanted = {"selector": {"app.kubernetes.io/name": "fastapi"}, "ports": ports}
    api.create(_services(environment), _object("v1", "Service", environment, _NEXT, wanted))
    _lead_to(environment, {"service": {"name": _NEXT, "port": {"name": "http"}}})
    _wait(environment, http.client.BAD_GATEWAY)


def stage_wrong_port(environment: Environment) -> None:
    """The Service's port was renamed; the Ingress still has the old one."""
    _lead_to(environment, {"service": {"name": "fastapi", "port": {"number": 80}}})
    _wait(environment, http.client.NOT_FOUND)


def stage_class_missing(environment: Environment) -> None:
    """The class of another cluster, copied with the chart's values. The old address stays in the status."""
    api.patch(ingress_path(environment), {"spec": {"ingressClassName": "nginx-internal"}})
    _wait(environment, http.client.NOT_FOUND)


def clear_route(environment: Environment) -> None:
    """The Ingress as it was."""
    healthy = document("ingress", "Ingress", "fastapi", environment)["spec"]
    api.patch(ingress_path(environment), [{"op": "replace", "path": "/spec", "value": healthy}], api.JSON_PATCH)
    api.delete(f"{_services(environment)}/{_NEXT}")
    _wait(environment, http.client.OK)
    host = host_of(environment)
    wait_until(f"{host} to show its certificate", lambda: host in ingress.shown(host).names, PATIENCE_SECONDS)


def stage_scaled_to_zero(environment: Environment) -> None:
    """Somebody saves memory, and forgets the host."""
    _make_admin_page(environment, replicas=0)
    _wait_for_admin(environment, http.client.SERVICE_UNAVAILABLE)


def stage_controller_at_zero(_: Environment) -> None:
    """Somebody stops Traefik for a repair, and is called away."""
    api.patch(_TRAEFIK, {"spec": {"replicas": 0}})
    wait_until("Traefik to be gone", lambda: not api.items(_TRAEFIK_PODS), PATIENCE_SECONDS)


def clear_controller(environment: Environment) -> None:
    api.patch(_TRAEFIK, {"spec": {"replicas": 1}})
    wait_for_rollout(_TRAEFIK)
    _wait(environment, http.client.OK)


def stage_login(environment: Environment) -> None:
    """A page that asks everybody for a password, on plain HTTP: it has an Ingress without TLS, and answers 401."""
    _make_admin_page(environment, replicas=1)
    wait_for_rollout(f"{_deployments(environment)}/{_ADMIN}")
    _wait_for_admin(environment, http.client.UNAUTHORIZED)


def clear_admin(environment: Environment) -> None:
    for path in (ingress_path(environment, _ADMIN), f"{_services(environment)}/{_ADMIN}", f"{_deployments(environment)}/{_ADMIN}"):
        api.delete(path)
    selector = f"/api/v1/namespaces/{environment.workload_namespace}/pods?labelSelector=app.kubernetes.io/name={_ADMIN}"
    wait_until(f"{_ADMIN} to be gone", lambda: not api.items(selector), PATIENCE_SECONDS)


def stage_other_class(environment: Environment) -> None:
    """A controller that is not of this cluster serves this class; what it shows and answers cannot be seen from here."""
    spec = {"controller": "example.com/external-load-balancer"}
    api.create(_CLASSES, {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": _OTHER}, "spec": spec})
    host = f"partners-{environment.name}.{DOMAIN}"
    rule = _rule(host, {"service": {"name": "fastapi", "port": {"name": "http"}}})
    wanted = {"ingressClassName": _OTHER, "tls": [{"hosts": [host], "secretName": "partners-tls"}], "rules": [rule]}
    path = ingress_path(environment, _OTHER).rpartition("/")[0]
    api.create(path, _object("networking.k8s.io/v1", "Ingress", environment, _OTHER, wanted))


def clear_other_class(environment: Environment) -> None:
    api.delete(ingress_path(environment, _OTHER))
    api.delete(f"{_CLASSES}/{_OTHER}")


def _lead_to(environment: Environment, backend: api.Object) -> None:
    api.patch(ingress_path(environment), {"spec": {"rules": [_rule(host_of(environment), backend)]}})


def _rule(host: str, backend: api.Object) -> api.Object:
    return {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}


def _wait(environment: Environment, status: int) -> None:
    host = host_of(environment)
    wait_until(f"{host} to answer {status}", lambda: ingress.status(host, "/health") == status, PATIENCE_SECONDS)


def _make_admin_page(environment: Environment, replicas: int) -> None:
    labels = {"app.kubernetes.io/name": _ADMIN}
    pod = {"automountServiceAccountToken": False, "containers": [_container()], "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": labels}, "spec": pod}
    deployment = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    api.create(_deployments(environment), _object("apps/v1", "Deployment", environment, _ADMIN, deployment))
    service = {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    api.create(_services(environment), _object("v1", "Service", environment, _ADMIN, service))
    rule = _rule(_admin_host(environment), {"service": {"name": _ADMIN, "port": {"name": "http"}}})
    path = ingress_path(environment, _ADMIN).rpartition("/")[0]
    spec = {"ingressClassName": "traefik", "rules": [rule]}
    api.create(path, _object("networking.k8s.io/v1", "Ingress", environment, _ADMIN, spec))


def _container() -> api.Object:
    """Busybox' web server, which asks for a password for everything."""
    return {
        "name": _ADMIN,
        "image": "lab/busybox:1",
        "command": ["/bin/sh", "-c", _SERVE],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534},
    }


def _wait_for_admin(environment: Environment, status: int) -> None:
    host, plain = _admin_host(environment), http.client.HTTP_PORT
    path = ingress_path(environment, _ADMIN)
    wait_until(f"{host} to answer {status}", lambda: ingress.status(host, "/", plain) == status, PATIENCE_SECONDS)
    wait_until(f"{host} to have an address", lambda: bool(api.get(path)["status"].get("loadBalancer")), PATIENCE_SECONDS)


def _admin_host(environment: Environment) -> str:
    return f"admin-{environment.name}.{DOMAIN}"


def _services(environment: Environment) -> str:
    return f"/api/v1/namespaces/{environment.workload_namespace}/services"


def _deployments(environment: Environment) -> str:
    return f"/apis/apps/v1/namespaces/{environment.workload_namespace}/deployments"


def _object(version: str, kind: str, environment: Environment, name: str, spec: api.Object) -> api.Object:
    labels = {"app.kubernetes.io/name": name}
    metadata = {"name": name, "namespace": environment.workload_namespace, "labels": labels}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


_ROUTE, _PAGE = ("Ingress fastapi in {environment}",), ("admin-page in {environment}",)
STAGES = (
    Stage(
        "ingress-without-endpoints",
        "the Ingress leads to the Service of a version that was never rolled out",
        stage_without_endpoints,
        clear_route,
        touches=_ROUTE,
    ),
    Stage(
        "ingress-port-closed",
        "the Ingress leads to a Service whose targetPort nothing listens on",
        stage_port_closed,
        clear_route,
        touches=_ROUTE,
    ),
    Stage(
        "ingress-wrong-service-port",
        "the Ingress names a port that its Service does not have",
        stage_wrong_port,
        clear_route,
        touches=_ROUTE,
    ),
    Stage("ingress-class-missing", "the Ingress is of a class that does not exist here", stage_class_missing, clear_route, touches=_ROUTE),
    Stage("ingress-scaled-to-zero", "a host whose Deployment is scaled to 0", stage_scaled_to_zero, clear_admin, touches=_PAGE),
    Stage(
        "ingress-controller-at-zero",
        "Traefik is scaled to 0, and no host answers",
        stage_controller_at_zero,
        clear_controller,
        touches=(*_ROUTE, *_PAGE, "Traefik"),
    ),
    Stage("ingress-behind-login", "a look-alike: a host without TLS that answers 401", stage_login, clear_admin, touches=_PAGE),
    Stage(
        "ingress-other-class",
        "a look-alike: an Ingress that a load balancer outside serves, with a Secret that is not here",
        stage_other_class,
        clear_other_class,
        touches=("IngressClass internal",),
    ),
)
