"""The stand-in for Slack, which keeps what is posted to it."""

from __future__ import annotations

from collections.abc import Iterator

from lab import api
from lab.build.archives import Image
from lab.build.go import STAND_INS, stand_in_path
from lab.build.images import Recipe
from lab.platform.manifests import ENVIRONMENTS, Environment
from lab.platform.system import System

PROXY = "/api/v1/namespaces/slack/services/slack:80/proxy"


def messages(environment: Environment) -> list[api.Object]:
    """What it was sent for an environment, the oldest first."""
    kept: list[api.Object] = api.get(f"{PROXY}/messages")["messages"]
    return [one for one in kept if str(one["body"].get("channel", "")).startswith(f"#alerts-{environment.name}")]


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        if not messages(environment):
            yield f"no message of {environment.alertmanager} has reached the stand-in for Slack"


SYSTEM = System(
    name="slack",
    images=(Recipe(Image("lab/stand-ins:1", ()), {f"/bin/{name}": stand_in_path(name) for name in STAND_INS}),),
    manifests=("slack",),
    problems=_problems,
)
