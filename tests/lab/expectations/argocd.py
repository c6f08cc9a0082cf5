"""What the stages of lab/stages/argocd.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "argocd-sync-failed": Expectation(
        {
            ("argocd/applications", "SyncFailed"): [
                "Deployment features-dev/feature-store",
                "field is immutable",
                "argocd/feature-store-dev",
            ],
            ("argocd/revision", "CommitNotDeployed"): ["Its last synchronisation failed"],
        }
    ),
    "argocd-hook-failed": Expectation(
        {("argocd/applications", "HookFailed"): ["Job features-dev/feature-store-check", "logs job/feature-store-check"]}
    ),
    "argocd-degraded": Expectation(
        {
            ("argocd/applications", "Degraded"): ["Deployment/features-dev/feature-store", "has timed out progressing"],
            ("argocd/revision", "OldImageStuck"): ["lab.internal/feature-store:3", "lab/pause:1", "roll-out is stuck"],
            ("pods/crash-loop", "ImageError"): ["lab.internal/feature-store:3"],
        }
    ),
    "argocd-comparison-error": Expectation(
        {("argocd/applications", "ComparisonError"): ["app path does not exist", "dev at main", "Healthy"]},
        blind=frozenset({"argocd/revision"}),
    ),
    "argocd-out-of-sync": Expectation(
        warnings={("argocd/applications", "DriftNotHealed"): ["Deployment/features-dev/feature-store", "selfHeal"]}
    ),
    "argocd-sync-window": Expectation(
        {
            ("argocd/applications", "CommitNotSynced"): ["sync window", "argocd proj windows list default"],
            ("argocd/revision", "CommitNotDeployed"): ["sync window"],
        }
    ),
    "argocd-old-revision": Expectation(
        {("argocd/revision", "OldImagePaused"): ["lab/pause:1", "lab/pause:2", "spec.paused", "rollout resume deployment feature-store"]}
    ),
    "argocd-manual": Expectation(),  # waits for somebody by intent
    "argocd-syncing": Expectation(),
    "argocd-suspended": Expectation(),
}
