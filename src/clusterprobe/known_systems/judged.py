"""The systems that probes judge. Profiles expect some of them, and name addresses for them: `EXPECTED`."""

from __future__ import annotations

from clusterprobe.known_systems.record import Purpose, Signs, Support, System

NAME = "app.kubernetes.io/name"

PROMETHEUS = System(
    key="prometheus",
    name="Prometheus",
    purpose=Purpose.MONITORING,
    support=Support.JUDGED,
    signs=Signs(
        operated=("operator.prometheus.io/name", "prometheus"),
        images=("prometheus", "prometheus/prometheus", "prom/prometheus"),
        programs=("prometheus",),
        flags=("storage.tsdb.path",),
        labels=(f"{NAME}=prometheus", "app=prometheus,component=server", "app=prometheus,component="),
    ),
    port=9090,
    port_names=("web", "http-web"),
    health_paths=("/-/ready", "/-/healthy"),
)
ALERTMANAGER = System(
    key="alertmanager",
    name="Alertmanager",
    purpose=Purpose.MONITORING,
    support=Support.JUDGED,
    signs=Signs(
        operated=("alertmanager",),
        images=("alertmanager", "prometheus/alertmanager", "prometheus-alertmanager"),
        programs=("alertmanager",),
        labels=(f"{NAME}=alertmanager", "app=prometheus,component=alertmanager", "app=alertmanager"),
    ),
    port=9093,
    port_names=("web", "http-web"),
    health_paths=("/-/ready", "/-/healthy"),
    role="routes the alert",
    vital=("prometheus/alerting", "alertmanager/default-config", "alertmanager/config-secret", "alertmanager/receivers"),
)
LOKI = System(
    key="loki",
    name="Loki",
    purpose=Purpose.LOGS,
    support=Support.JUDGED,
    signs=Signs(
        images=("loki", "grafana/loki", "enterprise-logs", "logging-loki"),
        programs=("loki",),
        labels=(
            *(f"{NAME}=loki", f"{NAME}=loki-distributed", f"{NAME}=loki-simple-scalable", f"{NAME}=enterprise-logs"),
            *(f"{NAME}=lokistack", "app=loki"),
        ),
    ),
    port=3100,
    port_names=("http-metrics", "http", "http-loki"),
    health_paths=("/ready", "/loki/api/v1/status/buildinfo"),
    role="keeps the logs",
    vital=("loki/ready", "loki/query-range", "loki/freshness", "loki/ruler", "promtail/coverage"),
    areas=("promtail",),
)
GRAFANA = System(
    key="grafana",
    name="Grafana",
    purpose=Purpose.MONITORING,
    support=Support.JUDGED,
    signs=Signs(
        images=("grafana", "grafana-oss", "grafana-enterprise", "grafana/grafana"),
        programs=("grafana server", "grafana-server"),
        labels=(f"{NAME}=grafana", "app=grafana"),
    ),
    port=3000,
    port_names=("grafana", "http-web", "http", "service"),
    health_paths=("/api/health", "/healthz"),
)
AIRFLOW = System(
    key="airflow",
    name="Airflow",
    purpose=Purpose.LEARNING,
    support=Support.JUDGED,
    signs=Signs(
        programs=(
            *("airflow webserver", "airflow api-server", "airflow scheduler", "airflow dag-processor", "airflow triggerer"),
            *("airflow standalone", "airflow celery"),
        ),
        labels=("tier=airflow", f"{NAME}=airflow", "app=airflow"),
    ),
    port=8080,
    port_names=("api-server", "webserver", "airflow-ui", "web", "http"),
    health_paths=("/api/v2/monitor/health", "/api/v2/version", "/health"),
    role="runs the pipeline",
    vital=("airflow/health",),
)
MLFLOW = System(
    key="mlflow",
    name="MLflow",
    purpose=Purpose.LEARNING,
    support=Support.JUDGED,
    signs=Signs(
        images=("mlflow", "mlflow/mlflow"),
        programs=("mlflow server", "mlflow ui", "mlflow.server:app", "mlflow.server.fastapi_app:app"),
        labels=(f"{NAME}=mlflow", "app=mlflow"),
    ),
    port=5000,
    port_names=("mlflow", "http", "tracking"),
    health_paths=("/health",),
    role="keeps the model",
    vital=("mlflow/health",),
)

EXPECTED = (PROMETHEUS, ALERTMANAGER, LOKI, GRAFANA, AIRFLOW, MLFLOW)

PROMTAIL = System(
    key="promtail",
    name="Promtail",
    purpose=Purpose.LOGS,
    beside=True,
    support=Support.JUDGED,
    signs=Signs(images=("promtail", "grafana/promtail"), programs=("promtail",), labels=(f"{NAME}=promtail", "app=promtail")),
    port=3101,
    port_names=("http-metrics", "http"),
)
ALLOY = System(
    key="alloy",
    name="Grafana Alloy",
    areas=("promtail",),
    purpose=Purpose.LOGS,
    beside=True,
    support=Support.JUDGED,
    signs=Signs(images=("alloy", "grafana/alloy"), programs=("alloy run",), labels=(f"{NAME}=alloy",)),
    port=12345,
    port_names=("http-metrics", "http"),
)
GRAFANA_AGENT = System(
    key="grafana-agent",
    name="Grafana Agent",
    areas=("promtail",),
    purpose=Purpose.LOGS,
    beside=True,
    support=Support.JUDGED,
    signs=Signs(images=("grafana-agent", "grafana/agent"), labels=(f"{NAME}=grafana-agent",)),
    port=80,
    port_names=("http-metrics", "http"),
)
FLUENT_BIT = System(
    key="fluent-bit",
    name="Fluent Bit",
    areas=("promtail",),
    purpose=Purpose.LOGS,
    beside=True,
    support=Support.JUDGED,
    signs=Signs(
        images=("fluent-bit", "fluentbit", "aws-for-fluent-bit", "fluent-bit-plugin-loki", "fluentbit-gke"),
        programs=("fluent-bit",),
        labels=(f"{NAME}=fluent-bit", f"{NAME}=fluentbit", "k8s-app=fluent-bit", "k8s-app=fluentbit-gke"),
    ),
    port=2020,
    port_names=("http", "metrics", "http-metrics", "monitor"),
)
FLUENTD = System(
    key="fluentd",
    name="Fluentd",
    areas=("promtail",),
    purpose=Purpose.LOGS,
    beside=True,
    support=Support.JUDGED,
    signs=Signs(
        images=("fluentd", "fluentd-kubernetes-daemonset", "fluentd-elasticsearch"),
        programs=("fluentd",),
        labels=(f"{NAME}=fluentd", "k8s-app=fluentd-logging"),
    ),
    port=24231,
    port_names=("metrics", "prometheus", "http-metrics"),
)
VECTOR = System(
    key="vector",
    name="Vector",
    areas=("promtail",),
    purpose=Purpose.LOGS,
    beside=True,
    generic=True,
    support=Support.JUDGED,
    signs=Signs(images=("timberio/vector", "vectordotdev/vector", "astronomer/vector"), labels=(f"{NAME}=vector",)),
    port=9090,
    port_names=("prom-exporter", "metrics", "http-metrics"),
)
OTEL_COLLECTOR = System(
    key="opentelemetry-collector",
    name="OpenTelemetry collector",
    areas=("promtail",),
    purpose=Purpose.LOGS,
    beside=True,
    support=Support.JUDGED,
    signs=Signs(
        images=(
            *("opentelemetry-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "otelcol", "otelcol-contrib"),
            *("opentelemetry-collector-releases/opentelemetry-collector-contrib", "aws-otel-collector", "otel-collector"),
            "signoz-otel-collector",
        ),
        programs=("otelcol", "otelcol-contrib", "otelcol-k8s"),
        labels=(f"{NAME}=opentelemetry-collector",),
    ),
    port=8888,
    port_names=("metrics", "http-metrics"),
)
PROMETHEUS_OPERATOR = System(
    key="prometheus-operator",
    name="Prometheus Operator",
    purpose=Purpose.MONITORING,
    support=Support.JUDGED,
    signs=Signs(
        images=("prometheus-operator", "prometheus-operator/prometheus-operator"),
        flags=("prometheus-config-reloader",),
        labels=(f"{NAME}=prometheus-operator,app.kubernetes.io/component=controller", "app.kubernetes.io/component=prometheus-operator"),
    ),
    areas=("prometheus", "alertmanager"),
)
ARGOCD = System(
    key="argocd",
    name="Argo CD",
    purpose=Purpose.DELIVERY,
    support=Support.JUDGED,
    signs=Signs(
        images=("argocd", "argoproj/argocd", "argo-cd"),
        labels=(f"{NAME}=argocd-application-controller", f"{NAME}=argocd-server", f"{NAME}=argocd-repo-server"),
    ),
)
SEALED_SECRETS = System(
    key="sealed-secrets",
    name="SealedSecrets",
    purpose=Purpose.SECRETS,
    support=Support.JUDGED,
    signs=Signs(
        images=("sealed-secrets-controller", "sealed-secrets"), labels=(f"{NAME}=sealed-secrets", "name=sealed-secrets-controller")
    ),
    port=8080,
)
TRAEFIK = System(
    key="traefik",
    name="Traefik",
    areas=("ingress",),
    purpose=Purpose.TRAFFIC,
    support=Support.JUDGED,
    signs=Signs(images=("traefik", "library/traefik"), labels=(f"{NAME}=traefik", "app=traefik")),
)
INGRESS_NGINX = System(
    key="ingress-nginx",
    name="ingress-nginx",
    areas=("ingress",),
    purpose=Purpose.TRAFFIC,
    support=Support.JUDGED,
    signs=Signs(
        images=("nginx-ingress-controller", "ingress-nginx/controller", "ingress-nginx-controller"),
        labels=(f"{NAME}=ingress-nginx,app.kubernetes.io/component=controller", f"{NAME}=rke2-ingress-nginx"),
    ),
)

_MODEL_LABELS = (NAME, "app.kubernetes.io/part-of", "app.kubernetes.io/component", "app")
_MODEL_WORDS = (
    *("fastapi", "model-server", "model-serving", "modelserver", "inference", "inference-server", "inference-service"),
    *(
        "nim-llm",
        "nim-service",
        "triton",
        "tritonserver",
        "triton-inference-server",
        "vllm",
        "torchserve",
        "bentoml",
        "mlserver",
        "tensorflow-serving",
    ),
)
MODEL_SERVER = System(
    key="model-server",
    name="model server",
    purpose=Purpose.LEARNING,
    support=Support.JUDGED,
    signs=Signs(
        operated=("serving.kserve.io/inferenceservice", "seldon-deployment-id", "yatai.ai/bento-deployment"),
        images=(
            *(
                "tritonserver",
                "vllm-openai",
                "vllm-openai-cpu",
                "vllm-runtime",
                "sglang-runtime",
                "llm-d/llm-d-cuda",
                "torchserve",
                "mlserver",
                "tensorflow/serving",
                "text-generation-inference",
            ),
            *(
                "text-embeddings-inference",
                "sglang",
                "openvino/model_server",
                "torchserve-kfs",
                "ggml-org/llama.cpp",
                "ggerganov/llama.cpp",
            ),
            *("huggingfaceserver", "huggingfaceserver-gpu", "sklearnserver", "xgbserver", "lgbserver", "pmmlserver", "paddleserver"),
        ),
        programs=(
            *("tritonserver", "vllm serve", "vllm.entrypoints.openai.api_server", "torchserve", "bentoml serve", "mlserver start"),
            *("tensorflow_model_server", "text-generation-launcher", "sglang.launch_server", "mlflow models serve", "llama-server"),
        ),
        labels=tuple(f"{label}={word}" for label in _MODEL_LABELS for word in _MODEL_WORDS),
    ),
    areas=("serving",),
)

PROMETHEUS_AGENT = System(
    key="prometheus-agent",
    name="Prometheus Agent",
    areas=("prometheus",),
    purpose=Purpose.MONITORING,
    support=Support.JUDGED,
    does="scrapes targets and sends their samples on",
    signs=Signs(
        operated=("operator.prometheus.io/name",),
        images=("prometheus-engine/prometheus",),
        flags=("storage.agent.path",),
        labels=(f"{NAME}=prometheus-agent", "operator.prometheus.io/mode=agent"),
    ),
    port=9090,
    port_names=("web", "http-web"),
    health_paths=("/-/ready", "/-/healthy"),
)
VICTORIAMETRICS = System(
    key="victoriametrics",
    name="VictoriaMetrics",
    areas=("prometheus",),
    purpose=Purpose.MONITORING,
    support=Support.JUDGED,
    does="scrapes targets, stores metrics and evaluates rules",
    signs=Signs(
        managed="managed-by=vm-operator",
        images=(
            *("victoria-metrics", "vmsingle", "vmagent", "vmalert", "vmselect", "vminsert", "vmstorage"),
            *(f"victoriametrics-{one}" for one in ("vmsingle", "vmagent", "vmalert", "vmselect", "vminsert", "vmstorage")),  # Bitnami's
        ),
        flags=("storageDataPath",),
        labels=(
            f"{NAME}=victoriametrics",
            *(f"{NAME}={one}" for one in ("vmagent", "vmalert", "vmsingle", "vmselect", "vminsert", "vmstorage")),
            *(f"{NAME}=victoria-metrics-{one}" for one in ("single", "agent", "alert")),
        ),
    ),
    port=8428,
    port_names=("http", "web"),
    health_paths=("/health", "/-/healthy", "/-/ready"),
    parts=(("vmagent", 8429), ("vmalert", 8880), ("vmsingle", 8428), ("vmselect", 8481), ("vminsert", 8480), ("vmstorage", 8482)),
)
VICTORIAMETRICS_OPERATOR = System(
    key="victoriametrics-operator",
    name="VictoriaMetrics operator",
    areas=("prometheus", "objects"),
    purpose=Purpose.MONITORING,
    support=Support.JUDGED,
    signs=Signs(images=("victoriametrics/operator",), labels=(f"{NAME}=victoria-metrics-operator",)),
)

LOG_AGENTS = (PROMTAIL, ALLOY, GRAFANA_AGENT, FLUENT_BIT, FLUENTD, VECTOR, OTEL_COLLECTOR)

JUDGED = (
    *EXPECTED,
    PROMETHEUS_AGENT,
    VICTORIAMETRICS,
    VICTORIAMETRICS_OPERATOR,
    MODEL_SERVER,
    *LOG_AGENTS,
    PROMETHEUS_OPERATOR,
    ARGOCD,
    SEALED_SECRETS,
    TRAEFIK,
    INGRESS_NGINX,
)
