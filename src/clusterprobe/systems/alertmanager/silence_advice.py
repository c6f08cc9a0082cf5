"""How a silence is seen, and ended."""

from __future__ import annotations

from clusterprobe.access.servers import Server
from clusterprobe.fixes import change, look, shell
from clusterprobe.model import Command, Step
from clusterprobe.systems.alertmanager.silences import Silence
from clusterprobe.systems.inventory.recognition import SystemPod
from clusterprobe.systems.kubernetes.looking import asked_again


def expired_by(one: Silence, server: Server | None, program: SystemPod | None) -> list[Step]:
    """See it, and end it: its alerts are sent again at once."""
    see = [asked_again(server, "/api/v2/silences", {"active": "true"})] if server else []
    text = "Expire the silence, in Alertmanager's page or with amtool: alerts that it holds back are sent at once. "
    text += "Where a part of it is still wanted, make one with narrower matchers and an earlier end first."
    return [look("See the silences, with who made them and why.", *see), change(text, _expired(one, server, program))]


def _expired(one: Silence, server: Server | None, program: SystemPod | None) -> Command | None:
    """By the amtool of the pod itself, which is in the images called `alertmanager`; none where that is not certain."""
    main = program.main if program else None
    if server is None or not server.pod or server.scheme != "http" or not main or not program or not program.runs_image("alertmanager"):
        return None
    return shell(
        "kubectl -n {} exec {} -c {} -- amtool silence expire --alertmanager.url={} {}",
        *(server.namespace, server.pod, main.name, f"http://localhost:{server.port}{server.prefix}", one.id),
    )
