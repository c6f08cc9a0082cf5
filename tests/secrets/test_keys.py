"""What a key announces, word by word, and what takes it back."""

from __future__ import annotations

import pytest

from clusterprobe.redaction.keys import Key, harmless, kind_of, kind_of_label

KINDS = {
    Key.PHRASE: "password DB_PASSWORD dbPassword password1 PASSWORD_2 passwd db.pwd seed_phrase пароль contraseña /password/ x-password-",
    Key.SECRET: (
        "db_pass connStr SMTP_PASS2 jwt PHPSESSID sessionId bearer pin DB_PIN pin2 db.pin- x.sig auth REDIS_AUTH api_key api-keys apiKey1 "
        "AWS_ACCESS_KEY secret_id access_key_id secret_max key_secret_rate secret clientSecret token x_token_value tokenvalue "
        "password_old secretary"
    ),
    Key.NAME: "imagePullSecret imagePullSecrets config_secret tlsSecret existing-secret sealedSecret",
    Key.WEAK: "key keys9key salt salts2salt nonce pin_code tokens client_tokens secrets credentials my-credentials session hash license",
    Key.ADDRESS: "webhook slack_api_url webhookURL callback_url heartbeatUrl",
    Key.HEADER: "Authorization Proxy-Authorization Cookie Set-Cookie",
    Key.PLAIN: (
        "user password_file secretName token_at token_id session_age pass_rate token_exp sid_min pin_max bypass compass trespass "
        "tokenExpirationSeconds secret_key_ref sealedSecretToken app keyed pinned authority authors passed"
    ),
}


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in KINDS.items() for key in keys.split()])
def test_a_key_is_judged_by_its_words(kind: Key, key: str) -> None:
    assert kind_of(key.encode()) is kind


def test_of_a_long_key_its_end_counts() -> None:
    assert kind_of(b"password" + b"x" * 192) is Key.SECRET
    assert kind_of(b"password" + b"x" * 193) is Key.PLAIN
    assert kind_of(b"x" * 300 + b"password") is Key.PHRASE


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("secret", Key.NAME),
        ("exported_secret", Key.NAME),
        ("a.example/b/secret", Key.NAME),
        ("my_secret", Key.SECRET),
        ("secret/token", Key.SECRET),
        ("app", Key.PLAIN),
    ],
)
def test_a_label_may_name_a_secret(key: str, kind: Key) -> None:
    assert kind_of_label(key.encode()) is kind


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("alertmanager-main", Key.NAME, True),
        ("Alertmanager", Key.NAME, False),
        ("ns/name", Key.NAME, True),
        ('"alertmanager-main" ', Key.NAME, True),
        ("hello", Key.WEAK, True),
        ("aB3dE6gH9j", Key.WEAK, False),
        ("aB3dE6gH9j kL2mN4pQ6r", Key.WEAK, True),
        ("hello", Key.SECRET, False),
        ("hello", Key.PHRASE, False),
        (" `'\"", Key.PHRASE, True),
        ("none", Key.PHRASE, True),
        ("https://chat.example.org/x", Key.ADDRESS, False),
        ("https://bob@chat.example.org/x", Key.ADDRESS, False),
        ("https://chat.example.org@receiver/x", Key.ADDRESS, True),
        ("https://a@b@receiver/x", Key.ADDRESS, True),
        ("https://receiver:80.5/x", Key.ADDRESS, True),
        ("https://1.2.3.4/x", Key.ADDRESS, True),
        ("https://1.2.3.x/x", Key.ADDRESS, False),
    ],
)
def test_under_each_kind_of_key_something_else_is_harmless(value: str, kind: Key, expected: bool) -> None:
    assert harmless(value.encode(), kind) is expected
