"""What redaction costs, against one plain scan of the same text. Prints ratios; asserts nothing.

    python -m bench.redaction [--megabytes 1]

The worst texts, and the same texts twice as long: linear means that the second column is about 2. Then 50,000 pods as they
are decoded, and the same pods through the gate in.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import msgspec
import re2

from bench.large import pod
from clusterprobe.redaction import cleaned, redact, redact_forms
from clusterprobe.systems.kubernetes.objects import Pod

UNITS = {
    "dashes": "-",
    "letters": "a",
    "a log's lines": 'level=info ts=2026-01-01T00:00:00Z caller=main.go:12 msg="Server is ready" size=12\n',
    "keys": "password",
    "key=value": "password=abc, ",
    "open quotes": 'password="',
    "nested quotes": '{"password":"\\\\\\"',
    "escapes": "%2522\\\\",
    "names and values": "name: password, value: x\n",
    "addresses": "https://a:b@c/d ",
    "beginnings of keys": "-----BEGIN PRIVATE KEY-----",
}
PLAIN = re2.compile(b"(?i)one plain word|another one")


def seconds(work: Callable[..., object], *arguments: object) -> float:
    begun = time.process_time()
    work(*arguments)
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=1.0)
    parser.add_argument("--pods", type=int, default=50_000)
    options = parser.parse_args()
    size = int(options.megabytes * 1e6)
    print(f"{'text of ' + str(options.megabytes) + ' MB':22} {'gate in':>9} {'of half':>8} {'gate out':>9} {'one scan':>9} {'in/scan':>8}")
    for name, unit in UNITS.items():
        text = unit * (size // len(unit))
        half, whole = seconds(redact, text[: size // 2]), seconds(redact, text)
        out, scan = seconds(redact_forms, text), seconds(PLAIN.search, text.encode())
        print(f"{name:22} {whole:8.3f}s {whole / max(half, 1e-4):8.1f} {out:8.3f}s {scan:8.4f}s {whole / max(scan, 1e-4):7.0f}×")
    raw = [msgspec.json.encode({**pod(index), "status": {"phase": "Running"}}) for index in range(options.pods)]
    decoder = msgspec.json.Decoder(Pod)
    pods: list[Pod] = []
    decoding = seconds(lambda: pods.extend(map(decoder.decode, raw)))
    cleaning = seconds(lambda: [cleaned(one) for one in pods])
    print(f"{options.pods} pods: decoded in {decoding:.2f} s, through the gate in {cleaning:.2f} s: {cleaning / decoding:.1f} ×")


if __name__ == "__main__":
    main()
