"""What a Grafana would load: there is none."""

from __future__ import annotations

from lab.platform.system import System

SYSTEM = System(name="grafana", per_environment=("grafana",))
