"""Which Prometheuses run with an earlier configuration than the one that their Operator was asked for, as they or it say."""

from __future__ import annotations

from clusterprobe.readings import Readings
from clusterprobe.systems.prometheus.objects import Prometheus
from clusterprobe.systems.prometheus.runtime import Runtime


def run_an_earlier_one(prometheuses: Readings[Prometheus], runtime: Readings[Runtime]) -> set[tuple[str, str]]:
    """Those whose object is not reconciled, and those of which a replica could not load its newest configuration, as (namespace, name)."""
    refused = {
        (subject.namespace, subject.name)
        for subject, one in prometheuses
        if any(each.type == "Reconciled" and each.status == "False" for each in one.status.conditions or [])
    }
    return refused | {(one.namespace, one.owner.partition("/")[2]) for one, told in runtime if not told.reload_config_success}
