"""External Secrets' webhook begins again with the certificate that it was without."""

from typing import Any

import pytest

from lab.platform import external_secrets
from lab.platform.manifests import document

OWN = "/api/v1/namespaces/external-secrets"


def test_the_webhook_begins_again_once_there_is_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[dict[str, Any]] = [{}, {"data": {"ca.crt": ""}}, {"data": {"ca.crt": "", "tls.crt": "LS0t"}}]
    done: list[str] = []

    def get(path: str) -> dict[str, Any]:
        done.append(path)
        return answers.pop(0)

    monkeypatch.setattr("lab.command.time.sleep", lambda _: None)
    monkeypatch.setattr(external_secrets.api, "get", get)
    monkeypatch.setattr(external_secrets.api, "items", lambda path: [{"metadata": {"name": f"pod of {path.rpartition('=')[2]}"}}])
    monkeypatch.setattr(external_secrets.api, "delete", lambda path, grace_seconds: done.append(f"delete {path}"))
    external_secrets.SYSTEM.finish()
    secret = f"{OWN}/secrets/external-secrets-webhook"
    assert done == [secret, secret, secret, f"delete {OWN}/pods/pod of external-secrets-webhook"]


def test_the_secret_names_keys_that_the_store_has() -> None:
    store, secret = (
        document("external-secrets-objects", *one) for one in (("ClusterSecretStore", "vault"), ("ExternalSecret", "database"))
    )
    held = {each["key"] for each in store["spec"]["provider"]["fake"]["data"]}
    assert {each["remoteRef"]["key"] for each in secret["spec"]["data"]} == held
