from collections import defaultdict
from dataclasses import dataclass

from clusterprobe.access.tls import Certificate
from clusterprobe.evidence import Clock
from clusterprobe.model import Severity, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.default_certificates import whose_default
from clusterprobe.systems.ingress import INGRESSES, HostCertificate, covers, missing_class, name_of
from clusterprobe.systems.objects import Ingress, IngressClass
from clusterprobe.times import day
from clusterprobe.verdict import Verdict

DAY = 86400.0
PREVENTION = (
    "Let cert-manager issue and renew the certificate, alert on its age (`certmanager_certificate_expiration_timestamp_seconds`, or a "
    "blackbox exporter's `probe_ssl_earliest_cert_expiry`), and run this probe after each deployment: no controller refuses a bad Secret."
)
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A host of an Ingress, and the certificate that it showed."""

    ingress: Subject
    one: HostCertificate

    @property
    def place(self) -> str:
        return f"{self.ingress.namespace}/{self.one.secret_name}" if self.one.secret_name else ""

    @property
    def certificate(self) -> Certificate:
        assert self.one.shown.certificate is not None
        return self.one.shown.certificate


def probe_tls(
    verdict: Verdict,
    watched_ingresses: Readings[Ingress],
    ingress_certificates: Readings[HostCertificate],
    ingress_classes: Readings[IngressClass],
    profile: Profile,
    clock: Clock,
) -> None:
    """Does every host of an Ingress show a certificate that is its own, and good?

    Problem: Browsers and clients refuse the host: the certificate has expired, is for other names, or is the controller's own default.
    Cause: The Secret that spec.tls names is missing, in another namespace, or has no certificate and key that fit: the controller
    says so in its log only, and shows its default (`Kubernetes Ingress Controller Fake Certificate`, `TRAEFIK DEFAULT CERT`). Or the
    Secret is there and holds a certificate that was not renewed, or one for other names.
    Fix: Make or renew the Secret that the finding names, in the Ingress' own namespace.
    Prevention: Let cert-manager renew, and alert on what hosts really show, not on what Secrets hold.
    """
    ingresses = dict(verdict.enrich(watched_ingresses))
    classes = verdict.enrich(ingress_classes)
    found: dict[Key, list[Seen]] = defaultdict(list)
    distrusted: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    rows: list[list[str]] = []
    for subject, one in verdict.examine(ingress_certificates):
        seen = Seen(subject, one)
        reason = judge(one, clock.now, profile.thresholds.certificate_days)
        rows.append(_row(seen, reason))
        if reason:
            found[reason, subject.namespace, one.secret_name or subject.name].append(seen)
        elif one.shown.distrust:
            distrusted[seen.certificate.issuer, one.shown.distrust].append(seen)
    for (reason, _, _), hosts in found.items():
        ingress = ingresses.get(hosts[0].ingress)
        _report(verdict, reason, hosts, ingress, missing_class(ingress, classes) if ingress else "", clock.now)
    for (issuer, why), hosts in distrusted.items():
        _mention(verdict, issuer, why, hosts)
    if rows:
        columns = ["Host", "Ingress", "Secret", "Certificate of", "Issued by", "Until", "What is wrong"]
        verdict.exhibit(Table(title="What the hosts show", columns=columns, rows=rows[:50]))


def judge(one: HostCertificate, now: float, days: float) -> str:
    """The reason code for what is wrong with what a host shows; empty if nothing is."""
    certificate = one.shown.certificate
    fits = certificate is not None and any(covers(name, name_of(one.host)) for name in certificate.names)
    if certificate is None:
        return "NameRefused" if one.listed else ""
    if not one.listed:
        return "" if fits else "HostNotInTls"
    if whose_default(certificate) and not fits:
        return "DefaultCertificate"
    if not fits:
        return "WrongNames"
    if certificate.ends <= now:
        return "Expired"
    if certificate.begins > now:
        return "NotYetValid"
    return "Expiring" if certificate.ends - now < days * DAY else ""


def _report(verdict: Verdict, reason: str, hosts: list[Seen], ingress: Ingress | None, lost: str, now: float) -> None:
    first = hosts[0]
    names = ", ".join(dict.fromkeys(one.one.host for one in hosts))
    lost = lost if reason in ("DefaultCertificate", "NameRefused", "WrongNames") else ""
    problem, cause = _words(reason, first, names, now, lost)
    passes = ingress is not None and ingress.metadata.annotations.passes_through
    if passes:
        cause += " By an annotation its TLS passes through to the backend, so it is the backend that shows this certificate."
    rests = [f"Ingress/{first.ingress.namespace}/{first.ingress.name}"] if lost else [f"Secret/{first.place}"] if first.place else []
    verdict.finding(
        {"Expiring": Severity.WARNING, "HostNotInTls": Severity.INFO}.get(reason, Severity.ERROR),
        reason,
        first.ingress,
        problem=problem,
        cause=cause,
        fix=_fix(reason, first, ingress, lost),
        prevention=PREVENTION,
        rests_on=[] if passes else rests,
    )


def _words(reason: str, first: Seen, names: str, now: float, lost: str) -> tuple[str, str]:
    """What clients meet, and why. `lost`: why the controller may not know of the Ingress at all."""
    where, shown = f"Ingress {first.ingress.namespace}/{first.ingress.name}", first.one.shown
    entry = f"spec.tls of {where} names {f'the Secret {first.place}' if first.place else 'no Secret'} for it"
    if reason == "NameRefused":
        unknown = f"{shown.address} answers that it does not know the name (unrecognized_name)"
        return f"{names} refuses TLS.", f"{entry}, but {unknown}: {lost or 'that Secret is missing, or cannot be used'}."
    one = first.certificate
    own = f"The certificate is that of {one.subject}, issued by {one.issuer}, for {', '.join(one.names[:8]) or 'no name at all'}"
    if reason == "HostNotInTls":
        return f"{names} shows a certificate that is not for it.", f"The rules of {where} have {names}, its spec.tls does not. {own}."
    if reason == "DefaultCertificate":
        missing = "that Secret is missing in the Ingress' namespace, has no `tls.crt` and `tls.key` that fit, or is for other names"
        because = lost or (missing if first.place else "the controller has no default certificate of its own")
        return f"{names} shows the default certificate of {whose_default(one)}: no client trusts it.", f"{entry}, but {because}. {own}."
    if reason == "WrongNames":
        or_else = " (or that Secret is missing, and this is the controller's default certificate)" if first.place else ""
        return f"{names} shows a certificate for other names.", f"{entry}, and what is shown is not for {names}{or_else}. {own}."
    if reason == "NotYetValid":
        return f"The certificate of {names} is not valid before {day(one.begins)}.", f"{entry}. {own}; valid from {day(one.begins)}."
    days = abs(one.ends - now) / DAY
    when = f"expired {days:.0f} days ago" if reason == "Expired" else f"expires in {days:.0f} days"
    return f"The certificate of {names} {when}, on {day(one.ends)}.", f"{entry}, and it was not renewed. {own}."


def _fix(reason: str, first: Seen, ingress: Ingress | None, lost: str) -> str:
    namespace, name, secret = first.ingress.namespace, first.ingress.name, first.one.secret_name
    edit = f"(in Git under Argo CD):\n$ kubectl -n {namespace} edit ingress {name}"
    if lost:
        return f"Name the class of the controller that runs here {edit}"
    if reason == "HostNotInTls":
        return f"If it is to be reached by TLS, list {first.one.host} under spec.tls {edit}"
    if not secret:
        return f"Name a Secret with a certificate for {first.one.host} under spec.tls {edit}"
    annotations = ingress.metadata.annotations if ingress else None
    issuer = (annotations.cluster_issuer or annotations.issuer) if annotations else ""
    manager = f"cert-manager ({issuer}) is to write it" if issuer else "If cert-manager is to write it"
    return (
        f"See whether the Secret is there, and what is in it:\n$ kubectl -n {namespace} describe secret {secret}\n"
        f"{manager}; see why it does not:\n$ kubectl -n {namespace} get certificate,certificaterequest,order,challenge\n"
        "Else put the new certificate into it (sealed, where SealedSecrets write it; in Git under Argo CD):\n"
        f"$ kubectl -n {namespace} create secret tls {secret} --cert=tls.crt --key=tls.key --dry-run=client -o yaml | kubectl apply -f -\n"
        f"Then see what is shown:\n$ {_client(first)} </dev/null | openssl x509 -noout -text"
    )


def _client(seen: Seen) -> str:
    return f"openssl s_client -connect {seen.one.shown.address} -servername {name_of(seen.one.host)}"


def _mention(verdict: Verdict, issuer: str, why: str, hosts: list[Seen]) -> None:
    first = hosts[0]
    names = ", ".join(dict.fromkeys(one.one.host for one in hosts))
    own = first.certificate.self_signed
    verdict.finding(
        Severity.INFO,
        "SelfSigned" if own else "ChainNotVerified",
        first.ingress if len({one.ingress for one in hosts}) == 1 else INGRESSES.subject(),
        problem=f"The certificate of {names} could not be verified: {why}.",
        cause=f"It is {'signed by itself' if own else f'issued by {issuer}'}, which neither the system nor `ingress.ca_file` of the "
        "profile knows: normal for a private CA. With a public one, the intermediate certificate is missing after the leaf in `tls.crt`.",
        fix="For a private CA, name its file under `ingress.ca_file` in the profile. Else look at the chain:\n"
        f"$ {_client(first)} -showcerts </dev/null",
        prevention="Put the whole chain into `tls.crt`, the leaf first.",
    )


def _row(seen: Seen, reason: str) -> list[str]:
    one = seen.one.shown.certificate
    place = f"{seen.ingress.namespace}/{seen.ingress.name}"
    if one is None:
        return [seen.one.host, place, seen.one.secret_name, "", "", "", reason]
    return [seen.one.host, place, seen.one.secret_name, one.subject, one.issuer, day(one.ends), reason]
