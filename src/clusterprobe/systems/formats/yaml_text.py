"""YAML that somebody wrote into the cluster, as plain data of a bounded size.

PyYAML lets the errors of Python's own conversions through, and a small text may stand for a billion values (`yaml_limits`).
"""

from __future__ import annotations

from typing import Any

import yaml

from clusterprobe.yaml_limits import BeyondLimit, check

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
        check(text, _Parser, values=values, depth=MAX_DEPTH)
        return yaml.load(text, Loader=_Parser)  # noqa: S506 - both loaders are safe
    except BeyondLimit as error:
        raise _refused(error, values) from None
    except yaml.MarkedYAMLError as error:
        raise NotYaml("not YAML", error.problem_mark.line + 1 if error.problem_mark else 0) from None
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        # The latter are those of dates and numbers that are none.
        raise NotYaml("not YAML, or with a value that is invalid") from None


def _refused(error: BeyondLimit, values: int) -> NotYaml:
    whys = {
        "itself": "YAML that refers to itself",
        "depth": "YAML that is nested too deeply",
        "values": f"YAML of more than {values} values",
    }
    return NotYaml(whys[error.what], error.line)
