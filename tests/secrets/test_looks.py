"""What looks like a key, what is none under a telling key, and what several lines hide together."""

import base64

import pytest

from clusterprobe.redaction import MASK, redact, redact_lines

MIXED = "aB3dE6gH9jK2mN5p"  # 16 characters in which upper case, lower case and digits change all the time


@pytest.mark.parametrize(
    "word",
    [
        MIXED,
        "aB3dE-6gH9j-K2mN5-pQ8s",
        f"path/to/{MIXED}/x",
        f"some_{MIXED}",
        *(base64.b64encode(one).decode() for one in (b"dxkxwqnq vgj", b"jcffiqfviuw~", b" cm ze ekdts", b"\tjsrdo\nidzb ")),
        base64.urlsafe_b64encode(b"user:tulip>garden?<~x").decode(),
        b"tulipgarden7".hex(),
        b"tulipgarden7".hex().upper(),
        "AbcD1efGHi2jkLMN",  # hardly a word in it, so that fewer changes do
    ],
)
def test_a_key_is_known_by_its_looks(word: str) -> None:
    assert MASK in redact(f"got {word} back")


@pytest.mark.parametrize(
    "word",
    [
        MIXED[:15],
        MIXED.lower(),
        MIXED.upper(),
        "aBdEgHjKmNpQsTvW",
        "AlertmanagerConfigurationV1Beta1",
        "prometheus-kube-prometheus-stack-0",
        "0123456789abcdef0123456789abcdef",
        "NullPointerException2",
        "K8sClusterV1Beta2ApiServerProxyRequest",
        b"tulipgarde7".hex(),
        b"tulip\x7fgarden".hex(),
        b"tulipgarden7".hex().replace("7", "C", 1),
        "303132333435363738393031",
        "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        "SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpKZIDTMczCvj3tD2s",
        *(base64.b64encode(one).decode() for one in (b"jsp qms bph\x7f", b"\x1f  ib vcc ao", b"\x0b imsmftchpa")),
    ],
)
def test_a_name_is_no_key(word: str) -> None:
    assert redact(f"got {word} back") == f"got {word} back"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("aB3dE6gH9j", True),
        ("aB3dE6gH9", False),
        ("0123456789abcdef" * 2, True),
        (("0123456789abcdef" * 2)[:-1], False),
        ("0123456789ABCDEF" * 2, True),
        ("tulipgarden", False),
        ("monitoring-dev", False),
    ],
)
def test_what_a_weak_key_announces_has_to_look_like_one(value: str, told: bool) -> None:
    assert redact(f"salt={value} c") == f"salt={MASK if told else value} c"


@pytest.mark.parametrize(
    "value",
    [
        "null",
        "''",
        '""',
        "<none>",
        "***",
        "xxxx",
        "...",
        "-",
        "12",
        "$(DB_PASSWORD)",
        "${DB_PASSWORD}",
        "$DB_PASSWORD",
        "{{ .Values.x }}",
        "missing",
        "denied.",
    ],
)
def test_what_nobody_could_use_is_no_secret(value: str) -> None:
    assert redact(f"password={value}") == f"password={value}"


@pytest.mark.parametrize("value", ["nullify", "1234", "missing1", "<a>b", "xX", "<a", "..."[:2]])
def test_what_only_begins_like_that_is_one(value: str) -> None:
    assert redact(f"password={value}") == f"password={MASK}"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://chat.example.org/abc", True),
        ("https://chat.example.org?abc", True),
        ("https://chat.example.org#abc", True),
        ("HTTPS://CHAT.EXAMPLE.ORG:443/abc", True),
        ("https://chat.example.org", False),
        ("http://receiver/abc", False),
        ("http://receiver.monitoring.svc/abc", False),
        ("http://receiver.monitoring.SVC:8080/abc", False),
        ("http://receiver.monitoring.svc.cluster.local/abc", False),
        ("http://receiver.corp.internal/abc", False),
        ("http://receiver.localhost/abc", False),
        ("http://10.0.0.7:8080/abc", False),
        ("tulip", False),
    ],
)
def test_an_address_is_a_secret_only_where_it_leads_out_of_the_cluster(address: str, told: bool) -> None:
    assert redact(f'"slack_api_url": "{address}"') == f'"slack_api_url": {MASK if told else chr(34) + address + chr(34)}'


def changing(length: int, changes: int) -> str:
    """A word of upper case, lower case and digits that change so many times; what is left is of one kind."""
    begin = ("aB3" * length)[: changes + 1]
    return begin[:-1] + begin[-1] * (length - changes)


@pytest.mark.parametrize(
    ("length", "changes", "word", "told"),
    [
        *[(26, 8, 1, True), (26, 7, 1, False), (24, 7, 1, True), (24, 6, 1, False)],
        *[(23, 9, 1, True), (23, 8, 1, False), (21, 8, 1, True), (21, 7, 1, False)],
        *[(26, 10, 6, True), (26, 9, 6, False), (24, 10, 6, True), (24, 9, 6, False)],
        *[(23, 10, 6, True), (23, 9, 6, False), (21, 9, 6, True), (21, 8, 6, False)],
        *[(26, 10, 14, True), (26, 10, 15, False)],
    ],
)
def test_a_key_changes_as_often_as_by_chance(length: int, changes: int, word: int, told: bool) -> None:
    """`word` letters stand as in a word: the more of it, the more has to change, and of what is mostly a word nothing is told."""
    text = "a" * word + ("3B" * length)[:changes]
    text += text[-1] * (length - len(text))
    assert redact(f"got {text} back") == (f"got {MASK} back" if told else f"got {text} back")


@pytest.mark.parametrize(("length", "changes", "told"), [(11, 3, True), (11, 2, False), (31, 9, True), (31, 8, False)])
def test_under_a_weak_key_fewer_changes_tell(length: int, changes: int, told: bool) -> None:
    value = changing(length, changes)
    assert redact(f"salt={value} c") == f"salt={MASK if told else value} c"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("got aB3dE6gH9jK2-xyz back", True),
        ("got aB3dE6gH9jK-wxyz back", False),
        ("salt=aB3dE6-xyz c", True),
        ("salt=aB3dE-wxyz c", False),
        ("got aB3dE6gH9jK2-monitoring-prometheus-stack back", True),
        ("got aB3dE6gH9jK-monitoring-prometheus-stack back", False),
    ],
)
def test_most_of_a_word_or_enough_of_it_has_to_change(text: str, told: bool) -> None:
    assert (MASK in redact(text)) is told


# --- what is looked for once more ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "again"),
    [("tulip99x", True), ("tulip99", False), ("tulipgarden", False), ("123456789", False), ("99tulips", True)],
)
def test_a_value_that_stands_once_more_is_taken_out_there_too(value: str, again: bool) -> None:
    shown = MASK if again else value
    assert redact(f"password={value} was {value} and {value}.") == f"password={MASK} was {shown} and {shown}."


# --- lines that follow each other ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "clean"),
    [
        ([], []),
        ([""], [""]),
        (["a", "b"], ["a", "b"]),
        (["password: |", "  one two", "", "  three", "user: bob"], ["password: |", MASK, "", MASK, "user: bob"]),
        (["password:", "  tulip99garden", "user: bob"], ["password:", MASK, "user: bob"]),
        (["a\npassword=tulip99garden", "b"], [f"a password={MASK}", "b"]),
        (["password='tulip", "user: bob", "c: d"], [f"password={MASK}", "user: bob", "c: d"]),
        (["password=$(tulip", "user: bob"], [f"password={MASK}", "user: bob"]),
        (["password='''tulip", "garden''' c", "d"], [f"password={MASK}", f"{MASK} c", "d"]),
        (["ghp_a1B2c3D4e5F6", "b"], [MASK, "b"]),
        (["-----BEGIN PRIVATE KEY-----", "abc", "-----END PRIVATE KEY-----", "b"], [MASK, MASK, MASK, "b"]),
    ],
)
def test_of_lines_as_many_come_out_as_went_in(lines: list[str], clean: list[str]) -> None:
    assert redact_lines(lines) == clean


@pytest.mark.parametrize(
    "line", ["  at com.example.Main", '  File "a.py", line 3', "  ... 3 more", "  Caused by: x", "  usage: x", "  Error 7"]
)
def test_a_stack_or_a_hint_below_a_key_is_no_value(line: str) -> None:
    assert redact_lines(["cannot read token:", line, "b"]) == ["cannot read token:", line, "b"]
