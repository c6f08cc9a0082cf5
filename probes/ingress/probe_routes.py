from collections import defaultdict
from collections.abc import Iterator

from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.references import Ref
from clusterprobe.roles import Conditional, Enriching, Examined, Needed
from clusterprobe.systems.ingress.advice import name_the_class
from clusterprobe.systems.ingress.answers import UNREACHED, DirectAnswer, HostAnswer
from clusterprobe.systems.ingress.backends import LACKS, Backends, Lack, Lead, Unknown
from clusterprobe.systems.ingress.claimed_paths import Claim, claims_of
from clusterprobe.systems.ingress.controllers import Down, controllers_down
from clusterprobe.systems.ingress.middleware_advice import MIDDLEWARE_MISSING, cause, problem, steps
from clusterprobe.systems.ingress.middlewares import Middleware, Middlewares, goes_to_traefik, of_annotation
from clusterprobe.systems.ingress.sources import missing_class
from clusterprobe.systems.kubernetes.objects import EndpointSlice, Ingress, IngressClass, Pod, ReplicaSet, Service, ServiceBackend
from clusterprobe.times import epoch
from clusterprobe.verdict import Verdict
from clusterprobe.words import number

CLASS_MISSING = FindingKind("ClassMissing", Severity.ERROR, "An Ingress names a class that no controller serves.")
NO_CLASS = FindingKind("NoClass", Severity.WARNING, "An Ingress names no class, and there is no default one.")
HOST_CLAIMED_TWICE = FindingKind(
    "HostClaimedTwice",
    Severity.WARNING,
    "More than one Ingress claims the same host and path.",
    prevention="Give each host to one chart; ingress-nginx' admission webhook refuses a second claim.",
)
ANSWERS_SOMETHING_ELSE = FindingKind(
    "AnswersSomethingElse", Severity.ERROR, "The controller answers 404, although the backend has the path."
)
BACKEND_NOT_REACHED = FindingKind("BackendNotReached", Severity.ERROR, "The controller does not reach the backend, although that answers.")
CONTROLLER_DOWN = FindingKind("ControllerDown", Severity.ERROR, "An Ingress controller has no ready pod.", settles=True)
REDIRECTS_ELSEWHERE = FindingKind(
    "RedirectsElsewhere", Severity.WARNING, "The controller redirects to another host, although the backend does not."
)
YOUNG_SECONDS = 120.0
Broken = set[tuple[str, str, str]]  # the backends behind which something is lacking, or may be


@reports(
    CLASS_MISSING,
    NO_CLASS,
    HOST_CLAIMED_TWICE,
    ANSWERS_SOMETHING_ELSE,
    BACKEND_NOT_REACHED,
    CONTROLLER_DOWN,
    REDIRECTS_ELSEWHERE,
    MIDDLEWARE_MISSING,
    *LACKS,
)
def probe_routes(
    verdict: Verdict,
    watched_ingresses: Examined[Ingress],
    ingress_classes: Needed[IngressClass],
    services: Needed[Service],
    endpoint_slices: Needed[EndpointSlice],
    pods: Enriching[Pod],
    replica_sets: Enriching[ReplicaSet],
    ingress_answers: Needed[HostAnswer],
    ingress_direct_answers: Needed[DirectAnswer],
    traefik_middlewares: Conditional[Middleware],
    clock: Clock,
) -> None:
    """Does every host of an Ingress lead to its own application?

    Problem: A host answers 503 or 404, or with something that is not its application.
    Cause: Behind the Ingress' backend nothing is ready: the Service or its port is not there (renamed?), its selector matches no pod, its
    pods are not ready or scaled to 0. Or no controller serves the class of the Ingress, another Ingress claims the same host and path, or
    its annotation names a middleware of Traefik otherwise than Traefik calls it.
    Fix: Bring the names together that the finding says are apart: Ingress and Service, Service and pods, class and controller.
    Prevention: Keep Ingress, Service and Deployment in one chart, with the names of Service and port from the same values; render it in CI
    and check that each backend exists (kubeconform cannot: it looks at one object alone); run this probe after each deployment.
    """
    backends = Backends(services, endpoint_slices, pods, replica_sets)
    answered = {subject for subject, one in ingress_answers if one.reply.status not in UNREACHED}
    for down in controllers_down(watched_ingresses.readings, ingress_classes, services, backends, answered):
        _report_down(verdict, down)
    broken: Broken = set()
    served: set[Subject] = set()  # where no controller serves it, what a host answers says no more
    unrouted = {subject for subject, answer in ingress_answers if answer.reply.status == 404}
    for subject, one in watched_ingresses:
        lost = _judge_class(verdict, subject, one, ingress_classes, subject in unrouted, clock.now)
        if not lost and (ingress_classes.complete or subject not in unrouted):
            served.add(subject)
        _judge_backends(verdict, subject, one, backends, broken)
    _judge_claims(verdict, watched_ingresses.readings)
    _judge_middlewares(verdict, watched_ingresses.readings, ingress_classes, traefik_middlewares)
    _judge_answers(verdict, ingress_answers.keep(lambda subject, _: subject in served), ingress_direct_answers, broken, backends)


def _judge_class(verdict: Verdict, subject: Subject, one: Ingress, classes: Readings[IngressClass], unrouted: bool, now: float) -> bool:
    """Whether no controller serves it. One that did may have left its address in the status: then only a 404 tells."""
    young = now - (epoch(one.metadata.creation_timestamp) or 0.0) < YOUNG_SECONDS
    if not classes.complete or (one.status.addresses and not unrouted) or (young and not unrouted):
        return False
    place, known = f"{subject.namespace}/{subject.name}", sorted(each.name for each, _ in classes)
    missing = missing_class(one, classes)
    if missing:
        problem = f"No controller serves the Ingress {place}: its hosts answer as if it did not exist."
        cause = f"{missing[:1].upper()}{missing[1:]}."
        _report_class(verdict, CLASS_MISSING, subject, problem, cause, known)
    elif not one.class_name and not one.status.addresses and not any(each.is_default for _, each in classes):
        names = ", ".join(known) or "none"
        problem = f"Perhaps no controller serves the Ingress {place}: none has written an address into its status."
        cause = f"It names no ingressClassName, and no IngressClass is the default. There are: {names}."
        _report_class(verdict, NO_CLASS, subject, problem, cause, known)
    return bool(missing)


def _report_class(verdict: Verdict, kind: FindingKind, subject: Subject, problem: str, cause: str, classes: list[str]) -> None:
    verdict.report(
        kind,
        subject,
        problem=problem,
        cause=cause,
        fix=name_the_class(subject, classes),
        breaks=[Ref.of(subject)],
    )


def _leads(one: Ingress) -> Iterator[Lead]:
    """Each backend of an Ingress, with the host and path that lead to it."""
    namespace = one.metadata.namespace
    if one.spec.default_backend and one.spec.default_backend.service:
        yield Lead("every other host", namespace, one.spec.default_backend.service)
    for rule in one.spec.rules or []:
        for path in (rule.http.paths if rule.http else None) or []:
            if path.backend.service is not None:
                yield Lead(f"{rule.host or '*'}{path.path or '/'}", namespace, path.backend.service)


def _judge_backends(verdict: Verdict, subject: Subject, one: Ingress, backends: Backends, broken: Broken) -> None:
    for lead, lack in backends.behind(subject, _leads(one)):
        broken.add(_key(subject, lead.backend))
        if isinstance(lack, Unknown):
            verdict.unchecked(subject, lack.reason)
        else:
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


def _key(subject: Subject, backend: ServiceBackend) -> tuple[str, str, str]:
    return subject.namespace, backend.name, str(backend.port)


def _judge_claims(verdict: Verdict, ingresses: Readings[Ingress]) -> None:
    """Two Ingresses of the same class with the same host and path: which one serves is up to the controller."""
    by_route: dict[tuple[str, str, str, str], list[Claim]] = defaultdict(list)
    for subject, one in ingresses:
        for claim in claims_of(subject, one):
            by_route[claim.route].append(claim)
    clashes: dict[tuple[Subject, ...], list[Claim]] = defaultdict(list)
    for claims in by_route.values():
        if len({claim.subject for claim in claims}) > 1:
            clashes[tuple(sorted({claim.subject for claim in claims}, key=str))] += claims
    for subjects, claims in clashes.items():
        same = len({claim.target for claim in claims}) == len({claim.route for claim in claims})
        rows = [[claim.host + claim.path, f"{claim.subject.namespace}/{claim.subject.name}", claim.target] for claim in claims[:20]]
        names = " and ".join(f"{each.namespace}/{each.name}" for each in subjects)
        first = claims[0]
        verdict.report(
            HOST_CLAIMED_TWICE,
            subjects[-1],
            severity=Severity.INFO if same else Severity.WARNING,
            problem=f"{first.host}{first.path} is claimed by more than one Ingress: which one answers is up to the controller.",
            cause=f"The Ingresses {names} have the same class, host and path, "
            + ("with the same backend." if same else "with other backends."),
            fix=[
                look("See both.", *(shell("kubectl -n {} get ingress {} -o yaml", each.namespace, each.name) for each in subjects)),
                change(f"Take the path out of the Ingress that should not have it, {IN_GIT}."),
            ],
            exhibits=[Table(title="Who claims what", columns=["Route", "Ingress", "Backend"], rows=rows)],
        )


def _judge_middlewares(
    verdict: Verdict, ingresses: Readings[Ingress], classes: Readings[IngressClass], middlewares: Conditional[Middleware]
) -> None:
    """Those that Traefik serves, by the whole names that an annotation has."""
    asking = [(subject, one.metadata.annotations.middlewares) for subject, one in ingresses if goes_to_traefik(one, classes)]
    asking = [(subject, text) for subject, text in asking if text]
    if not asking:
        return
    known = Middlewares(middlewares.need())
    for subject, text in asking:
        for one in known.absent(of_annotation(text), subject.namespace):
            if isinstance(one, str):
                verdict.unchecked(subject, one)
            else:
                verdict.report(
                    MIDDLEWARE_MISSING,
                    subject,
                    problem=problem(subject, one),
                    cause=cause(subject, one),
                    fix=steps(subject, one, text),
                    breaks=[Ref.of(subject)],
                )


def _judge_answers(
    verdict: Verdict, answers: Readings[HostAnswer], direct: Readings[DirectAnswer], broken: Broken, backends: Backends
) -> None:
    asked = {(subject, one.host, one.path): one for subject, one in direct}
    rows = []
    for subject, one in answers:
        by_itself = asked.get((subject, one.host, one.path))
        closed = by_itself.refused if by_itself else ""
        status = by_itself.status if by_itself and not closed else None
        rows.append([f"{one.host}{one.path}", str(one.reply.status), "" if status is None else str(status), one.reply.location])
        if not one.odd or _key(subject, one.backend) in broken:
            continue
        if closed and one.reply.status in UNREACHED:
            _report_closed(verdict, subject, one, backends.closed(subject.namespace, one.backend, closed))
        elif one.changes or status is None:
            why = (
                f"not compared with its backend, because {one.changes} changes requests"
                if one.changes
                else "its backend could not be asked"
            )
            said = f"{one.host}{one.path} answers {one.reply.status}; {why}."
            if one.reply.status in UNREACHED:  # no application is known to answer
                verdict.unchecked(subject, said)
            else:
                verdict.note(said)
        else:
            _compare(verdict, subject, one, status)
    if rows:
        columns = ["Host and path", "Through the controller", "From the backend", "Redirects to"]
        verdict.exhibit(Table(title="What the hosts answer", columns=columns, rows=rows[:50]))


def _report_closed(verdict: Verdict, subject: Subject, one: HostAnswer, lack: Lack) -> None:
    verdict.report(
        lack.kind,
        subject,
        problem=f"{one.host} answers {one.reply.status}: nothing listens where its Service leads.",
        cause=f"{subject} leads to it: {lack.cause}",
        fix=lack.fix,
        breaks=[Ref.of(subject)],
    )


def _report_down(verdict: Verdict, down: Down) -> None:
    """The controller itself: what all its Ingresses rest on."""
    count = number(len(down.ingresses), "Ingress", "Ingresses")
    are = "is" if len(down.ingresses) == 1 else "are"
    verdict.report(
        CONTROLLER_DOWN,
        down.service,
        problem=f"The Ingress controller behind {down.service} has no ready pod: {count} of its class {are} not served.",
        cause=f"{down.lack.cause[:1].upper()}{down.lack.cause[1:]}",
        fix=[one for one in down.lack.fix if "remove the Ingress" not in one.text],
        breaks=[Ref.of(down.service), *map(Ref.of, down.ingresses)],
        rests_on=down.lack.rests_on,
    )


def _compare(verdict: Verdict, subject: Subject, one: HostAnswer, status: int) -> None:
    """What the controller answered against what the backend answers to the same path."""
    seen, place = one.reply.status, f"{subject.namespace}/{one.backend.name}"
    if seen == 404 and 200 <= status < 300:
        kind, what = ANSWERS_SOMETHING_ELSE, "answers 404 through the controller"
        cause = "the controller does not route this host to it: it refused the Ingress, does not serve its class, or another is before it"
    elif seen in UNREACHED and status < 500:
        kind, what = BACKEND_NOT_REACHED, f"answers {seen} through the controller"
        cause = "the controller does not get through to it: a NetworkPolicy, the wrong protocol (TLS against plain), or stale addresses"
    elif one.elsewhere and not 300 <= status < 400:
        kind, what = REDIRECTS_ELSEWHERE, f"redirects to {one.elsewhere}"
        cause = "it is not the backend that redirects: the controller's configuration or another Ingress does"
    else:
        verdict.note(f"{one.host}{one.path} answers {seen}, and its backend by itself {status}: whether that is intended is not known.")
        return
    verdict.report(
        kind,
        subject,
        problem=f"{one.host} does not lead to its application: {one.path} {what} ({one.reply.address}).",
        cause=f"The Service {place}, asked for the same path by itself, answers {status}: {cause}. "
        f"Ingress {subject.namespace}/{subject.name} is what should lead there.",
        fix=[
            look(
                "See the events of this Ingress, and whether another one has the host; the controller's log says what it refused.",
                shell("kubectl -n {} describe ingress {}", subject.namespace, subject.name),
                shell("kubectl get ingress -A | grep -F -e {}", one.host),
            )
        ],
        breaks=[Ref.of(subject)],
    )
