import json
import time
from pathlib import Path
from typing import Any

import pytest

from clusterprobe import errors
from clusterprobe.access import connection
from clusterprobe.access.connection import connect

SERVER = {"cluster": {"server": "https://10.0.0.1:6443", "insecure-skip-tls-verify": True}, "name": "c"}


def kubeconfig(folder: Path, user: dict[str, Any], **more: Any) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [SERVER],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "me", "namespace": "mine"}}],
        **more,
    }
    path = folder / "config"
    path.write_text(json.dumps(config))
    return str(path)


def plugin(folder: Path, script: str, **more: Any) -> dict[str, Any]:
    path = folder / "plugin.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "interactiveMode": "Never", **more}}


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As in a pod: a service account's folder, and the API server's address in the environment."""
    (tmp_path / "token").write_text("one\n")
    (tmp_path / "ca.crt").write_text("a certificate")
    (tmp_path / "namespace").write_text("here")
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


# --- in a pod ---------------------------------------------------------------------------------------------------------


def test_a_pod_is_reached_as_its_service_account(pod: Path):
    found = connect()
    assert (found.context, found.route, found.namespace) == ("in-cluster", "in-cluster", "here")
    assert found.origin.url == "https://[fd00::1]:443"
    assert found.origin.verify == str(pod / "ca.crt")


def test_a_rotated_token_is_used_from_the_next_request_on(pod: Path):
    found = connect()
    assert found.origin.headers() == {"Authorization": "Bearer one"}
    (pod / "token").write_text("two\n")
    assert found.origin.headers() == {"Authorization": "Bearer two"}


def test_a_token_that_is_gone_is_a_want_of_credentials(pod: Path):
    found = connect()
    (pod / "token").unlink()
    with pytest.raises(errors.Unauthenticated, match="token cannot be read"):
        found.origin.headers()


def test_an_empty_token_is_a_want_of_credentials(pod: Path):
    found = connect()
    (pod / "token").write_text("\n")
    with pytest.raises(errors.Unauthenticated, match="token is empty"):
        found.origin.headers()


def test_a_service_account_without_a_certificate_is_a_wrong_setup(pod: Path):
    (pod / "ca.crt").unlink()
    with pytest.raises(errors.UsageError, match="service account"):
        connect()


def test_a_named_kubeconfig_outweighs_the_pod(pod: Path, tmp_path: Path):
    assert connect(kubeconfig(tmp_path, {"token": "t"})).route == "proxy"


# --- kubeconfigs ------------------------------------------------------------------------------------------------------


def test_the_current_context_says_who_where_and_which_namespace(tmp_path: Path):
    found = connect(kubeconfig(tmp_path, {"token": "secret"}))
    assert (found.context, found.user, found.namespace, found.route) == ("here", "me", "mine", "proxy")
    assert found.origin.url == "https://10.0.0.1:6443"
    assert found.origin.verify is False
    assert found.origin.headers() == {"Authorization": "Bearer secret"}


def test_a_kubeconfig_token_file_is_read_for_every_request(tmp_path: Path):
    (tmp_path / "token").write_text("one")
    found = connect(kubeconfig(tmp_path, {"tokenFile": "token"}))
    (tmp_path / "token").write_text("two")
    assert found.origin.headers() == {"Authorization": "Bearer two"}


def test_impersonation_is_kept(tmp_path: Path):
    assert connect(kubeconfig(tmp_path, {"token": "t", "as": "jane"})).origin.headers()["Impersonate-User"] == "jane"


def test_a_misspelt_context_is_told_the_nearest(tmp_path: Path):
    with pytest.raises(errors.UsageError, match="did you mean here"):
        connect(kubeconfig(tmp_path, {"token": "t"}), "hree")


def test_without_a_current_context_the_contexts_are_listed(tmp_path: Path):
    with pytest.raises(errors.UsageError, match="no current-context; choose one with --context: here"):
        connect(kubeconfig(tmp_path, {"token": "t"}, **{"current-context": ""}))


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(errors.UsageError, match="nowhere does not exist"):
        connect(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("text", ["", "[]", "a: [", "users: 3", "\x00", "{}"])
def test_what_is_no_kubeconfig_is_a_usage_error(text: str, tmp_path: Path):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(errors.UsageError):
        connect(str(path))


@pytest.mark.parametrize("missing", ["clusters", "users"])
def test_a_context_that_leads_nowhere_never_ends_in_a_crash(missing: str, tmp_path: Path):
    path = kubeconfig(tmp_path, {"token": "t"}, **{missing: []})
    if missing == "users":
        assert connect(path).origin.headers() == {}
    else:
        with pytest.raises(errors.UsageError):
            connect(path)


# --- credential plugins -----------------------------------------------------------------------------------------------


def test_a_credential_plugin_is_asked_for_the_token(tmp_path: Path):
    found = connect(kubeconfig(tmp_path, plugin(tmp_path, f"echo '{credential(token='from-plugin')}'")))
    assert found.origin.headers() == {"Authorization": "Bearer from-plugin"}


def test_a_credential_plugin_gets_its_arguments_and_environment(tmp_path: Path):
    script = f"""printf '%s' '{credential(token="TOKEN")}' | sed "s/TOKEN/$1-$WHO/" """
    user = plugin(tmp_path, script, args=["a"], env=[{"name": "WHO", "value": "b"}])
    assert connect(kubeconfig(tmp_path, user)).origin.headers() == {"Authorization": "Bearer a-b"}


@pytest.mark.parametrize("script", ["sleep 30", "exec sleep 30", "sleep 30 & wait", "sleep 30 & exit 3"])
def test_a_credential_plugin_that_hangs_is_killed_at_its_limit(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "EXEC_PLUGIN_SECONDS", 1)
    begun = time.monotonic()
    with pytest.raises(errors.Unauthenticated, match=r"plugin\.sh` .* gave no credentials: it gave no answer within 1 s"):
        connect(kubeconfig(tmp_path, plugin(tmp_path, script)))
    assert time.monotonic() - begun < 5


def test_what_a_credential_plugin_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "EXEC_PLUGIN_SECONDS", 1)
    mark = tmp_path / "still-running"
    with pytest.raises(errors.Unauthenticated):
        connect(kubeconfig(tmp_path, plugin(tmp_path, f"(sleep 2; touch {mark}) & wait")))
    time.sleep(1.5)
    assert not mark.exists()


def test_what_a_credential_plugin_says_as_it_fails_is_passed_on(tmp_path: Path):
    user = plugin(tmp_path, "echo 'please log in first' >&2; exit 1")
    with pytest.raises(errors.Unauthenticated, match="gave no credentials: please log in first"):
        connect(kubeconfig(tmp_path, user))


def test_a_credential_plugin_that_is_not_there_is_named(tmp_path: Path):
    user = plugin(tmp_path, "")
    user["exec"]["command"] = "no-such-plugin"
    with pytest.raises(errors.Unauthenticated, match=r"`no-such-plugin` .*: No such file"):
        connect(kubeconfig(tmp_path, user))


@pytest.mark.parametrize("answer", ["", "not JSON", "{}", credential(), credential(clientCertificateData="x")])
def test_a_credential_plugin_with_an_odd_answer_never_leaves_us_as_nobody(answer: str, tmp_path: Path):
    with pytest.raises(errors.Unauthenticated, match="gave no credentials"):
        connect(kubeconfig(tmp_path, plugin(tmp_path, f"echo '{answer}'")))


def test_the_kubeconfigs_folder_is_no_place_for_modules(tmp_path: Path):
    """The plugin's limiter runs in that folder: a file there must not be imported as one of Python's own modules."""
    (tmp_path / "subprocess.py").write_text("raise SystemExit('imported')")
    assert connect(kubeconfig(tmp_path, plugin(tmp_path, f"echo '{credential(token='t')}'"))).origin.headers()
