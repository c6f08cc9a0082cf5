"""What each stage must lead to: the findings at error or above, exactly, and what their texts must name."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expectation:
    """`findings`: (probe, reason) → words that its problem, cause or fix must contain.

    `warnings` are those that must be there as well; others may be.
    `besides` are errors that may be there as well: consequences that come and go.
    `blind`: probes that may be unable to check something while this is staged, for the stage takes that away.
    """

    findings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    warnings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    besides: frozenset[tuple[str, str]] = frozenset()
    active: bool = False
    environment: str = ""

    @property
    def wanted(self) -> dict[tuple[str, str], list[str]]:
        return self.findings | self.warnings


PROMETHEUS = "monitoring-dev/monitoring-dev-kube-promet-prometheus"
ALERTMANAGER = "monitoring-dev-kube-promet-alertmanager"
UNDELIVERED = frozenset({"alertmanager/delivery"})  # where no route ends at an integration, none can be seen to deliver

# Of a Prometheus that has only just started, whether it keeps up cannot be told.
_STARTED = frozenset({"prometheus/pressure"})

STAGES: dict[str, Expectation] = {
    "shared-release": Expectation(
        {
            ("prometheus/cross-scrape", "CrossScrape"): ["`release: monitoring`", "monitoring-dev/", "monitoring-prod/", "targets of"],
            ("prometheus/selector-overlap", "SelectorOverlap"): [
                "kube-state-metrics.prometheus.monitor.additionalLabels.release",
                "prometheus.prometheusSpec.serviceMonitorSelector.matchLabels.release",
            ],
        }
    ),
    "half-fixed": Expectation(
        {("prometheus/unselected-monitors", "MonitorLabelLeftBehind"): ["release", "monitoring-dev", "kube-state-metrics"]},
        # Without dev's kube-state-metrics there are no series to judge.
        blind=frozenset({"prometheus/foreign-series", "pods/termination", "alertmanager/config-secret", "sealed-secrets/unsealed"}),
    ),
    "alertmanager-wrong-key": Expectation(
        {
            ("alertmanager/default-config", "ChartDefaultConfig"): [
                "alertmanager.configFromSecret",
                "alertmanager.alertmanagerSpec.configSecret",
                ALERTMANAGER,
            ]
        },
        blind=UNDELIVERED,
    ),
    "alertmanager-missing-secret": Expectation(
        {
            ("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager.yaml", "configSecret"],
            ("alertmanager/config-secret", "ConfigSecretMissing"): ["monitoring-dev/alertmanager-slack-config does not exist"],
        },
        # Until kube-state-metrics was scraped without it.
        blind=UNDELIVERED | {"alertmanager/config-secret"},
    ),
    "alertmanager-empty-secret": Expectation(
        {
            ("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager-slack-config", "alertmanager.yaml"],
            ("alertmanager/config-secret", "ConfigSecretWithoutKey"): [
                "monitoring-dev/alertmanager-slack-config has no key alertmanager.yaml"
            ],
        },
        blind=UNDELIVERED,
    ),
    "receiver-without-name": Expectation(
        {("alertmanager/config-secret", "ConfigRefused"): ["missing name in receiver", "alertmanager-slack-config"]},
        blind=frozenset({"alertmanager/generated-secret"}),
    ),
    "undefined-receiver": Expectation(
        {("alertmanager/config-secret", "ConfigRefused"): ["undefined receiver", "alertmanager-slack-config"]},
        blind=frozenset({"alertmanager/generated-secret"}),
    ),
    "loki-instant-query": Expectation({("loki/instant-queries", "InstantLogQueries"): ['{namespace="fastapi-dev"}', "query_range"]}),
    "loki-instant-metric-query": Expectation(),
    "loki-parse-error": Expectation(),
    "loki-wide-query": Expectation(warnings={("loki/query-cost", "WideQuery"): ['{namespace=~".+"} |= "x"', "30 days", "with `=`"]}),
    "loki-range-too-long": Expectation({("loki/query-cost", "RangeBeyondLimit"): ["60 days", "max_query_length", "30 days"]}),
    "loki-narrow-query": Expectation(),
    "positions-shared": Expectation({("promtail/positions", "PositionsShared"): ["promtail-dev", "worker2", "-positions.file="]}),
    "positions-apart": Expectation(),
    "node-without-agent": Expectation(
        {("promtail/coverage", "NodeWithoutAgent"): ["worker2", "taint dedicated=ml:NoSchedule", "logging/promtail", "tolerations"]}
    ),
    "promtail-lines-dropped": Expectation(
        {
            ("promtail/coverage", "LinesDropped"): ["ingester_error", "Max entry size", "logging/promtail"],
            ("loki/freshness", "NamespaceNotInLoki"): ["fastapi-", "Loki refuses them"],
        }
    ),
    "promtail-drops-namespace": Expectation({("loki/freshness", "NamespaceNotInLoki"): ["fastapi-dev", "a relabel rule drops its pods"]}),
    "ruler-without-alertmanager": Expectation({("loki/ruler", "RulerWithoutAlertmanager"): ["alertmanager_url", "logging/loki"]}),
    "ruler-rule-broken": Expectation({("loki/ruler", "RuleFails"): ["SlowPredictions", "rules.yaml", "log-alerts"]}),
    "ruler-nothing-fires": Expectation(),
    "agent-slow-flush": Expectation({("promtail/grace-period", "PositionsOnNfs"): ["terminationGracePeriodSeconds", "10", "promtail"]}),
    "nfs-unmount-hang": Expectation(
        {("pods/termination", "SlowUnmount"): ["worker2", "NFS", "unmount"]},
        blind=frozenset({"prometheus/targets"}),  # the successor of the pod that hangs was not scraped yet
        active=True,
    ),
    "tsdb-on-nfs": Expectation({("prometheus/storage", "TsdbOnNfs"): [PROMETHEUS, "NFS", "local-path"]}, blind=_STARTED),
    "slow-rule-group": Expectation(
        {("prometheus/pressure", "RuleGroupTooSlow"): ["capacity-report", "PrometheusRule monitoring-dev/capacity-report", "up:max1h"]}
    ),
    "prometheus-slow-query": Expectation(),
    "datasource-of-other-environment": Expectation(
        {
            ("grafana/datasources", "DatasourceOfOtherEnvironment"): [
                "ConfigMap monitoring-dev/monitoring-dev-kube-promet-grafana-datasource",
                "namespace monitoring-prod",
                "it is the default",
            ]
        }
    ),
    "datasource-named-for-other": Expectation(),
    "dashboard-instant-log-query": Expectation(
        warnings={("grafana/log-queries", "InstantLogQuery"): ["services-dashboard", "panel Errors", '|= "error"', "queryType: range"]}
    ),
    "dashboard-instant-metric-query": Expectation(),
    "tmp-curl": Expectation(),  # a normal phenomenon
    "tmp-curl-wrong-port": Expectation({("pods/crash-loop", "CrashLoop"): ["tmp-curl", "has no port 9999", "fastapi-dev/fastapi"]}),
    "out-of-memory": Expectation({("pods/crash-loop", "OomKilled"): ["feature-cache", "memory limit of 32Mi"]}),
    "image-missing": Expectation(
        {("pods/crash-loop", "ImageError"): ["lab.internal/fastapi:2", "Deployment fastapi-dev/fastapi", "still serve"]},
        blind=frozenset({"prometheus/targets"}),
    ),
    "broken-revision": Expectation(
        {("pods/crash-loop", "CrashLoop"): ["exit code 1", "/app/missing", "still serve", "rollout undo deployment fastapi"]},
        # Its new pod is never scraped; and where fsGroup is set, a crash on NFS leaves it open whether it may write there.
        blind=frozenset({"prometheus/targets", "storage/volume-permissions"}),
    ),
    "volume-permission-denied": Expectation(
        {
            ("storage/volume-permissions", "VolumePermissionDenied"): [
                "uid 1001",
                "fsGroup 1000 is set, but on in-tree NFS",
                "[Errno 13]",
                "/app/logs",
                "chmod 0770",
            ],
            ("pods/crash-loop", "CrashLoop"): ["[Errno 13]", "still serve"],
        },
        blind=frozenset({"prometheus/targets"}),
    ),
    "permission-denied-elsewhere": Expectation(),
    "claims-delete-data": Expectation(
        {("storage/archive-on-delete", "DataDeletedWithClaim"): ["onDelete: delete", "archiveOnDelete: true", "nfs-client", "fastapi-logs"]}
    ),
    "claims-retain-data": Expectation(),
    "serving-unhealthy": Expectation(
        {
            ("serving/health", "Unhealthy"): [
                "no model is loaded",
                "/health",
                "none of its replicas is Ready",
                "Deployment fastapi-dev/fastapi",
            ],
        }
    ),
    "canary-errors": Expectation(
        {
            ("serving/canary", "CanaryRollBack"): [
                "requests failed (5xx)",
                "region_risk",
                "Deployment fastapi-dev/fastapi-canary",
                "kubectl rollout undo deployment/fastapi-canary -n fastapi-dev --to-revision=",
            ]
        }
    ),
    "canary-slow": Expectation({("serving/canary", "CanaryRollBack"): ["95 % of requests take up to", "--to-revision="]}),
    "canary-few-samples": Expectation(blind=frozenset({"serving/canary"})),
    # Nothing to roll back, and nothing to promote: wait.
    "canary-errors-in-both": Expectation(blind=frozenset({"serving/canary"})),
    "canary-better": Expectation(),
    "sealed-for-other-namespace": Expectation(
        {
            ("sealed-secrets/unsealed", "CannotDecrypt"): [
                "copied from namespace fastapi-dev",
                "sealed for fastapi-dev/model-registry",
                "Pod model-refresh cannot start without it",
                "--namespace fastapi-prod --name model-registry",
            ],
            ("pods/crash-loop", "ConfigError"): ['secret "model-registry" not found'],
        },
        environment="prod",  # as it was in life: sealed for dev, and applied in prod
    ),
    "sealed-key-lost": Expectation(
        {
            ("sealed-secrets/unsealed", "SealingKeyLost"): [
                "2 SealedSecrets",
                "monitoring-prod/alertmanager-slack-config",
                "rollout restart",
            ],
            ("sealed-secrets/unsealed", "CannotDecrypt"): ["lacks the key", "it opened before", "still there"],
        }
    ),
    "secret-in-the-way": Expectation(
        {
            ("sealed-secrets/unsealed", "SecretInTheWay"): [
                "A Secret fastapi-dev/model-registry is there",
                "sealedsecrets.bitnami.com/managed",
            ]
        }
    ),
    "alertmanager-sealed-for-other-namespace": Expectation(
        {
            ("sealed-secrets/unsealed", "CannotDecrypt"): [
                "copied from namespace monitoring-prod",
                f"Alertmanager monitoring-dev/{ALERTMANAGER} is configured from it",
            ],
            ("alertmanager/default-config", "OperatorFallbackConfig"): ["alertmanager-slack-config"],
            ("alertmanager/config-secret", "ConfigSecretMissing"): ["monitoring-dev/alertmanager-slack-config does not exist"],
        },
        blind=UNDELIVERED | {"alertmanager/config-secret"},  # until kube-state-metrics was scraped without it
    ),
    "sealed-wider-scopes": Expectation(),
    "sealed-adopted": Expectation(),
    "sealed-just-created": Expectation(blind=frozenset({"sealed-secrets/unsealed"})),  # it has no status, and so is not judged
    "nfs-called-local-path": Expectation({("prometheus/storage", "TsdbOnNfs"): [PROMETHEUS, "local-path"]}, blind=_STARTED),
    "alerts-to-other-environment": Expectation(
        {("prometheus/alerting", "AlertsToOtherEnvironment"): ["sends its alerts to prod", "spec.alerting", "`namespace: monitoring-prod`"]}
    ),
    "alerts-to-nobody": Expectation(
        {("prometheus/alerting", "AlertsToNobody"): ["spec.alerting", "alertmanager.enabled", "no Alertmanager to send"]}
    ),
    "shared-alertmanager": Expectation(),
    "rules-across-environments": Expectation(
        {("prometheus/selector-overlap", "SelectorOverlap"): ["PrometheusRule"]},
        warnings={("prometheus/alerting", "RulesOfOtherEnvironment"): ["has loaded", "PrometheusRules of prod", "ruleSelector"]},
    ),
    "slack-refuses": Expectation(
        {("alertmanager/delivery", "DeliveryFails"): ["through slack", "clientError", "403: invalid_token", 'Receiver "slack"']}
    ),
    "slack-unreachable": Expectation(
        {("alertmanager/delivery", "DeliveryFails"): ["through slack", "reason other", "slack.egress.svc.cluster.local", "no such host"]}
    ),
    "alerts-silenced": Expectation(),
    "generated-secret-put-back": Expectation(
        warnings={
            ("alertmanager/generated-secret", "GeneratedSecretPutBack"): [
                "alertmanager-monitoring-dev-kube-promet-alertmanager-generated",
                "put it back",
                "monitoring-dev/alertmanager-slack-config",
            ]
        }
    ),
    "generated-secret-edited": Expectation(
        {
            ("alertmanager/generated-secret", "GeneratedSecretEdited"): [
                "Kubectl-edit",
                "serves just that",
                "no Operator that manages it",
                "monitoring-dev/alertmanager-slack-config",
            ]
        },
        blind=frozenset({"prometheus/selector-overlap", "prometheus/unselected-monitors"}),  # without an Operator none can tell
    ),
    "generated-secret-deleted": Expectation(
        warnings={("alertmanager/generated-secret", "GeneratedSecretDeleted"): ["came back", "StatefulSet", "belongs into"]}
    ),
    "generated-secret-lost": Expectation(
        {("alertmanager/generated-secret", "GeneratedSecretGone"): ["does not come back", "no Operator that manages it"]},
        blind=frozenset({"prometheus/selector-overlap", "prometheus/unselected-monitors"}),
    ),
    "source-secret-changed": Expectation(),
    "tls-secret-missing": Expectation(
        {("ingress/tls", "DefaultCertificate"): ["fastapi-dev.lab.internal", "Traefik", "the Secret fastapi-dev/fastapi-tls", "is missing"]}
    ),
    "tls-expired": Expectation({("ingress/tls", "Expired"): ["fastapi-dev.lab.internal", "3 days ago", "fastapi-dev/fastapi-tls"]}),
    "tls-expiring": Expectation(
        warnings={("ingress/tls", "Expiring"): ["fastapi-dev.lab.internal", "in 3 days", "fastapi-dev/fastapi-tls"]}
    ),
    # Traefik shows a certificate for other names to nobody: its default is what clients see.
    "tls-wrong-names": Expectation(
        {("ingress/tls", "DefaultCertificate"): ["fastapi-dev.lab.internal", "fastapi-dev/fastapi-tls", "or is for other names"]}
    ),
    "tls-wildcard": Expectation(),
    "ingress-without-endpoints": Expectation(
        {
            ("ingress/routes", "NoEndpoints"): [
                "fastapi-dev.lab.internal/",
                "the Service fastapi-dev/fastapi-next selects",
                "version=v2",
                "no pod has these labels",
                "no version",
            ]
        }
    ),
    "ingress-wrong-service-port": Expectation(
        {("ingress/routes", "PortMissing"): ["fastapi-dev.lab.internal/", "has no port 80: it has 8000 (http)"]}
    ),
    "ingress-class-missing": Expectation(
        {
            ("ingress/routes", "ClassMissing"): ["ingressClassName is nginx-internal", "there are: traefik"],
            ("ingress/tls", "DefaultCertificate"): ["nginx-internal"],
        }
    ),
    "ingress-scaled-to-zero": Expectation(
        warnings={("ingress/routes", "NoEndpoints"): ["admin-dev.lab.internal/", "Deployment fastapi-dev/admin-page is scaled to 0"]}
    ),
    "ingress-behind-login": Expectation(),
    # Where a controller outside the cluster listens is not known, unless the profile says so.
    "ingress-other-class": Expectation(blind=frozenset({"ingress/tls", "ingress/routes"})),
    "airflow-scheduler-down": Expectation(
        {
            ("airflow/health", "SchedulerUnhealthy"): [
                "Airflow airflow/airflow",
                "component=scheduler",
                "scale deployment airflow-scheduler",
            ],
        }
    ),
    "airflow-scheduler-starting": Expectation(),
    "mlflow-one-host-allowed": Expectation(),
    "mlflow-database-down": Expectation(
        {
            ("mlflow/health", "BackendStoreDown"): ["/health", "sqlite at /mlflow/mlflow.db", "file is not a database"],
        }
    ),
    "mlflow-host-refused": Expectation(
        {
            ("mlflow/health", "HostRefused"): ["mlflow.mlflow.svc:5000", "not among its arguments", "mlflow.mlflow.svc:*"],
        }
    ),
    "argocd-sync-failed": Expectation(
        {
            ("argocd/applications", "SyncFailed"): [
                "Deployment features-dev/feature-store",
                "field is immutable",
                "argocd/feature-store-dev",
            ],
            ("argocd/revision", "CommitNotDeployed"): ["Its last synchronisation failed"],
        }
    ),
    "argocd-hook-failed": Expectation(
        {("argocd/applications", "HookFailed"): ["Job features-dev/feature-store-check", "logs job/feature-store-check"]}
    ),
    "argocd-degraded": Expectation(
        {
            ("argocd/applications", "Degraded"): ["Deployment/features-dev/feature-store", "has timed out progressing"],
            ("argocd/revision", "OldImageStuck"): ["lab.internal/feature-store:3", "lab/pause:1", "roll-out is stuck"],
            ("pods/crash-loop", "ImageError"): ["lab.internal/feature-store:3"],
        }
    ),
    "argocd-comparison-error": Expectation(
        {("argocd/applications", "ComparisonError"): ["app path does not exist", "dev at main", "Healthy"]},
        blind=frozenset({"argocd/revision"}),
    ),
    "argocd-out-of-sync": Expectation(
        warnings={("argocd/applications", "DriftNotHealed"): ["Deployment/features-dev/feature-store", "selfHeal"]}
    ),
    "argocd-sync-window": Expectation(
        {
            ("argocd/applications", "CommitNotSynced"): ["sync window", "argocd proj windows list default"],
            ("argocd/revision", "CommitNotDeployed"): ["sync window"],
        }
    ),
    "argocd-old-revision": Expectation(
        {("argocd/revision", "OldImagePaused"): ["lab/pause:1", "lab/pause:2", "spec.paused", "rollout resume deployment feature-store"]}
    ),
    "argocd-manual": Expectation(),  # waits for somebody by intent
    "argocd-syncing": Expectation(),
    "argocd-suspended": Expectation(),
}

# Staged by hand only: how late the scrapes come depends on how busy the machine itself is, so that on a busy one it is not found
# within a minute, or found without the CPU that it used.
BY_HAND: dict[str, Expectation] = {
    "prometheus-cpu-throttled": Expectation(
        {("prometheus/pressure", "FallsBehind"): ["instead of 1 s", "CPU limit", "20m", "limits.cpu", "has most"]},
        besides=frozenset({("prometheus/targets", "TargetsDown")}),  # it is too slow to scrape itself
        blind=_STARTED | {"prometheus/targets"},
    ),
}
