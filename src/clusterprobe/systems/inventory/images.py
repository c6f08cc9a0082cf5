"""What an image is, whatever registry, mirror, tag or digest it is pulled by."""

from __future__ import annotations

from clusterprobe.patterns import ours

# What mirrors and builders put around a name: `rancher/mirrored-grafana-grafana`, `ose-prometheus-rhel9`, `loki-fips`, `ap-grafana`.
_BEFORE = ("mirrored-", "hardened-", "ose-", "origin-", "bitnami-", "rancher-", "docker.io-", "library-", "ap-")
_FLATTENED = "mirrored-"  # what follows is the owner and the name: `mirrored-fluent-fluent-bit`
_AFTER = (
    *(
        "-rhel8",
        "-rhel9",
        "-ubi",
        "-ubi8",
        "-ubi9",
        "-fips",
        "-distroless",
        "-alpine",
        "-slim",
        "-wolfi",
        "-debian",
        "-ubuntu",
        "-oss",
        "-dev",
    ),
    *("-amd64", "-arm64", "-linux", "-linux-amd64", "-linux-arm64"),
)


def repository(image: str) -> tuple[str, str]:
    """The last two segments of an image's repository, in small letters; the first of them is empty where there is one only.

    >>> repository("registry.example.com:5000/mirror/grafana/loki:3.5.0@sha256:0123")
    ('grafana', 'loki')
    >>> repository("localhost:5000/loki")
    ('localhost:5000', 'loki')
    """
    path, _, last = image.partition("@")[0].rpartition("/")
    return path.rpartition("/")[2].lower(), last.partition(":")[0].lower()


_VERSION = ours(r"v?(\d+\.\d[\w.+-]{0,40})")


def version(image: str) -> str:
    """The version that an image's tag is; empty for a digest alone, and for a tag that is none, such as `latest`.

    >>> version("quay.io/prometheus/prometheus:v3.5.0@sha256:0123"), version("localhost:5000/loki"), version("loki:main")
    ('3.5.0', '', '')
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    match = _VERSION.fullmatch(tag)
    return match.group(1) if match else ""


def plain(name: str) -> str:
    """A name without what mirrors and builders put around it.

    >>> plain("mirrored-prometheus-prometheus"), plain("ose-prometheus-rhel9")
    ('prometheus-prometheus', 'prometheus')
    """
    for start in _BEFORE:
        name = name.removeprefix(start)
    for end in (*_AFTER, *_AFTER):  # such as -fips-amd64
        name = name.removesuffix(end)
    return name


def matches(image: str, wanted: str) -> bool:
    """Whether an image is the wanted one: a last segment, or two (`grafana/agent`), which a mirror may have made one of.

    >>> matches("docker.io/rancher/mirrored-grafana-loki:3", "grafana/loki")
    True
    >>> matches("rancher/mirrored-fluent-fluent-bit:3", "fluent-bit")
    True
    >>> matches("example.com/team/agent", "grafana/agent")
    False
    """
    owner, last = repository(image)
    first, slash, second = wanted.rpartition("/")
    if not slash:
        return wanted in (plain(last), last) or (last.startswith(_FLATTENED) and plain(last).endswith(f"-{wanted}"))
    flat = f"{first}-{second}"
    return (owner, plain(last)) == (first, second) or plain(last) == flat or plain(last).endswith((f"-{flat}", f".{flat}", f"_{flat}"))
