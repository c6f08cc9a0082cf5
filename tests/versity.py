"""A real S3 server for tests: Versity's gateway (Apache-2.0), a program of Go over a folder.

    GOBIN=$PWD/.venv/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

It is looked for beside Python, on PATH and in Go's folder, or where VERSITYGW says.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

KEYS = {"AWS_ACCESS_KEY_ID": "reports", "AWS_SECRET_ACCESS_KEY": "not-a-secret-of-anybody", "AWS_REGION": "us-east-1"}
PATIENCE_SECONDS = 30


def program() -> str:
    found = os.environ.get("VERSITYGW") or shutil.which(
        "versitygw", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], f"{Path.home()}/go/bin"])
    )
    assert found, "there is no versitygw: see the head of tests/versity.py"
    return found


@contextlib.contextmanager
def serving(folder: Path, host: str = "127.0.0.1") -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder of its bucket `reports`, and the environment of a client."""
    (folder / "buckets" / "reports").mkdir(parents=True)
    with socket.create_server((host, 0)) as free:
        port = free.getsockname()[1]
    keys = ["--access", KEYS["AWS_ACCESS_KEY_ID"], "--secret", KEYS["AWS_SECRET_ACCESS_KEY"]]
    command = [program(), *keys, "--port", f"{host}:{port}", "posix", str(folder / "buckets")]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as running:
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
                    break
                assert time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.1)
            yield folder / "buckets" / "reports", {**KEYS, "AWS_ENDPOINT": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true"}
        finally:
            running.terminate()
