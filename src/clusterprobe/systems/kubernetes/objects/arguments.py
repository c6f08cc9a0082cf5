"""What is kept of a container's command line: the flags that probes use, and what it calls. Everything else is dropped as it is decoded.

People write passwords into arguments. So there is a list of what is kept, and none of what is not.
"""

from __future__ import annotations

from clusterprobe.patterns import literal, ours
from clusterprobe.redaction import redact

FLAGS = frozenset(
    {
        "storage.tsdb.path",  # where a Prometheus keeps its database
        "namespaces",  # which namespaces kube-state-metrics and the Prometheus Operator watch
        "deny-namespaces",
        "prometheus-instance-namespaces",
        "alertmanager-instance-namespaces",
        "controller-id",
        "allowed-hosts",  # MLflow: which names it answers to, and its database without the password
        "backend-store-uri",
        "positions.file",  # Promtail, Grafana Agent and Alloy: where they keep how far they have read
        "storage.path",
    }
)


_FLAG = ours(rf"(?:^|\s)--?({'|'.join(literal(one) for one in sorted(FLAGS))})[= ]\s*[\"']?([^\s\"']+)")
_CALLS = ours(
    r"\b(?P<program>curl)\b"
    r"|\b(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/@\s\"']*@)?(?P<host>[A-Za-z0-9.-]+)(?P<port>:\d+)?"
    r"|\b(?P<netcat>nc)\b[^;&|\n]*?\s(?P<server>[a-z0-9][a-z0-9.-]*)\s+(?P<number>\d{2,5})\b"
    r"|(?:^|[^\w/.:@-])(?P<service>[a-z0-9-]+(?:\.[a-z0-9-]+)+\.svc(?:\.[a-z0-9.-]+)?(?::\d+)?)"
    r"|(?:^|[^\w/.:@-])(?P<place>[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*:\d{2,5})(?P<more>[\w.:]?)",
)


def kept(arguments: list[str]) -> list[str]:
    """The arguments with those that are not used emptied, so that each stays in its place."""
    found, follows = [], False
    for one in arguments:
        name, equals, _ = one.lstrip("-").partition("=")
        if follows and not one.startswith("-"):
            found.append(redact(one))
            follows = False
        elif one.startswith("-") and name in FLAGS and not any(map(str.isspace, one)):
            found.append(redact(one))
            follows = not equals
        else:  # a shell's script may have flags in it
            found.append(" ".join(f"--{flag}={redact(value)}" for flag, value in _FLAG.findall(one)) if "-" in one else "")
            follows = False
    return found


def calls(arguments: list[str]) -> list[str]:
    """What a command line calls: `http://host:80`, `nc host 80`, `host:80`, and that it uses `curl`; no path, user or parameter."""
    text = redact(" ".join(arguments))
    found = []
    for match in _CALLS.finditer(text):
        part = match.groupdict()
        if part["more"]:  # what goes on behind the digits is no port
            continue
        if part["scheme"]:
            found.append(f"{part['scheme']}://{part['host']}{part['port'] or ''}")
        elif part["netcat"]:
            found.append(f"nc {part['server']} {part['number']}")
        else:
            found.append(part["program"] or part["service"] or part["place"])
    return list(dict.fromkeys(found))
