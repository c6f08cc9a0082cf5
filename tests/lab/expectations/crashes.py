"""What the stages of lab/stages/crashes.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "tmp-curl": Expectation(),  # normal during start-up
    "tmp-curl-wrong-port": Expectation({("pods/crash-loop", "CrashLoop"): ["tmp-curl", "has no port 9999", "fastapi-dev/fastapi"]}),
    "out-of-memory": Expectation({("pods/crash-loop", "OomKilled"): ["feature-cache", "memory limit of 32Mi"]}),
    "image-missing": Expectation(
        {("pods/crash-loop", "ImageError"): ["lab.internal/fastapi:2", "Deployment fastapi-dev/fastapi", "still serve"]},
        blind=frozenset({"prometheus/targets"}),
    ),
    "broken-revision": Expectation(
        {("pods/crash-loop", "CrashLoop"): ["exit code 1", "/app/missing", "still serve", "rollout undo deployment fastapi"]},
        # Its new pod is never scraped; and where fsGroup is set, a crash on NFS leaves it open whether it may write there.
        blind=frozenset({"prometheus/targets", "storage/volume-permissions"}),
    ),
}
