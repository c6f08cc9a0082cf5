"""The lab's second API server, for as long as a block lasts."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.cluster.second_server import command, kubeconfig


@contextmanager
def second_server(folder: Path, host: str = "127.0.0.1") -> Iterator[Path]:
    """Yields the file of a kubeconfig for it, whose server is that host's."""
    config = folder / "config"
    config.write_text(kubeconfig(host))
    with (folder / "log").open("w") as log, subprocess.Popen(command(host), stdout=log, stderr=log) as server:
        try:
            deadline = time.monotonic() + 60
            ready = ["kubectl", "--kubeconfig", str(config), "get", "--raw", "/readyz"]
            while subprocess.run(ready, capture_output=True, check=False).returncode:
                assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
                time.sleep(0.5)
            yield config
        finally:
            server.terminate()
