"""A real registry for tests: that of the distribution project (Apache-2.0), a program of Go over a folder.

    GOBIN=$PWD/.venv/bin go install github.com/distribution/distribution/v3/cmd/registry@v3.1.2

It is looked for beside Python, on PATH and in Go's folder, or where DISTRIBUTION says.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PATIENCE_SECONDS = 60


def program() -> str:
    found = os.environ.get("DISTRIBUTION") or shutil.which(
        "registry", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], f"{Path.home()}/go/bin"])
    )
    assert found, "there is no registry: see the head of tests/distribution.py"
    return found


@contextlib.contextmanager
def serving(folder: Path, **settings: Mapping[str, Any]) -> Iterator[str]:
    """Its host and port. `settings` are further parts of its configuration, such as `auth`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    configuration = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(folder / "data")}}, "http": {"addr": address}}
    (folder / "config.yml").write_text(yaml.safe_dump({**configuration, **settings}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "OTEL_"))}
    environment["OTEL_TRACES_EXPORTER"] = "none"
    command = [program(), "serve", str(folder / "config.yml")]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment) as running:
        try:
            host, _, port = address.partition(":")
            until = time.monotonic() + PATIENCE_SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
                    break
                assert running.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.1)
            yield address
        finally:
            running.terminate()
