"""What the stages of lab/stages/loki_queries.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "loki-instant-query": Expectation({("loki/instant-queries", "InstantLogQueries"): ['{namespace="fastapi-dev"}', "query_range"]}),
    "loki-instant-metric-query": Expectation(),
    "loki-parse-error": Expectation(),
    "loki-wide-query": Expectation(warnings={("loki/query-cost", "WideQuery"): ['{namespace=~".+"} |= "x"', "30 days", "with `=`"]}),
    "loki-range-too-long": Expectation({("loki/query-cost", "RangeBeyondLimit"): ["60 days", "max_query_length", "30 days"]}),
    "loki-narrow-query": Expectation(),
}
