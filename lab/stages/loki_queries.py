"""Clients that keep asking Loki: on the instant endpoint, wrongly and rightly; and for too much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from lab import api
from lab.command import wait_until
from lab.platform import loki
from lab.platform.effects import PATIENCE_SECONDS, wait_for_rollout
from lab.platform.manifests import Environment
from lab.stages import Stage

_COUNTER = "loki_request_duration_seconds_count{"
LOKI_API = "http://loki.logging.svc.cluster.local:3100/loki/api/v1"
# Says on its own output what a script of that kind would, and ends at once when it is told to.
_SCRIPT = """trap 'exit 0' TERM
while :; do
  if wget -q -O /dev/null "$URL"; then echo "query ok"; else echo "query failed"; fi
  sleep 2 & wait $!
done
"""


@dataclass(frozen=True)
class Client:
    """A workload, what it asks about its own namespace, and the status that Loki answers."""

    name: str
    query: str  # {namespace} is filled in
    status: str
    path: str = "query"
    since: str = ""  # how far back, on the path query_range

    def stage(self, environment: Environment) -> None:
        before = self._answers()
        api.create(_deployments(environment), self._deployment(environment))
        wait_for_rollout(f"{_deployments(environment)}/{self.name}")
        # Loki logs no refusal, at no level: its metrics tell.
        wait_until(f"Loki to answer {self.status}", lambda: self._answers() >= before + 2, PATIENCE_SECONDS, every=1)

    def clear(self, environment: Environment) -> None:
        api.delete(f"{_deployments(environment)}/{self.name}")
        selector = f"/api/v1/namespaces/{environment.workload_namespace}/pods?labelSelector=app.kubernetes.io/name={self.name}"
        wait_until(f"{self.name} to be gone", lambda: not api.items(selector), PATIENCE_SECONDS)

    def _deployment(self, environment: Environment) -> api.Object:
        namespace = environment.workload_namespace
        query = self.query.replace("{namespace}", namespace)
        since = f"&since={self.since}" if self.since else ""
        labels = {"app": self.name, "app.kubernetes.io/name": self.name}
        container = {
            "name": self.name,
            "image": "lab/busybox:1",
            "command": ["/bin/sh", "-c", _SCRIPT],
            "env": [{"name": "URL", "value": f"{LOKI_API}/{self.path}?query={quote(query)}{since}"}],
            "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
            "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True},
        }
        security = {"runAsNonRoot": True, "runAsUser": 65534}
        pod = {"automountServiceAccountToken": False, "securityContext": security, "containers": [container]}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": namespace, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app.kubernetes.io/name": self.name}},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }

    def _answers(self) -> float:
        """How many requests to this path Loki has answered with this status, since it started."""
        for line in api.call("GET", f"{loki.PROXY}/metrics").decode().splitlines():
            if line.startswith(_COUNTER) and f'route="loki_api_v1_{self.path}"' in line and f'status_code="{self.status}"' in line:
                return float(line.rpartition(" ")[2])
        return 0


def _deployments(environment: Environment) -> str:
    return f"/apis/apps/v1/namespaces/{environment.workload_namespace}/deployments"


def _stage_of(client: Client, name: str, description: str) -> Stage:
    stage: Callable[[Environment], None] = client.stage
    return Stage(name, description, stage, client.clear, touches=(f"{client.name} in {{environment}}",))


STAGES = (
    _stage_of(
        Client("log-report", '{namespace="{namespace}"}', "400"),
        "loki-instant-query",
        "a client asks a log query of the instant endpoint, and is refused with 400",
    ),
    _stage_of(
        Client("log-count", 'sum(count_over_time({namespace="{namespace}"}[5m]))', "200"),
        "loki-instant-metric-query",
        "a look-alike: a client asks a metric query of the instant endpoint, which is right",
    ),
    _stage_of(
        Client("log-typo", '{namespace="{namespace}"', "400"),
        "loki-parse-error",
        "a look-alike: a client's query lacks a brace, and is refused with 400 for that",
    ),
    _stage_of(
        Client("log-audit", '{namespace=~".+"} |= "x"', "200", "query_range", since="30d"),
        "loki-wide-query",
        "a client searches everything of the last 30 days, again and again",
    ),
    _stage_of(
        Client("log-archive", '{namespace=~".+"} |= "x"', "400", "query_range", since="60d"),
        "loki-range-too-long",
        "a client asks for a range that Loki's max_query_length refuses",
    ),
    _stage_of(
        Client("log-search", '{namespace="{namespace}"} |= "x"', "200", "query_range", since="1h"),
        "loki-narrow-query",
        "a look-alike: a client searches one namespace's last hour",
    ),
)
