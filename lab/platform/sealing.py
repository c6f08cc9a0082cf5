"""SealedSecrets: the sealing key, as a team that keeps a copy in a safe has it, and sealing with the real kubeseal."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator, Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import api
from lab.build.images import published
from lab.build.modules import Module
from lab.command import run, wait_until
from lab.paths import STATE
from lab.platform.manifests import CONFIG_SECRET, ENVIRONMENTS, Environment, slack_config
from lab.platform.system import System

NAMESPACE = "kube-system"
CONTROLLER = "sealed-secrets-controller"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}"
KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
MANAGED = "sealedsecrets.bitnami.com/managed"
PATCH = "sealedsecrets.bitnami.com/patch"
_KEYS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
_KEY_NAME = "sealed-secrets-keyabcde"  # what the controller would add to its prefix is random
_CERTIFICATE, _KEY = STATE / "sealing.crt", STATE / "sealing.key"
_PATIENCE_SECONDS = 90

_MODULE = Module(
    "github.com/bitnami/sealed-secrets",
    "v0.40.0",
    {"controller": "cmd/controller", "kubeseal": "cmd/kubeseal"},
    {"main.VERSION": "v0.40.0"},
    definitions="helm/sealed-secrets/crds",
    served_as="github.com/bitnami-labs/sealed-secrets",
)

KUBESEAL = _MODULE.program("kubeseal")


def _seal_configurations() -> None:
    for environment in ENVIRONMENTS:
        adopt(environment.namespace, CONFIG_SECRET)
        apply_slack_config(environment)


def adopt(namespace: str, name: str) -> None:
    """Let the controller take over a Secret that is there already."""
    if api.find(secret_path(namespace, name)) is not None:
        api.patch(secret_path(namespace, name), {"metadata": {"annotations": {MANAGED: "true"}}})


def put_key_back() -> None:
    """Restore the sealing key from the team's copy."""
    api.apply(copy_of_key())


def copy_of_key() -> str:
    """The team's copy, as it was saved; the first call makes the key."""
    if not _CERTIFICATE.exists():
        _make_key()
    data = {"tls.crt": _CERTIFICATE, "tls.key": _KEY}
    metadata = {"name": _KEY_NAME, "namespace": NAMESPACE, "labels": {KEY_LABEL: "active"}}
    encoded = {name: base64.b64encode(path.read_bytes()).decode() for name, path in data.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": encoded}
    return json.dumps(secret)


def lose_keys() -> None:
    """Delete every sealing key, as happens with a cluster that is set up anew without its backup."""
    for secret in api.items(f"{_KEYS}?labelSelector={KEY_LABEL}"):
        api.delete(f"{_KEYS}/{secret['metadata']['name']}")


def restart_controller() -> None:
    """It reads its keys only as it starts, and looks again at a SealedSecret only when the spec changes or it starts."""
    when = datetime.datetime.now(datetime.UTC).isoformat()
    change = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": when}}}
    api.patch(DEPLOYMENT, {"spec": {"template": change}})


def wait_for_controller() -> None:
    """Until the newest controller serves, and none that it replaces is left."""

    def is_so() -> bool:
        return len(_controllers()) == 1 and api.get(DEPLOYMENT)["status"].get("updatedReplicas") == 1

    wait_until("the controller alone", is_so, _PATIENCE_SECONDS)


def scale_controller(replicas: int) -> None:
    api.patch(DEPLOYMENT, {"spec": {"replicas": replicas}})
    wait_until(f"{replicas} controllers", lambda: api.get(DEPLOYMENT)["status"].get("readyReplicas", 0) == replicas, _PATIENCE_SECONDS)
    wait_until("no other controller", lambda: len(_controllers()) == replicas, _PATIENCE_SECONDS)


def _controllers() -> list[api.Object]:
    return api.items(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=name={CONTROLLER}")


def seal(
    namespace: str, name: str, data: Mapping[str, str], *, scope: str = "strict", labels: Mapping[str, str] | None = None
) -> api.Object:
    """A SealedSecret as kubeseal writes it."""
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)}
    done = run(_MODULE.program("kubeseal"), "--cert", _CERTIFICATE, "--format", "json", "--scope", scope, text=json.dumps(secret))
    sealed: api.Object = json.loads(done.stdout)
    return sealed


def apply_slack_config(environment: Environment) -> None:
    """Alertmanager's configuration, sealed for this environment."""
    labels = {"app": "alertmanager-config", "environment": environment.name}
    api.apply(json.dumps(seal(environment.namespace, CONFIG_SECRET, {"alertmanager.yaml": slack_config(environment)}, labels=labels)))


def path(namespace: str, name: str = "") -> str:
    return f"/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets" + (f"/{name}" if name else "")


def secret_path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets/{name}"


def condition(namespace: str, name: str) -> api.Object:
    """Its condition Synced, if the controller has spoken about its newest generation."""
    sealed = api.find(path(namespace, name)) or {}
    status = sealed.get("status", {})
    if not status or status.get("observedGeneration") != sealed["metadata"]["generation"]:
        return {}
    found: api.Object = next((each for each in status.get("conditions", []) if each["type"] == "Synced"), {})
    return found


def wait_for_synced(namespace: str, name: str, status: str, message: str = "") -> None:
    """Until the controller says so, and, where it is well, the Secret is there and belongs to the SealedSecret."""

    def is_so() -> bool:
        found = condition(namespace, name)
        right = found.get("status") == status and message in found.get("message", "")
        return right and (status != "True" or owner(namespace, name) == name)

    wait_until(f"SealedSecret {namespace}/{name} with Synced={status} {message}", is_so, _PATIENCE_SECONDS)


def owner(namespace: str, name: str) -> str:
    """The SealedSecret that a Secret belongs to; empty for a Secret that belongs to none, or is not there."""
    secret = api.find(secret_path(namespace, name)) or {"metadata": {}}
    owners = secret["metadata"].get("ownerReferences", [])
    return next((str(each["name"]) for each in owners if each["kind"] == "SealedSecret"), "")


def _make_key() -> None:
    """Self-signed for ten years, as the controller's own are."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=4096)
    now, name = datetime.datetime.now(datetime.UTC), x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(private, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    _KEY.touch(mode=0o600)
    _KEY.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    _CERTIFICATE.write_bytes(certificate.public_bytes(pem))


def _problems() -> Iterator[str]:
    for environment in ENVIRONMENTS:
        if condition(environment.namespace, CONFIG_SECRET).get("status") != "True":
            yield f"SealedSecret {environment.namespace}/{CONFIG_SECRET} is not unsealed"


SYSTEM = System(
    name="sealed-secrets",
    modules=(_MODULE,),
    images=(published("docker.io/bitnami/sealed-secrets-controller:0.40.0", _MODULE, "/usr/local/bin/controller"),),
    manifests=("sealed-secrets",),
    prepare=put_key_back,  # so that the controller makes none of its own
    finish=_seal_configurations,
    problems=_problems,
)
