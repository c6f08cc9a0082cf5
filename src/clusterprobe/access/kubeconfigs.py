"""Kubeconfigs as they were meant: each oddity is one sentence of a `UsageError`, and nothing that they say is ignored in silence."""

from __future__ import annotations

import base64
import difflib
import json
import os
import shlex
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from clusterprobe.access.session import Headers
from clusterprobe.errors import UsageError
from clusterprobe.files import MIB, read_limited

PARTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
MAX_BYTES = 8 * MIB  # of a thousand clusters with their certificates
MAX_VALUES = 200_000  # with each alias counted as what it stands for
AUTH_PROVIDERS = ("oidc", "gcp")


def files_of(named: str, *, chosen: bool) -> list[Path]:
    """The kubeconfigs of a list such as KUBECONFIG has, without those that are not there. Raises `UsageError` if none is."""
    files = [Path(one).expanduser() for one in named.split(os.pathsep) if one]
    there = [one for one in files if _exists(one)]
    if not there:
        hint = "" if chosen else "; name one with --kubeconfig or KUBECONFIG, or try `clusterprobe demo`"
        raise UsageError(f"no kubeconfig: {' and '.join(map(str, files))} does not exist{hint}")
    for one in there:
        check(one)
    return there


def _exists(file: Path) -> bool:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:  # ValueError: a null byte
        raise UsageError(f"the kubeconfig {str(file)!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return True


def check(file: Path) -> None:
    """Raises `UsageError` for a file that is not a kubeconfig, with the line where its YAML is broken."""
    import yaml

    if not file.is_file():
        raise UsageError(f"the kubeconfig {file} is {'a folder' if file.is_dir() else 'a device or pipe'}, not a file")
    try:
        check_tree(yaml.safe_load(read_limited(file, MAX_BYTES).decode()), str(file))
    except OSError as error:
        raise UsageError(f"the kubeconfig {file} cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}," if error.problem_mark else ""
        raise UsageError(f"the kubeconfig {file}{line} is not YAML: {error.problem or error.context}") from None
    except RecursionError:
        raise UsageError(f"the kubeconfig {file} is nested too deeply") from None
    except (yaml.YAMLError, ValueError):  # ValueError: not UTF-8, or a number or date that is none
        raise UsageError(f"the kubeconfig {file} is not YAML: it is not text, or has a value that is invalid") from None


def check_tree(tree: Any, called: str) -> None:
    """Raises `UsageError` for data that are not those of a kubeconfig, or too many of them; `RecursionError` for too deep ones."""
    if _size(tree, {}) > MAX_VALUES:
        raise UsageError(f"the kubeconfig {called} holds more than {MAX_VALUES} values, once its aliases are followed")
    if not isinstance(tree, dict):
        raise UsageError(f"the kubeconfig {called} {_holds(tree)}: this is not a kubeconfig")
    for part, inner in PARTS.items():
        _check_part(called, part, inner, tree.get(part))


def _size(value: Any, known: dict[int, int]) -> int:
    """How many values it holds: what follows aliases, such as a copy or `str`, would take that many steps. Too many in a circle."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = MAX_VALUES + 1  # until it is counted: met again within itself, it has no end
        known[id(value)] = 1 + sum(_size(one, known) for one in (value.values() if isinstance(value, dict) else value))
    return known[id(value)]


def _check_part(called: str, part: str, inner: str, entries: Any) -> None:
    if entries is None:
        return
    if not isinstance(entries, list):
        raise UsageError(f"the kubeconfig {called}: `{part}` {_holds(entries)}, not a list")
    for number, one in enumerate(entries, 1):
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise UsageError(f"the kubeconfig {called}: entry {number} of `{part}` has no name")
        if not isinstance(one.get(inner) or {}, dict):
            raise UsageError(f"the kubeconfig {called}: the `{inner}` of {one['name']} {_holds(one[inner])}, not fields")


def _holds(value: Any) -> str:
    kinds = {str: "holds a text", list: "holds a list", type(None): "is empty"}
    return kinds.get(type(value), "holds a single value" if not isinstance(value, dict) else "holds fields")


def entries(config: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    """The entries of `clusters`, `contexts` or `users` of kubeconfigs that were merged."""
    return [node.value if hasattr(node, "value") else node for node in config.get(part) or []]


def check_context(config: Mapping[str, Any], wanted: str, files: list[Path]) -> None:
    """Raises `UsageError`, with the nearest name, if there is no context of that name (or no current one)."""
    names = [str(one.get("name")) for one in entries(config, "contexts")]
    current = wanted or str(config.get("current-context") or "")
    if current in names:
        return
    where = " and ".join(map(str, files))
    if not current:
        raise UsageError(f"{where} has no current-context; choose one with --context: {', '.join(names) or 'it has none'}")
    near = difflib.get_close_matches(current, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names) or 'none'}"
    raise UsageError(f"{where} has no context {current}: {hint}")


# --- users ------------------------------------------------------------------------------------------------------------


def impersonation(user: Mapping[str, Any], name: str) -> Headers:
    """The headers by which a user of a kubeconfig acts as another. Raises `UsageError` where it cannot be as it says."""
    groups, extra = user.get("as-groups") or [], user.get("as-user-extra") or {}
    more = {"as-uid": user.get("as-uid"), "as-groups": groups, "as-user-extra": extra}
    if not user.get("as"):
        if said := next((key for key, value in more.items() if value), ""):
            raise UsageError(f"the user {name} of the kubeconfig has `{said}` without `as`, which the API server refuses")
        return {}
    if not _are_texts(groups):
        raise UsageError(f"the user {name} of the kubeconfig: `as-groups` is not a list of names")
    if not isinstance(extra, dict) or not all(isinstance(key, str) and _are_texts(values) for key, values in extra.items()):
        raise UsageError(f"the user {name} of the kubeconfig: `as-user-extra` is not lists of texts by key")
    headers: dict[str, str | tuple[str, ...]] = {"Impersonate-User": str(user["as"])}
    if user.get("as-uid"):
        headers["Impersonate-Uid"] = str(user["as-uid"])
    if groups:
        headers["Impersonate-Group"] = tuple(groups)
    for key, values in extra.items():
        if values:
            headers[f"Impersonate-Extra-{quote(key, safe='!#$&*+^`|')}"] = tuple(values)
    return headers


def check_user(user: Mapping[str, Any], name: str) -> None:
    """Raises `UsageError` for a way to identify that is not known here: as nobody, the run would see nothing and not say why."""
    provider = user.get("auth-provider")
    if provider is not None and (not isinstance(provider, dict) or provider.get("name") not in AUTH_PROVIDERS):
        called = provider.get("name") if isinstance(provider, dict) else provider
        raise UsageError(f"the auth-provider `{called}` of user {name} is not supported: use a credential plugin (`exec`) instead")
    plugin = user.get("exec")
    if plugin is None:
        return
    if not isinstance(plugin, dict) or not isinstance(plugin.get("command"), str) or not plugin["command"]:
        raise UsageError(f"the `exec` of user {name} names no command")
    if not _are_texts(plugin.get("args") or []):
        raise UsageError(f"the `args` of the credential plugin `{plugin['command']}` are not a list of texts")
    variables = plugin.get("env") or []
    variables = variables if isinstance(variables, list) else [variables]
    pairs = [[one.get("name"), one.get("value")] if isinstance(one, dict) else None for one in variables]
    if not all(map(_are_texts, pairs)):
        raise UsageError(f"the `env` of the credential plugin `{plugin['command']}` is not a list of names and values")


def check_installed(plugin: Mapping[str, Any]) -> None:
    """Raises `UsageError` if a credential plugin is not there."""
    command = plugin["command"]
    variables = {one["name"]: one["value"] for one in plugin.get("env") or []}
    if shutil.which(command, path=variables.get("PATH", os.environ.get("PATH"))):
        return
    hint = str(plugin.get("installHint") or "").strip().split("\n")[0][:300]
    raise UsageError(f"`{command}` of the kubeconfig is not installed or not on PATH" + (f": {hint}" if hint else ""))


def has_expired(token: str) -> bool:
    """Whether a JSON Web Token says that its time is over; what is none says nothing."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(claims["exp"]) < time.time()
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return False


def by_hand(plugin: Mapping[str, Any]) -> str:
    """The command that runs a credential plugin."""
    return shlex.join([plugin["command"], *(plugin.get("args") or [])])


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(one, str) for one in values)
