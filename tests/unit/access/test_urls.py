"""What the cluster says becomes part of an address only where it cannot lead elsewhere."""

import ipaddress
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clusterprobe.access import urls
from clusterprobe.access.cluster import Cluster, Resource
from clusterprobe.access.connection import Connection
from clusterprobe.access.deadline import Deadline
from clusterprobe.access.session import Origin
from clusterprobe.access.urls import UrlPath, written
from clusterprobe.errors import BadAddress

API = "https://api.example:6443"
HOSTILE = [
    "/../../../../api/v1/namespaces/kube-system/secrets/db",
    "/..",
    "/a/./b",
    "/a/..;x=1/b",
    "/a/..;",
    "/%2e%2e/secrets",
    "/%2E%2e/secrets",
    "/.%2E/secrets",
    "/%252e%252e/secrets",
    "/a/%2e%2e%2fb",
    "/a%2f..%2fb",
    "/a%2fb",
    "/a\\..\\b",
    "/a%5cb",
    "//elsewhere.example/x",
    "http://elsewhere.example/x",
    "/a//b",
    "@elsewhere.example/x",
    "/a@b",
    "/a%40b",
    "/a?b",
    "/a#b",
    "/a%3fb",
    "/a%23b",
    "/a b",
    "/a%20b",
    "/a\r\nHost: b",
    "/a%0d%0ab",
    "/a\x00",
    "/a%00",
    "/a\u2028b",
    "/a%zzb",
    "/a%c0%ae%c0%ae/b",
    "/%",
]

segments = st.text(min_size=1, max_size=20) | st.sampled_from(["..", ".", "a/..", "..\\", "%2e%2e", "..;", "@x", "a?b#c", "a b", "%", "é"])
pieces = st.lists(
    st.sampled_from([".", "..", "/", "//", "%2e", "%2F", "%5c", "\\", ";", "@", "?", "#", "a", "health", "%", " ", "é"]), max_size=8
)
paths = pieces.map("".join) | st.text(max_size=30)


def sent(base: str, path: UrlPath) -> str:
    """What the library below would ask for."""
    return requests.Request("GET", base + path).prepare().url or ""


def below(url: str, base: str) -> bool:
    """Whether a URL begins with the base, on the boundary of a segment, and has nothing that resolves upwards."""
    wanted, found = urlsplit(base), urlsplit(url)
    same = (wanted.scheme, wanted.netloc) == (found.scheme, found.netloc)
    return same and f"{found.path}/".startswith(wanted.path.rstrip("/") + "/") and not found.query and not found.fragment


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_a_path_that_may_lead_elsewhere_is_refused_with_a_reason(text: str):
    with pytest.raises(BadAddress, match=r"is not asked: .+"):
        written(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("/", ""),
        ("health", "/health"),
        ("/health", "/health"),
        ("/health/", "/health/"),
        ("/v1/models/a:predict", "/v1/models/a:predict"),
        ("/a..b/...", "/a..b/..."),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("/café", "/caf%C3%A9"),
        ("/a%41~", "/aA~"),
        ("/a;v=1,b=(2)", "/a;v=1,b=(2)"),
    ],
)
def test_a_path_that_leads_down_is_taken_as_the_kubelet_takes_it(text: str, expected: str):
    assert written(text) == expected


@settings(deadline=None)
@given(paths, paths)
def test_whatever_is_written_stays_below_its_base_or_is_refused(prefix: str, path: str):
    base = f"{API}/api/v1/namespaces/a/pods/b:80/proxy"
    try:
        whole = written(prefix) / written(path)
    except BadAddress as error:
        assert "is not asked: " in str(error)
    else:
        assert sent(base, whole) == base + whole
        assert below(sent(base, whole), base)


@settings(deadline=None)
@given(st.lists(segments, min_size=1, max_size=4))
def test_a_segment_stays_one_segment_or_is_refused(names: list[str]):
    try:
        path = UrlPath.of("api", *names)
    except BadAddress as error:
        assert "is not asked: " in str(error)
    else:
        assert path.count("/") == len(names) + 1
        assert sent(API, path) == API + path


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../b", "%2e%2e", "..;a", "a\nb", "a\\..\\b"])
def test_a_name_that_no_encoding_makes_harmless_is_refused(name: str):
    with pytest.raises(BadAddress):
        UrlPath.of("api", name)


def test_a_name_is_encoded_whatever_is_in_it():
    assert UrlPath.of("a/b", "c?d#e", "f%2Fg", "h@i") == "/a%2Fb/c%3Fd%23e/f%252Fg/h@i"


@pytest.mark.parametrize("text", ["health", "//", "/a//b", "/../a", "/a b", "/a?b", "/%2f", "/"])
def test_a_path_is_made_of_nothing_but_what_is_sent(text: str):
    with pytest.raises(BadAddress):
        UrlPath(text)


def test_the_query_of_a_kubelets_probe_is_kept_with_every_value():
    assert urls.asked("/health?a=1&a=2&b=") == ("/health", {"a": ["1", "2"], "b": [""]})


def test_an_objects_path_cannot_leave_its_kind():
    pods = Resource("v1", "pods", "Pod")
    assert pods.path("a", "b/../../secrets/c".replace("../", "x/")) == "/api/v1/namespaces/a/pods/b%2Fx%2Fx%2Fsecrets%2Fc"
    with pytest.raises(BadAddress):
        pods.path("a", "../secrets/b")


# --- hosts ------------------------------------------------------------------------------------------------------------


def cluster(route: str) -> Cluster:
    return Cluster(Connection(Origin(API), "test", "me", "default", route), Deadline.after(10))


@pytest.mark.parametrize(
    "ip",
    [
        "",
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "fd00::1%25@elsewhere",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "::ffff:0:7f00:1",
        "::127.0.0.1",
        "::169.254.169.254",
        "0.1.2.3",
        "2002:7f00:1::",
        "fd00:ec2::254",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "10.0.0.1@elsewhere",
        "10.0.0.1:80",
        "10.0.0.1/x",
        "elsewhere.example",
        "[fd00::1]",
        " 10.0.0.1",
    ],
)
def test_a_pods_address_is_never_this_machine_its_link_or_no_address(ip: str):
    with pytest.raises(BadAddress):
        cluster("in-cluster").pod("a", "b", ip, 80)


@settings(deadline=None)
@given(st.ip_addresses() | st.text(max_size=20))
def test_a_pods_url_leads_to_its_address_or_is_refused(ip: ipaddress.IPv4Address | str):
    try:
        url = cluster("in-cluster").pod("a", "b", str(ip), 80, prefix="/x").url
    except BadAddress:
        return
    assert ipaddress.ip_address(urlsplit(url).hostname or "") == ipaddress.ip_address(str(ip))
    assert urlsplit(url).port == 80


@settings(deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True), st.text(max_size=10))
def test_a_services_url_leads_to_its_name_or_is_refused(service: str, namespace: str):
    for name, place in ((service, "here"), ("web", namespace)):
        try:
            url = cluster("in-cluster").service(place, name, 80).url
        except BadAddress:
            continue
        assert url == f"http://{name}.{place}.svc:80"
        assert urlsplit(url).hostname == f"{name}.{place}.svc"


@pytest.mark.parametrize("route", ["proxy", "in-cluster"])
@pytest.mark.parametrize("name", ["@elsewhere", "a/b", "a:b", "https:a", "A", "a_b", "-a", "a..b", "a" * 64, ""])
def test_a_name_of_a_service_is_a_dns_name(name: str, route: str):
    with pytest.raises(BadAddress):
        cluster(route).service("a", name, 80)


@pytest.mark.parametrize("route", ["proxy", "in-cluster"])
def test_ports_and_schemes_are_what_they_can_be(route: str):
    for port in (0, -1, 65536):
        with pytest.raises(BadAddress):
            cluster(route).pod("a", "b", "10.0.0.1", port)
    with pytest.raises(BadAddress):
        cluster(route).pod("a", "b", "10.0.0.1", 80, scheme="ftp")


@pytest.mark.parametrize("route", ["proxy", "in-cluster"])
@pytest.mark.parametrize("prefix", ["/../../../../../secrets", "/x/..", "@elsewhere", "//elsewhere", "?", "/%2e%2e"])
def test_a_prefix_cannot_leave_the_pod_that_it_is_of(prefix: str, route: str):
    with pytest.raises(BadAddress):
        cluster(route).pod("a", "b", "10.0.0.1", 80, prefix=prefix)


# --- URLs that users give ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["", "nonsense", "file:///etc/passwd", "http://", "http://[::1", "http://a:99999", "http://a:0", "http://a:b", "ftp://a/"]
)
def test_what_is_no_url_is_refused(url: str):
    with pytest.raises(BadAddress):
        urls.parse(url)


@pytest.mark.parametrize("url", ["https://a.example/x?y", "https://a.example/x#y"])
def test_an_address_below_which_paths_are_asked_has_no_query(url: str):
    with pytest.raises(BadAddress, match=r"has no \? or #"):
        cluster("proxy").url(url)


def test_a_users_url_is_taken_apart_as_it_is_sent():
    found = urls.parse("HTTPS://A.example:8443/x/../ping/a%41?b=c d")
    assert (found.origin, found.path, found.query) == ("https://a.example:8443", "/ping/aA", "b=c%20d")


@settings(deadline=None)
@example("%A")
@given(st.text(max_size=30) | st.sampled_from(["http://[::1", "http://a:b", "//[", "http://a]b"]))
def test_a_url_that_a_system_tells_never_ends_in_a_crash(text: str):
    for url in (text, f"http://{text}"):
        host, port = urls.place_of(url)
        assert host == host.lower()
        assert 0 <= port <= 65535
        assert "@" not in urls.without_user(url).partition("://")[2].partition("/")[0]
