"""An etcd and a kube-apiserver of the lab's build, alone, filled with the lists of a large cluster: what serves `bench.lists` its pages.

    python -m bench.apiserver FILE [--pods 50000] [--claims 10000]

Writes its kubeconfig into FILE, says so, and serves until its standard input ends. The objects are written into etcd as they are, with
their status: so they need neither nodes nor controllers.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.large import CLAIMS, LISTS, PODS, SIZES, Object, objects
from lab.build.modules import ETCD, KUBERNETES
from tests.faults.recording import Recording

TOKEN = "bench"
BATCH = 100  # objects a transaction; etcd takes 128
KUBECONFIG = """
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: '{url}', insecure-skip-tls-verify: true}}}}]
users: [{{name: u, user: {{token: bench}}}}]
"""


@contextlib.contextmanager
def _process(log: Path, program: Path, **flags: object) -> Iterator[None]:
    command = [str(program), *(f"--{name.replace('_', '-')}={value}" for name, value in flags.items())]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as started:
        try:
            yield
        finally:
            started.terminate()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of an etcd, and of an API server on it that answers."""
    ports = _free_ports(3)
    etcd, peer, url = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", f"https://127.0.0.1:{ports[2]}"
    key = rsa.generate_private_key(65537, 2048)
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(key.private_bytes(*pem))
    (folder / "tokens").write_text(f"{TOKEN},bench,bench,system:masters\n")
    urls = {"listen_client_urls": etcd, "advertise_client_urls": etcd, "listen_peer_urls": peer, "initial_advertise_peer_urls": peer}
    limits = {"quota_backend_bytes": 2**32, "unsafe_no_fsync": "true", "log_level": "warn"}
    server = {
        "etcd_servers": etcd,
        "secure_port": ports[2],
        "cert_dir": folder / "certificates",
        "token_auth_file": folder / "tokens",
        "authorization_mode": "AlwaysAllow",
        "service_cluster_ip_range": "10.97.0.0/16",
        "service_account_issuer": "https://kubernetes.default.svc",
        "service_account_key_file": folder / "key",
        "service_account_signing_key_file": folder / "key",
        "endpoint_reconciler_type": "none",
    }
    with (
        _process(folder / "etcd.log", ETCD.program("etcd"), data_dir=folder / "etcd", initial_cluster=f"default={peer}", **urls, **limits),
        _process(folder / "apiserver.log", KUBERNETES.program("kube-apiserver"), **server),
    ):
        _wait_until_ready(url, folder / "apiserver.log")
        yield etcd, url


def _free_ports(count: int) -> list[int]:
    """Ports of which nobody else on this machine has any: an API server would take another's etcd for its own."""
    with contextlib.ExitStack() as held:
        return [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


def _wait_until_ready(url: str, log: Path) -> None:
    limit = time.monotonic() + 180
    headers = {"Authorization": f"Bearer {TOKEN}"}
    while True:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/readyz", headers=headers, verify=False, timeout=5).ok:
                return
        if time.monotonic() > limit:
            raise SystemExit(f"kube-apiserver does not come up: {log.read_text()[-2000:]}")
        time.sleep(1)


def fill(etcd: str, recording: Recording, sizes: dict[str, int]) -> int:
    """Write the objects of the large lists; how many."""
    session, count = requests.Session(), 0
    for path in LISTS:
        for batch in _batches(objects(recording, path, sizes)):
            puts = [{"requestPut": {"key": _encoded(_key(path, one)), "value": _encoded(json.dumps(one))}} for one in batch]
            session.post(f"{etcd}/v3/kv/txn", json={"success": puts}, timeout=60).raise_for_status()
            count += len(batch)
    return count


def _key(path: str, one: Object) -> str:
    """Where an API server keeps it."""
    place = {PODS: "pods/{namespace}", CLAIMS: "persistentvolumeclaims/{namespace}"}.get(path, "persistentvolumes")
    return f"/registry/{place.format(**one['metadata'])}/{one['metadata']['name']}"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _batches(all_of_them: Iterable[Object]) -> Iterator[list[Object]]:
    batch: list[Object] = []
    for one in all_of_them:
        one["metadata"].pop("resourceVersion", None)  # etcd's own
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    for name in ("pods", "claims"):
        parser.add_argument(f"--{name}", type=int, default=SIZES[name])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else its two processes would outlive it
    requests.packages.urllib3.disable_warnings()  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as (etcd, url):
        begun = time.monotonic()
        count = fill(etcd, Recording.load(), {"pods": options.pods, "claims": options.claims})
        options.file.write_text(KUBECONFIG.format(url=url))
        print(f"wrote {count} objects in {time.monotonic() - begun:.0f} s; {options.file}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
