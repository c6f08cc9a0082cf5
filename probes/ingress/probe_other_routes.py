from collections import defaultdict

from clusterprobe.findings import reports
from clusterprobe.model import Subject
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.ingress.backends import NO_ENDPOINTS, PORT_MISSING, SERVICE_MISSING, Backends, Lack, Unknown
from clusterprobe.systems.ingress.other_routes import OtherRoute
from clusterprobe.systems.kubernetes.objects import EndpointSlice, Pod, ReplicaSet, Service, ServiceBackend
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed

TOLD_BY_CONTROLLER = (SERVICE_MISSING, PORT_MISSING)


@reports(SERVICE_MISSING, PORT_MISSING, NO_ENDPOINTS)
def probe_other_routes(
    verdict: Verdict,
    other_routes: Examined[OtherRoute],
    services: Needed[Service],
    endpoint_slices: Needed[EndpointSlice],
    pods: Enriching[Pod],
    replica_sets: Enriching[ReplicaSet],
) -> None:
    """Does every route of Traefik, OpenShift and the Gateway API lead to a Service with something ready behind it?

    Problem: A host answers 404, 500 or 503, although its route was taken without an error.
    Cause: The Service or the port that the route names is not there (renamed?), its selector matches no pod, or its pods are not ready or
    scaled to 0. Traefik says so in its log alone; the conditions of an HTTPRoute do not tell of pods.
    Fix: Bring the names together that the finding says are apart: route and Service, Service and pods.
    Prevention: Keep route, Service and Deployment in one chart, with the names of Service and port from the same values, and run this probe
    after each deployment.
    """
    backends = Backends(services, endpoint_slices, pods, replica_sets)
    for subject, one in other_routes:
        routes: dict[tuple[str, ServiceBackend], list[str]] = defaultdict(list)
        for lead in one.leads:
            routes[lead.namespace, lead.backend].append(lead.route)
        for (namespace, backend), hosts in routes.items():
            lack = backends.judge(namespace, backend, subject.kind)
            if isinstance(lack, Unknown):
                verdict.unchecked(subject, lack.reason)
            elif lack is not None and not (one.controller_tells and lack.kind in TOLD_BY_CONTROLLER):
                _report(verdict, subject, hosts, namespace, backend, lack)


def _report(verdict: Verdict, subject: Subject, hosts: list[str], namespace: str, backend: ServiceBackend, lack: Lack) -> None:
    # Where nothing is ready behind it, it is the Service that is broken, for whatever else leads to it or calls it.
    silent = [Ref(RefKind.SERVICE, namespace, backend.name)] if lack.kind == NO_ENDPOINTS else []
    port = f"port {backend.port} of " if backend.port.name or backend.port.number else ""
    verdict.report(
        lack.kind,
        subject,
        severity=lack.severity,
        problem=f"Nothing answers behind {listed(list(dict.fromkeys(hosts)), 4)}: clients get an error of the controller.",
        cause=f"{subject} leads to {port}Service {backend.name}, and {lack.cause}",
        fix=lack.fix,
        breaks=[Ref.of(subject), *silent],
        rests_on=[*silent, *lack.rests_on],
    )
