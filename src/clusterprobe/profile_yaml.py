"""YAML of a user's profile as plain data, with the line of each key. Hostile text is refused in one sentence, and quickly.

PyYAML composes and constructs by recursion, and lets the errors of Python's own conversions through. So the events are counted first
(`yaml_limits`): no text that passes is deep, endless, or larger than it looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from clusterprobe.errors import ProfileError
from clusterprobe.files import MIB, read_limited
from clusterprobe.profile_parts import Lines, Path_
from clusterprobe.yaml_limits import BeyondLimit, check

MAX_BYTES = MIB // 4
MAX_DEPTH = 32
MAX_NODES = 20_000  # with each alias counted as what it stands for
TEXT_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
MAX_NUMBER = 40  # characters: Python itself refuses a number of thousands, with an error of its own


def read(path: Path) -> tuple[dict[str, Any], Lines]:
    """The keys and values of a file, and where each is written. Raises `ProfileError` with file and line."""
    try:
        text = read_limited(path, MAX_BYTES).decode("utf-8-sig")
        check(text, yaml.SafeLoader, values=MAX_NODES, depth=MAX_DEPTH)
        value, lines = _composed(path, text)
    except BeyondLimit as error:
        raise _refused(path, error) from None
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProfileError(f"{path}: not UTF-8 text") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ProfileError(f"{path}:{line}: not YAML: the character U+{error.character:04X} is not allowed") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProfileError(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ProfileError(f"{path}: not YAML: {error}") from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ProfileError(f"{path}:1: expected keys and values, found a {type(value).__name__}")
    return value, lines


def _refused(path: Path, error: BeyondLimit) -> ProfileError:
    whys = {
        "itself": f"*{error.anchor} stands within what it stands for",
        "depth": f"nested more than {MAX_DEPTH} deep",
        "values": f"more than {MAX_NODES} values",
    }
    return ProfileError(f"{path}:{error.line or 1}: {whys[error.what]}")


class _Loader(yaml.SafeLoader):
    """Python's own errors of converting a value become errors with its place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        kind = node.tag.rpartition(":")[2]
        if kind in ("int", "float") and len(str(node.value)) > MAX_NUMBER:
            raise yaml.constructor.ConstructorError(None, None, f"a number of more than {MAX_NUMBER} digits", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            raise yaml.constructor.ConstructorError(None, None, f"this is not a {kind}", node.start_mark) from None


def _composed(path: Path, text: str) -> tuple[Any, Lines]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines: Lines = dict(_walk(node, (), path))
        return loader.construct_document(node), lines
    finally:
        loader.dispose()


def _walk(node: yaml.Node, place: Path_, path: Path) -> Iterator[tuple[Path_, tuple[Path, int]]]:
    """Where everything is written. Raises `ProfileError` for a key that is no text, or that is there twice."""
    yield place, (path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line, text = key.start_mark.line + 1, key.value
            inside = ".".join(map(str, place)) or "the profile"
            if key.tag not in TEXT_TAGS:
                shown = f'; write "{text[:50]}" in quotes' if isinstance(text, str) else ""
                raise ProfileError(f"{path}:{line}: a key in {inside} is not text{shown}")
            if text in seen:
                where = ".".join(map(str, (*place, text)))
                raise ProfileError(f"{path}:{line}: {where}: duplicate key (first on line {seen[text]})")
            seen[text] = line
            yield from _walk(value, (*place, text), path)
            yield (*place, text), (path, line)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*place, index), path)
