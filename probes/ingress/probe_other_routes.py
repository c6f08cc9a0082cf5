from clusterprobe.findings import reports
from clusterprobe.roles import Enriching, Examined, Needed
from clusterprobe.systems.ingress.backends import NO_ENDPOINTS, PORT_MISSING, SERVICE_MISSING, Backends, Unknown
from clusterprobe.systems.ingress.other_routes import OtherRoute
from clusterprobe.systems.kubernetes.objects import EndpointSlice, Pod, ReplicaSet, Service
from clusterprobe.verdict import Verdict

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
        for _, lack in backends.behind(subject, one.leads):
            if isinstance(lack, Unknown):
                verdict.unchecked(subject, lack.reason)
            elif not (one.controller_tells and lack.kind in TOLD_BY_CONTROLLER):
                verdict.report(
                    lack.kind,
                    subject,
                    severity=lack.severity,
                    problem=lack.problem,
                    cause=lack.cause,
                    fix=lack.fix,
                    breaks=lack.breaks,
                    rests_on=lack.rests_on,
                )
