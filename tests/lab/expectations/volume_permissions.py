"""What the stages of lab/stages/volume_permissions.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "volume-permission-denied": Expectation(
        {
            ("storage/volume-permissions", "VolumePermissionDenied"): [
                "uid 1001",
                "fsGroup 1000 is set, but on in-tree NFS",
                "[Errno 13]",
                "/app/logs",
                "Run it as uid 1000",
            ],
            ("pods/crash-loop", "CrashLoop"): ["[Errno 13]", "still serve"],
        },
        blind=frozenset({"prometheus/targets"}),
    ),
    "permission-denied-elsewhere": Expectation(),
}
