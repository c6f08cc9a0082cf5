"""What the command line says of a mistake or a crash is text, whoever wrote what it quotes."""

from typing import NoReturn

import pytest

from clusterprobe import cli
from clusterprobe.errors import UsageError


@pytest.mark.parametrize(("error", "status"), [(UsageError, 4), (ValueError, 3)])
def test_what_a_message_quotes_moves_no_cursor_and_is_no_command(
    error: type[Exception], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> NoReturn:
        raise error("a\x1b[2J\u202e\n::error::x")

    assert cli._guarded(fail) == status
    said = capsys.readouterr().err
    assert "a\\x1b[2J\\u202e" in said
    assert not any(one.startswith("::") for one in said.split())
    assert said.startswith("clusterprobe: ")
