"""How many secrets come out: every shape, in every writing, through every output. Prints one line; asserts nothing.

python -m bench.secrets
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.secrets.planting import WRITTEN
from tests.secrets.sinks import as_line, leaked


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for way in WRITTEN:
            place = Path(folder) / way
            place.mkdir()
            found[way] = leaked(way, place)
    print("secrets × outputs:", as_line(found))


if __name__ == "__main__":
    main()
