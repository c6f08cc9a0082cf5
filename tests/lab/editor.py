"""The editor of whoever follows a fix: `python -m tests.lab.editor STAGE FILE` changes in the file what the stage's fix says to change."""

import sys
from pathlib import Path

from tests.lab.repairs import EDITS


def main(name: str, file: Path) -> None:
    if name not in EDITS:
        raise SystemExit(f"nothing says what somebody changes to repair {name}")
    file.write_text(EDITS[name].of(file.read_text()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
