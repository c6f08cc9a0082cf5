"""Options of a command line that are made of a request's fields, so that each is declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from clusterprobe.request import Option, Request, options


def takes(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command these options of a request, and hand them over as one: its parameter `request`."""

    def with_options(command: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(command)
        def called(**given: Any) -> int:
            return command(request=Request.of({name: given.pop(name) for name in names}), **given)

        offered = {one.name: one for one in options()}
        parameters = inspect.signature(command, eval_str=True).parameters.values()
        own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters if one.name != "request"]
        called.__signature__ = inspect.Signature([*(_parameter(offered[name]) for name in names), *own])  # type: ignore[attr-defined]
        return called

    return with_options


def _parameter(option: Option) -> inspect.Parameter:
    """An option as Typer reads it."""
    kind: Any = list[str] | None if option.repeated else option.kind
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default or None if option.repeated else option.default,
        annotation=Annotated[kind, typer.Option(f"--{option.flag}", metavar="<name>" if option.repeated else None, help=option.help)],
    )
