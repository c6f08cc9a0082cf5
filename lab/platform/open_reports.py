"""OpenReports: only its kinds, as whoever shows such reports brings them along."""

from __future__ import annotations

from lab.build.modules import Module
from lab.platform.system import System

SYSTEM = System(
    name="open-reports",
    modules=(Module("github.com/openreports/reports-api", "v0.2.1", {}, definitions="config/crd"),),
)
