"""YAML that somebody wrote into the cluster, as plain data of a bounded size.

PyYAML shares what aliases name, so that a text of a kilobyte may stand for a billion values once somebody walks through it or writes
it out; it composes by recursion, and lets the errors of Python's own conversions through. So the events are counted first.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_VALUES = 50_000  # with each alias counted as what it stands for
MAX_DEPTH = 300

_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotYaml(ValueError):
    """What is no YAML, or too much of it; it says where, and quotes nothing of the text, which may be secret."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"{why}{f' (line {line})' if line else ''}")


def yaml_of(text: str, *, values: int = MAX_VALUES) -> Any:
    """The data, of at most so many values. Raises `NotYaml`, and nothing else.

    >>> yaml_of("a: [1, x]")
    {'a': [1, 'x']}
    """
    try:
        _check(text, values)
        return yaml.load(text, Loader=_Parser)  # noqa: S506 - both loaders are safe
    except NotYaml:
        raise
    except yaml.MarkedYAMLError as error:
        raise NotYaml("not YAML", error.problem_mark.line + 1 if error.problem_mark else 0) from None
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        # The latter are those of dates and numbers that are none.
        raise NotYaml("not YAML, or with a value that is invalid") from None


def _check(text: str, most: int) -> None:
    """Refuse what is nested too deeply, refers to itself, or is too much once its aliases are followed."""
    sizes: dict[str, int] = {}
    open_ones: list[tuple[str, int]] = []  # anchor, and how many nodes there were before
    count = 0
    for event in yaml.parse(text, Loader=_Parser):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            if any(event.anchor == anchor for anchor, _ in open_ones):
                raise NotYaml("YAML that refers to itself", line)
            count += sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((event.anchor or "", count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_ones.pop()
            sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            sizes[event.anchor or ""] = 1
        if count > most:
            raise NotYaml(f"YAML of more than {most} values", line)
        if len(open_ones) > MAX_DEPTH:
            raise NotYaml("YAML that is nested too deeply", line)
