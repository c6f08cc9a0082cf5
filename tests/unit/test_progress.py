"""What is seen on stderr while a run goes on."""

import pytest

from clusterprobe.model import Cluster
from clusterprobe.progress import Progress


@pytest.mark.parametrize(("terminal", "seen"), [(True, "\r\x1b[Kreading 1/2: pods\r\x1b[Kclusterprobe: "), (False, "clusterprobe: ")])
def test_a_line_takes_the_place_of_the_one_that_moves(
    terminal: bool, seen: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    progress = Progress()
    progress.read("pods", 0.1, 1, 2)
    progress.connected(Cluster(context="lab", server="https://lab"), "")
    assert capsys.readouterr().err == f"{seen}cluster https://lab (context lab)\n"
