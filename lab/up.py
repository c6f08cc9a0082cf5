"""The whole lab, up and down."""

from __future__ import annotations

import time

from lab import api
from lab.build.go import build
from lab.build.images import pack_images
from lab.cluster.images import import_images
from lab.cluster.lifecycle import leftovers, start_cluster, stop_cluster
from lab.errors import LabError
from lab.paths import KUBECONFIG, STATE
from lab.platform.settled import problems, wait_until_settled
from lab.platform.systems import all_images, all_modules, install_platform, platform_images
from lab.stages import describe, staged

SETTLES_WITHIN_SECONDS = 300


def up() -> None:
    """Start everything, and return once it has settled."""
    if STATE.exists() and api.answers("/readyz"):
        _expect_healthy()
        return
    build(all_modules())
    pack_images(all_images())
    if leftovers():
        # A machine that was restarted, or whose processes were ended, keeps the state folder and perhaps mounts.
        print("what is left of an earlier lab is removed first", flush=True)
        down()
    begun = time.monotonic()
    start_cluster()
    print(f"three nodes are Ready after {time.monotonic() - begun:.0f} s", flush=True)
    import_images(platform_images())
    print(f"the images are on the nodes after {time.monotonic() - begun:.0f} s", flush=True)
    install_platform()
    wait_until_settled(SETTLES_WITHIN_SECONDS)
    print(f"up in {time.monotonic() - begun:.0f} s: export KUBECONFIG={KUBECONFIG}")


def down() -> None:
    """End everything; it also cleans up after a start that failed."""
    begun = time.monotonic()
    stop_cluster()
    remaining = leftovers()
    if remaining:
        raise LabError(f"left behind: {', '.join(remaining)}")
    print(f"down in {time.monotonic() - begun:.0f} s")


def _expect_healthy() -> None:
    found = problems()
    active = ", ".join(describe(*entry) for entry in staged())
    if active:
        print(f"the lab is already up; staged: {active}: export KUBECONFIG={KUBECONFIG}")
    elif found:
        raise LabError("the lab is up, but not healthy: " + "; ".join(found) + "; `python -m lab down` removes it")
    else:
        print(f"the lab is already up and healthy: export KUBECONFIG={KUBECONFIG}")
