"""The cluster's certificate authority, and every identity that it signs."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.errors import LabError
from lab.layout import API_SERVICE, CERTIFICATES, GATEWAY, NODES
from lab.paths import KUBECONFIG, STATE

LIFETIME = dt.timedelta(days=365)
AN_HOUR = dt.timedelta(hours=1)
_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost")


class Authority:
    """Signs with a key that it makes for itself, unless it finds the one that it made before in its folder."""

    def __init__(self, folder: Path, name: str = "lab-ca") -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        if (folder / "ca.crt").exists():
            self._key = _read_private_key(folder / "ca.key")
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._write("ca", self._key, self._sign_own())

    def issue(
        self,
        stem: str,
        common_name: str,
        organization: str = "",
        names: Sequence[str] = (),
        validity: tuple[dt.timedelta, dt.timedelta] = (-AN_HOUR, LIFETIME),
    ) -> None:
        """Write STEM.key and STEM.crt for one identity; `names` are the host names and addresses that it serves.

        `validity`: from when until when, from now.
        """
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = self._builder(x509.Name(attributes), key.public_key(), is_authority=False, validity=validity).add_extension(
            x509.ExtendedKeyUsage(usages), critical=False
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        self._write(stem, key, builder.sign(self._key, hashes.SHA256()))

    def _sign_own(self) -> x509.Certificate:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = self._builder(self._name, self._key.public_key(), is_authority=True).add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def _builder(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        is_authority: bool,
        validity: tuple[dt.timedelta, dt.timedelta] = (-AN_HOUR, LIFETIME),
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + validity[0])
            .not_valid_after(now + validity[1])
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            # Python 3.13 and later refuse a chain without the key identifiers.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _write(self, stem: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        write_private_key(self._folder / f"{stem}.key", key)
        (self._folder / f"{stem}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def write_private_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def _read_private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LabError(f"{path} is no key that the lab made")
    return key


def issue_all() -> None:
    """Every certificate and kubeconfig of the cluster."""
    authority = Authority(CERTIFICATES)
    authority.issue("apiserver", "kube-apiserver", names=[*_API_NAMES, "127.0.0.1", GATEWAY, API_SERVICE])
    authority.issue("admin", "lab-admin", "system:masters")
    authority.issue("controller-manager", "system:kube-controller-manager")
    authority.issue("scheduler", "system:kube-scheduler")
    authority.issue("proxy", "system:kube-proxy")
    authority.issue("kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    for node in NODES:
        authority.issue(node.name, f"system:node:{node.name}", "system:nodes", [node.name, node.address])
    _issue_service_account_key()
    for identity in ("controller-manager", "scheduler", "proxy", *(node.name for node in NODES)):
        _write_kubeconfig(kubeconfig_of(identity), identity, GATEWAY)
    _write_kubeconfig(KUBECONFIG, "admin", "127.0.0.1")


def kubeconfig_of(identity: str) -> Path:
    return STATE / f"{identity}.kubeconfig"


def kubeconfig_text(user: str, credentials: dict[str, str], host: str, namespace: str = "default") -> str:
    """A kubeconfig that needs no other file, so that it can be copied."""
    cluster = {
        "server": f"https://{host}:6443",
        "certificate-authority-data": base64.b64encode((CERTIFICATES / "ca.crt").read_bytes()).decode(),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user, "namespace": namespace}}],
    }
    return json.dumps(config, indent=1) + "\n"


def _write_kubeconfig(path: Path, identity: str, host: str) -> None:
    credentials = {
        "client-certificate-data": base64.b64encode((CERTIFICATES / f"{identity}.crt").read_bytes()).decode(),
        "client-key-data": base64.b64encode((CERTIFICATES / f"{identity}.key").read_bytes()).decode(),
    }
    path.touch(mode=0o600)
    path.write_text(kubeconfig_text(identity, credentials, host))


def _issue_service_account_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    write_private_key(CERTIFICATES / "service-account.key", key)
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (CERTIFICATES / "service-account.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
