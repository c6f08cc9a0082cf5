from typing import Any

import pytest

from clusterprobe.access.tls import Reply
from clusterprobe.evidence import Clock
from clusterprobe.model import Subject
from clusterprobe.readings import Readings
from clusterprobe.systems.ingress.answers import DirectAnswer, HostAnswer
from clusterprobe.systems.ingress.middlewares import Middleware
from clusterprobe.systems.kubernetes.objects import (
    EndpointSlice,
    Ingress,
    IngressClass,
    Metadata,
    Pod,
    ReplicaSet,
    Service,
    ServiceBackend,
)
from probes.ingress.probe_routes import probe_routes
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, make, outcome, reasons, refused

NOW = 1_800_000_000.0
HOST = "api.example.org"
LABELS = {"app": "api", "version": "v1"}
BACKEND = {"service": {"name": "api", "port": {"name": "http"}}}
WHERE = [{"ip": "192.0.2.1"}]


def ingress(
    name: str = "api", backend: Any = None, annotations: dict[str, str] | None = None, path: str = "/", addresses: Any = WHERE, **spec: Any
) -> Ingress:
    paths = [{"path": path, "pathType": "Prefix", "backend": backend or BACKEND}]
    wanted = {"ingressClassName": "traefik", "rules": [{"host": HOST, "http": {"paths": paths}}], **spec}
    metadata = {"annotations": annotations or {}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return labelled(Ingress, "shop", name, metadata=metadata, spec=wanted, status={"loadBalancer": {"ingress": addresses}})


def service(name: str = "api", **spec: Any) -> Service:
    wanted = {"selector": LABELS, "ports": [{"name": "http", "port": 8000, "targetPort": "http"}], **spec}
    return labelled(Service, "shop", name, spec=wanted)


def endpoints(*ready: bool | None, port: str = "http", of: str = "api") -> EndpointSlice:
    found = [{"conditions": {} if one is None else {"ready": one}} for one in ready]
    labels = {"kubernetes.io/service-name": of}
    return labelled(EndpointSlice, "shop", f"{of}-x1", labels, endpoints=found, ports=[{"name": port, "port": 8000}])


def pod(labels: dict[str, str] | None = None, ready: bool = True, **status: Any) -> Pod:
    conditions = [{"type": "Ready", "status": str(ready)}]
    container = {"name": "api", "ports": [{"name": "http", "containerPort": 8000}]}
    wanted = {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions, **status}
    return labelled(Pod, "shop", "api-7d9", labels or LABELS, spec={"containers": [container]}, status=wanted)


def revision(number: int, replicas: int, labels: dict[str, str] | None = None) -> ReplicaSet:
    owner = [{"kind": "Deployment", "name": "api", "controller": True}]
    metadata = {"ownerReferences": owner, "annotations": {"deployment.kubernetes.io/revision": str(number)}}
    return labelled(ReplicaSet, "shop", f"api-{number}", labels or LABELS, metadata=metadata, spec={"replicas": replicas})


def answered(status: int = 200, location: str = "", changes: str = "", host: str = HOST) -> HostAnswer:
    reply = Reply(address="192.0.2.1:443", status=status, location=location)
    return HostAnswer(host=host, path="/health", backend=make(ServiceBackend, **BACKEND["service"]), changes=changes, reply=reply)


def platform(
    *ingresses: Ingress, answer: HostAnswer | None = None, direct: int | None = None, classes: Any = None, **changes: Any
) -> dict[str, Any]:
    every = listing("Ingress", ingresses or [ingress()])
    first = every.values[0][0]
    default = [labelled(IngressClass, "", "traefik", spec={"controller": "traefik.io/ingress-controller"})]
    asked = DirectAnswer(host=HOST, path="/health", status=direct or 0)
    told = {
        "services": [service()],
        "endpoint_slices": [endpoints(True)],
        "pods": [pod()],
        "replica_sets": [revision(1, 1)],
        "traefik_middlewares": Readings(absent="there is no Middleware of Traefik"),
        **changes,
    }
    kinds = {"services": "Service", "endpoint_slices": "EndpointSlice", "pods": "Pod", "replica_sets": "ReplicaSet"}
    lists = {name: value if isinstance(value, Readings) else listing(kinds[name], value) for name, value in told.items()}
    return {
        "watched_ingresses": every,
        "ingress_classes": listing("IngressClass", default if classes is None else classes),
        "ingress_answers": Readings(((first, answer or answered()),)),
        "ingress_direct_answers": Readings(((first, asked),)) if direct else Readings(absent="every host answers as a backend may"),
        "clock": Clock(NOW),
        **lists,
    }


def test_a_host_whose_backend_is_ready_and_answers_passes_and_is_shown() -> None:
    verdict = judged(probe_routes, **platform())
    assert outcome(verdict) == "pass"
    assert not verdict.findings
    assert verdict.exhibits[0].rows == [[f"{HOST}/health", "200", "", ""]]  # type: ignore[union-attr]


# --- nothing behind it --------------------------------------------------------------------------------------------------


def one_of(**told: Any) -> Any:
    (finding,) = judged(probe_routes, **platform(**told)).findings
    return finding


def test_an_action_of_the_load_balancer_needs_no_service() -> None:
    action = {"service": {"name": "ssl-redirect", "port": {"name": "use-annotation"}}}
    assert judged(probe_routes, **platform(ingress("api", action))).findings == []
    (finding,) = judged(probe_routes, **platform(ingress("api", {"service": {"name": "ssl-redirect", "port": {"name": "http"}}}))).findings
    assert finding.reason == "ServiceMissing"


def test_a_service_that_does_not_exist_is_named_with_those_that_do() -> None:
    finding = one_of(services=[service("api-v2")])
    assert (finding.reason, str(finding.severity)) == ("ServiceMissing", "error")
    assert "the Service shop/api does not exist. In shop there are: api-v2." in finding.cause
    assert f"behind {HOST}/" in finding.problem
    assert finding.breaks == ["Ingress/shop/api"]


def test_a_service_of_that_name_elsewhere_is_pointed_out() -> None:
    assert "One of that name is in billing" in one_of(services=[labelled(Service, "billing", "api")]).cause


@pytest.mark.parametrize(("port", "named"), [({"name": "web"}, "web"), ({"number": 80}, "80")])
def test_a_port_that_the_service_does_not_have_is_named_with_those_that_it_has(port: Any, named: str) -> None:
    (finding,) = judged(probe_routes, **platform(ingress(backend={"service": {"name": "api", "port": port}}))).findings
    assert finding.reason == "PortMissing"
    assert f"the Service shop/api has no port {named}: it has 8000 (http)" in finding.cause
    assert finding.fix.endswith("$ kubectl -n shop edit ingress api")


def test_pods_that_are_not_ready_are_named_with_their_state() -> None:
    waiting = [{"name": "api", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    finding = one_of(endpoint_slices=[endpoints(False)], pods=[pod(ready=False, containerStatuses=waiting)])
    assert (finding.reason, str(finding.severity)) == ("NoEndpoints", "error")
    assert "none of its pods is ready: api-7d9 (CrashLoopBackOff)" in finding.cause
    assert "Pod/shop/api-7d9" in finding.rests_on


def test_pods_on_a_node_that_does_not_report_rest_on_the_node() -> None:
    silent = [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]
    status = {"phase": "Running", "podIP": "10.0.0.1", "conditions": silent}
    cut_off = labelled(Pod, "shop", "api-7d9", LABELS, spec={"nodeName": "worker2", "containers": [{"name": "api"}]}, status=status)
    finding = one_of(endpoint_slices=[endpoints(False)], pods=[cut_off])
    assert "none of its pods is ready: api-7d9 (on worker2, which does not report)" in finding.cause
    assert "Node/worker2" in finding.rests_on


def test_a_selector_that_matches_no_pod_names_the_label_that_differs() -> None:
    changes = {"services": [service(selector={"app": "api", "version": "v2"})], "endpoint_slices": []}
    finding = one_of(**changes)
    assert "selects app=api, version=v2, and no pod has these labels" in finding.cause
    assert "Nearest is Pod api-7d9, with version=v1" in finding.cause
    assert finding.fix.endswith("$ kubectl -n shop edit service api")
    assert str(finding.severity) == "error"


def test_a_deployment_scaled_to_0_is_a_warning_that_says_so() -> None:
    finding = one_of(endpoint_slices=[], pods=[], replica_sets=[revision(1, 0), revision(2, 0)])
    assert (finding.reason, str(finding.severity)) == ("NoEndpoints", "warning")
    assert "its Deployment shop/api is scaled to 0" in finding.cause
    assert "scale deployment api --replicas=1" in finding.fix


def test_an_old_revision_at_0_is_not_the_deployment_scaled_to_0() -> None:
    renamed = {"app": "api", "version": "v2"}
    finding = one_of(endpoint_slices=[], pods=[pod(renamed)], replica_sets=[revision(1, 0), revision(2, 1, renamed)])
    assert str(finding.severity) == "error"
    assert "no pod has these labels" in finding.cause
    assert "with version=v2" in finding.cause


def test_a_deployment_that_gets_no_pods_is_named() -> None:
    assert "its Deployment shop/api wants pods and has none" in one_of(endpoint_slices=[], pods=[]).cause


def test_a_service_without_a_selector_and_without_addresses_is_an_error() -> None:
    assert "has no selector" in one_of(services=[service(selector=None)], endpoint_slices=[]).cause


def test_a_target_port_that_no_container_names_is_the_cause() -> None:
    assert (
        "leads to targetPort http, which no container of its ready pods names" in one_of(endpoint_slices=[endpoints(True, port="x")]).cause
    )


def test_what_leads_out_of_the_cluster_has_no_endpoints_and_needs_none() -> None:
    assert not judged(probe_routes, **platform(services=[service(type="ExternalName", selector=None)], endpoint_slices=[])).findings


def test_an_endpoint_that_does_not_say_whether_it_is_ready_counts_as_ready() -> None:
    assert not judged(probe_routes, **platform(endpoint_slices=[endpoints(None)])).findings


def test_the_default_backend_is_judged_too_and_one_that_is_no_service_is_not() -> None:
    other = {"service": {"name": "gone", "port": {"number": 80}}}
    verdict = judged(probe_routes, **platform(ingress(defaultBackend=other)))
    assert "every other host" in verdict.findings[0].problem
    resource = {"resource": {"kind": "Bucket", "name": "static"}}
    assert not judged(probe_routes, **platform(ingress(backend=resource))).findings


@pytest.mark.parametrize("source", ["services", "endpoint_slices"])
def test_what_stands_behind_it_is_unchecked_where_that_could_not_be_read(source: str) -> None:
    blind = Readings((), (refused("List", "shop", "not allowed"),))
    verdict = judged(probe_routes, **platform(**{source: blind}))
    assert not verdict.findings
    assert outcome(verdict) == "inconclusive"


@pytest.mark.parametrize("source", ["pods", "replica_sets"])
def test_without_pods_or_revisions_the_finding_stands_as_a_warning(source: str) -> None:
    blind = Readings((), (refused("List", "shop", "not allowed to list them"),))
    finding = one_of(**{"endpoint_slices": [], "pods": [], "replica_sets": [], source: blind})
    assert (finding.reason, str(finding.severity)) == ("NoEndpoints", "warning")
    assert "could not be seen: not allowed to list them" in finding.cause


# --- its class ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("addresses", "answer"), [([], answered()), (WHERE, answered(404))])
def test_a_class_that_does_not_exist_is_an_error(addresses: Any, answer: HostAnswer) -> None:
    finding = one_of_ingress(ingress(ingressClassName="nginx", addresses=addresses), answer=answer, direct=200)
    assert (finding.reason, str(finding.severity)) == ("ClassMissing", "error")
    assert "Its ingressClassName is nginx, and there is no IngressClass of that name (there are: traefik)" in finding.cause
    assert finding.breaks == ["Ingress/shop/api"]


def one_of_ingress(one: Ingress, **told: Any) -> Any:
    (finding,) = judged(probe_routes, **platform(one, **told)).findings
    return finding


def test_a_controller_that_goes_by_the_name_alone_and_answers_is_no_finding() -> None:
    assert not judged(probe_routes, **platform(ingress(ingressClassName="nginx"))).findings


def test_an_ingress_made_just_now_may_lack_an_address() -> None:
    one = ingress(ingressClassName="nginx", addresses=[])
    assert not judged(probe_routes, **{**platform(one), "clock": Clock(1_767_225_600.0 + 119)}).findings
    assert judged(probe_routes, **{**platform(one), "clock": Clock(1_767_225_600.0 + 121)}).findings


def test_the_old_annotation_needs_no_ingress_class() -> None:
    old = ingress(ingressClassName="", annotations={"kubernetes.io/ingress.class": "nginx"}, addresses=[])
    assert not judged(probe_routes, **platform(old)).findings


@pytest.mark.parametrize(("default", "found"), [("false", ["NoClass"]), ("true", [])])
def test_an_ingress_without_a_class_needs_a_default_one(default: str, found: list[str]) -> None:
    metadata = {"annotations": {"ingressclass.kubernetes.io/is-default-class": default}}
    classes = [labelled(IngressClass, "", "traefik", metadata=metadata)]
    verdict = judged(probe_routes, **platform(ingress(ingressClassName="", addresses=[]), classes=classes))
    assert reasons(verdict) == found
    assert all(str(one.severity) == "warning" for one in verdict.findings)


# --- what it answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "direct", "reason", "severity"),
    [
        (answered(404), 200, "AnswersSomethingElse", "error"),
        (answered(502), 200, "BackendNotReached", "error"),
        (answered(503), 404, "BackendNotReached", "error"),
        (answered(302, "https://shop.example.com/"), 200, "RedirectsElsewhere", "warning"),
    ],
)
def test_an_answer_that_is_not_the_backends_is_found(answer: HostAnswer, direct: int, reason: str, severity: str) -> None:
    finding = one_of(answer=answer, direct=direct)
    assert (finding.reason, str(finding.severity)) == (reason, severity)
    assert HOST in finding.problem
    assert f"asked for the same path by itself, answers {direct}" in finding.cause


@pytest.mark.parametrize(
    "answer",
    [
        answered(200),
        answered(401),
        answered(403),
        answered(500),
        answered(302, "/login"),
        answered(302, f"https://{HOST}/app"),
        answered(301, "https://www.api.example.org/"),
        answered(302, "https://accounts.example.com/o/oauth2/auth?client=x"),
        answered(302, "https://sso.example.com/"),
    ],
)
def test_answers_of_an_application_and_of_a_login_are_no_findings(answer: HostAnswer) -> None:
    assert not answer.odd
    assert not judged(probe_routes, **platform(answer=answer)).findings


@pytest.mark.parametrize(("answer", "direct"), [(answered(404), 404), (answered(503), 503), (answered(302, "https://a.example.com/"), 302)])
def test_an_odd_answer_that_the_backend_gives_itself_is_only_noted(answer: HostAnswer, direct: int) -> None:
    verdict = judged(probe_routes, **platform(answer=answer, direct=direct))
    assert outcome(verdict) == "pass"
    assert "its backend by itself" in verdict.notes[0]


def test_requests_that_the_controller_changes_are_not_compared() -> None:
    verdict = judged(probe_routes, **platform(answer=answered(404, changes="rewrite-target")))
    assert not verdict.findings
    assert "rewrite-target" in verdict.notes[0]


def test_a_backend_that_was_not_asked_is_only_noted() -> None:
    verdict = judged(probe_routes, **platform(answer=answered(404), services=[service(type="ExternalName")]))
    assert not verdict.findings
    assert "its backend could not be asked" in verdict.notes[0]


@pytest.mark.parametrize("changes", ["", "rewrite-target"])
def test_an_error_of_a_host_whose_backend_was_not_asked_is_unchecked(changes: str) -> None:
    verdict = judged(probe_routes, **platform(answer=answered(503, changes=changes), services=[service(type="ExternalName")]))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def closed(answer: HostAnswer, **changes: Any) -> dict[str, Any]:
    read = platform(answer=answer, direct=1, **changes)
    refused = (
        "GET …/services/api:8000/proxy/health: HTTP 503: error trying to reach service: dial tcp 10.0.0.1:9999: connect: connection refused"
    )
    told = read["ingress_direct_answers"].map(lambda _, __: DirectAnswer(host=HOST, path="/health", status=0, refused=refused))
    return {**read, "ingress_direct_answers": told}


def test_a_target_port_on_which_nothing_listens_is_named_with_those_of_the_pods() -> None:
    ports = [{"name": "http", "port": 8000, "targetPort": 9999}]
    (finding,) = judged(probe_routes, **closed(answered(502), services=[service(ports=ports)])).findings
    assert (finding.reason, finding.severity) == ("PortClosed", "error")
    assert finding.problem == f"{HOST} answers 502: nothing listens where its Service leads."
    assert "leads to targetPort 9999, and there it was said “" in finding.cause
    assert finding.cause.endswith("; its pods name the port 8000.")


def test_a_closed_port_is_no_cause_of_an_answer_that_came() -> None:
    assert reasons(judged(probe_routes, **closed(answered(404)))) == []


def controller(name: str = "traefik", component: str = "", **more: Any) -> Service:
    labels = {"app.kubernetes.io/name": "traefik", "app.kubernetes.io/component": component}
    spec = {"selector": {"app": name}, "ports": [{"name": "websecure", "port": 443, "targetPort": "websecure"}], **more}
    return labelled(Service, "shop", name, labels, spec=spec)


def of_controller(replicas: int) -> ReplicaSet:
    owner = [{"kind": "Deployment", "name": "traefik", "controller": True}]
    metadata = {"ownerReferences": owner, "annotations": {"deployment.kubernetes.io/revision": "1"}}
    return labelled(ReplicaSet, "shop", "traefik-1", {"app": "traefik"}, metadata=metadata, spec={"replicas": replicas})


def test_a_controller_scaled_to_0_is_found_once_for_all_that_it_serves() -> None:
    sets, services = [revision(1, 1), of_controller(0)], [service(), controller(), controller("errors", "default-backend")]
    read = platform(services=services, replica_sets=sets)
    assert reasons(judged(probe_routes, **read)) == [], "a host answers, so it runs"
    (finding,) = judged(probe_routes, **read | {"ingress_answers": Readings((), (refused("Ingress"),))}).findings
    assert (finding.reason, finding.severity, str(finding.subject)) == ("ControllerDown", "error", "Service shop/traefik")
    assert "its Deployment shop/traefik is scaled to 0" in finding.cause
    assert "$ kubectl -n shop scale deployment traefik --replicas=1" in finding.fix
    assert finding.breaks == ["Service/shop/traefik", "Ingress/shop/api"]


def test_a_controller_with_one_service_that_leads_somewhere_is_not_down() -> None:
    services = [service(), controller(), controller("traefik-2")]
    slices = [endpoints(True), endpoints(True, port="websecure", of="traefik-2")]
    read = platform(services=services, endpoint_slices=slices) | {"ingress_answers": Readings((), (refused("Ingress"),))}
    assert reasons(judged(probe_routes, **read)) == []


def test_an_error_of_a_host_with_nothing_behind_it_is_told_once() -> None:
    assert reasons(judged(probe_routes, **platform(answer=answered(503), direct=200, endpoint_slices=[endpoints(False)]))) == [
        "NoEndpoints"
    ]


def test_a_host_that_could_not_be_asked_is_unchecked() -> None:
    blind = Readings((), (refused("Ingress", "shop", "its controller could not be reached"),))
    assert outcome(judged(probe_routes, **{**platform(), "ingress_answers": blind})) == "inconclusive"


# --- who claims it ------------------------------------------------------------------------------------------------------


def test_two_ingresses_with_the_same_host_and_path_are_a_warning_that_names_both() -> None:
    other = ingress("api-old", {"service": {"name": "api", "port": {"number": 8000}}})
    finding = one_of_ingresses(ingress(), other)
    assert (finding.reason, str(finding.severity)) == ("HostClaimedTwice", "warning")
    assert "shop/api and shop/api-old" in finding.cause


def one_of_ingresses(*every: Ingress) -> Any:
    (finding,) = judged(probe_routes, **platform(*every)).findings
    return finding


def test_the_same_claim_with_the_same_backend_is_a_remark() -> None:
    assert str(one_of_ingresses(ingress(), ingress("api-copy")).severity) == "info"


@pytest.mark.parametrize(
    "other",
    [
        ingress("canary", {"service": {"name": "api", "port": {"number": 8000}}}, {"nginx.ingress.kubernetes.io/canary": "true"}),
        ingress("deeper", {"service": {"name": "api", "port": {"number": 8000}}}, path="/v2"),
        ingress("inside", {"service": {"name": "api", "port": {"number": 8000}}}, ingressClassName="internal", addresses=WHERE),
    ],
)
def test_a_canary_another_path_and_another_class_are_no_second_claim(other: Ingress) -> None:
    assert not judged(probe_routes, **platform(ingress(), other)).findings


# --- what could not be seen ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        platform(),
        platform(endpoint_slices=[], pods=[]),
        platform(endpoint_slices=[], pods=[], replica_sets=[revision(1, 0)]),
        platform(services=[]),
        platform(ingress(ingressClassName="nginx", addresses=[]), answer=answered(404), direct=200),
        platform(answer=answered(404), direct=200),
        platform(answer=answered(502), direct=200),
    ],
)
def test_what_cannot_be_read_is_no_pass_and_no_finding(told: dict[str, Any]) -> None:
    assert_blindness_is_no_health(probe_routes, told, but=["traefik_middlewares"])  # which nothing here names


def test_a_cluster_without_ingresses_is_not_applicable() -> None:
    empty: Readings[Any] = Readings(absent="there is no Ingress in the cluster")
    none = {"watched_ingresses": empty, "ingress_answers": empty, "ingress_direct_answers": empty}
    assert outcome(judged(probe_routes, **{**platform(), **none})) == "not_applicable"


# --- middlewares -------------------------------------------------------------------------------------------------------

MIDDLEWARES = "traefik.ingress.kubernetes.io/router.middlewares"


def middlewares(*places: tuple[str, str]) -> Readings[Middleware]:
    found = [(Subject(kind="Middleware", namespace=namespace, name=name), namespace, name) for namespace, name in places]
    return Readings(tuple((subject, Middleware(Metadata(name, namespace))) for subject, namespace, name in found))


def naming(text: str, **more: Any) -> Ingress:
    return ingress(annotations={MIDDLEWARES: text}, **more)


@pytest.mark.parametrize("text", ["shop-strip@kubernetescrd", "secure@file", "traefik-https@kubernetescrd,shop-strip@kubernetescrd"])
def test_middlewares_that_an_annotation_names_as_traefik_does_pass(text: str) -> None:
    there = middlewares(("shop", "strip"), ("traefik", "https"))
    assert reasons(judged(probe_routes, **platform(naming(text), traefik_middlewares=there))) == []


def test_a_middleware_without_its_namespace_is_named_by_the_whole_annotation() -> None:
    there = middlewares(("shop", "strip"), ("traefik", "https"))
    one = naming("traefik-https@kubernetescrd, strip@kubernetescrd")
    (finding,) = judged(probe_routes, **platform(one, traefik_middlewares=there)).findings
    assert (finding.reason, str(finding.subject)) == ("MiddlewareMissing", "Ingress shop/api")
    assert finding.cause.endswith("Middleware shop/strip is called shop-strip@kubernetescrd.")
    value = f"{MIDDLEWARES}=traefik-https@kubernetescrd,shop-strip@kubernetescrd"
    assert f"$ kubectl -n shop annotate ingress api {value} --overwrite" in finding.fix


def test_a_middleware_that_is_nowhere_has_no_command_that_changes_anything() -> None:
    (finding,) = judged(probe_routes, **platform(naming("shop-gone@kubernetescrd"), traefik_middlewares=middlewares())).findings
    assert "annotate" not in finding.fix


def test_another_controller_does_not_read_that_annotation() -> None:
    nginx = labelled(IngressClass, "", "nginx", spec={"controller": "k8s.io/ingress-nginx"})
    one = naming("gone@kubernetescrd", ingressClassName="nginx")
    assert reasons(judged(probe_routes, **platform(one, classes=[nginx], traefik_middlewares=middlewares()))) == []


def test_middlewares_that_cannot_be_listed_leave_it_open() -> None:
    blind: Readings[Any] = Readings((), (refused("Middleware"),))
    assert outcome(judged(probe_routes, **platform(naming("shop-strip@kubernetescrd"), traefik_middlewares=blind))) == "inconclusive"
