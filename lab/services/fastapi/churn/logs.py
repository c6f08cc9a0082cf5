"""Log lines as JSON, to standard output and into a file of the shared log folder: without that file it does not start."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TextIO


class Log:
    """Writes each line to both. The replicas share the folder: a file each."""

    def __init__(self, folder: str, **fields: str) -> None:
        self._fields = fields
        self._outputs: list[TextIO] = [sys.stdout]
        if folder:
            self._outputs.append((Path(folder) / f"{os.environ.get('HOSTNAME', 'fastapi')}.log").open("a", encoding="utf-8"))

    def write(self, level: str, message: str, **fields: object) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        line = json.dumps({"time": stamp, "level": level, **self._fields, "message": message, **fields}, separators=(",", ":"))
        for output in self._outputs:
            print(line, file=output, flush=True)
