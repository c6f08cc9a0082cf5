"""Why a certificate of cert-manager is not issued by ACME: what its challenges say, and what to change for just that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.fixes import SOURCE, change, look, shell
from clusterprobe.model import Step
from clusterprobe.patterns import Pattern, ours
from clusterprobe.readings import Readings
from clusterprobe.sources import Call, source
from clusterprobe.systems.custom_resources.objects import CustomObject
from clusterprobe.systems.custom_resources.statuses import Stated
from clusterprobe.systems.kubernetes.api import Served, list_custom
from clusterprobe.systems.kubernetes.objects import Metadata, Namespace, Object
from clusterprobe.words import said

GROUP = "acme.cert-manager.io"
CHALLENGES = Resource("v1", "challenges", "Challenge", GROUP)
_MOST = 2  # challenges that are quoted
_SOLVERS = "kubectl -n {} get pods,services,ingresses -l acme.cert-manager.io/http01-solver=true"


class ChallengeSpec(Object):
    dns_name: str = ""
    type: str = ""
    wildcard: bool = False


class ChallengeStatus(Object):
    state: str = ""
    reason: str = ""


class Challenge(Object):
    """A proof that a name is one's own, which goes once it has been given."""

    metadata: Metadata
    spec: ChallengeSpec = ChallengeSpec()
    status: ChallengeStatus = ChallengeStatus()

    @property
    def host(self) -> str:
        return f"*.{self.spec.dns_name}" if self.spec.wildcard else self.spec.dns_name


@source(Call("list", "challenges", GROUP))
def acme_challenges(cluster: Cluster, served: Readings[Served], namespaces: Readings[Namespace]) -> Readings[Challenge]:
    """The challenges of ACME that are under way: of which host, of which kind, and why they do not succeed."""
    return list_custom(cluster, served, namespaces, CHALLENGES, Challenge)


class Row(NamedTuple):
    """`says` is searched in what the controllers say of a certificate and its challenges."""

    says: Pattern
    why: str
    helps: str


TABLE = (
    Row(
        ours(r"(?i)acme:error:rateLimited|too many (?:certificates|failed authorizations|new orders|registrations)"),
        "The certificate authority waits, since it was asked too often for these names.",
        "Wait until the time that the message names. Do not delete the Secret of a certificate that is valid, and try things with the "
        "authority's staging server, which has limits of its own",
    ),
    Row(
        ours(r"acme:error:caa|CAA record"),
        "The CAA record of the domain does not let this authority sign.",
        "Add the authority to the CAA record of the domain, or use another issuer",
    ),
    Row(
        ours(r"acme:error:(?:rejectedIdentifier|unsupportedIdentifier|malformed|badCSR)|valid public suffix"),
        "The certificate authority does not sign for such a name.",
        "Ask it for public names only, and let an issuer of your own (CA, Vault) sign those that are known inside only",
    ),
    Row(
        ours(r"(?i)no (?:configured )?(?:challenge )?solvers?\b.{0,60}(?:can be used|found|match)"),
        "No solver of the issuer fits this name.",
        "Give the issuer a solver that fits it (selector); for a wildcard it has to be one of DNS-01",
    ),
    Row(
        ours(r'(?i)secrets? \\?"[^"]+" not found|error getting .{0,60}secret'),
        "The Secret with the credentials of the issuer's solver is not there.",
        "Create that Secret: of a ClusterIssuer in the namespace of cert-manager, of an Issuer in its own",
    ),
    Row(
        ours(r"(?i)route53:\w+|Cloudflare API Error|invalid_client|AADSTS\d+|dns\.\w+\.\w+ permission|WebIdentity|InvalidClientTokenId"),
        "The DNS provider refuses the credentials of the issuer's solver, or these may not change the zone.",
        "Correct the credentials that the solver names, or give them the right to change records of the zone",
    ),
    Row(
        ours(r"(?i)not yet propagated|propagation check failed"),
        "cert-manager does not see the challenge's TXT record: it is not published yet, in another zone, or hidden by an inner resolver.",
        "See whether the record `_acme-challenge` of the host is published. If it is, let cert-manager ask public resolvers "
        "(--dns01-recursive-nameservers, with --dns01-recursive-nameservers-only)",
    ),
    Row(
        ours(r"(?i)hosted zone|start of authority|SOA record|zone .{0,80}not found"),
        "The zone of this name is not found where the solver looks for it.",
        "Correct the zone that the solver names, or let the domain be served by that provider",
    ),
    Row(
        ours(r"(?i)wrong status code|did not get expected response|acme:error:(?:unauthorized|incorrectResponse)|invalid response from"),
        "By HTTP the host leads to something else than cert-manager's solver.",
        "Let the host's DNS name lead to the Ingress controller or Gateway of the solver, and let /.well-known/acme-challenge/ pass "
        "there, without a login and without a redirect that ends elsewhere",
    ),
    Row(
        ours(r"(?i)no such host|NXDOMAIN|SERVFAIL|server misbehaving|acme:error:dns"),
        "The host's name does not resolve.",
        "Create the DNS record of the host. If it is public already, let the pods of cert-manager resolve it, too",
    ),
    Row(
        ours(r"(?i)connection (?:refused|reset)|timeout|deadline exceeded|no route to host|acme:error:connection"),
        "Port 80 of the host is not reached: by cert-manager, which tries it first, or by the certificate authority.",
        "Open port 80 of what serves the host. If it is reached from outside only, let the cluster reach its own public address, or use a "
        "solver of DNS-01",
    ),
)


class Told(NamedTuple):
    """What is known of a certificate beyond its own conditions: why, what its challenges say, and what to look at and to change."""

    why: str
    words: str
    steps: list[Step]


def told_of(certificate: CustomObject, wrong: Iterable[Stated], challenges: Iterable[Challenge]) -> Told:
    """By the conditions that are wrong, and the challenges of its hosts that have not succeeded; nothing where none names a cause."""
    own = [one for one in challenges if one.metadata.namespace == certificate.namespace and one.host in certificate.hosts]
    open_ = sorted((one for one in own if one.status.state != "valid" and one.status.reason), key=lambda one: one.metadata.name)[:_MOST]
    text = [*(one.status.reason for one in open_), *(one.message for one in wrong)]
    row = next((row for row in TABLE if any(row.says.search(one) for one in text)), None)
    quoted = [f"The challenge for {one.host} ({one.spec.type or 'of ACME'}) says {said(one.status.reason, 600)}." for one in open_]
    steps = [_look(one) for one in open_]
    if any(one.spec.type == "HTTP-01" for one in open_):
        steps.append(look("See what is to answer for it.", shell(_SOLVERS, certificate.namespace)))
    if row:
        steps.append(change(f"{row.helps}, {SOURCE}. cert-manager tries again by itself."))
    return Told(row.why if row else "", " ".join(quoted), steps)


def _look(one: Challenge) -> Step:
    shown = shell("kubectl -n {} describe challenges.acme.cert-manager.io {}", one.metadata.namespace, one.metadata.name)
    return look(f"See the challenge for {one.host}.", shown)
