"""`python -m lab`."""

from __future__ import annotations

import sys

try:
    from lab.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"lab: the Python package {error.name} is missing: the lab needs cryptography and PyYAML")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
