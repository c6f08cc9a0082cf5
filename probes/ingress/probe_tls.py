from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.access.tls import Certificate
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import IN_GIT, change, look, shell
from clusterprobe.model import Command, Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Enriching, Examined
from clusterprobe.systems.ingress.advice import name_the_class, put_certificate
from clusterprobe.systems.ingress.certificates import HostCertificate
from clusterprobe.systems.ingress.default_certificates import whose_default
from clusterprobe.systems.ingress.handshakes import is_for, name_of
from clusterprobe.systems.ingress.other_routes import ROUTES, TRAEFIK
from clusterprobe.systems.ingress.sources import INGRESSES, missing_class
from clusterprobe.systems.kubernetes.objects import Ingress, IngressClass
from clusterprobe.times import day
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

NAME_REFUSED = FindingKind("NameRefused", Severity.ERROR, "The controller refuses TLS for a host that spec.tls names.")
DEFAULT_CERTIFICATE = FindingKind("DefaultCertificate", Severity.ERROR, "A host shows the default certificate of its controller.")
WRONG_NAMES = FindingKind("WrongNames", Severity.ERROR, "A host shows a certificate for other names.")
HOST_NOT_IN_TLS = FindingKind("HostNotInTls", Severity.INFO, "A host that spec.tls does not name shows a certificate for other names.")
EXPIRED = FindingKind("Expired", Severity.ERROR, "The certificate of a host has expired.")
NOT_YET_VALID = FindingKind("NotYetValid", Severity.ERROR, "The certificate of a host is not valid yet.")
EXPIRING = FindingKind("Expiring", Severity.WARNING, "The certificate of a host expires soon.")
SELF_SIGNED = FindingKind(
    "SelfSigned",
    Severity.INFO,
    "The certificate of a host is signed by itself.",
    prevention="Put the whole chain into `tls.crt`, the leaf first.",
)
CHAIN_NOT_VERIFIED = FindingKind(
    "ChainNotVerified",
    Severity.INFO,
    "The certificate of a host could not be verified.",
    prevention="Put the whole chain into `tls.crt`, the leaf first.",
)
DAY = 86400.0
Key = tuple[FindingKind, str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A host of an Ingress or route, and the certificate that it showed."""

    by: Subject
    one: HostCertificate

    @property
    def place(self) -> str:
        return f"{self.by.namespace}/{self.one.secret_name}" if self.one.secret_name else ""

    @property
    def certificate(self) -> Certificate:
        assert self.one.shown.certificate is not None
        return self.one.shown.certificate


@reports(NAME_REFUSED, DEFAULT_CERTIFICATE, WRONG_NAMES, HOST_NOT_IN_TLS, EXPIRED, NOT_YET_VALID, EXPIRING, SELF_SIGNED, CHAIN_NOT_VERIFIED)
def probe_tls(
    verdict: Verdict,
    watched_ingresses: Enriching[Ingress],
    ingress_certificates: Examined[HostCertificate],
    ingress_classes: Enriching[IngressClass],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every host of an Ingress, or of a route of Traefik or OpenShift, present its own, valid certificate?

    Problem: Browsers and clients refuse the host: the certificate has expired, is for other names, or is the controller's own default.
    Cause: The Secret that spec.tls names is missing, in another namespace, or has no certificate and key that fit: the controller
    says so in its log only, and shows its default (`Kubernetes Ingress Controller Fake Certificate`, `TRAEFIK DEFAULT CERT`). Or the
    Secret is there and holds a certificate that was not renewed, or one for other names. Traefik's own resolver says in its log only why
    it got none.
    Fix: Make or renew the Secret that the finding names, in the namespace of the Ingress or route.
    Prevention: Let cert-manager issue and renew the certificate, alert on its age (`certmanager_certificate_expiration_timestamp_seconds`,
    or a blackbox exporter's `probe_ssl_earliest_cert_expiry`), and run this probe after each deployment.
    """
    ingresses = dict(watched_ingresses)
    found: dict[Key, list[Seen]] = defaultdict(list)
    distrusted: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    rows: list[list[str]] = []
    for subject, one in ingress_certificates:
        seen = Seen(subject, one)
        kind = judge(one, clock.now, profile.thresholds.ingress.certificate_days)
        rows.append(_row(seen, kind))
        if kind:
            found[kind, subject.namespace, one.secret_name or str(subject)].append(seen)
        elif one.shown.distrust:
            distrusted[seen.certificate.issuer, one.shown.distrust].append(seen)
    for (kind, _, _), hosts in found.items():
        ingress = ingresses.get(hosts[0].by)
        lost = missing_class(ingress, ingress_classes) if ingress else ""
        _report(verdict, kind, hosts, ingress, lost, sorted(one.name for one, _ in ingress_classes), clock.now)
    for (issuer, why), hosts in distrusted.items():
        _mention(verdict, issuer, why, hosts)
    if rows:
        columns = ["Host", "Ingress or route", "Secret", "Certificate of", "Issued by", "Until", "What is wrong"]
        verdict.exhibit(Table(title="What the hosts show", columns=columns, rows=rows[:50]))


def judge(one: HostCertificate, now: float, days: float) -> FindingKind | None:
    """What is wrong with what a host shows; None if nothing is."""
    certificate = one.shown.certificate
    fits = is_for(one.host, certificate)
    if certificate is None:
        return NAME_REFUSED if one.listed else None
    if not one.listed:
        return None if fits else HOST_NOT_IN_TLS
    if whose_default(certificate) and not fits:
        return DEFAULT_CERTIFICATE
    if not fits:
        return WRONG_NAMES
    if certificate.ends <= now:
        return EXPIRED
    if certificate.begins > now:
        return NOT_YET_VALID
    return EXPIRING if certificate.ends - now < days * DAY else None


def _report(
    verdict: Verdict, kind: FindingKind, hosts: list[Seen], ingress: Ingress | None, lost: str, classes: list[str], now: float
) -> None:
    first = hosts[0]
    names = ", ".join(dict.fromkeys(one.one.host for one in hosts))
    lost = lost if kind in (DEFAULT_CERTIFICATE, NAME_REFUSED, WRONG_NAMES) else ""
    problem, cause = _words(kind, first, names, now, lost)
    annotated = ingress is not None and ingress.metadata.annotations.passes_through
    passes = annotated or first.one.passes_through
    if passes:
        by = "By an annotation its" if annotated else "Its"
        cause += f" {by} TLS passes through to the backend, so it is the backend that shows this certificate."
    verdict.report(
        kind,
        first.by,
        problem=problem,
        cause=cause,
        fix=_fix(kind, first, ingress, lost, classes),
        rests_on=[] if passes else _rests_on(first, lost),
    )


def _rests_on(first: Seen, lost: str) -> list[Ref]:
    if lost:
        return [Ref.of(first.by)]
    return [Ref(RefKind.SECRET, first.by.namespace, first.one.secret_name)] if first.one.secret_name else []


def _words(kind: FindingKind, first: Seen, names: str, now: float, lost: str) -> tuple[str, str]:
    """What clients meet, and why. `lost`: why the controller may not know of the Ingress at all."""
    where, shown = first.by, first.one.shown
    entry = f"spec.tls of {where} names {_source(first)} for it"
    if kind == NAME_REFUSED:
        lacking = "that Secret is missing, or cannot be used" if first.place else "it has no certificate for it"
        unknown = f"{shown.address} answers that it does not know the name (unrecognized_name)"
        return f"{names} refuses TLS.", f"{entry}, but {unknown}: {lost or lacking}."
    one = first.certificate
    own = f"The certificate is that of {one.subject}, issued by {one.issuer}, for {listed(one.names, 8) or 'no name at all'}"
    if kind == HOST_NOT_IN_TLS:
        return f"{names} shows a certificate that is not for it.", f"The rules of {where} have {names}, its spec.tls does not. {own}."
    if kind == DEFAULT_CERTIFICATE:
        because = lost or _lacking(first)
        return f"{names} shows the default certificate of {whose_default(one)}: no client trusts it.", f"{entry}, but {because}. {own}."
    if kind == WRONG_NAMES:
        or_else = " (or that Secret is missing, and this is the controller's default certificate)" if first.place else ""
        return f"{names} shows a certificate for other names.", f"{entry}, and what is shown is not for {names}{or_else}. {own}."
    if kind == NOT_YET_VALID:
        return f"The certificate of {names} is not valid before {day(one.begins)}.", f"{entry}. {own}; valid from {day(one.begins)}."
    days = number(round(abs(one.ends - now) / DAY), "day")
    when = f"expired {days} ago" if kind == EXPIRED else f"expires in {days}"
    return f"The certificate of {names} {when}, on {day(one.ends)}.", f"{entry}, and it was not renewed. {own}."


def _source(first: Seen) -> str:
    if first.place:
        return f"the Secret {first.place}"
    return f"Traefik's resolver {first.one.resolver}" if first.one.resolver else "no Secret"


def _lacking(first: Seen) -> str:
    """Why a controller that was asked for its own certificate may show its default one."""
    if first.one.passes_through:
        return "the Traefik that was asked does not take this route"
    if first.place:
        found = "that Secret is missing in this namespace, has no `tls.crt` and `tls.key` that fit, or is for other names"
    elif first.one.resolver:
        found = "that has got no certificate for it"
    else:
        found = "the controller has no default certificate of its own"
    return f"{found}, or the Traefik that was asked does not take this route" if _is_of_traefik(first.by) else found


def _is_of_traefik(subject: Subject) -> bool:
    return subject.kind in {one.kind for one in TRAEFIK}


def _fix(kind: FindingKind, first: Seen, ingress: Ingress | None, lost: str, classes: list[str]) -> list[Step]:
    namespace, secret = first.by.namespace, first.one.secret_name
    see = look("See what it has under `spec.tls`.", _see(first.by))
    if lost:
        return name_the_class(first.by, classes)
    if kind == HOST_NOT_IN_TLS:
        return [see, change(f"If it is to be reached by TLS, list {first.one.host} under `spec.tls`, {IN_GIT}.")]
    if not secret and not first.one.passes_through:
        return [see, *_without_secret(first)]
    annotations, where = ingress.metadata.annotations if ingress else None, _address(first)
    client = shell("openssl s_client -connect {} -servername {} < /dev/null | openssl x509 -noout -text", *where)
    shown = look("Then see what is shown.", client)
    if first.one.passes_through and kind == DEFAULT_CERTIFICATE:
        takes = "Its `providers.kubernetesCRD` says of which namespaces, class and labels it takes routes"
        return [see, change(f"Let a Traefik take the route. {takes}."), shown]
    if first.one.passes_through or (annotations and annotations.passes_through):
        return [change("Renew the certificate in the backend itself, which shows it."), shown]
    issuer = (annotations.cluster_issuer or annotations.issuer) if annotations else ""
    return [
        look("See whether the Secret exists, its type and its keys.", shell("kubectl -n {} describe secret {}", namespace, secret)),
        *(_by_manager(namespace, issuer) if issuer else _by_hand(namespace, secret)),
        shown,
    ]


def _see(by: Subject) -> Command | None:
    """Of a Route only what is no certificate: its key may stand beside it."""
    if by.kind == INGRESSES.kind:
        return shell("kubectl -n {} get ingress {} -o yaml", by.namespace, by.name)
    resource = f"{by.kind.lower()}.{by.api_version.partition('/')[0]}"
    if by.kind == ROUTES.kind:
        parts = "{.spec.tls.termination} {.spec.tls.externalCertificate.name}"
        return shell("kubectl -n {} get {} {} -o jsonpath={}", by.namespace, resource, by.name, parts)
    return shell("kubectl -n {} get {} {} -o yaml", by.namespace, resource, by.name)


def _without_secret(first: Seen) -> list[Step]:
    host = first.one.host
    if first.one.resolver:
        pods = shell("kubectl get pods -A -l app.kubernetes.io/name=traefik")
        return [
            look("See what Traefik says of it: in the log of each of its pods, lines with `acme` quote what the authority answered.", pods),
            change("Repair what these name, such as DNS or a port that the authority cannot reach. Traefik tries again when it starts."),
        ]
    if first.by.kind == ROUTES.kind:
        return [change(f"Give the route a certificate for {host} and its key under `spec.tls`, {IN_GIT}.")]
    return [change(f"Name a Secret with a certificate for {host} under `spec.tls`, {IN_GIT}.")]


def _by_manager(namespace: str, issuer: str) -> list[Step]:
    """Whatever is put into the Secret by hand, cert-manager writes over."""
    kinds = "certificates.cert-manager.io,certificaterequests.cert-manager.io,orders.acme.cert-manager.io,challenges.acme.cert-manager.io"
    text = f"cert-manager ({issuer}) is to write it; the conditions and events of these objects say why it does not."
    return [look(text, shell("kubectl -n {} get {}", namespace, kinds))]


def _by_hand(namespace: str, secret: str) -> list[Step]:
    return [
        *put_certificate(namespace, secret),
        change("The type of a Secret cannot be changed: if it is another, make a Secret of a new name, and name that under `spec.tls`."),
    ]


def _address(seen: Seen) -> tuple[str, str]:
    return seen.one.shown.address, name_of(seen.one.host)


def _mention(verdict: Verdict, issuer: str, why: str, hosts: list[Seen]) -> None:
    first = hosts[0]
    names = ", ".join(dict.fromkeys(one.one.host for one in hosts))
    own = first.certificate.self_signed
    verdict.report(
        SELF_SIGNED if own else CHAIN_NOT_VERIFIED,
        first.by if len({one.by for one in hosts}) == 1 else INGRESSES.subject(),
        problem=f"The certificate of {names} could not be verified: {why}.",
        cause=f"It is {'signed by itself' if own else f'issued by {issuer}'}, which neither the system nor `ingress.ca_file` of the "
        "profile knows: normal for a private CA. With a public one, the intermediate certificate is missing after the leaf in `tls.crt`.",
        fix=[
            change("For a private CA, name its file under `ingress.ca_file` in the profile."),
            look(
                "Otherwise look at the chain.",
                shell("openssl s_client -connect {} -servername {} -showcerts < /dev/null", *_address(first)),
            ),
        ],
    )


def _row(seen: Seen, kind: FindingKind | None) -> list[str]:
    one = seen.one.shown.certificate
    of_ingress = seen.by.kind == INGRESSES.kind
    place, reason = f"{seen.by.namespace}/{seen.by.name}" if of_ingress else str(seen.by), kind.code if kind else ""
    if one is None:
        return [seen.one.host, place, seen.one.secret_name, "", "", "", reason]
    return [seen.one.host, place, seen.one.secret_name, one.subject, one.issuer, day(one.ends), reason]
