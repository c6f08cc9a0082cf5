"""What the stages of lab/stages/pods.py must lead to."""

from tests.lab.expectation import IMPATIENT, Expectation

STAGES = {
    "account-missing": Expectation(
        {("pods/not-created", "PodsNotCreated"): ["Deployment fastapi-dev/report-api", "0 of 1 pod", "ServiceAccount reports"]}
    ),
    "secret-to-mount-missing": Expectation(
        {("pods/not-started", "ContainersNotCreated"): ["report-export", "Secret warehouse-key"]}, profile=IMPATIENT
    ),
    "config-map-missing": Expectation(
        {("pods/not-started", "ContainersNotCreated"): ["pricing", "ConfigMap pricing-settings"]}, profile=IMPATIENT
    ),
    "pod-too-large": Expectation({("pods/not-started", "PodUnscheduled"): ["training", "64", "Insufficient cpu"]}, profile=IMPATIENT),
    "init-waits": Expectation(
        {("pods/not-started", "InitContainerWaits"): ["catalogue", "wait-for-database", "catalogue-postgres"]}, profile=IMPATIENT
    ),
    "claim-without-class": Expectation(
        {
            ("storage/claims", "ClaimPending"): ["fastapi-dev/archive", "gp3"],
            ("pods/not-started", "PodUnscheduled"): ["archive"],
        },
        profile=IMPATIENT,
    ),
    "pods-rejected": Expectation({("pods/evictions", "PodsRejected"): ["forecast", "worker2", "enough resource: cpu"]}),
}
