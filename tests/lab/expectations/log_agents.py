"""What the stages of lab/stages/log_agents.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "positions-shared": Expectation({("promtail/positions", "PositionsShared"): ["promtail-dev", "worker2", "-positions.file="]}),
    "positions-apart": Expectation(),
    "node-without-agent": Expectation(
        {("promtail/coverage", "NodeWithoutAgent"): ["worker2", "taint dedicated=ml:NoSchedule", "logging/promtail", "tolerations"]}
    ),
    "promtail-lines-dropped": Expectation(
        {
            ("promtail/coverage", "LinesDropped"): ["ingester_error", "Max entry size", "logging/promtail"],
            ("loki/freshness", "NamespaceNotInLoki"): ["fastapi-", "Loki refuses them"],
        }
    ),
    "promtail-drops-namespace": Expectation({("loki/freshness", "NamespaceNotInLoki"): ["fastapi-dev", "a relabel rule drops its pods"]}),
}
