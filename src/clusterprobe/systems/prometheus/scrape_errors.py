"""What the error of a scrape says of its cause, and what to change for just that.

Messages are those of Prometheus' scrape loop and of Go's net, net/http, crypto/tls and crypto/x509. One that is not in the table
names no cause: it is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from clusterprobe.fixes import change
from clusterprobe.model import Step
from clusterprobe.patterns import Pattern, ours
from clusterprobe.systems.kubernetes.editing import edited
from clusterprobe.systems.prometheus.objects import POD_MONITORS, PROBES, SCRAPE_CONFIGS, pool_origin

ANNOTATIONS = (
    "; where the job reads annotations, `prometheus.io/scheme`, `prometheus.io/path` and `prometheus.io/port` of the pod or Service"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why targets are down, in words, and the steps that repair just this."""

    text: str
    fix: tuple[Step, ...]


class Row(NamedTuple):
    """`message` is searched in `scheme: error`. `fix` names settings by the keys of `settings_of`."""

    message: Pattern
    cause: str
    fix: str


TABLE = (
    Row(
        ours(r"(?i)gave HTTP response to HTTPS client"),
        "The target answers with plain HTTP, and is scraped with HTTPS: the scheme is wrong, or TLS is not switched on there.",
        "Set {scheme} to {http} and remove {tls}; or let the target serve TLS on this port.",
    ),
    Row(
        ours(r"(?i)first record does not look like a TLS handshake"),
        "The target does not speak TLS on this port, and is scraped with HTTPS: the scheme or the port is wrong.",
        "Set {scheme} to {http} and remove {tls}, or correct {port}.",
    ),
    Row(
        ours(r"(?i)malformed HTTP response \"?\\x1[4-7]\\x03|HTTP request to an HTTPS server"),
        "The target speaks TLS on this port, and is scraped with plain HTTP: the scheme is wrong.",
        "Set {scheme} to {https}, and in {tls} the CA that signed the target's certificate.",
    ),
    Row(
        ours(r"(?i)malformed HTTP"),
        "What answers on this port does not speak HTTP/1: another protocol, or TLS. The port or the scheme is wrong.",
        "Correct {port}; or {scheme}, where the target serves its metrics with TLS.",
    ),
    Row(
        ours(r"(?i)^http: .*HTTP status 400"),
        "The target refuses the request. A server that expects TLS answers 400 to plain HTTP; its log says if it is something else.",
        "Set {scheme} to {https} where the target serves TLS on this port; else correct {path} and its parameters.",
    ),
    Row(
        ours(r"(?i)remote error: tls: certificate required"),
        "The target asks for a client certificate, and Prometheus presents none.",
        "Give {tls} the client certificate and its key ({certificate}), signed by the CA that the target trusts for clients.",
    ),
    Row(
        ours(r"(?i)remote error: tls: bad certificate"),
        "The target asks for a client certificate: Prometheus presents none, or one that the target does not accept.",
        "Give {tls} the client certificate and its key ({certificate}), signed by the CA that the target trusts for clients.",
    ),
    Row(
        ours(
            r"(?i)remote error: tls: (?:unknown certificate|unsupported certificate|revoked certificate|expired certificate|access denied)"
        ),
        "The target does not accept the client certificate that Prometheus presents.",
        "Renew the client certificate and its key in {tls} ({certificate}), signed by the CA that the target trusts for clients.",
    ),
    Row(
        ours(r"(?i)remote error: tls: handshake failure"),
        "The target ends the TLS handshake: it asks for a client certificate, or the two have no TLS version, cipher or name in common.",
        "Look for the reason in the target's log. Where it asks for a client certificate, give {tls} one with its key ({certificate}); "
        "where a name decides, set {server_name}.",
    ),
    Row(
        ours(r"(?i)remote error: tls: unrecognized name|no required SSL certificate"),
        "The target has no certificate for the name that Prometheus asks with.",
        "Set {server_name} to a name that the target serves.",
    ),
    Row(
        ours(r"(?i)tls: (?:protocol version not supported|server selected unsupported protocol version)"),
        "Prometheus and the target have no TLS version in common.",
        "Let the target serve TLS 1.2 or newer, or correct the versions in {tls}.",
    ),
    Row(
        ours(r"(?i)x509: certificate signed by unknown authority|unable to get (?:local )?issuer certificate"),
        "The target's certificate is signed by a CA that Prometheus does not know, or by itself.",
        "Set in {tls} the CA that signed it ({ca}). Verifying nothing is only for what has no CA "
        "(`insecureSkipVerify`; in a plain configuration `insecure_skip_verify`).",
    ),
    Row(
        ours(r"(?i)x509: (?:certificate has expired|.*not yet valid)"),
        "The target's certificate has expired or is not valid yet, or a clock is wrong: the message has both times.",
        "Renew the target's certificate, and restart the target where it does not read it again by itself. The monitor is right.",
    ),
    Row(
        ours(r"(?i)x509: (?:certificate is (?:valid for|not valid for)|cannot validate certificate for|certificate relies on legacy)"),
        "The target's certificate is not made for the name or address that it is scraped by.",
        "Set {server_name} to a name that the certificate has, or add the name to the certificate.",
    ),
    Row(
        ours(r"(?i)(?:unable to|cannot|error) (?:use|load|loading|read|reading|open) .*(?:cert|key|CA|token|password|credentials)"),
        "Prometheus cannot read a file or Secret of its TLS or credential settings.",
        "Correct {tls} and {credentials}: the Secret and key that they name have to exist, and a file has to be mounted into Prometheus.",
    ),
    Row(
        ours(r"(?i)text/html|start token.*\"<|\"<\" is not a valid start token|while parsing: \"<|<!doctype|<html"),
        "The target answers with an HTML page, such as a login or a start page, instead of metrics: the path or the port is wrong, or a "
        "login stands before it.",
        "Correct {path} or {port}; where a login answers, exempt the metrics from it, or set {credentials}.",
    ),
    Row(
        ours(r"(?i)stopped after \d+ redirects|HTTP status 30\d"),
        "The target redirects, typically to a login or to another path, and what follows is no metrics.",
        "Set {path} to where the redirect should end; where it leads to a login, exempt the metrics from it, or set {credentials}.",
    ),
    Row(
        ours(r"(?i)application/json|start token.*\"[{\[]"),
        "The target answers with JSON instead of metrics: the path or the port is wrong, or its metrics have another format.",
        "Correct {path} or {port}, or let the target serve the text format of Prometheus.",
    ),
    Row(
        ours(r"(?i)(?:unsupported|blank) Content-Type"),
        "The target's Content-Type is not one of metrics: Prometheus 3 does not guess it. The path is wrong, or the header is missing.",
        "Where {path} is right, correct the Content-Type at the target, or set {fallback} to PrometheusText0.0.4.",
    ),
    Row(
        ours(r"(?i)valid start token|while parsing|parsing error|invalid metric type|data does not end with # EOF|not a valid start token"),
        "The target answers with what is not valid in the format of metrics: another page on this path, or a defect of the exporter.",
        "Compare what {path} answers with the message; correct the path, or the exporter that writes this line.",
    ),
    Row(
        ours(r"(?i)HTTP status 401"),
        "The target does not know who asks: credentials are missing, expired or wrong.",
        "Set {credentials} to what the target accepts.",
    ),
    Row(
        ours(r"(?i)HTTP status 403"),
        "The target knows who asks, and denies it; behind kube-rbac-proxy, the kubelet and the API server RBAC decides.",
        "Where RBAC decides, allow `get` of this path (nonResourceURLs, or nodes/metrics) to Prometheus' ServiceAccount; "
        "else correct {credentials}.",
    ),
    Row(
        ours(r"(?i)HTTP status 404"),
        "The target has no such page: the path is wrong, or its metrics are switched off.",
        "Correct {path}, or switch the metrics on at the target.",
    ),
    Row(
        ours(r"(?i)HTTP status 405"),
        "The target takes no GET on this path: it is no page of metrics.",
        "Correct {path} or {port}.",
    ),
    Row(
        ours(r"(?i)HTTP status 429"),
        "The target, or what stands before it, limits how often it is asked.",
        "Raise the limit there, or set a longer {interval}.",
    ),
    Row(
        ours(r"(?i)HTTP status 5\d\d"),
        "The target, or a proxy before it, answers with an error of its own.",
        "Repair what the target's log names at that time; nothing of the monitor is wrong.",
    ),
    Row(
        ours(r"(?i)lookup .*(?:i/o timeout|server misbehaving|connection refused|deadline exceeded)"),
        "The target's name could not be resolved: DNS does not answer Prometheus.",
        "Repair DNS (CoreDNS and the network policies of port 53), or correct the name where another server should know it.",
    ),
    Row(
        ours(r"(?i)no such host"),
        "The target's name does not resolve: the Service no longer exists, or the name is wrong.",
        "Correct the name or restore the Service; delete the entry where it was removed for good.",
    ),
    Row(
        ours(r"(?i)proxyconnect"),
        "The proxy that Prometheus is to use cannot be reached.",
        "Correct {proxy}, or the proxy.",
    ),
    Row(
        ours(r"(?i)(?:no route to host|network is unreachable)"),
        "The target's address does not answer: its pod or node no longer exists, or a network policy or firewall rejects it.",
        "Allow Prometheus' namespace to reach this port where a policy applies; else restore what had the address.",
    ),
    Row(
        ours(r"(?i)dial tcp.*(?:i/o timeout|connection timed out)"),
        "No connection in time: a network policy or firewall drops it, or the node or address does not exist.",
        "Allow Prometheus' namespace to reach this port where a policy or firewall applies; else restore what had the address.",
    ),
    Row(
        ours(r"(?i)deadline exceeded.*reading body|reading body.*deadline exceeded"),
        "The target began to answer, and did not finish in time: it is slow, or has many series.",
        "Let the target give fewer series, or set a longer {timeout}, which may be no longer than {interval}.",
    ),
    Row(
        ours(r"(?i)deadline exceeded|i/o timeout|Client\.Timeout"),
        "No complete answer within the timeout: a network policy or firewall drops the connection, or the target is slow.",
        "Ask the target by hand. Where it answers slowly, let it give fewer series, or set a longer {timeout}; where it answers at once, "
        "allow Prometheus' namespace in the network policy.",
    ),
    Row(
        ours(r"(?i)duplicate (?:sample|timestamp)|same timestamp"),
        "The target gives a series more than once in one answer: samples with the same name and labels.",
        "Correct the exporter, or the metricRelabelings that drop the label by which the series differ.",
    ),
    Row(
        ours(r"(?i)sample[_ ]limit exceeded"),
        "The target gives more samples than its limit allows, so that the whole scrape is refused.",
        "Let the target give fewer series, or drop some by metricRelabelings; or raise {sample_limit}.",
    ),
    Row(
        ours(r"(?i)target_limit exceeded"),
        "The job has more targets than its limit allows (target_limit), so that none of them is scraped; the message has both numbers.",
        "Let the job select fewer targets, or raise the limit: `spec.targetLimit` of the Operator's object, `target_limit` of the job, or "
        "enforcedTargetLimit of the Prometheus.",
    ),
    Row(
        ours(r"(?i)gzip: invalid|corrupt input before|zlib: invalid"),
        "The target says that its answer is compressed (gzip), and it is not, or only in part.",
        "Correct the target, or the proxy before it, which sets Content-Encoding. Or set enableCompression to false in the monitor "
        "(`enable_compression` of the job).",
    ),
    Row(
        ours(r"(?i)invalid metric name or label names"),
        "The target exposes a name that Prometheus does not take as it is set to check names.",
        "Correct the name at the target, or let Prometheus take names of UTF-8 (nameValidationScheme).",
    ),
    Row(
        ours(r"(?i)body size limit exceeded"),
        "The target's answer is larger than the limit allows, so that the whole scrape is refused.",
        "Let the target give fewer series, or raise {body_limit}.",
    ),
    Row(
        ours(r"(?i)bucket limit exceeded|label(?:_name_length|_value_length)?_limit exceeded"),
        "The target gives a series with more buckets or labels, or longer ones, than the limit allows; the message has both numbers.",
        "Correct what the target writes, or raise the limit that the message names.",
    ),
    Row(
        ours(r"(?i)connection reset by peer|\bEOF$"),
        "The target, or what stands before it, closed the connection without an answer: it restarts, or expects the other scheme.",
        "Read the target's log of that time; compare {scheme} with what its port serves.",
    ),
)


def settings_of(pool: str) -> Mapping[str, str]:
    """By our words, the fields that hold the settings of a scrape pool: of the Operator's object, or of the job.

    >>> settings_of("serviceMonitor/shop/orders/1")["scheme"]
    '`spec.endpoints[1].scheme`'
    """
    origin = pool_origin(pool)
    if origin is None:
        return {word: f"`{name}`" for word, name in (_JOB | {"http": "http", "https": "https"}).items()}
    own = {PROBES: _PROBE, SCRAPE_CONFIGS: _SCRAPE_CONFIG}.get(origin[0])
    index = pool.rpartition("/")[2] if pool.count("/") == _WITH_INDEX else "0"
    place = "spec" if own else f"spec.{'podMetricsEndpoints' if origin[0] == POD_MONITORS else 'endpoints'}[{index}]"
    fields = {word: f"{'spec' if word in _OF_ALL else place}.{field}" for word, field in _ENDPOINT.items()} | (own or {})
    schemes = {one: one.upper() if origin[0] == SCRAPE_CONFIGS else one for one in ("http", "https")}
    certificates = _ETCD if origin[2].endswith("kube-etcd") else _SHORT
    return {word: f"`{field}`" for word, field in (fields | schemes).items()} | certificates


_WITH_INDEX = 3  # serviceMonitor/namespace/name/0
_ENDPOINT = {
    "scheme": "scheme",
    "path": "path",
    "port": "port",
    "tls": "tlsConfig",
    "server_name": "tlsConfig.serverName",
    "credentials": "authorization",
    "interval": "interval",
    "timeout": "scrapeTimeout",
    "proxy": "proxyUrl",
    "sample_limit": "sampleLimit",
    "body_limit": "bodySizeLimit",
    "fallback": "fallbackScrapeProtocol",
}
_OF_ALL = {"sample_limit", "body_limit", "fallback"}  # of the object, not of one endpoint
_SHORT = {"ca": "`ca`, or `caFile`", "certificate": "`cert` and `keySecret`, or `certFile` and `keyFile`"}
_ETCD = _SHORT | {
    "certificate": "`certFile` and `keyFile`; in kube-prometheus-stack's values `kubeEtcd.serviceMonitor`, from a Secret that "
    "`prometheus.prometheusSpec.secrets` lists"
}
_PROBE = {"scheme": "spec.prober.scheme", "path": "spec.prober.path", "port": "spec.prober.url", "proxy": "spec.prober.proxyUrl"}
_SCRAPE_CONFIG = {"path": "spec.metricsPath", "interval": "spec.scrapeInterval", "port": "spec.staticConfigs"}
_JOB = {
    "scheme": "scheme",
    "path": "metrics_path",
    "port": "targets",
    "tls": "tls_config",
    "server_name": "tls_config.server_name",
    "ca": "tls_config.ca_file",
    "certificate": "tls_config.cert_file, tls_config.key_file",
    "credentials": "authorization",
    "interval": "scrape_interval",
    "timeout": "scrape_timeout",
    "proxy": "proxy_url",
    "sample_limit": "sample_limit",
    "body_limit": "body_size_limit",
    "fallback": "fallback_scrape_protocol",
}


def cause_of(error: str, url: str, pool: str) -> Cause | None:
    """What an error of a scrape of this URL comes from; None where the message is not known."""
    text = f"{url.partition(':')[0]}: {error}"
    row = next((one for one in TABLE if one.message.search(text)), None)
    if row is None:
        return None
    if "{" not in row.fix:
        return Cause(row.cause, (change(row.fix),))
    origin = pool_origin(pool)
    place = f"{origin[0].kind} {origin[1]}/{origin[2]}" if origin else f"the scrape job {pool}{ANNOTATIONS}"
    step = change(f"{row.fix.format_map(settings_of(pool))} At its source in Git: {place}.")
    return Cause(row.cause, (step, edited(origin[0].name, origin[0].subject(*origin[1:]))) if origin else (step,))
