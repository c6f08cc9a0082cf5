"""Where the program begins: nothing is imported here, so that Ctrl-C is heard while the rest still loads."""

from __future__ import annotations


def main() -> None:
    """The command line; interrupted before there is one, it ends as an interrupted run does, and not in a traceback."""
    try:
        from clusterprobe import cli
    except KeyboardInterrupt:
        raise SystemExit(2) from None
    cli.main()
