"""What is said of an agent that loses lines or cannot send them: why, in the receiver's words, and what helps."""

from __future__ import annotations

from dataclasses import dataclass

from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.log_agents.losses import Trouble
from clusterprobe.systems.log_agents.metrics import loss_of
from clusterprobe.systems.loki.write_limits import limit_in
from clusterprobe.words import listed, said


@dataclass(frozen=True, slots=True)
class Answer:
    """A kind of answer, or of none: what it means, and what helps."""

    says: Pattern
    why: str
    helps: str


# The most special first: what Loki says of tenants comes with a 401 as well.
ANSWERS = (
    Answer(
        ours(r"(?i)live replicas required|unhealthy instances|empty ring"),
        "Loki's ring has fewer live ingesters than its replication_factor asks for, or still counts some that no longer exist",
        "Let as many ingesters run as replication_factor asks for, and see why those that are missing do not. Where there is meant to be "
        "one only, set replication_factor to 1 (in Loki's `common` block; in its chart loki.commonConfig.replication_factor). Instances "
        "that no longer exist are taken out on Loki's page /ring (Forget).",
    ),
    Answer(
        ours(r"(?i)message larger than max"),
        "what it sends at once is larger than a gRPC message may be within Loki",
        "Let its output send smaller batches (`batchsize` of Promtail, `batch_size` of Alloy, `batch.max_bytes` of Vector), or raise "
        "grpc_server_max_recv_msg_size and grpc_server_max_send_msg_size in Loki's `server` block.",
    ),
    Answer(
        ours(r"(?i)status(?: code)?[ =:]{0,3}413\b|\b413 (?:Request|Payload|Content)|\(413\)|(?:entity|body|payload) too large"),
        "what it sends at once is larger than the receiver, or a proxy before it, takes (413)",
        "Let its output send smaller batches (`batchsize` of Promtail, `batch_size` of Alloy, `batch.max_bytes` of Vector). Or raise the "
        "limit of what answers: client_max_body_size of an nginx before Loki, such as its gateway; of an Ingress of ingress-nginx the "
        "annotation nginx.ingress.kubernetes.io/proxy-body-size.",
    ),
    Answer(
        ours(r"(?i)at least one label pair is required|unexpected \}, expecting IDENTIFIER"),
        "its lines come without any label, and Loki takes no stream without one",
        "Let its output set a label, such as the namespace and the pod: by relabel_configs or static labels (Promtail, Alloy), `labels` "
        "(Fluent Bit, Vector), or `<label>` (Fluentd).",
    ),
    Answer(
        ours(r"(?i)status(?: code)?[ =:]{0,3}30[1278]\b|\b30[1278] (?:Moved|Found|Temporary|Permanent)"),
        "the receiver, or a proxy before it, answers with another address, such as that of https or of a login",
        "Let its output name the address that the answer leads to, with its scheme and path. Where that is a login, let it come in "
        "without.",
    ),
    Answer(
        ours(r"(?i)no org id"),
        "the receiver serves several tenants, and the agent names none",
        "Name the tenant in its output: `tenant_id` (Promtail, Alloy, Fluent Bit, Vector), `tenant` (Fluentd), or the header X-Scope-OrgID "
        "(OpenTelemetry collector).",
    ),
    Answer(
        ours(r"(?i)\b40[13]\b|unauthori[sz]ed|unauthenticated|forbidden"),
        "the receiver does not take its credentials, or it sends none",
        "Give its output the credentials that the receiver asks for.",
    ),
    Answer(
        ours(r"(?i)\b40[45]\b|page not found"),
        "nothing takes lines at the path that it sends to",
        "Correct the path of its output: Loki takes lines at /loki/api/v1/push, and OTLP below /otlp.",
    ),
    Answer(
        ours(r"(?i)no such host|domain name not found|name or service not known|getaddrinfo|failed to lookup|dns error|server misbehaving"),
        "the name of the host that it sends to is not known",
        "Correct the host of its output: the name of a Service, with its namespace if that is another one.",
    ),
    Answer(
        ours(r"(?i)connection refused|ECONNREFUSED|connectionrefused"),
        "nothing listens where it sends to",
        "See whether the receiver runs, and whether the port of the output is that of its Service.",
    ),
    Answer(
        ours(r"(?i)x509|certificate|tls: "),
        "the two do not agree on TLS, or on a certificate",
        "Give its output the CA of the receiver's certificate, and the name that is in it.",
    ),
    Answer(
        ours(r"(?i)\b429\b|too many requests|resource.?exhausted|rate limit"),
        "the receiver takes less than it sends",
        "Let the pods write less, or raise the limit that the receiver names.",
    ),
    Answer(
        ours(r"(?i)timed? ?out|deadline exceeded|ETIMEDOUT|no upstream connections|no route to host"),
        "the receiver cannot be reached, or does not answer in time",
        "See whether the receiver runs, and whether a NetworkPolicy keeps the two apart.",
    ),
    Answer(
        ours(r"(?i)\b5\d\d\b|internal server error|unavailable"),
        "the receiver itself fails",
        "See why the receiver fails: its own log says so.",
    ),
)


def answer_in(text: str) -> Answer | None:
    """What kind of answer a text holds; none for one that is not known."""
    return next((one for one in ANSWERS if one.says.search(text)), None)


def why_lost(one: Trouble) -> tuple[str, str]:
    """Why lines were lost, and what helps: by the limit or the answer in the receiver's words, else by the agent's reason."""
    reason, _ = one.total.most_common(1)[0]
    words = one.said or one.waits
    text = f" The receiver answered: {said(words[-1])}." if words else ""
    limits = dict.fromkeys(each for each in map(limit_in, words) if each is not None) if reason != "line_too_long" else {}
    if limits:
        named = []
        for limit in limits:
            value = next((found for each in words if limit_in(each) is limit and (found := limit.of(each))), "")
            named.append(f"{limit.setting} (limit {said(value)})" if value else limit.setting)
        return f"Reason `{reason}`: Loki refuses them by {listed(named, 4)}.{text}", " ".join(limit.helps for limit in limits)
    if known := next((each for each in map(answer_in, reversed(words)) if each), None):
        return f"Reason `{reason}`: {known.why}.{text}{_nowhere(one)}", known.helps
    loss = loss_of(reason)
    return f"Reason `{reason}`: {loss.why}.{text}{_nowhere(one)}", f"{loss.helps} Or write less."


def why_waiting(one: Trouble) -> tuple[str, str]:
    """Why an agent sends again and again, and what helps; where its words are not known, only they."""
    words = one.waits
    text = f"The receiver, or the way to it, says {said(words[-1])}" if words else "Its log says only that it sends again"
    limit = next((each for each in map(limit_in, reversed(words)) if each), None)
    if limit:
        return f"{text}: Loki refuses them by {limit.setting}.", limit.helps
    known = next((each for each in map(answer_in, reversed(words)) if each), None)
    if known:
        return f"{text}: {known.why}.{_nowhere(one)}", known.helps
    return f"{text}.{_nowhere(one)}", "Repair what these words name."


def _nowhere(one: Trouble) -> str:
    """Which of its addresses names no Service."""
    return f" Its configuration sends to {listed(one.nowhere, 3)}, and there is no such Service." if one.nowhere else ""
