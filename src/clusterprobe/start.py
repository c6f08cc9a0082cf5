"""Where the program begins: nothing is imported here that is not there already, so that Ctrl-C is heard while the rest still loads."""

from __future__ import annotations

import gc
import os

OBJECTS = 50_000  # between two looks for circles: nearly all that is made while we load and read stays, and is in none


def main() -> None:
    """The command line; interrupted before there is one, it ends as an interrupted run does, and not in a traceback."""
    gc.set_threshold(OBJECTS, 20, 100)
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"  # else it looks through all that is installed, and what it finds could change profiles
    try:
        from clusterprobe import cli
    except KeyboardInterrupt:
        raise SystemExit(2) from None
    cli.main()
