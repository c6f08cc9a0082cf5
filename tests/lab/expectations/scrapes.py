"""What the stages of lab/stages/scrapes.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "target-wrong-scheme": Expectation({("prometheus/targets", "TargetsDown"): ["price-feed", "HTTP response to HTTPS client"]}),
    "samples-dropped": Expectation(warnings={("prometheus/dropped", "SamplesDropped"): ["duplicate samples", "price-feed"]}),
    "rule-fails": Expectation({("prometheus/rules", "EvaluationFails"): ["FeedStale", "feed-alerts"]}),
    "configuration-refused": Expectation(
        {("prometheus/configuration", "ConfigurationNotLoaded"): ["monitoring-dev-kube-promet-prometheus", "scrape timeout"]}
    ),
    "static-targets-of-other": Expectation(
        {("prometheus/cross-scrape", "CrossScrape"): ["prod", "predictions", "fastapi.fastapi-prod.svc.cluster.local:8000"]}
    ),
}
