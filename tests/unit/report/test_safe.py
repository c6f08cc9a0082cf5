import msgspec
import pytest

from clusterprobe.report.safe import safe
from clusterprobe.words import for_console, visible, visible_line
from tests.report_factories import finding, healthy, hostile, probe, result, subject, unwell


def test_a_result_without_secrets_stays_as_it_is():
    assert safe(healthy()) == healthy()
    assert safe(unwell()) == unwell()


def test_a_secret_is_taken_out_of_every_text():
    secret = "xoxb-123456789012-abcdefghijkl"
    assert secret not in msgspec.json.encode(safe(hostile(f"see {secret}"))).decode()


def test_half_characters_become_escapes_that_can_be_encoded():
    one = result(probe("a/b", findings=[finding(about=subject(name="a\ud800b"))]))
    assert safe(one).probes[0].findings[0].subject.name == "a\\ud800b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\x9bb", "a\\x9bb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2066b", "a\\u2066b"),
        ("a\u200bb", "a\\u200bb"),
        ("a\ufeffb", "a\\ufeffb"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("a\rb", "a\\x0db"),
        ("a\r\nb", "a\nb"),
        ("a\tb\nc", "a\tb\nc"),
        ("日本 é ✓", "日本 é ✓"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_an_escape(text, shown):
    assert visible(text) == shown


def test_a_line_has_no_line_feed():
    assert visible_line("a\nb\tc") == "a\\nb\\tc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::set-output name=a::b", "\\::set-output name=a::b"),
        ("  ::error::x", "  \\::error::x"),
        ("a\n::error::x", "a\n\\::error::x"),
        ("a ::error::x", "a \\::error::x"),
        ("##[error]x", "#\\#[error]x"),
        ("a ##vso[task.setvariable]x", "a #\\#vso[task.setvariable]x"),
        ("##teamcity[x]", "#\\#teamcity[x]"),
        ("std::vector ## heading", "std::vector ## heading"),
    ],
)
def test_commands_of_ci_systems_are_broken_wherever_a_line_could_start(text, shown):
    assert for_console(text) == shown
