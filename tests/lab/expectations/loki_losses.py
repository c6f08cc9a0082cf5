"""What the stages of lab/stages/loki_losses.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "loki-rate-limited": Expectation(
        {("loki/freshness", "NamespaceNotInLoki"): ["fastapi-dev", "Loki refuses them"]},
        warnings={("loki/losses", "LinesRefused"): ["rate_limited", "ingestion_rate_mb"]},
        besides=frozenset({("promtail/coverage", "AgentNotReady")}),  # while it is refused, Promtail may not answer its readiness probe
    ),
    "loki-log-full": Expectation({("loki/losses", "WriteAheadLogFull"): ["logging/loki-0", "the disk is full"]}),
    "loki-store-full": Expectation(
        {("loki/losses", "ChunksNotStored"): ["logging/loki-0", "Its volume or store is full", "no space left"]}
    ),
}
