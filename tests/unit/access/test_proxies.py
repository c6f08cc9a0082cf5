import pytest

from clusterprobe.access.connection import connect
from clusterprobe.access.proxies import proxy_of
from tests.unit.access.test_connection import SERVER, kubeconfig

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")


def test_the_environments_proxy_is_used_for_its_scheme():
    assert proxy_of("https://10.0.0.1:6443") == "http://proxy.example:3128"
    assert proxy_of("http://10.0.0.1:8080") == ""


def test_without_a_variable_there_is_no_proxy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HTTPS_PROXY")
    assert proxy_of("https://10.0.0.1:6443") == ""


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "https://10.0.0.1:6443"),
        ("a.example, *", "https://10.0.0.1:6443"),
        ("10.0.0.0/8", "https://10.0.0.1:6443"),
        ("localhost,10.0.0.1", "https://10.0.0.1:6443"),
        ("10.0.0.1:6443", "https://10.0.0.1:6443"),
        (".example", "https://api.example:6443"),
        ("example", "https://api.example:6443"),
        ("api.example", "https://api.example"),
        ("fd00::/8", "https://[fd00::1]:6443"),
        ("fd00::1", "https://[fd00::1]:6443"),
        ("", "https://127.0.0.1:6443"),
        ("", "https://localhost:6443"),
        ("", "https://[::1]:6443"),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_what_no_proxy_names_is_asked_directly(variable: str, no_proxy: str, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, no_proxy)
    assert proxy_of(url) == ""


@pytest.mark.parametrize("no_proxy", ["", "10.1.0.0/16", "other.example", "10.0.0.1:443", "fd00::/8"])
def test_what_no_proxy_does_not_name_is_asked_through_the_proxy(no_proxy: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_of("https://10.0.0.1:6443") == "http://proxy.example:3128"


def test_the_api_server_is_asked_as_the_environment_says(tmp_path, monkeypatch: pytest.MonkeyPatch):
    path = kubeconfig(tmp_path, {"token": "t"})
    assert connect(path).origin.proxy == "http://proxy.example:3128"
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
    assert connect(path).origin.proxy == ""


def test_a_kubeconfigs_own_proxy_counts_more_than_the_environment(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "*")
    cluster = {**SERVER, "cluster": {**SERVER["cluster"], "proxy-url": "http://own.example:1"}}
    assert connect(kubeconfig(tmp_path, {"token": "t"}, clusters=[cluster])).origin.proxy == "http://own.example:1"
