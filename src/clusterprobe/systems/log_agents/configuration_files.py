"""The formats of log agents' configuration files, each read for where it sends to, keeps its positions and shows its metrics.

- Fluent Bit: https://docs.fluentbit.io/manual/administration/configuring-fluent-bit
- Vector: https://vector.dev/docs/reference/configuration/
- OpenTelemetry collector: https://opentelemetry.io/docs/collector/configuration/
- Fluentd: https://docs.fluentd.org/configuration/config-file
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from clusterprobe.access.urls import without_user
from clusterprobe.numerals import whole_number
from clusterprobe.systems.formats.yaml_text import yaml_of


class Output(msgspec.Struct, frozen=True):
    """Where an agent sends to: its own name for it, what it is, such as `loki`, and a host or address. Empty is what is not known."""

    name: str
    kind: str = ""
    to: str = ""


class Configured(msgspec.Struct, frozen=True):
    """What a configuration makes an agent do. `positions` are files or folders; `port` is where it shows metrics, 0 where it does not say.

    `silent` is whether it shows none because it is told so, or not told to.
    """

    outputs: list[Output] = []
    positions: list[str] = []
    port: int = 0
    silent: bool = False

    def plus(self, other: Configured) -> Configured:
        """Both files together."""
        outputs, positions = [*self.outputs, *other.outputs], [*self.positions, *other.positions]
        return Configured(outputs, positions, self.port or other.port, self.silent or other.silent)


def _yaml(text: str) -> dict[str, Any]:
    found = yaml_of(text)
    return found if isinstance(found, dict) else {}


def _port(address: object) -> int:
    """The port of `0.0.0.0:9090`, or of a number; 0 for anything else, such as one with a variable in it."""
    return whole_number(str(address or "").rpartition(":")[2]) or 0


def _to(host: object, port: object = "") -> str:
    """Where something is sent, without what identifies to it: no user, no query."""
    text = without_user(str(host or "")).partition("?")[0]
    return f"{text}:{port}" if text and port and "://" not in text else text


# --- Fluent Bit -------------------------------------------------------------------------------------------------------


def fluent_bit(name: str, text: str) -> Configured:
    """A file in its own format or in YAML; scripts and parsers beside it configure nothing of that."""
    if name.endswith((".yaml", ".yml")):
        return _fluent_bit_of([*_sections_of_yaml(_yaml(text))])
    return _fluent_bit_of([*_sections(text)]) if name.endswith(".conf") else Configured()


def _sections(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The sections `[OUTPUT]` and their keys, which are written in any case."""
    head, keys = "", dict[str, str]()
    for line in text.split("\n"):
        words = line.strip()
        if words.startswith("[") and words.endswith("]"):
            if head:
                yield head, keys
            head, keys = words[1:-1].strip().lower(), {}
        elif words and not words.startswith(("#", "@")):
            key, _, value = words.partition(" ")
            keys[key.lower()] = value.strip()
    if head:
        yield head, keys


def _sections_of_yaml(file: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    pipeline = file.get("pipeline") or {}
    for head, listed in (("service", [file.get("service") or {}]), ("input", pipeline.get("inputs")), ("output", pipeline.get("outputs"))):
        for one in listed or []:
            yield head, {str(key).lower(): str(value) for key, value in one.items() if not isinstance(value, dict | list)}


def _fluent_bit_of(sections: list[tuple[str, dict[str, str]]]) -> Configured:
    outputs = [
        Output(keys.get("alias", ""), keys["name"].lower(), _to(keys.get("url") or keys.get("host"), keys.get("port", "")))
        for head, keys in sections
        if head == "output" and keys.get("name")
    ]
    services = [keys for head, keys in sections if head == "service"]
    on = any(keys.get("http_server", "off").lower() in ("on", "true", "yes") for keys in services)
    port = next((_port(keys["http_port"]) for keys in services if keys.get("http_port")), 0)
    positions = [keys["db"] for head, keys in sections if head == "input" and keys.get("db")]
    return Configured(outputs, positions, port if on else 0, bool(services) and not on)


# --- Vector -----------------------------------------------------------------------------------------------------------


def vector(name: str, text: str) -> Configured:
    """A file in YAML, TOML or JSON."""
    file = tomllib.loads(text) if name.endswith(".toml") else _yaml(text) if name.endswith((".yaml", ".yml", ".json")) else {}
    outputs, ports = [], []
    for key, one in (file.get("sinks") or {}).items():
        kind = str(one.get("type") or "")
        endpoints = one.get("endpoint") or one.get("uri") or one.get("address") or next(iter(one.get("endpoints") or []), "")
        outputs.append(Output(str(key), kind, _to(endpoints)))
        ports += [_port(one.get("address"))] if kind == "prometheus_exporter" else []
    folder = str(file.get("data_dir") or "")
    return Configured(outputs, [folder] if folder else [], max(ports, default=0), bool(outputs) and not ports)


# --- the OpenTelemetry collector --------------------------------------------------------------------------------------


def otel(_: str, text: str) -> Configured:
    """A file in YAML: the exporters of its pipelines for logs, and the folder of its file storage."""
    file = _yaml(text)
    service = file.get("service") or {}
    pipelines = {str(key): one or {} for key, one in (service.get("pipelines") or {}).items()}
    used = {str(each) for key, one in pipelines.items() if key.partition("/")[0] == "logs" for each in one.get("exporters") or []}
    exporters = file.get("exporters") or {}
    outputs = [
        Output(str(key), str(key).partition("/")[0], _to((one or {}).get("logs_endpoint") or (one or {}).get("endpoint")))
        for key, one in exporters.items()
        if str(key) in used
    ]
    folders = [
        str((one or {}).get("directory") or "/var/lib/otelcol/file_storage")
        for key, one in (file.get("extensions") or {}).items()
        if str(key).partition("/")[0] == "file_storage" and key in (service.get("extensions") or [])
    ]
    metrics = (service.get("telemetry") or {}).get("metrics") or {}
    return Configured(outputs, folders, _telemetry_port(metrics), metrics.get("level") == "none")


def _telemetry_port(metrics: dict[str, Any]) -> int:
    if metrics.get("address"):
        return _port(metrics["address"])
    for one in metrics.get("readers") or []:
        exporter = ((one.get("pull") or {}).get("exporter") or {}).get("prometheus") or {}
        if exporter.get("port"):
            return _port(exporter["port"])
    return 0


# --- Fluentd ----------------------------------------------------------------------------------------------------------


def fluentd(_: str, text: str) -> Configured:
    """A file in its own format: `<match>` and the `<store>`s in it, and the `<source>`s that follow files."""
    outputs, positions, ports, open_ones = [], [], [], [("", dict[str, str]())]
    for line in text.split("\n"):
        words = line.strip()
        if words.startswith("</"):
            head, keys = open_ones.pop() if len(open_ones) > 1 else ("", {})
            kind = keys.get("@type", "")
            if head in ("match", "store") and kind and kind not in _FLUENTD_PASSES:
                outputs.append(Output(keys.get("@id", ""), kind, _to(keys.get("url") or keys.get("host"), keys.get("port", ""))))
            if head == "source" and kind == "tail" and keys.get("pos_file"):
                positions.append(keys["pos_file"])
            if head == "source" and kind == "prometheus":
                ports.append(_port(keys.get("port")) or 24231)
        elif words.startswith("<"):
            open_ones.append((words.strip("<>").split()[0].lower() if words.strip("<> ") else "", {}))
        elif words and not words.startswith("#"):
            key, _, value = words.partition(" ")
            open_ones[-1][1].setdefault(key.lower(), value.strip().strip("\"'"))
    return Configured(outputs, positions, max(ports, default=0), False)


_FLUENTD_PASSES = ("copy", "relabel", "null", "rewrite_tag_filter", "route", "roundrobin", "stdout")

READERS: dict[str, Callable[[str, str], Configured]] = {
    "fluent-bit": fluent_bit,
    "vector": vector,
    "opentelemetry-collector": otel,
    "fluentd": fluentd,
}
"""By program, as `System.key` has it: the name of a file and its text, as what it configures. Raises what is no such file's."""
