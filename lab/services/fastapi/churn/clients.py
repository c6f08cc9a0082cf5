"""The clients of the model: a few requests a second, so that there is something to measure. TARGET and RATE say where and how many,
MISTAKES which share of them is nonsense.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sys
import time

from churn.training import customer

SECONDS = 5.0


def ask(host: str, port: int, body: str) -> int:
    """One request over a connection of its own: the Service chooses a pod for each connection."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, _, port = os.environ["TARGET"].partition(":")
    pause = 1 / float(os.environ.get("RATE", "6"))
    mistakes = float(os.environ.get("MISTAKES", "0.02"))
    source = random.Random()
    counts: dict[int, int] = {}
    reported = due = time.monotonic()
    while True:
        # Now and then somebody sends what is no customer: a client's mistake, 4xx.
        body = json.dumps("nobody" if source.random() < mistakes else customer(source))
        status = ask(host, int(port or 8000), body)
        counts[status] = counts.get(status, 0) + 1
        if time.monotonic() - reported > 60:
            print(json.dumps({"level": "info", "message": "asked", "by_status": counts}), flush=True)
            counts, reported = {}, time.monotonic()
        due = max(due + pause, time.monotonic() - SECONDS)
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
