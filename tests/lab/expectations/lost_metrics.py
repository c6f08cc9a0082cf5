"""What the stages of lab/stages/lost_metrics.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "alert-without-series": Expectation(
        warnings={("prometheus/lost-metrics", "AlertsWithoutSeries"): ["stock-exporter", "StockLow", "stock_level"]}
    ),
}
