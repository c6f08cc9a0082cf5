"""Where the API server is and who we are: a kubeconfig, or the service account of the pod that we run in."""

from __future__ import annotations

import logging
import os
import re
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

# Runs a credential plugin and kills it at its limit: the client waits for ever, and would go on as nobody. The plugin gets
# pipes of its own, since a process that it leaves behind would hold ours open; and, unless it may have to ask somebody at a
# terminal, a session of its own, so that what it started ends with it.
_LIMITED = """
import os, signal, subprocess, sys
seconds, command = sys.argv[1], sys.argv[2:]
alone = not (sys.stdin and sys.stdin.isatty())
errors = None if sys.stderr.isatty() else subprocess.PIPE
try:
    plugin = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, start_new_session=alone)
    answer, said = plugin.communicate(timeout=float(seconds))
except subprocess.TimeoutExpired:
    os.killpg(plugin.pid, signal.SIGKILL) if alone else plugin.kill()
    sys.exit("it gave no answer within %s s" % seconds)
except OSError as error:
    sys.exit(error.strerror)
sys.stdout.buffer.write(answer)
sys.stderr.buffer.write(said or b"")
sys.exit(plugin.returncode)
"""


class _PluginTrouble(logging.Filter):
    """The client logs why a credential plugin failed, and goes on: kept for our own message instead."""

    text = ""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.funcName != "_load_from_exec_plugin":
            return True
        self.text = re.sub(r"^exec: (process returned -?\d+\. ?)?", "", record.getMessage()).strip()
        return False


_trouble = _PluginTrouble()


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
    token, authority = str(SERVICE_ACCOUNT / "token"), str(SERVICE_ACCOUNT / "ca.crt")
    try:
        incluster_config.InClusterConfigLoader(token, authority, try_refresh_token=False).load_and_set(configuration)
    except (incluster_config.ConfigException, OSError) as error:
        raise UsageError(f"the pod's service account cannot be used: {error}") from None
    namespace = (SERVICE_ACCOUNT / "namespace").read_text().strip() if (SERVICE_ACCOUNT / "namespace").exists() else ""
    origin = _origin(configuration, {}, token)
    return Connection(origin, "in-cluster", "the pod's service account", namespace, "in-cluster")


def _from_kubeconfig(named: str, context: str, *, chosen: bool) -> Connection:
    files = [Path(one).expanduser() for one in named.split(os.pathsep) if one]
    there = [one for one in files if one.is_file()]
    if not there:
        hint = "" if chosen else "; name one with --kubeconfig or KUBECONFIG, or try `clusterprobe demo`"
        raise UsageError(f"no kubeconfig: {' and '.join(map(str, files))} does not exist{hint}")
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger
    from yaml import YAMLError

    logging.getLogger().addFilter(_trouble)
    configuration = Configuration()
    try:
        merged = KubeConfigMerger(os.pathsep.join(map(str, there))).config
        users = _users(merged.value)
        _check_context(merged.value, context, there)
        loader = KubeConfigLoader(config_dict=merged, config_base_path=None, active_context=context or None)
        chosen_context = loader.current_context
        details = chosen_context.get("context") or {}
        user = users.get(str(details.get("user", "")), {})
        loader.load_and_set(configuration)
    except (ConfigException, OSError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(f"the kubeconfig {named} cannot be used: {redact(str(error))}") from None
    except YAMLError as error:
        raise UsageError(f"the kubeconfig {named} is not YAML: {str(error).splitlines()[0]}") from None
    if "exec" in user and not configuration.api_key and not configuration.cert_file:
        command = user["exec"]["args"][PLUGIN_COMMAND]
        why = redact(_trouble.text.split("\n")[0])[:300] or "run it by hand to see why"
        raise Unauthenticated(f"the credential plugin `{command}` of the kubeconfig gave no credentials: {why}")
    headers = {"Impersonate-User": str(user["as"])} if user.get("as") else {}
    return Connection(
        _origin(configuration, headers, str(user.get("tokenFile") or "")),
        str(chosen_context.get("name", "")),
        str(details.get("user", "")),
        str(details.get("namespace") or "default"),
        "proxy",
    )


PLUGIN_COMMAND = 4  # its place among the arguments that are made of it


def _users(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The users by name, with absolute paths of token files, and every credential plugin under a time limit."""
    users: dict[str, dict[str, Any]] = {}
    for node in config.get("users") or []:
        entry = node.value if hasattr(node, "value") else node
        user = entry.get("user") or {}
        users[str(entry.get("name"))] = user
        if user.get("tokenFile") and getattr(node, "path", None):
            user["tokenFile"] = str(Path(node.path).absolute().parent / user["tokenFile"])
        plugin = user.get("exec")
        if plugin:
            plugin["args"] = ["-I", "-c", _LIMITED, str(EXEC_PLUGIN_SECONDS), plugin["command"], *(plugin.get("args") or [])]
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


def _origin(configuration: Any, fixed: Mapping[str, str], token_file: str = "") -> Origin:
    """The client only reads a token file when it starts, or once a minute: it is read here for every request."""
    lock = threading.Lock()

    def headers() -> Mapping[str, str]:
        if token_file:
            return {**fixed, "Authorization": f"Bearer {_token(token_file)}"}
        with lock:  # the refresh hook is not made for several threads
            try:
                token = configuration.get_api_key_with_prefix("BearerToken") or configuration.get_api_key_with_prefix("authorization")
                basic = configuration.get_basic_auth_token() if configuration.username else None
            except Exception as error:  # the client's hooks promise nothing: a plugin's trouble, a library's, a missing key
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


def _token(file: str) -> str:
    try:
        token = Path(file).read_text().strip()
    except OSError as error:
        raise Unauthenticated(f"the token file {file} cannot be read: {error.strerror}") from None
    if not token:
        raise Unauthenticated(f"the token file {file} is empty")
    return token


def _capitalised(token: str) -> str:
    kind, _, rest = token.strip().partition(" ")
    return f"{kind.capitalize()} {rest.strip()}" if rest else token.strip()


def _credential_trouble(error: Exception) -> Unreadable:
    if isinstance(error, OSError):
        return Unreachable(f"the credentials cannot be read: {error.strerror}")
    return Unauthenticated(f"the credentials cannot be refreshed: {redact(str(error))}")
