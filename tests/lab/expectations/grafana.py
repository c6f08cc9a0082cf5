"""What the stages of lab/stages/grafana.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "datasource-of-other-environment": Expectation(
        {
            ("grafana/datasources", "DatasourceOfOtherEnvironment"): [
                "ConfigMap monitoring-dev/monitoring-dev-kube-promet-grafana-datasource",
                "namespace monitoring-prod",
                "it is the default",
            ]
        }
    ),
    "datasource-named-for-other": Expectation(),
    "dashboard-instant-log-query": Expectation(
        warnings={("grafana/log-queries", "InstantLogQuery"): ["services-dashboard", "panel Errors", '|= "error"', "queryType: range"]}
    ),
    "dashboard-instant-metric-query": Expectation(),
}
