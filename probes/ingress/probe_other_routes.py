from clusterprobe.findings import reports
from clusterprobe.model import Subject
from clusterprobe.references import Ref
from clusterprobe.roles import Conditional, Enriching, Examined, Needed
from clusterprobe.systems.ingress.backends import NO_ENDPOINTS, PORT_MISSING, SERVICE_MISSING, Backends, Unknown
from clusterprobe.systems.ingress.middleware_advice import MIDDLEWARE_MISSING, cause, problem, steps
from clusterprobe.systems.ingress.middlewares import Middleware, Middlewares, Reference
from clusterprobe.systems.ingress.other_routes import OtherRoute
from clusterprobe.systems.kubernetes.objects import EndpointSlice, Pod, ReplicaSet, Service
from clusterprobe.verdict import Verdict

TOLD_BY_CONTROLLER = (SERVICE_MISSING, PORT_MISSING)


@reports(SERVICE_MISSING, PORT_MISSING, NO_ENDPOINTS, MIDDLEWARE_MISSING)
def probe_other_routes(
    verdict: Verdict,
    other_routes: Examined[OtherRoute],
    services: Needed[Service],
    endpoint_slices: Needed[EndpointSlice],
    pods: Enriching[Pod],
    replica_sets: Enriching[ReplicaSet],
    traefik_middlewares: Conditional[Middleware],
) -> None:
    """Does every route of Traefik, OpenShift and the Gateway API lead to a Service with something ready behind it?

    Problem: A host answers 404, 500 or 503, although its route was taken without an error.
    Cause: The Service or the port that the route names is not there (renamed?), its selector matches no pod, or its pods are not ready or
    scaled to 0. Or it names a middleware that is not there, or is in another namespace. Traefik says so in its log alone; the conditions of
    an HTTPRoute do not tell of pods.
    Fix: Bring the names together that the finding says are apart: route and Service, Service and pods, route and middleware.
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
    named = [(subject, one.middlewares) for subject, one in other_routes.readings if one.middlewares]
    if named:
        there = traefik_middlewares.need()
        _judge_middlewares(verdict, Middlewares(there), [*named, *((subject, one.chain) for subject, one in there)])


def _judge_middlewares(verdict: Verdict, known: Middlewares, naming: list[tuple[Subject, list[Reference]]]) -> None:
    for subject, named in naming:
        for one in known.absent(named, subject.namespace):
            if isinstance(one, str):
                verdict.unchecked(subject, one)
            else:
                verdict.report(
                    MIDDLEWARE_MISSING,
                    subject,
                    problem=problem(subject, one),
                    cause=cause(subject, one),
                    fix=steps(subject, one),
                    breaks=[Ref.of(subject)],
                )
