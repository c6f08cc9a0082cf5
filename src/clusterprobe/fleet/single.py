"""One cluster's part of a kubeconfig, which stands by itself: no other cluster's credentials, and no file beside it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterprobe.access import kubeconfigs, urls
from clusterprobe.errors import UsageError
from clusterprobe.files import MIB, read_limited
from clusterprobe.fleet.targets import Target

FILES = {"certificate-authority": "cluster", "client-certificate": "user", "client-key": "user"}  # each has a twin `…-data`
MAX_BYTES = MIB


def the_context(config: Mapping[str, Any], file: str) -> str:
    """The current context, or the only one. Raises `UsageError` where there are several."""
    names = [str(one.get("name")) for one in kubeconfigs.entries(config, "contexts")]
    current = str(config.get("current-context") or "")
    if current in names:
        return current
    if len(names) != 1:
        raise UsageError(f"{file}: it has {len(names)} contexts and no current-context, so that its cluster is not known")
    return names[0]


def target(config: Mapping[str, Any], context: str, name: str, folder: Path | None) -> Target:
    """The cluster of a context, under a name. Raises `UsageError` for what a pod could not use.

    `folder` is where the kubeconfig lies; one that came by itself, as in a Secret, may name no file of this machine.
    """
    details = _named(config, "contexts", context)
    cluster, user_name = dict(_named(config, "clusters", details.get("cluster"))), str(details.get("user") or "")
    user = dict(_named(config, "users", user_name)) if user_name else {}
    for key, where in FILES.items():
        _embed(cluster if where == "cluster" else user, key, folder, name)
    made = kubeconfig(name, cluster, user, user_name or "nobody", str(details.get("namespace") or ""))
    return Target(name, kubeconfig=made, notes=notes(cluster, user))


def kubeconfig(name: str, cluster: Mapping[str, Any], user: Mapping[str, Any], user_name: str, namespace: str = "") -> dict[str, Any]:
    """A kubeconfig of one cluster, whose context has its name. Raises `UsageError` for credentials that a pod could not use."""
    check(name, cluster, user)
    context = {"cluster": name, "user": user_name, **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": dict(cluster)}],
        "users": [{"name": user_name, "user": dict(user)}],
        "contexts": [{"name": name, "context": context}],
    }


def check(name: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
    """Raises `UsageError` for a cluster without an address, and for credentials that are only where the kubeconfig was written."""
    if not cluster.get("server"):
        raise UsageError(f"{name}: its cluster has no `server`")
    kubeconfigs.check_user(user, name)
    if "auth-provider" in user:
        raise UsageError(f"{name}: its user signs in by `auth-provider`, as a person does; give it a credential plugin or a token")
    if user.get("tokenFile"):
        raise UsageError(f"{name}: its user's `tokenFile` {user['tokenFile']} is on this machine, and a copy would expire; give it a token")
    command = str((user.get("exec") or {}).get("command", ""))
    if os.sep in command and not os.path.isabs(command):  # noqa: PTH117 - of a text
        raise UsageError(f"{name}: its credential plugin {command} lies beside the kubeconfig; give the path that it has in the image")
    if not user:
        raise UsageError(f"{name}: it has no user, so no credentials")


def notes(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> tuple[str, ...]:
    """What whoever makes a Job of it should know."""
    found = []
    if command := (user.get("exec") or {}).get("command"):
        found.append(f"its credentials come from `{command}`, which the image has to have")
    if urls.place_of(str(cluster.get("server")))[0] in ("localhost", "127.0.0.1", "::1"):
        found.append(f"its address {cluster.get('server')} is that of this machine, which no pod reaches")
    return tuple(found)


def _named(config: Mapping[str, Any], part: str, name: Any) -> Mapping[str, Any]:
    for one in kubeconfigs.entries(config, part):
        if one.get("name") == name:
            return one.get(kubeconfigs.PARTS[part]) or {}
    raise UsageError(f"the kubeconfig has no {kubeconfigs.PARTS[part]} {name}")


def _embed(entry: dict[str, Any], key: str, folder: Path | None, name: str) -> None:
    """Put a file's content where its path was. Raises `UsageError` if it cannot be read."""
    path = entry.pop(key, None)
    if not path or entry.get(f"{key}-data"):
        return
    if folder is None:
        raise UsageError(f"{name}: its `{key}` is a file, which no machine but its own has; put the content there as `{key}-data`")
    try:
        content = read_limited(folder / str(path), MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{name}: its `{key}` {path}: {error.strerror}") from None
    entry[f"{key}-data"] = base64.b64encode(content).decode()
