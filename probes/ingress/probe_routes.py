from collections import defaultdict
from collections.abc import Iterator

from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.readings import Readings
from clusterprobe.systems.backends import Backends, Lack, Unknown
from clusterprobe.systems.claimed_hosts import Claim, claims_of
from clusterprobe.systems.ingress import missing_class
from clusterprobe.systems.ingress_answers import UNREACHED, DirectAnswer, HostAnswer
from clusterprobe.systems.objects import EndpointSlice, Ingress, IngressClass, Pod, ReplicaSet, Service, ServiceBackend
from clusterprobe.times import epoch
from clusterprobe.verdict import Verdict

YOUNG_SECONDS = 120.0
PREVENTION = (
    "Keep Ingress, Service and Deployment in one chart, with the names of Service and port from the same values; render it in CI and check "
    "that each backend exists (kubeconform cannot: it looks at one object alone); run this probe after each deployment."
)
Broken = dict[tuple[str, str, str], Lack | Unknown]


def probe_routes(
    verdict: Verdict,
    watched_ingresses: Readings[Ingress],
    ingress_classes: Readings[IngressClass],
    services: Readings[Service],
    endpoint_slices: Readings[EndpointSlice],
    pods: Readings[Pod],
    replica_sets: Readings[ReplicaSet],
    ingress_answers: Readings[HostAnswer],
    ingress_direct_answers: Readings[DirectAnswer],
    clock: Clock,
) -> None:
    """Does every host of an Ingress lead to its own application?

    Problem: A host answers 503 or 404, or with something that is not its application.
    Cause: Behind the Ingress' backend nothing is ready: the Service or its port is not there (renamed?), its selector matches no pod, its
    pods are not ready or scaled to 0. Or no controller serves the class of the Ingress, or another Ingress claims the same host and path.
    Fix: Bring the names together that the finding says are apart: Ingress and Service, Service and pods, class and controller.
    Prevention: Keep Ingress, Service and Deployment in one chart, and ask each host after a deployment.
    """
    backends = Backends(
        verdict.need(services),
        verdict.need(endpoint_slices),
        verdict.enrich(pods),
        verdict.enrich(replica_sets),
    )
    classes, answers = verdict.need(ingress_classes), verdict.need(ingress_answers)
    broken: Broken = {}
    served: set[Subject] = set()  # where no controller serves it, what a host answers says no more
    unrouted = {subject for subject, answer in answers if answer.reply.status == 404}
    for subject, one in verdict.examine(watched_ingresses):
        lost = _judge_class(verdict, subject, one, classes, subject in unrouted, clock.now)
        if not lost and (classes.complete or subject not in unrouted):
            served.add(subject)
        _judge_backends(verdict, subject, one, backends, broken)
    _judge_claims(verdict, watched_ingresses)
    _judge_answers(verdict, answers.keep(lambda subject, _: subject in served), verdict.need(ingress_direct_answers), broken)


def _judge_class(verdict: Verdict, subject: Subject, one: Ingress, classes: Readings[IngressClass], unrouted: bool, now: float) -> bool:
    """Whether no controller serves it. One that did may have left its address in the status: then only a 404 tells."""
    young = now - (epoch(one.metadata.creation_timestamp) or 0.0) < YOUNG_SECONDS
    if not classes.complete or (one.status.addresses and not unrouted) or (young and not unrouted):
        return False
    place = f"{subject.namespace}/{subject.name}"
    missing = missing_class(one, classes)
    if missing:
        problem = f"No controller serves the Ingress {place}: its hosts answer as if it did not exist."
        _report_class(verdict, Severity.ERROR, "ClassMissing", subject, problem, f"{missing[:1].upper()}{missing[1:]}.")
    elif not one.class_name and not one.status.addresses and not any(each.is_default for _, each in classes):
        names = ", ".join(sorted(each.name for each, _ in classes)) or "none"
        problem = f"Perhaps no controller serves the Ingress {place}: none has written an address into its status."
        cause = f"It names no ingressClassName, and no IngressClass is the default. There are: {names}."
        _report_class(verdict, Severity.WARNING, "NoClass", subject, problem, cause)
    return bool(missing)


def _report_class(verdict: Verdict, severity: Severity, reason: str, subject: Subject, problem: str, cause: str) -> None:
    patch = '{"spec":{"ingressClassName":"CLASS"}}'
    verdict.finding(
        severity,
        reason,
        subject,
        problem=problem,
        cause=cause,
        fix="Name the class of the controller that runs here (in Git under Argo CD):\n$ kubectl get ingressclasses\n"
        f"$ kubectl -n {subject.namespace} patch ingress {subject.name} --type merge -p '{patch}'",
        prevention=PREVENTION,
        breaks=[f"Ingress/{subject.namespace}/{subject.name}"],
    )


def _backends(one: Ingress) -> Iterator[tuple[str, ServiceBackend]]:
    """Each backend of an Ingress, with the host and path that lead to it."""
    if one.spec.default_backend and one.spec.default_backend.service:
        yield "every other host", one.spec.default_backend.service
    for rule in one.spec.rules or []:
        for path in (rule.http.paths if rule.http else None) or []:
            if path.backend.service is not None:
                yield f"{rule.host or '*'}{path.path or '/'}", path.backend.service


def _judge_backends(verdict: Verdict, subject: Subject, one: Ingress, backends: Backends, broken: Broken) -> None:
    routes: dict[ServiceBackend, list[str]] = defaultdict(list)
    for route, backend in _backends(one):
        routes[backend].append(route)
    for backend, hosts in routes.items():
        lack = backends.judge(subject.namespace, backend)
        if lack is not None:
            broken[subject.namespace, backend.name, str(backend.port)] = lack
        if isinstance(lack, Unknown):
            verdict.unchecked(subject, lack.reason)
        elif lack is not None:
            verdict.finding(
                lack.severity,
                lack.reason,
                subject,
                settles=lack.reason == "NoEndpoints",
                problem=f"Nothing answers behind {', '.join(hosts[:4])}: clients get 503 or 404 of the Ingress controller.",
                cause=f"{subject} leads to port {backend.port} of Service {backend.name}, and {lack.cause}",
                fix=lack.fix,
                prevention=PREVENTION,
                breaks=[f"Ingress/{subject.namespace}/{subject.name}"],
                rests_on=lack.rests_on,
            )


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
        verdict.finding(
            Severity.INFO if same else Severity.WARNING,
            "HostClaimedTwice",
            subjects[-1],
            problem=f"{first.host}{first.path} is claimed by more than one Ingress: which one answers is up to the controller.",
            cause=f"The Ingresses {names} have the same class, host and path, "
            + ("with the same backend." if same else "with other backends."),
            fix="Take the path out of the Ingress that should not have it (in Git under Argo CD):\n"
            + "\n".join(f"$ kubectl -n {each.namespace} get ingress {each.name} -o yaml" for each in subjects),
            prevention="Give each host to one chart; ingress-nginx' admission webhook refuses a second claim.",
            exhibits=[Table(title="Who claims what", columns=["Route", "Ingress", "Backend"], rows=rows)],
        )


def _judge_answers(verdict: Verdict, answers: Readings[HostAnswer], direct: Readings[DirectAnswer], broken: Broken) -> None:
    statuses = {(subject, one.host, one.path): one.status for subject, one in direct}
    rows = []
    for subject, one in answers:
        status = statuses.get((subject, one.host, one.path))
        rows.append([f"{one.host}{one.path}", str(one.reply.status), "" if status is None else str(status), one.reply.location])
        if not one.odd or (subject.namespace, one.backend.name, str(one.backend.port)) in broken:
            continue
        if one.changes or status is None:
            why = f"not compared with its backend, for {one.changes} changes requests" if one.changes else "its backend could not be asked"
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


def _compare(verdict: Verdict, subject: Subject, one: HostAnswer, status: int) -> None:
    """What the controller answered against what the backend answers to the same path."""
    seen, place = one.reply.status, f"{subject.namespace}/{one.backend.name}"
    if seen == 404 and 200 <= status < 300:
        reason, what = "AnswersSomethingElse", "answers 404 through the controller"
        cause = "the controller does not route this host to it: it refused the Ingress, does not serve its class, or another is before it"
    elif seen in UNREACHED and status < 500:
        reason, what = "BackendNotReached", f"answers {seen} through the controller"
        cause = (
            "the controller does not get through to it: a NetworkPolicy, the wrong protocol (TLS against plain), or addresses that are gone"
        )
    elif one.elsewhere and not 300 <= status < 400:
        reason, what = "RedirectsElsewhere", f"redirects to {one.elsewhere}"
        cause = "it is not the backend that redirects: the controller's configuration or another Ingress does"
    else:
        verdict.note(f"{one.host}{one.path} answers {seen}, and its backend by itself {status}: whether that is meant is not known here.")
        return
    verdict.finding(
        Severity.WARNING if reason == "RedirectsElsewhere" else Severity.ERROR,
        reason,
        subject,
        problem=f"{one.host} does not lead to its application: {one.path} {what} ({one.reply.address}).",
        cause=f"The Service {place}, asked for the same path by itself, answers {status}: {cause}. "
        f"Ingress {subject.namespace}/{subject.name} is what should lead there.",
        fix="See what the controller says of this Ingress, in its log and in its events:\n"
        f"$ kubectl -n {subject.namespace} describe ingress {subject.name}\n$ kubectl get ingress -A | grep -F {one.host}",
        prevention=PREVENTION,
        breaks=[f"Ingress/{subject.namespace}/{subject.name}"],
        rests_on=[f"Service/{place}"],
    )
