import base64
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from clusterprobe import errors
from clusterprobe.access import connection
from clusterprobe.access.connection import connect
from tests.faults.recording import Exchange, Recording
from tests.faults.server import FaultServer

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


def test_a_token_is_had_while_another_thread_changes_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The client's own look for a proxy goes through all variables, of which one may just go."""
    found = connect(kubeconfig(tmp_path, {"token": "secret"}))

    def gone() -> dict[str, str]:
        raise KeyError("PYTEST_CURRENT_TEST")

    monkeypatch.setattr("kubernetes.client.configuration.getproxies", gone)
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
    with pytest.raises(errors.UsageError, match="`no-such-plugin` of the kubeconfig is not installed or not on PATH"):
        connect(kubeconfig(tmp_path, user))


@pytest.mark.parametrize("answer", ["", "not JSON", "{}", credential(), credential(clientCertificateData="x")])
def test_a_credential_plugin_with_an_odd_answer_never_leaves_us_as_nobody(answer: str, tmp_path: Path):
    with pytest.raises(errors.Unauthenticated, match="gave no credentials"):
        connect(kubeconfig(tmp_path, plugin(tmp_path, f"echo '{answer}'")))


def test_the_kubeconfigs_folder_is_no_place_for_modules(tmp_path: Path):
    """The plugin's limiter runs in that folder: a file there must not be imported as one of Python's own modules."""
    (tmp_path / "subprocess.py").write_text("raise SystemExit('imported')")
    assert connect(kubeconfig(tmp_path, plugin(tmp_path, f"echo '{credential(token='t')}'"))).origin.headers()


@pytest.mark.parametrize("hint", ["", "Get it from https://a.example\nthen …"])
def test_a_credential_plugin_that_is_not_installed_says_where_to_get_it(hint: str, tmp_path: Path):
    user = plugin(tmp_path, "", installHint=hint)
    user["exec"]["command"] = "aws"
    with pytest.raises(errors.UsageError) as caught:
        connect(kubeconfig(tmp_path, {"exec": {**user["exec"], "env": [{"name": "PATH", "value": str(tmp_path)}]}}))
    assert str(caught.value) == "`aws` of the kubeconfig is not installed or not on PATH" + (
        ": Get it from https://a.example" if hint else ""
    )


def test_of_what_a_credential_plugin_says_the_end_is_kept(tmp_path: Path):
    script = f"echo '{'x ' * 400}' >&2; echo 'Please run: gcloud auth login' >&2; exit 1"
    with pytest.raises(errors.Unauthenticated) as caught:
        connect(kubeconfig(tmp_path, plugin(tmp_path, script, args=["get", "a token"])))
    assert f"Please run: gcloud auth login; run it by hand: `{tmp_path}/plugin.sh get 'a token'`" in str(caught.value)
    assert len(str(caught.value)) < 300 + 300


def test_a_credential_plugin_with_a_relative_path_is_found_from_the_kubeconfigs_folder(tmp_path: Path):
    user = plugin(tmp_path, f"echo '{credential(token='t')}'")
    user["exec"]["command"] = "./plugin.sh"
    assert connect(kubeconfig(tmp_path, user)).origin.headers() == {"Authorization": "Bearer t"}


# --- oddities: each is one sentence -----------------------------------------------------------------------------------


def test_a_kubeconfig_that_is_a_folder_is_called_one(tmp_path: Path):
    with pytest.raises(errors.UsageError, match=r"is a folder, not a file$"):
        connect(str(tmp_path))


def test_a_folder_among_several_kubeconfigs_is_named(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(errors.UsageError, match=r"folder is a folder, not a file$"):
        connect(f"{kubeconfig(tmp_path, {'token': 't'})}:{tmp_path / 'folder'}")


@pytest.mark.parametrize(
    ("text", "said"), [("hello", "holds a text"), ("- a", "holds a list"), ("3", "holds a single value"), ("", "is empty")]
)
def test_a_kubeconfig_that_holds_something_else_says_what(text: str, said: str, tmp_path: Path):
    (tmp_path / "config").write_text(text)
    with pytest.raises(errors.UsageError, match=rf"config {said}: this is not a kubeconfig$"):
        connect(str(tmp_path / "config"))


def test_broken_yaml_is_told_with_its_line(tmp_path: Path):
    (tmp_path / "config").write_text("apiVersion: v1\nkind: Config\nusers: [\n  a: b: c\n")
    with pytest.raises(errors.UsageError, match=r"config, line 4, is not YAML: \S+"):
        connect(str(tmp_path / "config"))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"[" * 20_000, b"a: !!timestamp 2020-99-99", b"a: &a [*a]", b"{[a]: b}", b"a: " + b"9" * 5000]
)
def test_content_that_cannot_be_read_is_a_usage_error(content: bytes, tmp_path: Path):
    (tmp_path / "config").write_bytes(content)
    with pytest.raises(errors.UsageError):
        connect(str(tmp_path / "config"))


def laughs(ending: str) -> str:
    """Ten lines that hold a billion values, once their aliases are followed."""
    lines = [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]" for number in range(1, 10)]
    return "\n".join(["a0: &a0 [x]", *lines, ending])


@pytest.mark.parametrize("ending", ["", "users: [{name: u, user: {token: *a9}}]", "users: [{name: u, user: {exec: {args: *a9}}}]"])
def test_values_without_number_are_refused_before_anything_follows_them(ending: str, tmp_path: Path):
    (tmp_path / "config").write_text(laughs(ending))
    with pytest.raises(errors.UsageError, match=r"holds more than 200000 values, once its aliases are followed$"):
        connect(str(tmp_path / "config"))


def test_a_file_that_is_too_large_for_a_kubeconfig_is_not_read(tmp_path: Path):
    with (tmp_path / "config").open("wb") as file:
        file.truncate(8 * 1024 * 1024 + 1)
    with pytest.raises(errors.UsageError, match=r"config cannot be read: larger than 8 MiB$"):
        connect(str(tmp_path / "config"))


@pytest.mark.parametrize("part", ["users", "clusters", "contexts"])
@pytest.mark.parametrize(
    "odd", ["text", 3, {"a": "b"}, ["text"], [None], [{}], [{"name": 3}], [{"name": "me", "user": 3, "cluster": 3, "context": 3}]]
)
def test_an_odd_list_of_a_kubeconfig_is_a_usage_error(part: str, odd: Any, tmp_path: Path):
    with pytest.raises(errors.UsageError):
        connect(kubeconfig(tmp_path, {"token": "t"}, **{part: odd}))


@pytest.mark.parametrize(
    "user",
    [
        {"exec": 3},
        {"exec": {}},
        {"exec": {"command": 3}},
        {"exec": {"command": "sh", "args": "-c"}},
        {"exec": {"command": "sh", "env": "x"}},
        {"exec": {"command": "sh", "env": [{"name": "A", "value": 1}]}},
        {"auth-provider": "azure"},
        {"auth-provider": {"name": "azure"}},
        {"as": "jane", "as-groups": "admins"},
        {"as": "jane", "as-user-extra": ["x"]},
        {"as": "jane", "as-user-extra": {"a": "x"}},
        {"as-groups": ["admins"]},
        {"as-uid": "1"},
        {"as-user-extra": {"a": ["x"]}},
    ],
)
def test_an_odd_user_of_a_kubeconfig_is_a_usage_error(user: dict[str, Any], tmp_path: Path):
    with pytest.raises(errors.UsageError):
        connect(kubeconfig(tmp_path, user))


@pytest.mark.parametrize("server", ["", "10.0.0.1:6443", "ftp://a", "https://[::1", "https://a:b", "https://a?b"])
def test_a_server_that_is_no_url_is_a_usage_error(server: str, tmp_path: Path):
    with pytest.raises(errors.UsageError):
        connect(kubeconfig(tmp_path, {"token": "t"}, clusters=[{"name": "c", "cluster": {"server": server}}]))


# --- acting as another ------------------------------------------------------------------------------------------------


def test_everything_that_impersonation_names_is_sent(tmp_path: Path):
    user = {
        "token": "t",
        "as": "jane",
        "as-uid": "7",
        "as-groups": ["a,b", "c"],
        "as-user-extra": {"acme.com/project": ["x", "y"], "none": []},
    }
    assert connect(kubeconfig(tmp_path, user)).origin.headers() == {
        "Authorization": "Bearer t",
        "Impersonate-User": "jane",
        "Impersonate-Uid": "7",
        "Impersonate-Group": ("a,b", "c"),
        "Impersonate-Extra-acme.com%2Fproject": ("x", "y"),
    }


# --- OIDC -------------------------------------------------------------------------------------------------------------


def token(expires: float) -> str:
    head, body = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in ({"alg": "none"}, {"exp": expires}))
    return f"{head}.{body}.c2ln"


def oidc(issuer: str, expires: float) -> dict[str, Any]:
    config = {"client-id": "a", "client-secret": "b", "id-token": token(expires), "refresh-token": "r", "idp-issuer-url": issuer}
    return {"auth-provider": {"name": "oidc", "config": config}}


def test_an_oidc_token_that_is_valid_is_used(tmp_path: Path):
    valid = time.time() + 3600
    assert connect(kubeconfig(tmp_path, oidc("https://issuer.example", valid))).origin.headers() == {
        "Authorization": f"Bearer {token(valid)}"
    }


def test_an_issuer_that_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "REFRESH_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(
            errors.Unauthenticated, match=rf"user me cannot be refreshed: its OIDC issuer {issuer} gave no answer within 0.5 s"
        ):
            connect(kubeconfig(tmp_path, oidc(issuer, 1.0)))


@pytest.mark.parametrize("status", [200, 403, 500])
def test_an_issuer_that_refuses_is_one_sentence(status: int, tmp_path: Path):
    discovery = Exchange(status, "application/json", b'{"token_endpoint": "http://127.0.0.1:1/token"}')
    sentence = r"^the credentials of user me cannot be refreshed: [^\n]+$"
    answers = Recording(time.time(), {"GET /.well-known/openid-configuration": discovery})
    with FaultServer(answers) as issuer, pytest.raises(errors.Unauthenticated, match=sentence):
        connect(kubeconfig(tmp_path, oidc(issuer.url, 1.0)))


def test_an_issuer_that_is_not_there_is_one_sentence(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        issuer = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(errors.Unauthenticated, match=r"^the credentials of user me cannot be refreshed: [^\n]+$"):
        connect(kubeconfig(tmp_path, oidc(issuer, 1.0)))
