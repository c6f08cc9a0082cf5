"""Secrets people really write into messages, arguments, annotations and log lines never come out."""

import base64
import json
import urllib.parse

import pytest

from clusterprobe.redaction import MASK, redact

V = "Zx9qLm27Vt5Kp3Wd"  # planted: whatever the shape, this must not come out
B64 = base64.b64encode(b"admin:Zx9qLm27Vt5Kp3Wd").decode()

SHAPES = {
    "password pair": f"password={V}",
    "password yaml": f"password: {V}",
    "password json": json.dumps({"password": V}),
    "password escaped json": json.dumps(json.dumps({"password": V})),
    "quoted with spaces": f'db_password="{V} and more {V}"',
    "single quotes": f"passwd='{V}'",
    "flag with equals": f"--password={V}",
    "flag with space": f"--api-token {V}",
    "flag with one dash": f"run -password {V}",
    "flag on an escaped line": f"run\\n-password {V}\\n--token {V}",
    "environment": f"export AWS_SECRET_ACCESS_KEY={V}",
    "api key": f"apikey={V}",
    "x-api-key": f"X-Api-Key: {V}",
    "query string": f"GET /v1/items?token={V}&limit=1",
    "encoded query": f"next=%3Ftoken%3D{V}",
    "bearer": f"Authorization: Bearer {V}abcd",
    "bearer json": json.dumps({"Authorization": f"Bearer {V}abcd"}),
    "basic": f"Authorization: Basic {B64}",
    "proxy authorization": f"Proxy-Authorization: Basic {B64}",
    "bare bearer": f"sent bearer {V}abcd to it",
    "url credentials": f"https://admin:{V}@db.example.org/x",
    "postgres": f"postgresql://app:{V}@postgres:5432/mlflow",
    "redis without user": f"redis://:{V}@redis:6379/0",
    "encoded url credentials": urllib.parse.quote(f"https://admin:{V}@db.example.org/x", safe=""),
    "slack webhook": f"https://hooks.slack.com/services/T000/B000/{V}",
    "encoded slack webhook": urllib.parse.quote(f"https://hooks.slack.com/services/T000/B000/{V}", safe=""),
    "slack path": f"POST hooks.slack.com/services/T000/B000/{V} failed",
    "teams webhook": f"https://example.webhook.office.com/webhookb2/{V}",
    "discord webhook": f"https://discord.com/api/webhooks/1/{V}",
    "slack bot token": f"xoxb-1234-{V}",
    "slack app token": f"xapp-1-{V}",
    "github": f"ghp_{V}{V}",
    "github fine-grained": f"github_pat_{V}{V}",
    "gitlab": f"glpat-{V}{V}",
    "jwt": f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.{V}",
    "google api key": f"AIza{V}{V}",
    "google oauth": f"ya29.{V}",
    "stripe": f"sk_live_{V}",
    "openai": f"sk-proj-{V}{V}",
    "grafana": f"glsa_{V}{V}_deadbeef",
    "vault": f"hvs.{V}{V}",
    "npm": f"npm_{V}{V}",
    "pypi": f"pypi-{V}{V}",
    "hugging face": f"hf_{V}{V}",
    "sendgrid": f"SG.{V}.{V}",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{V}\n-----END RSA PRIVATE KEY-----",
    "cut private key": f"-----BEGIN PRIVATE KEY-----\n{V}",
    "base64 private key": base64.b64encode(f"-----BEGIN PRIVATE KEY-----\n{V}".encode()).decode(),
    "client secret": f"client_secret={V}",
    "cookie": f"Cookie: session={V}",
    "connection string": f"connection_string={V}",
    "private_key_id": f'"private_key_id": "{V}"',
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_a_planted_secret_does_not_come_out(text: str) -> None:
    out = redact(f"before {text} after")
    assert V not in out
    assert B64 not in out
    assert base64.b64encode(f"-----BEGIN PRIVATE KEY-----\n{V}".encode()).decode() not in out


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("login of bob failed, password=abcdefgh, try again").endswith(f"password={MASK}, try again")


@pytest.mark.parametrize(
    "text",
    [
        "spec.configSecret: alertmanager-slack-config",
        "alertmanager.alertmanagerSpec.configSecret=alertmanager-slack-config",
        "the Secret monitoring-dev/alertmanager-main has no key alertmanager.yaml",
        "secretName: grafana-tls",
        "name monitoring-dev/main under `secrets:` in the profile",
        "no key could decrypt secret (url)",
        'MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.pem',
        "unable to read bearer token file /run/token: open /run/token: no such file or directory",
        "failed to initialize from secret: missing name in receiver",
        'failed to initialize from secret: undefined receiver "null" used in route',
        "failed to initialize from secret: yaml: line 3: did not find expected key",
        "the Secret monitoring-dev/slack-secret does not exist",
        "kubectl get secret slack-token -o yaml",
        "--bearer-token-file=/var/run/secrets/token",
        "release: monitoring-dev",
        "password: <secret>",
        "tokens expire after 3600 s",
        "http://loki.logging.svc:3100/loki/api/v1/query_range",
        "image: docker.io/lab/pause@sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a",
    ],
)
def test_names_and_plain_sentences_stay_readable(text: str) -> None:
    assert redact(text) == text


def test_the_version_of_a_controller_of_secrets_is_none():
    image = "docker.io/bitnami/sealed-secrets-controller:0.27.1"
    assert redact(image) == image


def test_the_name_of_a_secret_in_a_series_stays() -> None:
    selector = 'kube_secret_info{namespace="ml-dev",secret="alertmanager-main"} == 1'
    assert redact(selector) == selector
    assert "Correct1Horse" not in redact('kube_secret_info{secret="Correct1Horse"}')
    assert "alertmanager-main" not in redact('Settings{secret="alertmanager-main"}')


def test_of_a_table_only_the_telling_column_is_taken_out_and_prose_ends_it() -> None:
    text = "user,token,host\nann,abc,db-1\nbob,null,db-2\n\nwarned, twice, today"
    assert redact(text) == "user,token,host\nann,[redacted],db-1\nbob,null,db-2\n\nwarned, twice, today"
