"""What the stages of lab/stages/alert_routes.py must lead to."""

from tests.lab.expectation import UNDELIVERED, Expectation

STAGES = {
    "critical-muted": Expectation({("alertmanager/receivers", "CriticalMuted"): ["migration"]}),
    "critical-inhibited": Expectation({("alertmanager/receivers", "CriticalInhibited"): ["none|maintenance"]}),
    "critical-to-null": Expectation({("alertmanager/receivers", "CriticalReachesNobody"): ["fastapi-dev", "null"]}),
    "team-routes-unselected": Expectation(
        warnings={
            ("alertmanager/config-objects", "ConfigNotSelected"): ["fastapi-dev/checkout", "alertmanagerConfig", "only monitoring-prod/"]
        },
        blind=UNDELIVERED,  # prod's takes it, and has sent nothing by the team's receiver yet
    ),
    "team-routes-refused": Expectation({("alertmanager/config-objects", "ConfigNotEffective"): ["fastapi-dev/checkout", "checkout-slack"]}),
}
