"""What belongs to Clusterprobe itself: its runs end with what they found, which is their answer, and no failure."""

from __future__ import annotations

from collections.abc import Mapping

from clusterprobe.exits import Exit

ANSWERS = (Exit.FINDINGS, Exit.INCOMPLETE)


def is_own(*labels: Mapping[str, str]) -> bool:
    """Whether what has these labels, or its pods, is Clusterprobe's own."""
    return any(one.get("app.kubernetes.io/name") == "clusterprobe" for one in labels)


def is_answer(code: int | None) -> bool:
    """Whether a run of ours that ended so has told what it saw; of one whose pod is gone that is taken for granted."""
    return code is None or code in ANSWERS
