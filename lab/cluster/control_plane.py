"""etcd, the API server, the controller manager and the scheduler, as processes of the host."""

from __future__ import annotations

from lab import api
from lab.build.modules import ETCD, KUBERNETES
from lab.cluster.certificates import kubeconfig_of
from lab.cluster.processes import start
from lab.command import wait_until
from lab.layout import CERTIFICATES, GATEWAY, SERVICE_RANGE
from lab.paths import STATE

ETCD_URL = "http://127.0.0.1:2379"


def start_control_plane() -> None:
    _start_etcd()
    _start_apiserver()
    wait_until("kube-apiserver", lambda: api.answers("/readyz"), 60)
    _start_controller_manager()
    _start_scheduler()


def _start_etcd() -> None:
    peer = "http://127.0.0.1:2380"
    start(
        "etcd",
        ETCD.program("etcd"),
        f"--data-dir={STATE}/etcd",
        f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # the lab outlives no crash, and a virtual disk makes every sync slow
        "--log-level=warn",
    )


def _start_apiserver() -> None:
    start(
        "kube-apiserver",
        KUBERNETES.program("kube-apiserver"),
        f"--etcd-servers={ETCD_URL}",
        "--bind-address=0.0.0.0",
        f"--advertise-address={GATEWAY}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--client-ca-file={CERTIFICATES}/ca.crt",
        f"--tls-cert-file={CERTIFICATES}/apiserver.crt",
        f"--tls-private-key-file={CERTIFICATES}/apiserver.key",
        f"--service-account-key-file={CERTIFICATES}/service-account.pub",
        f"--service-account-signing-key-file={CERTIFICATES}/service-account.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--kubelet-client-certificate={CERTIFICATES}/kubelet-client.crt",
        f"--kubelet-client-key={CERTIFICATES}/kubelet-client.key",
        f"--kubelet-certificate-authority={CERTIFICATES}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        "--enable-aggregator-routing",  # the host has no kube-proxy: the webhooks of pods are asked at their pods' addresses
        "--event-ttl=1h",
    )


def _start_controller_manager() -> None:
    kubeconfig = kubeconfig_of("controller-manager")
    start(
        "kube-controller-manager",
        KUBERNETES.program("kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={CERTIFICATES}/service-account.key",
        f"--root-ca-file={CERTIFICATES}/ca.crt",
        f"--cluster-signing-cert-file={CERTIFICATES}/ca.crt",
        f"--cluster-signing-key-file={CERTIFICATES}/ca.key",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--node-monitor-grace-period=20s",
        "--pvclaimbinder-sync-period=3s",  # stages wait for claims to be bound
    )


def _start_scheduler() -> None:
    kubeconfig = kubeconfig_of("scheduler")
    start(
        "kube-scheduler",
        KUBERNETES.program("kube-scheduler"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    )
