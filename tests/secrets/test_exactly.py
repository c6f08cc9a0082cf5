"""What is taken out ends where the secret ends: what stands behind it tells what went wrong."""

from __future__ import annotations

import pytest

from clusterprobe.redaction import redact, redact_lines

BELOW = "  Input should be a valid string [type=string_type, input_value="


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (['password = """hunter2xQ', 'more9"""'], ["password = [redacted]", "[redacted]"]),
        (['password = """hunter2xQ', 'more9""" ', "done"], ["password = [redacted]", "[redacted] ", "done"]),
        (['password = """hunter2xQ', "rest of the log"], ["password = [redacted]", "rest of the log"]),
        (['password = "hunter2xQ', 'rest of "the" log'], ["password = [redacted]", 'rest of "the" log']),
        (["password:", "  at com.example.Shop", "token: abcDEF123456"], ["password:", "  at com.example.Shop", "token: [redacted]"]),
        (["secret: |", "  a1B2c3D4", "  e5F6g7H8"], ["secret: |", "[redacted]", "[redacted]"]),
        (["secret: |", "  a1B2c3D4", "  e5F6g7H8", "last"], ["secret: |", "[redacted]", "[redacted]", "last"]),
    ],
)
def test_over_several_lines_of_a_log(lines: list[str], left: list[str]) -> None:
    assert redact_lines(lines) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("PDO->__construct('mysql:host=db', 'app', 'hunter2xQ') failed", "PDO->__construct([redacted]) failed"),
        ("crypt('hunter2xQ', 'sa') in /app", "crypt([redacted]) in /app"),
        ("pg_connect(hunter2xQ", "pg_connect([redacted]"),
        (f"password\n{BELOW}hunter2xQ9, input_type=str]", f"password\n{BELOW}[redacted], input_type=str]"),
        (f"password\n{BELOW}{{'a': 'hunter2xQ9'}}, input_type=dict]", f"password\n{BELOW}[redacted], input_type=dict]"),
    ],
)
def test_in_the_words_of_a_program(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "crypt() failed",
        "crypt($password) failed",
        "ldap_bind(null) refused",
        f"replicas\n{BELOW}'hunter2xQ9', input_type=str]",
        f"password\n{BELOW}{{}}, input_type=dict]",
        f"password\n{BELOW}[], input_type=list]",
    ],
)
def test_what_is_given_nothing_or_no_secret_stays(text: str) -> None:
    assert redact(text) == text
