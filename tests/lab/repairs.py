"""What a stage's own commands need to repair it, and which stages are repaired elsewhere than by commands.

What is not named here is repaired by what is printed, just as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from lab import api
from lab.platform import argocd, gateway_api, ingress, sealing
from lab.platform.effects import wait_for_config, wait_for_rollout
from lab.platform.manifests import DEV, document, slack_config
from lab.platform.storage import NFS_CLASS
from lab.stages.loki_queries import LOKI_API
from lab.stages.sealed_secrets import DATA as REGISTRY_DATA

NOTHING = "nowhere: what was done has been undone, and is told of for a while"


@dataclass(frozen=True)
class Place:
    """Where a stage is repaired that no command of its findings repairs.

    `says` is what they have to say of it: where that is, and what to change there. `act` does just that; without one the stage's own
    repair does. Where they cannot say it, `says` is empty, and `where` has the reason.
    """

    where: str
    says: tuple[str, ...] = ()
    act: Callable[[], object] | None = None


def _in_git(*says: str) -> Place:
    return Place("the repository that Argo CD reads", (f"path {DEV.name} of file://{argocd.REPOSITORY}, at main", *says))


def _by_the_client(name: str, path: str) -> Callable[[], object]:
    """Whoever owns the client lets it ask what its finding says."""

    def act() -> None:
        where = f"/apis/apps/v1/namespaces/{DEV.workload_namespace}/deployments/{name}"
        variable = {"name": "URL", "value": f"{LOKI_API}/{path}"}
        containers = [{"name": name, "env": [variable]}]
        api.patch(where, {"spec": {"template": {"spec": {"containers": containers}}}}, "application/strategic-merge-patch+json")
        wait_for_rollout(where)

    return act


def _synchronised() -> None:
    """What the button on the Application's page sets: the client's own request, too, ends in this field."""
    where = argocd.path_of(argocd.name_in(DEV))
    api.patch(where, {"operation": {"initiatedBy": {"username": "somebody"}, "sync": {"revision": argocd.head()}}})
    argocd.wait_for_healthy(argocd.name_in(DEV))


def _secret_made() -> None:
    """The team makes it where its finding says that it is looked for."""
    url = "http://slack.slack.svc.cluster.local/services/T00000000/B00000000/lab"
    metadata = {"name": "checkout-slack", "namespace": DEV.workload_namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"url": url}}
    api.create(f"/api/v1/namespaces/{DEV.workload_namespace}/secrets", secret)
    wait_for_config(DEV, "the team's receiver", lambda text: "/checkout/team" in text)


def _window_opened() -> None:
    api.patch(f"/apis/argoproj.io/v1alpha1/namespaces/{argocd.NAMESPACE}/appprojects/default", {"spec": {"syncWindows": None}})
    argocd.wait_for_healthy(argocd.name_in(DEV))


_NARROW = f'query_range?query={quote(f"""{{namespace="{DEV.workload_namespace}"}} |= "x" """.strip())}&since=1h'

WHERE = {
    "argocd-sync-failed": _in_git("Deployment features-dev/feature-store", "Set the field back in Git"),
    "argocd-hook-failed": _in_git("Job features-dev/feature-store-check", "Correct it in Git, and commit"),
    "argocd-degraded": Place(
        "the repository that Argo CD reads", ("lab.internal/feature-store:3", "Under Argo CD or Flux revert the commit instead")
    ),
    "argocd-comparison-error": _in_git("or commit the folder"),
    "argocd-out-of-sync": Place(
        "the Application's page", ("argocd app sync argocd/feature-store-dev", "or on the Application's page"), _synchronised
    ),
    "argocd-sync-window": Place("the AppProject", ("argocd proj windows list default", "Open the sync window"), _window_opened),
    "loki-instant-query": Place(
        "the client",
        ('{namespace="fastapi-dev"}', "Let the client ask query_range instead of query"),
        _by_the_client("log-report", _NARROW),
    ),
    "loki-wide-query": Place(
        "the client", ('`{namespace=~".+"} |= "x"` over 30 days', "ask for hours"), _by_the_client("log-audit", _NARROW)
    ),
    "loki-range-too-long": Place(
        "the client", ('`{namespace=~".+"} |= "x"` is asked over 60 days', "ask for hours"), _by_the_client("log-archive", _NARROW)
    ),
    "promtail-drops-namespace": Place(
        "the agent's configuration", ("reads no file of fastapi-dev", "Take out of the agent's configuration", "`action: drop`")
    ),
    "shared-alertmanager": Place("the script of a Pod that no Operator manages: what it is configured from is in no object"),
    "nfs-called-local-path": Place(
        "what deploys the StorageClasses", ("The class `local-path` only sounds local", "have such a class made first", "Name such a class")
    ),
    "generated-secret-put-back": Place(NOTHING),
    "generated-secret-deleted": Place(NOTHING),
    "ruler-rule-broken": Place("the file of Loki's rules", ("SlowPredictions", "Correct the query in rules.yaml")),
    "mlflow-database-down": Place("the database", ("sqlite at /mlflow/mlflow.db", "Repair the database")),
    "mlflow-host-refused": Place("MLflow's values", ("Let the names through that clients use", "MLFLOW_SERVER_ALLOWED_HOSTS")),
    "nfs-unmount-hang": Place("the NFS server", ("At the NFS server nfs.lab.internal: repair what it waits for",)),
    "node-not-ready": Place("the node", ("Node worker2 is not ready", "Start the node and its kubelet")),
    "loki-log-full": Place("the size of Loki's volume", ("logging/loki-0", "Enlarge the PVC of the write-ahead log")),
    "loki-store-full": Place("the size of Loki's volume", ("logging/loki-0", "Give it more space")),
    "configuration-refused": Place(
        "the Secret with further scrape configurations",
        ('job name "feed"', "of the Secret monitoring-dev/", "spec.additionalScrapeConfigs"),
    ),
    "team-routes-refused": Place("what keeps the Secret", ("Create the Secret checkout-slack in fastapi-dev",), _secret_made),
    "alert-without-series": Place(
        "what deployed the exporter and its rules",
        ("StockLow", "Bring back what let the job", "if it was removed on purpose, remove its alerts"),
    ),
    "static-targets-of-other": Place(
        "the Secret with further scrape configurations",
        (
            "the key scrapes.yaml of the Secret monitoring-dev/extra-scrapes",
            "take out of the job",
            "fastapi.fastapi-prod.svc.cluster.local",
        ),
    ),
    "gateway-not-granted": Place("a ReferenceGrant, or the certificate: which, nothing that is read tells"),
    "prometheus-disk-full": Place("the disk"),
    "certificate-without-issuer": Place("what deploys the Certificate: which issuer it is to have, nothing tells"),
    "external-secret-without-key": Place("the vault, or what deploys the ExternalSecret: which key it is to have, nothing tells"),
    "kustomization-without-path": Place("the repository that Flux reads"),
    "git-repository-without-branch": Place("what deploys the GitRepository: which branch it is to have, nothing tells"),
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


def _without_mount(found: Any) -> None:
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


def _without_relabelling(found: Any) -> None:
    found["spec"]["endpoints"][0].pop("relabelings")


def _to_where_it_listens(found: Any) -> None:
    found["spec"]["ports"][0]["targetPort"] = 8000


def _asking_less(found: Any) -> None:
    for rule in found["spec"]["groups"][0]["rules"]:
        rule["expr"] = rule["expr"].replace(":1ms]", ":1m]")


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


def _asking_for_its_name(found: Any) -> None:
    found["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] = "fastapi"


def _with_a_class_that_is_there(found: Any) -> None:
    found["spec"]["storage"]["volumeClaimTemplate"]["spec"]["storageClassName"] = "local-path"


def _requesting_less(found: Any) -> None:
    found["spec"]["resources"]["requests"]["cpu"] = "5m"


EDITS = {
    "claim-without-class": Edit(in_yaml(_of_a_class_that_is_there), "archive.yaml"),
    **dict.fromkeys(("loki-rate-limited", "ruler-without-alertmanager", "promtail-lines-dropped"), Edit(in_yaml(_loki_as_it_should_be))),
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
    "monitor-rejected": Edit(in_yaml(_without_relabelling)),
    "ingress-port-closed": Edit(in_yaml(_to_where_it_listens)),
    "slow-rule-group": Edit(in_yaml(_asking_less)),
    "rule-fails": Edit(in_yaml(_joining_one)),
    "account-missing": Edit(in_yaml(_without_account)),
    **dict.fromkeys(("secret-to-mount-missing", "config-map-missing"), Edit(in_yaml(_without_mount))),
    "monitor-selects-nothing": Edit(in_yaml(_asking_for_its_name)),
    "prometheus-without-class": Edit(in_yaml(_with_a_class_that_is_there)),
    "prometheus-without-room": Edit(in_yaml(_requesting_less)),
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
