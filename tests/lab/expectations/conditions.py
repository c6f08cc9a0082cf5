"""What the stages of lab/stages/conditions.py must lead to."""

from tests.lab.expectation import IMPATIENT, Expectation

_NOT_READY = ("objects/conditions", "ObjectNotReady")
STAGES = {
    "certificate-without-issuer": Expectation(
        {_NOT_READY: ["Certificate checkout/checkout", "It misses ClusterIssuer internal-ca-2025"]}, profile=IMPATIENT
    ),
    "external-secret-without-key": Expectation(
        {_NOT_READY: ["ExternalSecret billing/database", "could not get secret data from provider", "billing/database/password"]},
        profile=IMPATIENT,
    ),
    "kustomization-without-path": Expectation({_NOT_READY: ["Kustomization flux-system/loyalty", "path not found"]}, profile=IMPATIENT),
    "git-repository-without-branch": Expectation({_NOT_READY: ["GitRepository flux-system/platform", "release-1.4"]}, profile=IMPATIENT),
}
