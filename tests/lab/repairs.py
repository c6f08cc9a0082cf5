"""What a stage's own commands need to repair it, and which stages are repaired elsewhere than by commands.

What is not named here is repaired by what is printed, just as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.platform import gateway_api, ingress, sealing
from lab.platform.manifests import DEV, document, slack_config
from lab.platform.storage import NFS_CLASS
from lab.stages.sealed_secrets import DATA as REGISTRY_DATA

GIT = "the repository that Argo CD reads"
CLIENT = "a client's own source"
NOTHING = "nowhere: what was done has been undone, and is told of for a while"

WHERE = {
    "shared-alertmanager": "the script of a Pod that no Operator manages",
    "nfs-called-local-path": "what deploys the StorageClasses: no other is a disk",
    "generated-secret-put-back": NOTHING,
    "generated-secret-deleted": NOTHING,
    "argocd-sync-failed": GIT,
    "argocd-hook-failed": GIT,
    "argocd-degraded": GIT,
    "argocd-comparison-error": GIT,
    "argocd-out-of-sync": "Argo CD, of which the lab has no command line",
    "argocd-sync-window": "the AppProject, whose window is meant or not",
    "promtail-lines-dropped": "the limits of the Loki that refuses, which the agent's finding names only",
    "promtail-drops-namespace": "the Secret with Promtail's configuration",
    "loki-instant-query": CLIENT,
    "loki-wide-query": CLIENT,
    "loki-range-too-long": CLIENT,
    "ruler-rule-broken": "the file of Loki's rules, of which only the name is known",
    "mlflow-database-down": "the database",
    "mlflow-host-refused": "MLflow's values; what it prints asks by a pod of an image that the lab lacks",
    "slow-rule-group": "the rules; what they left out counts for the window of ten minutes",
    "nfs-unmount-hang": "the NFS server",
    "node-not-ready": "the node",
    "loki-log-full": "the size of Loki's volume",
    "loki-store-full": "the size of Loki's volume",
    "configuration-refused": "the Secret with further scrape configurations, which Prometheus' log does not name",
    "gateway-not-granted": "a ReferenceGrant, or the certificate: which, nothing that is read tells",
    "prometheus-disk-full": "the disk",
    "certificate-without-issuer": "what deploys the Certificate: which issuer it is to have, nothing tells",
    "external-secret-without-key": "the vault, or what deploys the ExternalSecret: which key it is to have, nothing tells",
    "kustomization-without-path": "the repository that Flux reads",
    "git-repository-without-branch": "what deploys the GitRepository: which branch it is to have, nothing tells",
}

# Whose fix disturbs the others of its round, and by what.
ALONE: dict[str, str] = {}

# A fix may offer several ways: its first is taken. These words begin another one.
OTHERWISE = ("Or ", "Otherwise", "Only where", "If another")

# Where the first does not apply: the words that begin the way that does.
WAYS = {
    **dict.fromkeys(("tls-secret-missing", "tls-expired", "tls-expiring", "tls-wrong-names", "gateway-expired"), "Otherwise"),
    "alertmanager-missing-secret": "Only where nothing else makes it",
}


@dataclass(frozen=True)
class Edit:
    """What a fix says to change in a file that one of its own commands writes, or, without a file, in what `kubectl edit` shows."""

    of: Callable[[str], str]
    file: str = ""


def in_yaml(change: Callable[[Any], object]) -> Callable[[str], str]:
    """A change of the object that a text holds."""

    def changed(text: str) -> str:
        found = yaml.safe_load(text)
        change(found)
        return yaml.safe_dump(found, sort_keys=False)

    return changed


def _archiving(found: Any) -> None:
    found["parameters"]["archiveOnDelete"] = "true"
    found["parameters"].pop("onDelete", None)


_AS_THE_TEAM_WANTS_IT = Edit(lambda _: slack_config(DEV), "alertmanager.yaml")
_OF_THE_CONFIGURATION = (
    *("critical-muted", "critical-inhibited", "critical-to-null", "slack-refuses", "slack-unreachable"),
    *("receiver-without-name", "undefined-receiver", "alertmanager-empty-secret"),
)


def _template(found: Any) -> Any:
    return found["spec"]["template"]["spec"]


def _without_account(found: Any) -> None:
    for name in ("serviceAccountName", "serviceAccount"):
        _template(found).pop(name, None)


def _without_secret(found: Any) -> None:
    _template(found).pop("volumes")
    _template(found)["containers"][0].pop("volumeMounts")


def _smaller(found: Any) -> None:
    _template(found)["containers"][0]["resources"]["requests"]["cpu"] = "5m"
    _template(found).pop("nodeName", None)


def _without_waiting(found: Any) -> None:
    _template(found)["initContainers"][0]["command"] = ["/bin/sh", "-c", "true"]


def _as_owner(found: Any) -> None:
    _template(found).setdefault("securityContext", {}).update(runAsUser=1000, runAsGroup=1000)


def _to_a_folder_that_is_there(found: Any) -> None:
    found["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"] = ["/bin/sh", "-c", "cp /etc/passwd /tmp/passwd"]


def _by_http(found: Any) -> None:
    found["spec"]["podMetricsEndpoints"][0]["scheme"] = "http"


def _joining_one(found: Any) -> None:
    found["spec"]["groups"][0]["rules"][0]["expr"] = "up == 0"


def _to_its_port(found: Any) -> None:
    found["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"name": "http"}


def _to_all_versions(found: Any) -> None:
    found["spec"]["selector"].pop("version")


def _without_its_times(found: Any) -> None:
    found["spec"]["podMetricsEndpoints"][0]["honorTimestamps"] = False


def _by_its_own_file(found: Any) -> None:
    _template(found)["containers"][0]["args"].append("-positions.file=/run/promtail/promtail-dev.yaml")


def _tolerating(found: Any) -> None:
    _template(found).setdefault("tolerations", []).append({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"})


def _of_its_own_environment(found: Any) -> None:
    here, there = (f"{one.fullname}-prometheus.{one.namespace}:" for one in (DEV, DEV.other))
    found["data"] = {file: text.replace(there, here) for file, text in found["data"].items()}


def _by_range(found: Any) -> None:
    ((file, text),) = found["data"].items()
    board = json.loads(text)
    board["panels"][0]["targets"][0]["queryType"] = "range"
    found["data"] = {file: json.dumps(board)}


def _asking_the_right_port(found: Any) -> None:
    container = found["spec"]["containers"][0]
    container["command"] = [one.replace(":9999/", ":8000/") for one in container["command"]]


def _needing_less(found: Any) -> None:
    found["spec"]["containers"][0]["command"] = ["/bin/sh", "-c", "sleep 3600"]


def _to_the_shop(found: Any) -> None:
    found["spec"]["rules"][1]["backendRefs"][0]["name"] = "shop"


def _loki_as_it_should_be(found: Any) -> None:
    found["data"]["config.yaml"] = document("loki", "ConfigMap", "loki")["data"]["config.yaml"]


def _of_a_class_that_is_there(found: Any) -> None:
    found["spec"]["storageClassName"] = "local-path"


EDITS = {
    "claim-without-class": Edit(in_yaml(_of_a_class_that_is_there), "archive.yaml"),
    **dict.fromkeys(("loki-rate-limited", "ruler-without-alertmanager"), Edit(in_yaml(_loki_as_it_should_be))),
    "gateway-without-backend": Edit(in_yaml(_to_the_shop)),
    "tmp-curl-wrong-port": Edit(in_yaml(_asking_the_right_port), "tmp-curl.yaml"),
    "out-of-memory": Edit(in_yaml(_needing_less), "feature-cache.yaml"),
    "positions-shared": Edit(in_yaml(_by_its_own_file)),
    "node-without-agent": Edit(in_yaml(_tolerating)),
    "datasource-of-other-environment": Edit(in_yaml(_of_its_own_environment)),
    "dashboard-instant-log-query": Edit(in_yaml(_by_range)),
    "samples-dropped": Edit(in_yaml(_without_its_times)),
    "ingress-wrong-service-port": Edit(in_yaml(_to_its_port)),
    "ingress-without-endpoints": Edit(in_yaml(_to_all_versions)),
    "target-wrong-scheme": Edit(in_yaml(_by_http)),
    "rule-fails": Edit(in_yaml(_joining_one)),
    "account-missing": Edit(in_yaml(_without_account)),
    "secret-to-mount-missing": Edit(in_yaml(_without_secret)),
    "pod-too-large": Edit(in_yaml(_smaller)),
    "pods-rejected": Edit(in_yaml(_smaller)),
    "init-waits": Edit(in_yaml(_without_waiting)),
    "volume-permission-denied": Edit(in_yaml(_as_owner)),
    "cron-job-fails": Edit(in_yaml(_to_a_folder_that_is_there)),
    **dict.fromkeys(_OF_THE_CONFIGURATION, _AS_THE_TEAM_WANTS_IT),
    "claims-delete-data": Edit(in_yaml(_archiving), f"{NFS_CLASS}.yaml"),
}


def _files(**texts: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, text in texts.items():
            (folder / name).write_text(text)

    return write


def _certificate(name: str) -> Callable[[Path], None]:
    """What who issues certificates hands over."""

    def write(folder: Path) -> None:
        for kind, data in ingress.issued("new", [name]).items():
            (folder / kind).write_bytes(data)

    return write


def _sealing_keys(folder: Path) -> None:
    (folder / "sealing-keys.yaml").write_text(sealing.copy_of_key())


_SLACK = _files(**{"alertmanager.yaml": slack_config(DEV)})

# The files that a fix asks for, as somebody has them who may repair it.
GIVEN: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(("tls-secret-missing", "tls-expired", "tls-expiring", "tls-wrong-names"), _certificate(ingress.host_of(DEV))),
    "gateway-expired": _certificate(gateway_api.HOST),
    "alertmanager-missing-secret": _SLACK,
    "alertmanager-sealed-for-other-namespace": _SLACK,
    "sealed-key-lost": _sealing_keys,
    "sealed-for-other-namespace": _files(**REGISTRY_DATA),
}
