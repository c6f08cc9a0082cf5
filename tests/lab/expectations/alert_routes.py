"""What the stages of lab/stages/alert_routes.py must lead to."""

from tests.lab.expectation import Expectation

STAGES = {
    "critical-muted": Expectation({("alertmanager/receivers", "CriticalMuted"): ["migration"]}),
    "critical-inhibited": Expectation({("alertmanager/receivers", "CriticalInhibited"): ["none|maintenance"]}),
    "critical-to-null": Expectation({("alertmanager/receivers", "CriticalReachesNobody"): ["fastapi-dev", "null"]}),
    "team-routes-unselected": Expectation(
        warnings={("alertmanager/config-objects", "ConfigNotSelected"): ["fastapi-dev/checkout", "alertmanagerConfig"]}
    ),
}
