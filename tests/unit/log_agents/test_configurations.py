from typing import Any

import pytest

from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.kubernetes.objects import Namespace, Pod, Service
from clusterprobe.systems.log_agents.configurations import AgentConfiguration, maps_of, read_files
from clusterprobe.systems.log_agents.destinations import Destination, agent_destinations, service_in
from tests.factories import labelled, listing, recognised

FLUENT_BIT = """
[SERVICE]
    HTTP_Server  On
    HTTP_Port    2021
[INPUT]
    Name tail
    DB /var/log/flb.db
[OUTPUT]
    Name  loki
    Match *
    Host  loki-gateway.logging.svc
    Port  80
    http_passwd planted
"""
FLUENT_BIT_YAML = "service: {http_server: 'off'}\npipeline:\n  outputs:\n  - {name: es, host: es.example.com, port: 9200}\n"
VECTOR = """
data_dir: /vector-data-dir
sinks:
  out: {type: loki, endpoint: "http://user:planted@loki.logging:3100?x=planted", labels: {a: b}}
  metrics: {type: prometheus_exporter, address: "0.0.0.0:9598"}
"""
VECTOR_TOML = 'data_dir = "/var/lib/vector"\n[sinks.out]\ntype = "elasticsearch"\nendpoints = ["https://es.example.com"]\n'
OTEL = """
exporters:
  otlphttp/l: {endpoint: "http://loki-gateway.logging.svc/otlp", headers: {Authorization: planted}}
  otlp/t: {endpoint: "tempo:4317"}
extensions: {file_storage: {directory: /var/lib/otelcol}}
service:
  extensions: [file_storage]
  pipelines: {logs: {exporters: [otlphttp/l]}, traces: {exporters: [otlp/t]}}
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 8889}}}}]}}
"""
FLUENTD = """
<source>
  @type tail
  pos_file /var/log/fluentd.pos
</source>
<source>
  @type prometheus
</source>
<match **>
  @type copy
  <store>
    @type loki
    url "http://loki:3100"
    password planted
  </store>
</match>
"""


@pytest.mark.parametrize(
    ("program", "file", "text", "outputs", "positions", "port", "silent"),
    [
        ("fluent-bit", "fluent-bit.conf", FLUENT_BIT, [("loki", "loki-gateway.logging.svc:80")], ["/var/log/flb.db"], 2021, False),
        ("fluent-bit", "fluent-bit.yaml", FLUENT_BIT_YAML, [("es", "es.example.com:9200")], [], 0, True),
        ("fluent-bit", "filter.lua", "[OUTPUT]\n Name es", [], [], 0, False),
        (
            "vector",
            "vector.yaml",
            VECTOR,
            [("loki", "http://loki.logging:3100"), ("prometheus_exporter", "0.0.0.0:9598")],
            ["/vector-data-dir"],
            9598,
            False,
        ),
        ("vector", "vector.toml", VECTOR_TOML, [("elasticsearch", "https://es.example.com")], ["/var/lib/vector"], 0, True),
        (
            "opentelemetry-collector",
            "relay",
            OTEL,
            [("otlphttp", "http://loki-gateway.logging.svc/otlp")],
            ["/var/lib/otelcol"],
            8889,
            False,
        ),
        ("fluentd", "fluent.conf", FLUENTD, [("loki", "http://loki:3100")], ["/var/log/fluentd.pos"], 24231, False),
    ],
)
def test_a_file_says_where_to_it_sends_and_where_its_positions_are_and_nothing_secret(
    program: str, file: str, text: str, outputs: list[tuple[str, str]], positions: list[str], port: int, silent: bool
) -> None:
    found = read_files(program, {file: text})
    assert [(one.kind, one.to) for one in found.configured.outputs] == outputs
    assert (found.configured.positions, found.configured.port, found.configured.silent) == (positions, port, silent)
    assert found.odd == ""
    assert "planted" not in repr(found)


@pytest.mark.parametrize("text", ["exporters: [", "exporters: 3", "service: {pipelines: 3}", "exporters: [a, b]"])
def test_a_file_that_is_not_understood_is_odd(text: str) -> None:
    assert "is not a configuration that is understood here" in read_files("opentelemetry-collector", {"relay": text}).odd


def test_a_file_that_is_too_large_is_not_read() -> None:
    assert "has more than 128 kB" in read_files("vector", {"vector.yaml": " " * 200_000}).odd


def agent(program: str, image: str, *volumes: dict[str, Any]) -> Pod:
    spec = {"nodeName": "worker1", "containers": [{"name": program, "image": image}], "volumes": list(volumes)}
    owner = {"ownerReferences": [{"kind": "DaemonSet", "name": program, "uid": "u", "controller": True}]}
    return labelled(Pod, "logging", f"{program}-1", metadata=owner, spec=spec, status={"phase": "Running", "podIP": "10.0.0.1"})


CONFIG = {"name": "config", "configMap": {"name": "config"}}
PROJECTED = {"name": "config", "projected": {"sources": [{"configMap": {"name": "config"}}, {"secret": {"name": "s"}}]}}


@pytest.mark.parametrize("volume", [CONFIG, PROJECTED])
def test_the_config_maps_of_a_pod_are_those_of_its_volumes(volume: dict[str, Any]) -> None:
    assert maps_of(agent("vector", "timberio/vector:1", volume)) == ["config"]


def destination(program: str, image: str, text: str = "", file: str = "relay") -> Destination:
    loki = labelled(Pod, "logging", "loki-0", {"app.kubernetes.io/name": "loki", "app": "loki"}, spec={"containers": []})
    port = {"selector": {"app": "loki"}, "ports": [{"port": 3100}]}
    services = listing("Service", [labelled(Service, "logging", name, spec=port) for name in ("loki", "loki-gateway")])
    maps = {"config": read_files(program, {file: text})} if text else {}
    configured = listing("ConfigMap", [])
    if maps:
        subject = listing("ConfigMap", [labelled(Service, "logging", "config", spec={})]).values[0][0]
        configured = Readings(((subject, maps["config"]),))
    pods = listing("Pod", [agent(program, image, CONFIG), loki])
    namespaces = listing("Namespace", [labelled(Namespace, "", "logging")])
    found = agent_destinations(recognised(pods), Readings(), configured, services, namespaces, Profile())
    ((_, one),) = found.values
    return one


@pytest.mark.parametrize(
    ("program", "image", "text", "file", "loki"),
    [
        ("promtail", "grafana/promtail:3", "", "", True),
        ("fluent-bit", "fluent/fluent-bit:3", FLUENT_BIT, "fluent-bit.conf", True),
        ("fluent-bit", "fluent/fluent-bit:3", FLUENT_BIT_YAML, "fluent-bit.yaml", False),
        ("fluent-bit", "fluent/fluent-bit:3", "", "", None),
        ("vector", "timberio/vector:1", VECTOR_TOML, "vector.toml", False),
        ("opentelemetry-collector", "otel/opentelemetry-collector:1", OTEL, "relay", True),
        (
            "opentelemetry-collector",
            "otel/opentelemetry-collector:1",
            OTEL.replace("loki-gateway.logging.svc", "logs.example.com"),
            "relay",
            None,
        ),
        ("fluentd", "fluent/fluentd:1", FLUENTD, "fluent.conf", True),
    ],
)
def test_whether_an_agent_sends_to_loki_is_seen_by_its_output_or_the_service_that_it_names(
    program: str, image: str, text: str, file: str, loki: bool | None
) -> None:
    assert destination(program, image, text, file).loki is loki


def test_an_address_that_names_no_service_leads_nowhere() -> None:
    wrong = destination("fluent-bit", "fluent/fluent-bit:3", FLUENT_BIT.replace("loki-gateway", "loki-wrong"), "fluent-bit.conf")
    assert [one.to for one in wrong.nowhere] == ["loki-wrong.logging.svc:80"]
    assert destination("fluent-bit", "fluent/fluent-bit:3", FLUENT_BIT_YAML, "fluent-bit.yaml").nowhere == []


@pytest.mark.parametrize(
    "address", ["", "10.0.0.1:3100", "http://[::1]:3100", "a..b:1", "${LOKI}:3100", "https://logs.example.com/x", "localhost:1"]
)
def test_what_names_no_service_is_none(address: str) -> None:
    assert service_in(address, "logging") == ("", "")


def test_files_of_several_maps_are_taken_together() -> None:
    both: AgentConfiguration = read_files("fluent-bit", {"a.conf": "[SERVICE]\n HTTP_Server On\n", "b.conf": "[OUTPUT]\n Name loki\n"})
    assert [one.kind for one in both.configured.outputs] == ["loki"]
    assert (both.configured.port, both.configured.silent) == (0, False)


def test_a_loki_that_is_not_recognised_is_known_by_who_sends_to_it() -> None:
    sender, port = agent("fluent-bit", "fluent/fluent-bit:3", CONFIG), {"selector": {"app": "logs"}, "ports": [{"port": 80}]}
    services = listing("Service", [labelled(Service, "logging", "loki-gateway", spec=port)])
    subject = listing("ConfigMap", [labelled(Service, "logging", "config", spec={})]).values[0][0]
    namespaces = listing("Namespace", [labelled(Namespace, "", "logging")])

    def sent(text: str, image: str = "corp/logs:1", profile: dict[str, Any] | None = None) -> tuple[list[tuple[str, str]], list[str]]:
        behind = labelled(Pod, "logging", "logs-0", {"app": "logs"}, spec={"containers": [{"name": "c", "image": image}]})
        pods, wanted = recognised(listing("Pod", [sender, behind])), Profile.model_validate(profile or {})
        configured = Readings(((subject, read_files("fluent-bit", {"fluent-bit.conf": text})),))
        ((_, one),) = agent_destinations(pods, Readings(), configured, services, namespaces, wanted).values
        return one.strange, one.away

    assert sent(FLUENT_BIT) == ([("logging", "loki-gateway")], [])
    assert sent(FLUENT_BIT, "grafana/loki:3") == ([], [])
    assert sent(FLUENT_BIT, "victoriametrics/victoria-logs:v1") == ([], [])
    assert sent(FLUENT_BIT, profile={"endpoints": [{"system": "loki", "namespace": "logging", "url": "http://x"}]}) == ([], [])
    assert sent(FLUENT_BIT.replace("loki-gateway.logging.svc", "logs.example.com")) == ([], ["logs.example.com:80"])
