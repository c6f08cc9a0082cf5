from collections import defaultdict

from clusterprobe.access.tls import Certificate
from clusterprobe.evidence import Clock
from clusterprobe.findings import FindingKind, reports
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Severity, Step, Subject, Table
from clusterprobe.profile import Profile
from clusterprobe.references import Ref, RefKind
from clusterprobe.roles import Examined
from clusterprobe.systems.ingress.advice import put_certificate
from clusterprobe.systems.ingress.default_certificates import whose_default
from clusterprobe.systems.ingress.gateways import GATEWAYS, ListenerCertificate
from clusterprobe.systems.ingress.handshakes import is_for, name_of
from clusterprobe.times import day
from clusterprobe.verdict import Verdict
from clusterprobe.words import listed, number

LISTENER_REFUSES_NAME = FindingKind("ListenerRefusesName", Severity.ERROR, "A listener of a Gateway refuses TLS for its own host.")
LISTENER_SHOWS_OTHER = FindingKind("ListenerShowsOther", Severity.ERROR, "A listener of a Gateway shows a certificate for other names.")
LISTENER_NOT_VALID = FindingKind(
    "ListenerNotValid", Severity.ERROR, "The certificate that a listener of a Gateway shows has expired, or is not valid yet."
)
LISTENER_EXPIRING = FindingKind("ListenerExpiring", Severity.WARNING, "The certificate that a listener of a Gateway shows expires soon.")
DAY = 86400.0


@reports(LISTENER_REFUSES_NAME, LISTENER_SHOWS_OTHER, LISTENER_NOT_VALID, LISTENER_EXPIRING)
def probe_gateways(verdict: Verdict, gateway_certificates: Examined[ListenerCertificate], profile: Profile, clock: Clock) -> None:
    """Does every listener of a Gateway show a valid certificate for its hosts?

    Problem: Browsers and clients refuse the host: the certificate has expired, is for other names, or is the controller's own default.
    Cause: The Secret that the listener names was not renewed or holds a certificate for other names; or it is missing, cannot be used, or
    lies in another namespace without a ReferenceGrant, so that the controller shows its default. The Gateway's conditions, which
    `objects/conditions` judges, say nothing of dates.
    Fix: Renew the Secret where it is made, or name the one that is for the host.
    Prevention: Let cert-manager issue and renew the certificate (annotation `cert-manager.io/cluster-issuer` of the Gateway), alert on its
    age, and run this probe after each deployment.
    """
    rows = []
    found: dict[tuple[FindingKind, Subject, str, str], list[ListenerCertificate]] = defaultdict(list)
    for subject, one in gateway_certificates:
        kind = judge(one, clock.now, profile.thresholds.ingress.certificate_days)
        rows.append(_row(subject, one, kind))
        if kind:
            found[kind, subject, one.listener, repr(one.shown.certificate)].append(one)
        elif one.shown.distrust:
            verdict.note(f"The certificate of {one.host} could not be verified ({one.shown.distrust}), which is normal for a private CA.")
    for (kind, subject, *_), alike in found.items():
        _report(verdict, kind, subject, alike, clock.now)
    if rows:
        columns = ["Host", "Gateway", "Listener", "Secrets", "Certificate of", "Until", "What is wrong"]
        verdict.exhibit(Table(title="What the listeners show", columns=columns, rows=rows[:50]))


def judge(one: ListenerCertificate, now: float, days: float) -> FindingKind | None:
    """What is wrong with what a listener shows for a host; None if nothing is."""
    certificate = one.shown.certificate
    if certificate is None:
        return LISTENER_REFUSES_NAME
    if not is_for(one.host, certificate):
        return LISTENER_SHOWS_OTHER
    if certificate.ends <= now or certificate.begins > now:
        return LISTENER_NOT_VALID
    return LISTENER_EXPIRING if certificate.ends - now < days * DAY else None


def _report(verdict: Verdict, kind: FindingKind, subject: Subject, alike: list[ListenerCertificate], now: float) -> None:
    """Hosts of one listener that show the same."""
    first = alike[0]
    problem, why = _words(kind, listed([one.host for one in alike], 5), first, now)
    verdict.report(
        kind,
        subject,
        problem=problem,
        cause=f"Its listener {first.listener} names {_secrets(first)}{why}",
        fix=_fix(kind, subject, first),
        rests_on=[Ref(RefKind.SECRET, *place.split("/", 1)) for place in first.secrets],
    )


def _secrets(one: ListenerCertificate) -> str:
    if not one.secrets:
        return "no Secret"
    return f"the {'Secret' if len(one.secrets) == 1 else 'Secrets'} {listed(one.secrets, 5)}"


def _words(kind: FindingKind, hosts: str, one: ListenerCertificate, now: float) -> tuple[str, str]:
    """What clients meet, and how the sentence about the Secrets goes on."""
    certificate = one.shown.certificate
    if certificate is None:
        return f"{hosts} refuses TLS.", f", and {one.shown.address} answers that it does not know the name (unrecognized_name)."
    own = f"The certificate is that of {certificate.subject}, issued by {certificate.issuer}, for {_names(certificate)}"
    if kind == LISTENER_SHOWS_OTHER:
        default = whose_default(certificate)
        what = f"the default certificate of {default}" if default else "a certificate for other names"
        lacks = "or it is missing, cannot be used, or is in a namespace where no ReferenceGrant lets the Gateway use it"
        why = f": what that holds is for other names, {lacks}" if one.secrets else ""
        return f"{hosts} shows {what}.", f"{why}. {own}."
    if certificate.begins > now:
        return f"The certificate of {hosts} is not valid before {day(certificate.begins)}.", f". {own}."
    days = number(round(abs(certificate.ends - now) / DAY), "day")
    when = f"expired {days} ago" if certificate.ends <= now else f"expires in {days}"
    return f"The certificate of {hosts} {when}, on {day(certificate.ends)}.", f", and it was not renewed. {own}."


def _names(certificate: Certificate) -> str:
    return listed(certificate.names, 8) or "no name at all"


def _fix(kind: FindingKind, subject: Subject, one: ListenerCertificate) -> list[Step]:
    described = shell("kubectl -n {} describe {} {}", subject.namespace, GATEWAYS.name, subject.name)
    steps = [look("See which Secrets its listeners name, and what its controller says of them.", described)]
    places = [place.split("/", 1) for place in one.secrets]
    steps += [
        look("See whether the Secret exists, its type and its keys.", shell("kubectl -n {} describe secret {}", *each)) for each in places
    ]
    if kind in (LISTENER_REFUSES_NAME, LISTENER_SHOWS_OTHER):
        text = "Let the listener name a Secret with a certificate for it, {}; one of another namespace needs a ReferenceGrant there."
        steps.append(change(text.format(SOURCE)))
    elif len(places) == 1:
        steps += put_certificate(*places[0])
    else:
        steps.append(change("Renew the one that is for this host, where it is made. The Gateway stays as it is."))
    where = one.shown.address, name_of(one.host)
    client = shell("openssl s_client -connect {} -servername {} < /dev/null | openssl x509 -noout -text", *where)
    return [*steps, look("Then see what is shown.", client)]


def _row(subject: Subject, one: ListenerCertificate, kind: FindingKind | None) -> list[str]:
    certificate, place = one.shown.certificate, f"{subject.namespace}/{subject.name}"
    shown = [certificate.subject, day(certificate.ends)] if certificate else ["", ""]
    return [one.host, place, one.listener, listed(one.secrets, 5), *shown, kind.code if kind else ""]
