"""An Alertmanager with the Secret that is generated for it, its source, and what looks after them."""

from types import SimpleNamespace
from typing import Any

import msgspec

from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.generated_secrets import GeneratedSecret, Side
from clusterprobe.systems.alertmanager.sources import Alertmanager, AlertmanagerStatus
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from clusterprobe.systems.formats.alertmanager_digest import meaning_of
from clusterprobe.systems.kubernetes.objects import Namespace
from clusterprobe.systems.prometheus.selection import Operator
from clusterprobe.times import epoch
from tests.factories import labelled, listing, server
from tests.unit.alertmanager.test_default_config import HEALTHY
from tests.unit.alertmanager.test_routing import FALLBACK

NOW = epoch("2026-01-10T12:00:00Z") or 0.0
LONG_AGO = "2026-01-01T12:00:00Z"
OLD = epoch(LONG_AGO) or 0.0
ONE = server("alertmanager", "monitoring-dev", "main")
GENERATED, SOURCE = "alertmanager-main-generated", "team-config"
MEANS = meaning_of(parse_configuration(HEALTHY))
OTHER = meaning_of(parse_configuration(FALLBACK))
LISTED = Side(name=GENERATED, exists=True, created=OLD, changes=0.0, changes_before=0.0)
READ = msgspec.structs.replace(LISTED, written=OLD, meaning=MEANS)
RUNNING = Operator(instances=None, objects=None, denied=[], controller_id="", unclear="", started=LONG_AGO)


def side(base: Side = LISTED, **fields: Any) -> Side:
    return msgspec.structs.replace(base, **fields)


def platform(
    generated: Side = READ, source: Side | None = None, *operators: Operator, text: str = HEALTHY, **changes: Any
) -> dict[str, Any]:
    spec = {"configSecret": SOURCE, **changes.pop("spec", {})}
    status = {"conditions": [{"type": "Reconciled", "status": changes.pop("reconciled", "True")}]}
    metadata = {"creationTimestamp": LONG_AGO, "managedFields": [{"manager": "helm", "time": changes.pop("specified", LONG_AGO)}]}
    custom = labelled(Alertmanager, "monitoring-dev", "main", metadata=metadata, spec=spec, status=status)
    older = changes.pop("older_since", OLD + 1)
    facts = GeneratedSecret(
        generated, source or side(generated, name=SOURCE, strangers=[]), older, "StatefulSet monitoring-dev/alertmanager-main"
    )
    customs = listing("Alertmanager", [custom])
    known = [(server("operator", "monitoring-dev", f"operator-{number}")[0], one) for number, one in enumerate(operators)]
    return {
        "alertmanagers": customs,
        "generated_secrets": customs.map(lambda _, one: facts),
        "alertmanager_statuses": Readings(((ONE[0], AlertmanagerStatus(parse_configuration(text))),)),
        "alertmanager_servers": Readings((ONE,)),
        "prometheus_operators": Readings(tuple(known)),
        "alertmanager_configs": Readings((), (), "there is no AlertmanagerConfig"),
        "namespaces": listing("Namespace", [labelled(Namespace, "", "monitoring-dev")]),
        "deployments": Readings((), (), "there is no Deployment"),
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOW),
        **changes,
    }
