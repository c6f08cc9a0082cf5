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

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from clusterprobe.access import kubeconfigs, urls
from clusterprobe.access.deadline import Deadline, call_within
from clusterprobe.access.proxies import proxy_of
from clusterprobe.access.session import Headers, Origin
from clusterprobe.errors import BadAddress, TimedOut, Unauthenticated, Unreachable, Unreadable, UsageError
from clusterprobe.redaction import redact

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_PLUGIN_SECONDS = 30
REFRESH_SECONDS = 15  # what an issuer of tokens gets to answer
SAID = 300  # characters that are kept of what a plugin or issuer says

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
    sys.exit("%s: %s" % (command[0], error.strerror))
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
    """Find the way in: a named kubeconfig, `KUBECONFIG`, the pod's service account, `~/.kube/config`, in this order.

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
    files = kubeconfigs.files_of(named, chosen=chosen)
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    configuration = Configuration()
    try:
        merged = KubeConfigMerger(os.pathsep.join(map(str, files))).config
        kubeconfigs.check_context(merged.value, context, files)
        loader = KubeConfigLoader(config_dict=merged, config_base_path=None, active_context=context or None)
        chosen_context = loader.current_context
        details = chosen_context.get("context") or {}
        cluster = _entry(merged.value, "clusters", details.get("cluster"))
        user = _entry(merged.value, "users", details.get("user"))
        name = str(details.get("user", ""))
        impersonated = kubeconfigs.impersonation(user, name)
        plugin = _prepare_user(user, name)
        _load(loader, configuration, user, name)
    except _ODD as error:
        raise UsageError(f"the kubeconfig {named} cannot be used: {redact(str(error))}") from None
    except ConfigException as error:
        raise UsageError(f"the kubeconfig {named} cannot be used: {redact(str(error))}") from None
    if plugin and not configuration.api_key and not configuration.cert_file:
        raise _plugin_trouble(plugin)
    return Connection(
        _origin(configuration, impersonated, str(user.get("tokenFile") or ""), proxy=str(cluster.get("proxy-url") or "")),
        str(chosen_context.get("name", "")),
        name,
        str(details.get("namespace") or "default"),
        "proxy",
    )


_ODD = (OSError, TypeError, KeyError, ValueError, AttributeError)  # what the client makes of a field that is not as it should be


def _entry(config: Mapping[str, Any], part: str, name: Any) -> dict[str, Any]:
    """The cluster or user of that name, as it stands in the merged kubeconfigs."""
    for one in config.get(part) or []:
        entry = one.value if hasattr(one, "value") else one
        if entry.get("name") == name:
            inner: dict[str, Any] = entry.get(kubeconfigs.PARTS[part]) or {}
            _resolve(inner, getattr(one, "path", None))
            return inner
    return {}


def _resolve(entry: dict[str, Any], file: str | None) -> None:
    """Make the token file's and the credential plugin's paths absolute: they count from the kubeconfig's folder."""
    folder = Path(file).absolute().parent if file else Path.cwd()
    if entry.get("tokenFile"):
        entry["tokenFile"] = str(folder / str(entry["tokenFile"]))
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
        plugin["command"] = str(folder / plugin["command"])


def _prepare_user(user: dict[str, Any], name: str) -> dict[str, Any]:
    """Put the credential plugin under a time limit, and an OIDC issuer under verification. The plugin as it was, if there is one."""
    kubeconfigs.check_user(user, name)
    oidc = (user.get("auth-provider") or {}).get("config")
    if isinstance(oidc, dict) and "idp-certificate-authority-data" not in oidc:
        oidc.setdefault("idp-certificate-authority", DEFAULT_CA_BUNDLE_PATH)  # else the client asks whoever answers
    plugin = user.get("exec")
    if not plugin:
        return {}
    kubeconfigs.check_installed(plugin)
    before = dict(plugin)
    plugin["args"] = ["-I", "-c", _LIMITED, str(EXEC_PLUGIN_SECONDS), plugin["command"], *(plugin.get("args") or [])]
    plugin["command"] = sys.executable
    return before


def _load(loader: Any, configuration: Any, user: Mapping[str, Any], name: str) -> None:
    """Let the client find the credentials, which may ask a plugin or an issuer, within a time limit."""
    seconds = EXEC_PLUGIN_SECONDS + 5 if user.get("exec") else REFRESH_SECONDS
    logging.getLogger().addFilter(_trouble)
    _trouble.text = ""
    from kubernetes.config.config_exception import ConfigException

    try:
        call_within(Deadline.after(seconds), name, lambda: loader.load_and_set(configuration))
    except TimedOut:
        issuer = ((user.get("auth-provider") or {}).get("config") or {}).get("idp-issuer-url", "")
        whom = f"its OIDC issuer {issuer} gave no answer" if issuer else "whoever gives them gave no answer"
        raise Unauthenticated(f"the credentials of user {name} cannot be refreshed: {whom} within {seconds} s") from None
    except (*_ODD, ConfigException) as error:
        if "auth-provider" in user and isinstance(error, OSError):
            raise Unauthenticated(_not_refreshed(name, error)) from None
        raise
    except Exception as error:  # an issuer that refuses: urllib3's, oauthlib's and the client's own exceptions
        raise Unauthenticated(_not_refreshed(name, error)) from None
    provider = user.get("auth-provider")
    if provider and kubeconfigs.has_expired(str((provider.get("config") or {}).get("id-token", ""))):
        raise Unauthenticated(_not_refreshed(name, "its token has expired, and its issuer gave no other one"))
    if provider and not configuration.api_key:
        raise Unauthenticated(f"the auth-provider of user {name} gave no token")


def _not_refreshed(name: str, error: Exception | str) -> str:
    said = " ".join(redact(str(error)).split()) or type(error).__name__
    return f"the credentials of user {name} cannot be refreshed: {said[-SAID:]}"


def _plugin_trouble(plugin: Mapping[str, Any]) -> Unauthenticated:
    """What a credential plugin said at last: its end says what to do, its beginning often only where it was."""
    said = " ".join(redact(_trouble.text).split())
    said = f"…{said[-SAID:]}" if len(said) > SAID else said
    why = f"{said}; " if said else ""
    return Unauthenticated(
        f"the credential plugin `{plugin['command']}` of the kubeconfig gave no credentials: "
        f"{why}run it by hand: `{redact(kubeconfigs.by_hand(plugin))}`"
    )


def _origin(configuration: Any, fixed: Headers, token_file: str = "", proxy: str = "") -> Origin:
    """The client only reads a token file when it starts, or once a minute: it is read here for every request.

    `proxy` is the kubeconfig's own, which counts more than the environment's. Raises `UsageError` for a server that is no URL.
    """
    url = str(configuration.host).rstrip("/")
    try:
        urls.base_of(url)
    except BadAddress:
        raise UsageError(f"the API server's address {redact(url)!r} is not an http or https URL") from None
    lock = threading.Lock()
    # Else the client looks through all variables of the environment at each refresh, while pytest changes one of them in another thread.
    configuration.proxy = None

    def headers() -> Headers:
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
        url=url,
        headers=headers,
        verify=verify,
        certificate=certificate,
        server_name=configuration.tls_server_name or "",
        proxy=proxy or proxy_of(url),
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
