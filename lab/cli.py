"""The commands: build | up | status | stages | stage | clear | variants | begin | end | kubeconfig | demo | verify | down."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab import api
from lab.access import namespace_kubeconfig
from lab.build.go import build
from lab.build.images import pack_images
from lab.demo import record
from lab.errors import LabError
from lab.paths import STATE
from lab.platform import variants
from lab.platform.system import System
from lab.platform.systems import OTHERS, VARIANTS, all_images, all_modules
from lab.stages import all_stages, clear, stage
from lab.status import print_status
from lab.up import down, up
from lab.verify import verify

_COMMANDS = ("build", "up", "status", "stages", "stage", "clear", "variants", "begin", "end", "kubeconfig", "demo", "verify", "down")


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    """Names the nearest command for a wrong one."""

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse declares NoReturn, and exit() is
        wrong = message.split("'")[1] if "invalid choice" in message else ""
        near = difflib.get_close_matches(wrong, _COMMANDS, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        self.exit(2, f"lab: {message.split(' (choose', maxsplit=1)[0]}{hint}\n{self.format_usage()}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m lab", description="A real cluster with the real systems, and incidents staged on it.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("build", help="build the programs and images into the cache").set_defaults(run=_build)
    commands.add_parser("up", help="start the cluster and the healthy platform").set_defaults(run=_up)
    commands.add_parser("status", help="nodes, pods, what is staged, what is not healthy").set_defaults(run=_status)
    commands.add_parser("stages", help="list the incidents").set_defaults(run=_stages)
    for name, run, help_text in (("stage", _stage, "stage an incident"), ("clear", _clear, "repair a staged incident")):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("name", metavar="NAME")
        command.add_argument("--environment", metavar="dev|prod", default="")
        command.set_defaults(run=run)
    commands.add_parser("variants", help="list the other ways to run a platform").set_defaults(run=_variants)
    for name, run, help_text in (("begin", _begin, "run a variant beside the platform"), ("end", _end, "remove a variant")):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("name", metavar="NAME", choices=[system.name for system in VARIANTS + OTHERS])
        command.set_defaults(run=run)
    kubeconfig = commands.add_parser("kubeconfig", help="print a kubeconfig that may read one namespace only")
    kubeconfig.add_argument("--namespace", required=True)
    kubeconfig.set_defaults(run=_kubeconfig)
    demo = commands.add_parser("demo", help="record the demo's bundle: stage incidents, capture, clear")
    demo.add_argument("bundle", metavar="FILE", type=Path)
    demo.set_defaults(run=_demo)
    verification = commands.add_parser("verify", help="run every test of the lab that has not passed on this commit")
    verification.add_argument("--again", action="store_true", help="also those that have")
    verification.add_argument("--fixes", action="store_true", help="only repair each stage as its findings say")
    verification.set_defaults(run=_verify)
    commands.add_parser("down", help="end the lab and remove its state").set_defaults(run=_down)
    return parser


def _build(_: argparse.Namespace) -> int:
    _need_root()
    build(all_modules())
    pack_images(all_images())
    return 0


def _up(_: argparse.Namespace) -> int:
    _need_root()
    up()
    return 0


def _status(_: argparse.Namespace) -> int:
    _need_lab()
    return print_status()


def _stages(_: argparse.Namespace) -> int:
    stages = all_stages()
    width = max(map(len, stages))
    for name, found in stages.items():
        print(f"{name:{width}}  {found.description}")
    return 0


def _stage(options: argparse.Namespace) -> int:
    _need_lab()
    begun = time.monotonic()
    stage(options.name, options.environment)
    print(f"{options.name} staged in {time.monotonic() - begun:.0f} s")
    return 0


def _clear(options: argparse.Namespace) -> int:
    _need_lab()
    begun = time.monotonic()
    clear(options.name, options.environment)
    print(f"{options.name} cleared in {time.monotonic() - begun:.0f} s")
    return 0


def _variants(_: argparse.Namespace) -> int:
    for system in VARIANTS + OTHERS:
        print(system.name)
    return 0


def _begin(options: argparse.Namespace) -> int:
    _need_lab()
    begun = time.monotonic()
    variants.begin(_variant(options.name))
    print(f"{options.name} runs after {time.monotonic() - begun:.0f} s")
    return 0


def _end(options: argparse.Namespace) -> int:
    _need_lab()
    _variant(options.name).remove()
    return 0


def _variant(name: str) -> System:
    return next(system for system in VARIANTS + OTHERS if system.name == name)


def _kubeconfig(options: argparse.Namespace) -> int:
    _need_lab()
    print(namespace_kubeconfig(options.namespace), end="")
    return 0


def _demo(options: argparse.Namespace) -> int:
    _need_lab()
    record(options.bundle)
    return 0


def _verify(options: argparse.Namespace) -> int:
    _need_lab()
    return verify(again=options.again, fixes=options.fixes)


def _down(_: argparse.Namespace) -> int:
    _need_root()
    down()
    return 0


def _need_root() -> None:
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts: run it as root")


def _need_lab() -> None:
    _need_root()
    if not STATE.exists() or not api.answers("/readyz"):
        raise LabError("the lab is not up: run `python -m lab up`")
