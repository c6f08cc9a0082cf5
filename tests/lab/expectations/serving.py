"""What the stages of lab/stages/serving.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "serving-unhealthy": Expectation(
        {
            ("serving/health", "Unhealthy"): [
                "no model is loaded",
                "/health",
                "none of its replicas is Ready",
                "Deployment fastapi-dev/fastapi",
            ],
        }
    ),
    "canary-errors": Expectation(
        {
            ("serving/canary", "CanaryRollBack"): [
                "requests failed (5xx)",
                "region_risk",
                "Deployment fastapi-dev/fastapi-canary",
                "kubectl rollout undo deployment/fastapi-canary -n fastapi-dev --to-revision=",
            ]
        }
    ),
    "canary-slow": Expectation({("serving/canary", "CanaryRollBack"): ["95 % of requests take up to", "--to-revision="]}),
    "canary-few-samples": Expectation(blind=frozenset({"serving/canary"})),
    # Nothing to roll back, and nothing to promote: wait.
    "canary-errors-in-both": Expectation(blind=frozenset({"serving/canary"})),
    "canary-better": Expectation(),
}
