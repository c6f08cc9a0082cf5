from collections.abc import Iterator
from typing import Any

import pytest

from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.backends import Lead
from clusterprobe.systems.ingress.gateways import http_routes
from clusterprobe.systems.ingress.middlewares import Middleware, Reference
from clusterprobe.systems.ingress.other_routes import OtherRoute, RouteTls, other_routes
from clusterprobe.systems.ingress.traefik_rules import hosts_in
from clusterprobe.systems.kubernetes.objects import BackendPort, EndpointSlice, Metadata, Namespace, Service, ServiceBackend
from clusterprobe.verdict import Verdict
from probes.ingress.probe_other_routes import probe_other_routes
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons
from tests.listserver import ListServer, discovered, serving

SHOP = listing("Namespace", [make(Namespace, metadata={"name": "shop"})])
RULE = "Host(`api.example.org`)"
TRAEFIK = {"app.kubernetes.io/name": "traefik"}
NO_HOST = "its rule “PathPrefix('/')” names no host to ask for; name it there as `Host(…)` alone, or under `spec.tls.domains`, which is asked for then"
ROUTE = Subject(api_version="traefik.io/v1alpha1", kind="IngressRoute", namespace="shop", name="api")
HTTP_ROUTE = Subject(api_version="gateway.networking.k8s.io/v1", kind="HTTPRoute", namespace="shop", name="api")


@pytest.fixture
def server() -> Iterator[ListServer]:
    with serving() as one:
        yield one


def service(name: str = "api", namespace: str = "shop", ports: Any = None) -> Service:
    own = [{"name": "http", "port": 80, "targetPort": "http"}] if ports is None else ports
    return labelled(Service, namespace, name, spec={"selector": {"app": name}, "ports": own})


def endpoints(*ready: bool, of: str = "api", namespace: str = "shop") -> EndpointSlice:
    found = [{"conditions": {"ready": one}} for one in ready]
    return labelled(
        EndpointSlice, namespace, f"{of}-x1", {"kubernetes.io/service-name": of}, endpoints=found, ports=[{"name": "http", "port": 8000}]
    )


def route(port: int | str = 80, name: str = "api", namespace: str = "shop", **more: Any) -> OtherRoute:
    own = BackendPort(name=port) if isinstance(port, str) else BackendPort(number=port)
    return OtherRoute([Lead(RULE, namespace, ServiceBackend(name=name, port=own))], **more)


def around(*routes: OtherRoute, subject: Subject = ROUTE, **more: Any) -> dict[str, Any]:
    there = more.pop("middlewares", Readings(absent="there is no Middleware of Traefik"))
    told = {"services": [service()], "endpoint_slices": [endpoints(True)], "pods": [], "replica_sets": [], **more}
    kinds = {"services": "Service", "endpoint_slices": "EndpointSlice", "pods": "Pod", "replica_sets": "ReplicaSet"}
    lists = {name: listing(kinds[name], value) for name, value in told.items()}
    return {"other_routes": Readings(tuple((subject, one) for one in routes)), "traefik_middlewares": there, **lists}


def judge(*routes: OtherRoute, **more: Any) -> Verdict:
    return judged(probe_other_routes, **around(*routes, **more))


# --- the judgement -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [80, "http", 0])
def test_a_service_with_something_ready_passes_by_number_name_or_no_port(port: int | str) -> None:
    verdict = judge(route(port))
    assert (outcome(verdict), verdict.findings) == ("pass", [])


def test_a_service_that_does_not_exist_is_named_with_those_that_do() -> None:
    (finding,) = judge(route(), services=[service("api-v2")], endpoint_slices=[]).findings
    assert (finding.reason, str(finding.severity)) == ("ServiceMissing", "error")
    assert finding.problem == f"Nothing answers behind {RULE}: clients get an error of the controller."
    assert finding.cause == (
        "IngressRoute shop/api leads to port 80 of Service api, and the Service shop/api does not exist. In shop there are: api-v2."
    )
    assert "name the right one in the IngressRoute" in finding.fix


def test_one_of_another_namespace_is_pointed_out_without_the_rule_of_an_ingress() -> None:
    (finding,) = judge(route(), services=[service(namespace="billing")], endpoint_slices=[]).findings
    assert finding.cause.endswith("One of that name is in billing.")


def test_a_route_may_lead_to_another_namespace() -> None:
    assert judge(
        route(namespace="billing"), services=[service(namespace="billing")], endpoint_slices=[endpoints(True, namespace="billing")]
    )
    (finding,) = judge(route(namespace="billing")).findings
    assert "the Service billing/api does not exist" in finding.cause


def test_a_port_that_is_not_there_and_nothing_ready_are_told_apart() -> None:
    assert reasons(judge(route("web"))) == ["PortMissing"]
    assert reasons(judge(route(), endpoint_slices=[endpoints(False)])) == ["NoEndpoints"]
    assert reasons(judge(route(0), endpoint_slices=[endpoints(False)])) == ["NoEndpoints"]


def test_what_the_controller_of_a_gateway_tells_is_not_told_twice() -> None:
    told = route(controller_tells=True)
    assert reasons(judge(told, subject=HTTP_ROUTE, services=[], endpoint_slices=[])) == []
    assert reasons(judge(told, subject=HTTP_ROUTE, endpoint_slices=[endpoints(False)])) == ["NoEndpoints"]


def test_what_cannot_be_read_is_never_a_pass() -> None:
    assert_blindness_is_no_health(probe_other_routes, around(route()), but=["traefik_middlewares"])
    named = route(middlewares=[Reference("Middleware", "limit", "shop")])
    assert_blindness_is_no_health(probe_other_routes, around(named, middlewares=there(("shop", "limit"))))


def there(*places: tuple[str, str], chain: tuple[Reference, ...] = ()) -> Readings[Middleware]:
    """Middlewares of these namespaces and names; each is made of `chain`."""
    return Readings(
        tuple(
            (Subject(kind="Middleware", namespace=namespace, name=name), Middleware(Metadata(name, namespace), list(chain)))
            for namespace, name in places
        )
    )


def test_a_middleware_of_the_routes_own_namespace_or_of_the_one_that_it_names_passes() -> None:
    named = [Reference("Middleware", "limit", "shop"), Reference("Middleware", "https", "traefik"), Reference("Middleware", "secure@file")]
    assert outcome(judge(route(middlewares=named), middlewares=there(("shop", "limit"), ("traefik", "https")))) == "pass"


def test_a_middleware_of_another_namespace_is_not_found_there() -> None:
    (finding,) = judge(route(middlewares=[Reference("Middleware", "https", "shop")]), middlewares=there(("traefik", "https"))).findings
    assert (finding.reason, str(finding.severity)) == ("MiddlewareMissing", "error")
    assert finding.problem == (
        "IngressRoute shop/api names the Middleware https, which is not there: Traefik leaves the route out, and answers its requests with 404."
    )
    assert finding.cause == "Without another namespace beside it, Traefik looks for https in shop. One of that name is in traefik."
    assert "(namespace: traefik)" in finding.fix
    assert "allowCrossNamespace" in finding.fix


def test_a_chain_that_names_what_is_not_there_is_found_where_a_route_names_it() -> None:
    chain = there(("shop", "all"), chain=(Reference("Middleware", "gone", "shop"),))
    (finding,) = judge(route(middlewares=[Reference("Middleware", "all", "shop")]), middlewares=chain).findings
    assert (str(finding.subject), "no route through it is served" in finding.problem) == ("Middleware shop/all", True)


# --- the routes --------------------------------------------------------------------------------------------------------


def read(server: ListServer, path: str, plural: str, kind: str, spec: Any, version: str = "v1") -> Readings[OtherRoute]:
    server.answers = {path: {"kind": f"{kind}List", "items": [{"metadata": {"name": "api", "namespace": "shop"}, "spec": spec}]}}
    served = discovered({plural: kind}, version=version)
    return other_routes(server.cluster(), served, SHOP, http_routes(server.cluster(), served, SHOP))


def leads(readings: Readings[OtherRoute]) -> list[tuple[str, str, str, str]]:
    return [(one.route, one.namespace, one.backend.name, str(one.backend.port)) for each in readings.items for one in each.leads]


@pytest.mark.parametrize("group", ["traefik.io", "traefik.containo.us"])
def test_an_ingress_route_of_either_group_is_read(server: ListServer, group: str) -> None:
    services = [
        {"name": "api", "port": "http"},
        {"name": "v2", "namespace": "next", "port": 80, "kind": "Service"},
        {"name": "dashboard@internal", "kind": "TraefikService"},
    ]
    spec = {"routes": [{"match": RULE, "kind": "Rule", "services": services}, {"match": "PathPrefix(`/`)"}], "tls": {"secretName": "api"}}
    found = read(server, f"/apis/{group}/v1alpha1/ingressroutes", f"ingressroutes.{group}", "IngressRoute", spec, "v1alpha1")
    assert leads(found) == [(RULE, "shop", "api", "http"), (RULE, "next", "v2", "80")]
    assert found.items[0].tls == RouteTls(hosts=["api.example.org"], hostless=[NO_HOST], secret_name="api", controller=TRAEFIK)
    assert (found.complete, found.values[0][0].kind) == (True, "IngressRoute")


def tls_of(server: ListServer, tls: Any, *matches: str, **spec: Any) -> RouteTls | None:
    spec |= {"routes": [{"match": one} for one in matches]} | ({} if tls is None else {"tls": tls})
    path = "/apis/traefik.io/v1alpha1/ingressroutes"
    return read(server, path, "ingressroutes.traefik.io", "IngressRoute", spec, "v1alpha1").items[0].tls


def test_the_tls_of_a_route_of_traefik_is_read_even_if_it_is_empty(server: ListServer) -> None:
    assert tls_of(server, None, RULE) is None
    assert tls_of(server, {}, RULE) == RouteTls(hosts=["api.example.org"], controller=TRAEFIK)
    asked = tls_of(server, {"certResolver": "le", "passthrough": True}, RULE, entryPoints=["websecure"])
    assert asked == RouteTls(hosts=["api.example.org"], resolver="le", passes_through=True, controller=TRAEFIK, entry_points=["websecure"])


def test_the_domains_of_a_certificate_stand_in_for_a_rule_without_a_host(server: ListServer) -> None:
    domains = [{"main": "example.org", "sans": ["*.example.org"]}]
    found = tls_of(server, {"certResolver": "le", "domains": domains}, "HostRegexp(`.+`)")
    assert found and (found.hosts, found.hostless) == (["example.org", "*.example.org"], [])
    found = tls_of(server, {"certResolver": "le", "domains": domains}, RULE)
    assert found and found.hosts == ["api.example.org"]


@pytest.mark.parametrize(
    ("match", "hosts"),
    [
        (RULE, ["api.example.org"]),
        ("Host(`a.org`) || Host(`b.org`) && PathPrefix(`/x`)", ["a.org", "b.org"]),
        ('Host("a.org", `b.org`)', ["a.org", "b.org"]),
        ("HostSNI(`db.org`)", ["db.org"]),
        ("HostSNI(`*`)", []),
        ("HostRegexp(`^.+\\.a\\.org$`)", []),
        ("Host(`a.org`) || HostRegexp(`.+`)", []),
        ("!Host(`a.org`) && Host(`b.org`)", ["b.org"]),
        ("!(Host(`a.org`) || Host(`b.org`))", []),
        ('Host(`a.org`) && Header(`X`, `Host("c.org")`)', ["a.org"]),
        ("PathPrefix(`/`)", []),
        ("Host(`a.org` `", []),
        ("Host(`-a;b`)", []),
        ("", []),
    ],
)
def test_the_hosts_of_a_rule_are_those_that_it_is_for(match: str, hosts: list[str]) -> None:
    assert hosts_in(match) == hosts


@pytest.mark.parametrize("termination", ["edge", "reencrypt", "passthrough", ""])
def test_the_tls_of_a_route_of_openshift_is_that_of_the_router_that_admitted_it(server: ListServer, termination: str) -> None:
    tls = {"termination": termination, "key": "never read", "externalCertificate": {"name": "api-tls"}} if termination else None
    spec = {"host": "api.example.org", "to": {"kind": "Service", "name": "api"}, "tls": tls}
    admitted = {"ingress": [{"routerName": "default", "routerCanonicalHostname": "router.apps.example.org"}, {"routerName": "other"}]}
    item = {"metadata": {"name": "api", "namespace": "shop"}, "spec": spec, "status": admitted}
    server.answers = {"/apis/route.openshift.io/v1/routes": {"kind": "RouteList", "items": [item]}}
    found = other_routes(server.cluster(), discovered({"routes.route.openshift.io": "Route"}), SHOP, Readings()).items[0].tls
    assert found == (
        RouteTls(
            hosts=["api.example.org"],
            secret_name="api-tls",
            passes_through=termination == "passthrough",
            controller={"ingresscontroller.operator.openshift.io/owning-ingresscontroller": "default"},
            addresses=["router.apps.example.org"],
        )
        if termination
        else None
    )


def test_a_route_of_openshift_is_read_with_its_alternates(server: ListServer) -> None:
    spec = {"host": "api.example.org", "to": {"kind": "Service", "name": "api"}, "port": {"targetPort": "http"}}
    spec["alternateBackends"] = [{"kind": "Service", "name": "v2", "weight": 10}]
    found = read(server, "/apis/route.openshift.io/v1/routes", "routes.route.openshift.io", "Route", spec)
    assert leads(found) == [("api.example.org", "shop", "api", "http"), ("api.example.org", "shop", "v2", "http")]


def test_the_number_of_a_routes_port_is_one_of_the_pods_and_no_port_of_the_service(server: ListServer) -> None:
    spec = {"host": "api.example.org", "to": {"kind": "Service", "name": "api"}, "port": {"targetPort": 8000}}
    found = read(server, "/apis/route.openshift.io/v1/routes", "routes.route.openshift.io", "Route", spec)
    assert leads(found) == [("api.example.org", "shop", "api", "0")]


def test_a_port_of_thousands_of_digits_is_a_name_that_no_service_has(server: ListServer) -> None:
    service = {"name": "api", "port": "9" * 5000}
    spec = {"routes": [{"match": "Host(`a`)", "services": [service]}]}
    found = read(server, "/apis/traefik.io/v1/ingressroutes", "ingressroutes.traefik.io", "IngressRoute", spec)
    assert leads(found) == [("Host(`a`)", "shop", "api", "9" * 5000)]


def test_an_http_route_is_read_without_what_is_no_service(server: ListServer) -> None:
    references = [{"name": "api", "port": 80}, {"group": "example.org", "kind": "Bucket", "name": "files"}]
    spec = {"hostnames": ["api.example.org"], "rules": [{"backendRefs": references}, {}]}
    found = read(server, "/apis/gateway.networking.k8s.io/v1/httproutes", "httproutes.gateway.networking.k8s.io", "HTTPRoute", spec)
    assert leads(found) == [("api.example.org", "shop", "api", "80")]
    assert found.items[0].controller_tells


def test_routes_that_may_not_be_listed_are_unreadable_and_none_served_is_proved(server: ListServer) -> None:
    server.answers = dict.fromkeys(("/apis/route.openshift.io/v1/routes", "/apis/route.openshift.io/v1/namespaces/shop/routes"), 403)
    found = other_routes(server.cluster(), discovered({"routes.route.openshift.io": "Route"}), SHOP, Readings())
    assert not found.complete
    assert other_routes(server.cluster(), discovered({}), SHOP, Readings()).absent.startswith("no route beside the Ingresses is here")


def test_a_route_of_traefik_tells_its_middlewares_and_of_which_kind_they_are(server: ListServer) -> None:
    named = [{"name": "limit"}, {"name": "https", "namespace": "traefik"}, {"name": "secure@file"}]
    spec = {"routes": [{"match": RULE, "services": [{"name": "api", "port": 80}], "middlewares": named}]}
    found = read(server, "/apis/traefik.io/v1alpha1/ingressroutes", "ingressroutes.traefik.io", "IngressRoute", spec, "v1alpha1")
    assert found.items[0].middlewares == [
        Reference("Middleware", "limit", "shop"),
        Reference("Middleware", "https", "traefik"),
        Reference("Middleware", "secure@file"),
    ]
    tcp = read(server, "/apis/traefik.io/v1alpha1/ingressroutetcps", "ingressroutetcps.traefik.io", "IngressRouteTCP", spec, "v1alpha1")
    assert tcp.items[0].middlewares[0] == Reference("MiddlewareTCP", "limit", "shop")
