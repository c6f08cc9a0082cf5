"""A user's profile: what they run, what they expect, and what is too much. Plain data; YAML in, errors with line numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from clusterprobe.catalogue import matches
from clusterprobe.errors import ProfileError
from clusterprobe.model import Severity
from clusterprobe.profile_errors import Lines, Path_, explain

System = Literal["prometheus", "alertmanager", "loki", "grafana", "airflow", "mlflow"]
StorageKind = Literal["local", "nfs", "network", "ephemeral"]


class Part(BaseModel):
    """The base: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Basic(Part):
    """HTTP basic authentication; the password comes from a file or from the environment, never from the profile."""

    username: str
    password_env: str = ""
    password_file: str = ""

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> Basic:
        if bool(self.password_env) == bool(self.password_file):
            raise ValueError("exactly one of password_env and password_file is needed")
        return self


class EndpointProfile(Part):
    """An explicit way to a system: where discovery's own does not do, or a back end asks for credentials."""

    system: System
    url: Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")]
    namespace: str = ""
    name: str = ""
    bearer_token_env: str = ""
    bearer_token_file: str = ""
    basic: Basic | None = None
    tenant: str = ""
    ca_file: str = ""
    insecure_skip_tls_verify: bool = False


class EnvironmentProfile(Part):
    """The namespaces of an environment; shell patterns such as `*-dev` are fine."""

    namespaces: Annotated[list[str], Field(min_length=1)]


class Expect(Part):
    """What must be there, by namespace: `<system>/missing` reports what is not."""

    prometheus: list[str] = []
    alertmanager: list[str] = []
    loki: list[str] = []
    grafana: list[str] = []
    airflow: list[str] = []
    mlflow: list[str] = []

    @property
    def namespaces(self) -> list[str]:
        """Every namespace in which something is expected."""
        return [name for system in type(self).model_fields for name in getattr(self, system)]


class Thresholds(Part):
    """Above which a number is a finding."""

    termination_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    termination_outlier_factor: Annotated[float, Field(gt=1, le=100)] = 3.0
    termination_outlier_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0
    agent_grace_seconds: Annotated[int, Field(gt=0, le=3600)] = 10
    scrape_duration_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    loki_window_minutes: Annotated[int, Field(gt=0, le=1440)] = 10
    loki_refusal_minutes: Annotated[float, Field(gt=0, le=1440)] = 1.0
    loki_query_days: Annotated[float, Field(gt=0, le=3650)] = 7.0
    loki_query_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0
    loki_query_gigabytes: Annotated[float, Field(gt=0, le=1_000_000)] = 10.0
    loki_freshness_minutes: Annotated[float, Field(gt=0, le=60)] = 2.0
    loki_ready_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    agent_drop_minutes: Annotated[float, Field(gt=0, le=1440)] = 10.0
    agent_backlog_megabytes: Annotated[float, Field(gt=0, le=1_000_000)] = 50.0
    pending_claim_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    startup_minutes: Annotated[float, Field(gt=0, le=1440)] = 15.0
    oom_minutes: Annotated[float, Field(gt=0, le=10080)] = 60.0
    permission_window_minutes: Annotated[int, Field(gt=0, le=1440)] = 10
    delivery_window_minutes: Annotated[int, Field(gt=0, le=1440)] = 60
    delivery_recovery_minutes: Annotated[float, Field(gt=0, le=1440)] = 10.0
    generated_secret_minutes: Annotated[float, Field(gt=0, le=10080)] = 60.0
    unseal_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    pressure_window_minutes: Annotated[int, Field(gt=0, le=1440)] = 10
    scrape_slip_factor: Annotated[float, Field(gt=1, le=100)] = 1.1
    missed_evaluations: Annotated[int, Field(gt=0, le=1000)] = 3
    rule_duration_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    cpu_limit_fraction: Annotated[float, Field(gt=0, le=1)] = 0.9
    cpu_throttled_fraction: Annotated[float, Field(gt=0, le=1)] = 0.25
    memory_limit_fraction: Annotated[float, Field(gt=0, le=1)] = 0.9
    wal_sync_seconds: Annotated[float, Field(gt=0, le=600)] = 1.0
    query_queue_seconds: Annotated[float, Field(gt=0, le=600)] = 1.0
    remote_write_lag_seconds: Annotated[float, Field(gt=0, le=86400)] = 120.0
    certificate_days: Annotated[float, Field(ge=0, le=3650)] = 14.0
    application_minutes: Annotated[float, Field(gt=0, le=10080)] = 15.0
    reconcile_minutes: Annotated[float, Field(gt=0, le=10080)] = 30.0
    canary_window_minutes: Annotated[int, Field(gt=0, le=1440)] = 10
    canary_min_requests: Annotated[int, Field(ge=20, le=1_000_000)] = 100
    canary_error_percent: Annotated[float, Field(gt=0, le=100)] = 1.0
    canary_latency_factor: Annotated[float, Field(gt=1, le=100)] = 1.5
    canary_latency_seconds: Annotated[float, Field(gt=0, le=60)] = 0.05
    canary_significance: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    airflow_start_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    airflow_heartbeat_seconds: Annotated[float, Field(gt=0, le=86400)] = 120.0
    airflow_failed_run_hours: Annotated[float, Field(gt=0, le=8760)] = 24.0


class ModelProfile(Part):
    """A model service: the namespaces (shell patterns) and labels of its pods, where it tells its health, and what tells a canary.

    Without `health_path` the readiness probe's path is asked.
    """

    namespaces: Annotated[list[str], Field(min_length=1)] = ["*"]
    selector: Annotated[dict[str, str], Field(min_length=1)]
    health_path: Annotated[str, Field(pattern=r"^(/\S*)?$")] = ""
    stable: dict[str, str] = {}
    canary: dict[str, str] = {}


class Serving(Part):
    """How served models are found and measured. Without `models`, labels tell; the first metric that a pod has counts."""

    models: list[ModelProfile] = []
    request_metrics: Annotated[list[str], Field(min_length=1)] = ["http_requests_total", "starlette_requests_total"]
    duration_metrics: Annotated[list[str], Field(min_length=1)] = [
        "http_request_duration_seconds",
        "http_request_duration_highr_seconds",
        "starlette_request_duration_seconds",
    ]
    status_labels: Annotated[list[str], Field(min_length=1)] = ["status", "status_code", "code"]
    path_labels: list[str] = ["handler", "path", "endpoint"]
    quiet_paths: list[str] = ["/health*", "/live*", "/ready*", "/metrics", "/docs*", "/openapi.json"]
    log_stream: Annotated[str, Field(pattern=r"^\{.*NAMESPACE.*\}$")] = '{namespace="NAMESPACE"}'
    log_pod_label: Annotated[str, Field(pattern=r"^[a-zA-Z_]\w*$")] = "pod"
    error_lines: Annotated[str, Field(pattern=r"^[^`]+$")] = r"""(?i)"?level"?\s*[=:]\s*"?(error|critical|fatal)"""


class IngressProfile(Part):
    """How Ingresses are looked at from here; without an address, where the cluster says that their controller listens."""

    address: Annotated[str, Field(pattern=r"^$|^[^\s/@]+:\d{1,5}$")] = ""
    ca_file: str = ""
    classes: list[str] = []


class Deployed(Part):
    """What an Application of Argo CD (`namespace/name`) must be at: a commit, or its first seven digits or more, or a version."""

    application: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]
    revision: Annotated[str, Field(min_length=1)]


class Active(Part):
    """What `--active` may use."""

    namespace: str = "clusterprobe-active"
    image: str = "registry.k8s.io/pause@sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a"
    nfs: bool = True


class Probes(Part):
    """Which probes run: ids, areas or shell patterns."""

    select: list[str] = ["*"]
    skip: list[str] = []


class Known(Part):
    """A finding that is known and accepted: it is shown, and does not fail the run."""

    probe: str
    reason: str = "*"
    subject: str = "*"
    why: Annotated[str, Field(min_length=1)]


class Profile(Part):
    """The whole profile. Every key has a default that fits a stock platform."""

    extends: str = ""
    environments: dict[str, EnvironmentProfile] = {}
    environment_label: str = "environment"
    expect: Expect = Expect()
    endpoints: list[EndpointProfile] = []
    thresholds: Thresholds = Thresholds()
    storage: dict[str, list[StorageKind]] = {
        "prometheus": ["local"],
        "alertmanager": ["local", "nfs", "network", "ephemeral"],
        "grafana": ["local", "nfs", "network", "ephemeral"],
        "loki": ["local", "nfs", "network"],
    }
    ingress: IngressProfile = IngressProfile()
    deleted_claims: Literal["keep", "delete", "any"] = "keep"
    deployments: list[Deployed] = []
    probes: Probes = Probes()
    secrets: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]] = []
    known: list[Known] = []
    serving: Serving = Serving()
    active: Active = Active()
    heartbeat_url_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    fail_on: Literal["info", "warning", "error", "critical", "never"] = "error"
    timeout: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(s|m|h)$")] = "5m"

    _lines: Lines = PrivateAttr(default_factory=dict)  # where each key is written

    @property
    def named_namespaces(self) -> list[str]:
        """The namespaces that the profile names without a pattern."""
        names = [name for one in self.environments.values() for name in one.namespaces if not re.search(r"[*?\[]", name)]
        return list(dict.fromkeys([*names, *self.expect.namespaces]))

    @property
    def timeout_seconds(self) -> float:
        return seconds(self.timeout)

    def wants(self, probe_id: str) -> bool:
        """Whether the probe is selected."""
        chosen = any(matches(probe_id, pattern) for pattern in self.probes.select)
        return chosen and not any(matches(probe_id, pattern) for pattern in self.probes.skip)

    def written_at(self, lines: Lines) -> Profile:
        """The same profile, which knows where each of its keys is written."""
        self._lines = lines
        return self

    def named_probes(self) -> Iterator[tuple[str, str]]:
        """Every id, area or pattern by which it speaks of probes, with the place where it does (file, line and key)."""
        written: list[tuple[Path_, str]] = [(("probes", "select", index), one) for index, one in enumerate(self.probes.select)]
        written += [(("probes", "skip", index), one) for index, one in enumerate(self.probes.skip)]
        written += [(("known", index, "probe"), one.probe) for index, one in enumerate(self.known)]
        for place, pattern in written:
            file, line = self._lines.get(place, (Path("the profile"), 0))
            yield f"{file}{f':{line}' if line else ''}: {'.'.join(map(str, place))}", pattern


UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """`90s`, `5m`, `1.5h` as seconds; `ValueError` for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text)
    if not match:
        raise ValueError(f"{text} is no duration: write for example 90s, 5m or 1h")
    return float(match[1]) * UNITS[match[2]]


def fail_level(fail_on: str) -> Severity:
    """The severity from which a finding decides a verdict; `never` only concerns the exit status."""
    return Severity.ERROR if fail_on == "never" else Severity(fail_on)


# --- reading ----------------------------------------------------------------------------------------------------------


def find_profile(name: str, folder: Path) -> Path:
    """The file of a profile: a path, or the name of one that comes with the package (in `folder`)."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or "/" in name:
        if not path.is_file():
            raise ProfileError(f"{name}: there is no such file")
        return path
    shipped = folder / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = sorted(one.stem for one in folder.glob("*.yaml"))
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else "name a .yaml file, or one of these"
    raise ProfileError(f"there is no profile {name}: {hint} ({', '.join(names)})")


def load_profile(name: str, folder: Path) -> Profile:
    """Read a profile and what it extends. Raises `ProfileError` with file, line, key and the nearest valid name."""
    path = find_profile(name, folder)
    merged, lines = _read_extending(path, folder, ())
    try:
        profile = Profile.model_validate(merged)
    except pydantic.ValidationError as error:
        raise ProfileError(explain(error, lines, path, Profile)) from None
    return profile.written_at(lines)


def _read_extending(path: Path, folder: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], Lines]:
    if path.resolve() in seen:
        raise ProfileError(f"{path}: profiles extend each other in a circle")
    own, lines = _read(path)
    base_name = own.get("extends")
    if not base_name:
        return own, lines
    if not isinstance(base_name, str):
        raise ProfileError(f"{path}:{lines[('extends',)][1]}: extends: expected the name of a profile")
    beside = path.parent / base_name
    try:
        base_path = beside if beside.is_file() else find_profile(base_name, folder)
    except ProfileError as error:
        raise ProfileError(f"{path}:{lines[('extends',)][1]}: extends: {error}") from None
    base, base_lines = _read_extending(base_path, folder, (*seen, path.resolve()))
    return _merge(base, own), {**base_lines, **lines}


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Mappings merge key by key; anything else (lists too) is replaced."""
    merged = dict(base)
    for key, value in own.items():
        before = merged.get(key)
        merged[key] = _merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _read(path: Path) -> tuple[dict[str, Any], Lines]:
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: Lines = {}
        if node is not None:
            _walk(node, (), path, lines)
        value = yaml.safe_load(text)
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProfileError(f"{path}: not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProfileError(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ProfileError(f"{path}: not YAML: {error}") from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ProfileError(f"{path}:1: expected keys and values, found a {type(value).__name__}")
    return value, lines


def _walk(node: yaml.Node, place: Path_, path: Path, lines: Lines) -> None:
    lines.setdefault(place, (path, node.start_mark.line + 1))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                where = ".".join(map(str, (*place, key.value)))
                raise ProfileError(f"{path}:{line}: {where}: the key is there twice, first in line {seen[key.value]}")
            seen[key.value] = line
            lines[(*place, key.value)] = (path, line)
            _walk(value, (*place, key.value), path, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*place, index), path, lines)
