"""Clusters that a hub's own objects list: Secrets of kubeconfigs, Argo CD's cluster Secrets, ClusterProfiles (multicluster.x-k8s.io)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clusterprobe.access import kubeconfigs
from clusterprobe.errors import UsageError
from clusterprobe.fleet import single
from clusterprobe.fleet.records import GROUP
from clusterprobe.fleet.targets import Target, tree_of

ARGO_CD, ARGO_CD_TYPE = "argocd.argoproj.io/secret-type", "cluster"
CLUSTER_API = "cluster.x-k8s.io/cluster-name"
KEYS = ("kubeconfig", "value", "config", "kubeconfig.yaml")  # of a Secret, in which a kubeconfig is; `value` is Cluster API's
THE_HUB = "https://kubernetes.default.svc"

Execs = Mapping[str, Mapping[str, Any]]


def target(one: Mapping[str, Any], source: str, namespace: str, execs: Execs | None) -> Target | str:
    """The cluster that an object is about, or why it is left out. Raises `UsageError` for one that cannot be used.

    Without `execs` a ClusterProfile has no credentials.
    """
    about = one.get("metadata")
    if not isinstance(about, dict) or not isinstance(about.get("name"), str):
        raise UsageError(f"{source}: an object has no name")
    labels: Mapping[str, str] = found if isinstance(found := about.get("labels"), dict) else {}
    if one.get("kind") == "ClusterProfile":
        return Target(about["name"]) if execs is None else _of_profile(one, about, labels, execs)
    if one.get("kind") != "Secret":
        raise UsageError(f"{source}: {one.get('kind')} {about['name']} is neither a Secret nor a ClusterProfile")
    texts = _texts(one, about["name"])
    if labels.get(ARGO_CD) == ARGO_CD_TYPE:
        return _of_argo_cd(texts, about["name"], labels)
    return _of_secret(texts, about, labels, namespace)


def providers_of(tree: Mapping[str, Any], source: str) -> Execs:
    """The credential plugins of a file of access providers: `{"providers": [{"name": …, "execConfig": {…}}]}`."""
    entries = tree.get("providers")
    if not isinstance(entries, list) or not all(isinstance(one, dict) and isinstance(one.get("execConfig"), dict) for one in entries):
        raise UsageError(f"{source}: expected `providers`, each with its `name` and `execConfig`")
    return {str(one.get("name")): one["execConfig"] for one in entries}


def _texts(secret: Mapping[str, Any], name: str) -> dict[str, str]:
    """What a Secret holds, by key, as far as it is text."""
    given = _fields(secret, "stringData", f"Secret {name}")
    found = {str(key): value for key, value in given.items() if isinstance(value, str)}
    for key, value in _fields(secret, "data", f"Secret {name}").items():
        try:
            found.setdefault(str(key), base64.b64decode(str(value), validate=True).decode())
        except (binascii.Error, ValueError):
            raise UsageError(f"Secret {name}: its key {key} is not text in Base64") from None
    return found


def _of_secret(texts: Mapping[str, str], about: Mapping[str, Any], labels: Mapping[str, str], namespace: str) -> Target:
    """A Secret with a kubeconfig. In the Job's own namespace it is mounted as it is, so that its owner goes on to renew it."""
    where = f"Secret {about['name']}"
    keys = [key for key in KEYS if key in texts] or list(texts)
    if not keys or (keys[0] not in KEYS and len(keys) > 1):
        raise UsageError(f"{where}: none of its keys is {', '.join(KEYS)}, so that its kubeconfig is not known")
    config = tree_of(texts[keys[0]], where)
    try:
        kubeconfigs.check_tree(config, f"of {where}")
    except RecursionError:
        raise UsageError(f"the kubeconfig of {where} is nested too deeply") from None
    name = str(labels.get(CLUSTER_API) or about["name"])
    found = single.target(config, single.the_context(config, where), name, None)
    group = _group(labels)
    if about.get("namespace") == namespace:
        return Target(name, secret=about["name"], key=keys[0], labels=group, notes=found.notes)
    return replace(found, labels=group)


def _of_argo_cd(texts: Mapping[str, str], secret: str, labels: Mapping[str, str]) -> Target | str:
    name, server = texts.get("name") or secret, texts.get("server", "").rstrip("/")
    if server == THE_HUB:
        return f"{name}: {server} is the hub itself, which the chart's own CronJob looks at (`store` in its profile); left out"
    given = tree_of(texts.get("config") or "{}", f"Secret {secret}")
    tls = _fields(given, "tlsClientConfig", f"Secret {secret}")
    cluster = {
        "server": server,
        "certificate-authority-data": tls.get("caData"),
        "insecure-skip-tls-verify": tls.get("insecure"),
        "tls-server-name": tls.get("serverName"),
        "proxy-url": given.get("proxyUrl"),
    }
    user = {
        "token": given.get("bearerToken"),
        "username": given.get("username"),
        "password": given.get("password"),
        "client-certificate-data": tls.get("certData"),
        "client-key-data": tls.get("keyData"),
        "exec": _exec_of_argo_cd(given, f"Secret {secret}"),
    }
    cluster, user = ({key: value for key, value in one.items() if value} for one in (cluster, user))
    return Target(name, single.kubeconfig(name, cluster, user, f"argocd-{name}"), labels=_group(labels), notes=single.notes(cluster, user))


def _exec_of_argo_cd(given: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """The credential plugin; where Argo CD has its own for AWS, that of AWS, which takes the same."""
    if plugin := _fields(given, "execProviderConfig", where):
        variables = [{"name": key, "value": value} for key, value in sorted(_fields(plugin, "env", where).items())]
        return {**{key: value for key, value in plugin.items() if value and key != "env"}, **({"env": variables} if variables else {})}
    if not (aws := _fields(given, "awsAuthConfig", where)):
        return None
    arguments = ["eks", "get-token", "--output", "json", "--cluster-name", str(aws.get("clusterName", ""))]
    for flag, key in (("--role-arn", "roleARN"), ("--profile", "profile")):
        arguments += [flag, str(aws[key])] if aws.get(key) else []
    return {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": arguments}


def _of_profile(one: Mapping[str, Any], about: Mapping[str, Any], labels: Mapping[str, str], execs: Execs) -> Target:
    """A ClusterProfile: where the cluster is, and, by the first access provider that is known, which plugin gives credentials."""
    name = str(about["name"])
    status = _fields(one, "status", f"ClusterProfile {name}")
    listed = status.get("accessProviders") or status.get("credentialProviders")
    offered = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    access = next((each for each in offered if str(each.get("name")) in execs), None)
    if access is None:
        names = ", ".join(str(each.get("name")) for each in offered) or "none"
        raise UsageError(f"ClusterProfile {name}: it offers the access providers {names}, and --providers has {', '.join(execs) or 'none'}")
    cluster, user = dict(_fields(access, "cluster", f"ClusterProfile {name}")), {"exec": dict(execs[str(access["name"])])}
    return Target(
        name, single.kubeconfig(name, cluster, user, str(access["name"])), labels=_group(labels), notes=single.notes(cluster, user)
    )


def _fields(one: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """What stands under a key; nothing if nothing does. Raises `UsageError` for what is no fields."""
    value = one.get(key)
    if not isinstance(value or {}, dict):
        raise UsageError(f"{where}: its `{key}` is not fields")
    return value or {}


def _group(labels: Mapping[str, str]) -> dict[str, str]:
    return {GROUP: str(labels[GROUP])} if labels.get(GROUP) else {}
