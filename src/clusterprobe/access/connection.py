"""Where the API server is and who we are: a kubeconfig, or the service account of the pod that we run in."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterprobe.access.http import Origin
from clusterprobe.errors import Unauthenticated, Unreachable, Unreadable, UsageError
from clusterprobe.redaction import redact

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_PLUGIN_SECONDS = 30

# Runs a credential plugin and kills it at its limit: the client waits for ever, and would go on as nobody.
_LIMITED = """
import subprocess, sys
try:
    sys.exit(subprocess.run(sys.argv[2:], timeout=float(sys.argv[1])).returncode)
except subprocess.TimeoutExpired:
    sys.exit("the credential plugin %s gave no answer within %s s" % (sys.argv[2], sys.argv[1]))
except OSError as error:
    sys.exit("the credential plugin %s: %s" % (sys.argv[2], error.strerror))
"""


@dataclass(frozen=True)
class Connection:
    """An API server and an identity. `namespace` is the context's (or the pod's) own; `route` how systems are reached."""

    origin: Origin
    context: str
    user: str
    namespace: str
    route: str


def connect(kubeconfig: str = "", context: str = "") -> Connection:
    """Find the way in: `--kubeconfig`, `KUBECONFIG`, the pod's service account, `~/.kube/config`, in this order.

    Raises `UsageError` for a missing or odd kubeconfig, `Unauthenticated` if a credential plugin fails.
    """
    named = kubeconfig or os.environ.get("KUBECONFIG", "")
    if not named and not context and _in_cluster():
        return _from_service_account()
    return _from_kubeconfig(named or "~/.kube/config", context, chosen=bool(named))


def _in_cluster() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and (SERVICE_ACCOUNT / "token").exists()


def _from_service_account() -> Connection:
    from kubernetes.client.configuration import Configuration
    from kubernetes.config import incluster_config

    configuration = Configuration()
    try:
        incluster_config.load_incluster_config(configuration)
    except (incluster_config.ConfigException, OSError) as error:
        raise UsageError(f"the pod's service account cannot be used: {error}") from None
    namespace = (SERVICE_ACCOUNT / "namespace").read_text().strip() if (SERVICE_ACCOUNT / "namespace").exists() else ""
    return Connection(_origin(configuration, {}), "in-cluster", "the pod's service account", namespace, "in-cluster")


def _from_kubeconfig(named: str, context: str, *, chosen: bool) -> Connection:
    files = [Path(one).expanduser() for one in named.split(os.pathsep) if one]
    there = [one for one in files if one.is_file()]
    if not there:
        hint = "" if chosen else "; name one with --kubeconfig or KUBECONFIG, or try `clusterprobe demo`"
        raise UsageError(f"no kubeconfig: {' and '.join(map(str, files))} does not exist{hint}")
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    logging.getLogger("root").addFilter(lambda record: record.funcName != "_load_from_exec_plugin")
    configuration = Configuration()
    try:
        merged = KubeConfigMerger(os.pathsep.join(map(str, there))).config
        users = _limit_plugins(merged.value)
        _check_context(merged.value, context, there)
        loader = KubeConfigLoader(config_dict=merged, config_base_path=None, active_context=context or None)
        chosen_context = loader.current_context
        details = chosen_context.get("context") or {}
        user = users.get(str(details.get("user", "")), {})
        loader.load_and_set(configuration)
    except (ConfigException, OSError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(f"the kubeconfig {named} cannot be used: {redact(str(error))}") from None
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise UsageError(f"the kubeconfig {named} is not YAML: {str(error).splitlines()[0]}") from None
        raise
    if "exec" in user and not configuration.api_key and not configuration.cert_file:
        command = user["exec"]["args"][3]
        raise Unauthenticated(f"the credential plugin `{command}` of the kubeconfig gave no credentials; run it by hand to see why")
    headers = {"Impersonate-User": str(user["as"])} if user.get("as") else {}
    return Connection(
        _origin(configuration, headers),
        str(chosen_context.get("name", "")),
        str(details.get("user", "")),
        str(details.get("namespace") or "default"),
        "proxy",
    )


def _limit_plugins(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Put every credential plugin under a time limit; returns the users by name."""
    users: dict[str, dict[str, Any]] = {}
    for node in config.get("users") or []:
        entry = node.value if hasattr(node, "value") else node
        user = entry.get("user") or {}
        users[str(entry.get("name"))] = user
        plugin = user.get("exec")
        if plugin:
            plugin["args"] = ["-c", _LIMITED, str(EXEC_PLUGIN_SECONDS), plugin["command"], *(plugin.get("args") or [])]
            plugin["command"] = sys.executable
    return users


def _check_context(config: Mapping[str, Any], wanted: str, files: list[Path]) -> None:
    import difflib

    names = [str((node.value if hasattr(node, "value") else node).get("name")) for node in config.get("contexts") or []]
    current = wanted or str(config.get("current-context") or "")
    if current in names:
        return
    where = " and ".join(map(str, files))
    if not current:
        raise UsageError(f"{where} has no current-context; choose one with --context: {', '.join(names) or 'it has none'}")
    near = difflib.get_close_matches(current, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names) or 'none'}"
    raise UsageError(f"{where} has no context {current}: {hint}")


def _origin(configuration: Any, fixed: Mapping[str, str]) -> Origin:
    lock = threading.Lock()

    def headers() -> Mapping[str, str]:
        with lock:  # the refresh hook is not made for several threads
            try:
                token = configuration.get_api_key_with_prefix("BearerToken") or configuration.get_api_key_with_prefix("authorization")
                basic = configuration.get_basic_auth_token() if configuration.username else None
            except Exception as error:
                raise _credential_trouble(error) from None
        found = token or basic
        return {**fixed, "Authorization": _capitalised(found)} if found else fixed

    certificate = (configuration.cert_file, configuration.key_file) if configuration.cert_file else None
    verify: bool | str = (configuration.ssl_ca_cert or True) if configuration.verify_ssl else False
    return Origin(
        url=configuration.host.rstrip("/"),
        headers=headers,
        verify=verify,
        certificate=certificate,
        server_name=configuration.tls_server_name or "",
        proxy=configuration.proxy or "",
    )


def _capitalised(token: str) -> str:
    kind, _, rest = token.strip().partition(" ")
    return f"{kind.capitalize()} {rest.strip()}" if rest else token.strip()


def _credential_trouble(error: Exception) -> Unreadable:
    if isinstance(error, OSError):
        return Unreachable(f"the credentials cannot be read: {error.strerror}")
    return Unauthenticated(f"the credentials cannot be refreshed: {redact(str(error))}")
