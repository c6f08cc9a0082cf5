"""What is kept of a container's command line: the flags that probes use, and what it calls. Everything else is dropped as it is decoded.

People write passwords into arguments. So there is a list of what is kept, and none of what is not.
"""

from __future__ import annotations

from clusterprobe.known_systems import KNOWN
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
        "controller-class",  # which Ingresses ingress-nginx serves, and where
        "watch-namespace",
        "watch-namespace-selector",
        "allowed-hosts",  # MLflow: which names it answers to, and its database without the password
        "backend-store-uri",
        "storage.agent.path",  # that a Prometheus is an agent
        "enable-feature",
        "prometheus-config-reloader",  # that it is the Prometheus Operator
        "storageDataPath",  # that it is VictoriaMetrics, whether it scrapes, and where its programs listen
        "promscrape.config",
        "httpListenAddr",
        "http.pathPrefix",
        "web.route-prefix",  # where Prometheus, Alertmanager and MLflow listen, and below which path
        "web.external-url",
        "web.listen-address",
        "static-prefix",
        "positions.file",  # Promtail, Grafana Agent and Alloy: where they keep how far they have read
        "storage.path",
        "config.file",  # from which file Loki has its configuration
        "address",  # at which address a program serves its metrics
        "bind-address",
        "listen-address",
        "listen-client-urls",
        "listen-metrics-urls",
        "metrics-addr",
        "metrics-address",
        "metrics-bind-address",
        "secure-listen-address",
    }
)
SWITCHES = frozenset({"agent"})  # flags without a value: that a Prometheus is an agent


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
        if one.startswith("-") and one.lstrip("-") in SWITCHES:
            found.append(one)
            follows = False
        elif follows and not one.startswith("-"):
            found.append(redact(one))
            follows = False
        elif one.startswith("-") and name in FLAGS and not any(map(str.isspace, one)):
            found.append(redact(one))
            follows = not equals
        else:  # a shell's script may have flags in it
            found.append(" ".join(f"--{flag}={redact(value)}" for flag, value in _FLAG.findall(one)) if "-" in one else "")
            follows = False
    return found


_PROGRAMS = tuple(tuple(one.split()) for system in KNOWN for one in system.signs.programs)
_FIRST_WORDS = frozenset(one[0] for one in _PROGRAMS)
_BEFORE = frozenset({"exec", "-m", ""})  # what stands before the program that is started
_SHELLS, _WRAPPERS = frozenset({"sh", "bash", "ash", "dash"}), frozenset({"tini", "dumb-init"})


def programs(arguments: list[str]) -> list[str]:
    """Which known programs a command line starts, as the records of the systems write them: `mlflow server`. Nothing else of it.

    >>> programs(["/bin/sh", "-c", "until test -s x; do sleep 1; done; exec /usr/bin/airflow scheduler -n 5"])
    ['airflow scheduler']
    >>> programs(["gunicorn", "-b", "0.0.0.0:5000", "mlflow.server:app"])
    ['mlflow.server:app']
    """
    words = [(word.strip("\"'();&|"), place == 0) for argument in arguments for place, word in enumerate(argument.split())]
    names = [word if word.startswith("-") else word.rpartition("/")[2] for word, _ in words]
    found = []
    for place, name in enumerate(names):
        if name not in _FIRST_WORDS:
            continue
        # What a server of applications runs is named in full, wherever it stands.
        started = place == 0 or ":" in name or words[place - 1][0] in _BEFORE or _handed_on(names[:place])
        for one in _PROGRAMS:
            if tuple(names[place : place + len(one)]) == one and (started or (len(one) > 1 and words[place][1])):
                found.append(" ".join(one))
    return list(dict.fromkeys(found))


def _handed_on(before: list[str]) -> bool:
    """Whether a shell or a wrapper that stands before starts what follows; `kubectl exec -c loki` starts none."""
    shell = len(before) > 1 and before[-2] in _SHELLS and before[-1].startswith("-") and before[-1].endswith("c")
    return shell or (before[-1:] == ["--"] and not _WRAPPERS.isdisjoint(before))


def started_by(image: str, arguments: list[str]) -> list[str]:
    """The same where a container has no command: the program that its image is called after, with these arguments.

    >>> started_by("docker.io/apache/airflow:3.0.1", ["scheduler"]), started_by("grafana/loki:3.5.0", ["-target=read"])
    (['airflow scheduler'], [])
    """
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return [one for one in programs([name, *arguments]) if " " in one]


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
