"""What log agents write in their own logs about what they could not send: by program, which line means what, and where the answer is.

- Promtail, Alloy, Grafana Agent: clients/pkg/promtail/client in grafana/loki
- Fluent Bit: plugins/out_loki and src/flb_engine.c in fluent/fluent-bit
- Vector: src/sinks/util/retries.rs and lib/vector-common/src/internal_event in vectordotdev/vector
- OpenTelemetry collector: exporter/exporterhelper in open-telemetry/opentelemetry-collector
- Fluentd: lib/fluent/plugin/output.rb in fluent/fluentd
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clusterprobe.excerpt import excerpt
from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.formats.logfmt import cut_fields_of

MAX_ANSWER = 300


@dataclass(frozen=True, slots=True)
class Words:
    """One line about what was not sent: whether it is lost, and what the receiver, or the network, answered."""

    lost: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Wording:
    """How a program says that it gave something up, or that it will send it again; `answers` finds in either what was answered.

    With `goes_on` the answer continues on the next line, unless that begins as a line of the program's own does.
    `grep` finds both by hand.
    """

    lost: Pattern
    retried: Pattern
    answers: tuple[Pattern, ...] = ()
    goes_on: Pattern | None = None
    own: str = ""
    grep: str = ""


_CLIENT = Wording(lost=ours(r"final error sending batch"), retried=ours(r"error sending batch, will retry"), grep="error sending batch")
_QUOTED = r'"((?:[^"\\]|\\.)+)"?'

WORDINGS = {
    "promtail": _CLIENT,
    "alloy": _CLIENT,
    "grafana-agent": _CLIENT,
    "fluent-bit": Wording(
        lost=ours(r"HTTP status=\d+ Not retrying|cannot be retried|evicted from output queue"),
        retried=ours(
            r"failed to flush chunk|HTTP status=[345]\d\d|no upstream connections available|getaddrinfo\(host="
            r"|TCP connection (?:failed|timed)|connection #\d+ (?:to|failed)|\[tls\] error"
        ),
        answers=(
            ours(r"\[output:[^\]]+\] (.+)"),
            ours(r"\[(?:net|upstream|tls|engine)\] (getaddrinfo.+|TCP connection.+|connection #.+|error.+|.+evicted.+)"),
        ),
        goes_on=ours(r"HTTP status=\d+"),
        own="[",
        grep="HTTP status=|failed to flush chunk|cannot be retried|evicted|getaddrinfo|connection",
    ),
    "vector": Wording(
        lost=ours(
            r"Not retriable; dropping the request|No retries or retries exhausted|Retries exhausted; dropping"
            r"|Events dropped intentional=false"
        ),
        retried=ours(r"Retrying after (?:error|response)|Request timed out"),
        answers=(
            ours(r"error=(.+?)(?: (?:request_id|error_type|error_code|stage|internal_log_rate_limit)=|\z)"),
            ours(rf"reason={_QUOTED}"),
            ours(r"reason=(.+)"),
        ),
        grep="Not retriable|No retries|Retrying after|Events dropped intentional=false",
    ),
    "opentelemetry-collector": Wording(
        lost=ours(r"Dropping data|sending_queue is full|sending queue is full"),
        retried=ours(r"Will retry the request|Rejecting data"),
        answers=(ours(rf'"error": ?{_QUOTED}'), ours(rf"\berror={_QUOTED}")),
        grep="Dropping data|Will retry|Rejecting data|queue is full",
    ),
    "fluentd": Wording(
        lost=ours(r"hit limit for retries|unrecoverable error in primary|bad chunk is moved|dropping all chunks"),
        retried=ours(r"failed to flush the buffer|failed to write data into buffer by buffer overflow|failed to write post"),
        answers=(ours(rf"\berror={_QUOTED}"), ours(r"(failed to write post.+)"), ours(r"(buffer overflow.*)")),
        grep="failed to flush|unrecoverable error|bad chunk|buffer overflow|failed to write post",
    ),
}
"""By program, as `System.key` has it."""


def words_of(program: str, lines: list[str]) -> list[Words]:
    """What an agent's lines say of what it could not send."""
    return [*_words(WORDINGS[program], lines)]


def _words(wording: Wording, lines: list[str]) -> Iterator[Words]:
    for place, line in enumerate(lines):
        lost = bool(wording.lost.search(line))
        if lost or wording.retried.search(line):
            after = lines[place + 1] if place + 1 < len(lines) else ""
            more = f" {after}" if wording.goes_on and wording.goes_on.search(line) and after and not after.startswith(wording.own) else ""
            yield Words(lost, _answer(wording, line, more))


def _answer(wording: Wording, line: str, more: str) -> str:
    """What was answered, out of a line that may have been cut short; empty where it says only that it failed."""
    if not wording.answers:
        return excerpt(cut_fields_of(line).get("error", "") or line, MAX_ANSWER)
    found = next((match for one in wording.answers if (match := one.search(line))), None)
    return excerpt(f"{found[1]}{more}".replace('\\"', '"'), MAX_ANSWER) if found else ""
