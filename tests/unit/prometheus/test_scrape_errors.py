import pytest

from clusterprobe.fixes import text_of
from clusterprobe.systems.prometheus.scrape_errors import TABLE, cause_of, settings_of

POOL = "serviceMonitor/shop/orders/1"
URL = "https://10.0.0.1:8080/metrics"


@pytest.mark.parametrize(
    ("error", "cause", "fix"),
    [
        ('Get "https://10.0.0.1:80/": http: server gave HTTP response to HTTPS client', "answers with plain HTTP", "[1].scheme` to `http`"),
        ('Get "https://10.0.0.1:80/": tls: first record does not look like a TLS handshake', "does not speak TLS", "[1].scheme`"),
        (r'Get "http://a:80/": malformed HTTP response "\x15\x03\x01\x00\x02\x02"', "speaks TLS on this port", "[1].scheme` to `https`"),
        ('Get "http://a:80/": malformed HTTP response "SSH-2.0"', "does not speak HTTP/1", "[1].port`"),
        ("remote error: tls: certificate required", "asks for a client certificate, and Prometheus presents none", "`keySecret`"),
        ("remote error: tls: bad certificate", "presents none, or one that the target does not accept", "`certFile` and `keyFile`"),
        ("remote error: tls: unknown certificate authority", "does not accept the client certificate", "[1].tlsConfig`"),
        ("remote error: tls: expired certificate", "does not accept the client certificate", "Renew the client certificate"),
        ("remote error: tls: handshake failure", "no TLS version, cipher or name in common", "target's log"),
        ("remote error: tls: unrecognized name", "no certificate for the name", "[1].tlsConfig.serverName`"),
        ("remote error: tls: protocol version not supported", "no TLS version in common", "TLS 1.2"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "does not know", "`caFile`"),
        (
            "x509: certificate has expired or is not yet valid: current time A is after B",
            "expired or is not valid yet",
            "Renew the target's",
        ),
        ("x509: certificate is valid for a, not b", "not made for the name", "serverName`"),
        ("x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs", "not made for the name", "serverName`"),
        ("unable to load specified CA cert /etc/x/ca.crt: open: no such file", "cannot read a file", "mounted"),
        ('expected a valid start token, got "<" ("INVALID") while parsing: "<"', "HTML page", "[1].path`"),
        ('"INVALID" "<" is not a valid start token', "HTML page", "[1].path`"),
        ('received unsupported Content-Type "text/html; charset=utf-8" and no fallback_scrape_protocol', "HTML page", "login"),
        ('expected a valid start token, got "{" ("INVALID") while parsing: "{"', "JSON", "[1].path`"),
        ('received unsupported Content-Type "application/json" and no fallback', "JSON", "text format"),
        ("non-compliant scrape target sending blank Content-Type and no fallback", "does not guess", "`spec.fallbackScrapeProtocol`"),
        ('expected value after metric, got "x" ("INVALID") while parsing: "a x"', "not valid in the format", "exporter"),
        ('Get "/login": stopped after 10 redirects', "redirects", "[1].path`"),
        ("server returned HTTP status 401 Unauthorized", "credentials are missing", "[1].authorization`"),
        ("server returned HTTP status 403 Forbidden", "denies it", "nonResourceURLs"),
        ("server returned HTTP status 404 Not Found", "no such page", "[1].path`"),
        ("server returned HTTP status 405 Method Not Allowed", "no GET", "[1].path`"),
        ("server returned HTTP status 429 Too Many Requests", "how often", "[1].interval`"),
        ("server returned HTTP status 503 Service Unavailable", "an error of its own", "target's log"),
        ("dial tcp: lookup a.b on 10.96.0.10:53: no such host", "does not resolve", "Service"),
        ("dial tcp: lookup a.b on 10.96.0.10:53: read udp: i/o timeout", "DNS does not answer", "CoreDNS"),
        ("dial tcp: lookup a on 10.96.0.10:53: read udp: connection refused", "DNS does not answer", "CoreDNS"),
        ("proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused", "proxy", "[1].proxyUrl`"),
        ("dial tcp 10.0.0.1:80: connect: no route to host", "no longer exists", "Allow Prometheus' namespace"),
        ("dial tcp 10.0.0.1:80: i/o timeout", "No connection in time", "firewall"),
        ("context deadline exceeded (Client.Timeout or context cancellation while reading body)", "began to answer", "scrapeTimeout`"),
        ("context deadline exceeded", "No complete answer within the timeout", "[1].scrapeTimeout`"),
        ("duplicate sample for timestamp", "more than once", "metricRelabelings"),
        ("sample limit exceeded", "more samples than its limit", "`spec.sampleLimit`"),
        ("target_limit exceeded (number of targets: 120, limit: 100)", "more targets than its limit", "`spec.targetLimit`"),
        ("gzip: invalid header", "compressed (gzip), and it is not", "enableCompression"),
        ("invalid metric name or label names: http.server", "exposes a name", "nameValidationScheme"),
        ("body size limit exceeded", "larger than the limit", "`spec.bodySizeLimit`"),
        ('label_limit exceeded (metric: "a", number of labels: 9, limit: 3)', "more buckets or labels", "limit"),
        ('Get "http://a/": EOF', "closed the connection", "log"),
    ],
)
def test_each_error_has_its_own_cause_and_a_fix_for_just_that(error: str, cause: str, fix: str) -> None:
    found = cause_of(error, URL, POOL)
    assert found
    assert cause in found.text
    assert fix in text_of(found.fix)


@pytest.mark.parametrize("error", ["", "the flux is out of phase", "dial tcp 10.0.0.1:80: connect: connection refused"])
def test_what_the_message_alone_does_not_tell_has_no_cause_here(error: str) -> None:
    assert cause_of(error, URL, POOL) is None


def test_a_bad_request_is_a_wrong_scheme_only_where_plain_http_was_spoken() -> None:
    error = "server returned HTTP status 400 Bad Request"
    plain = cause_of(error, "http://10.0.0.1:80/metrics", POOL)
    assert plain
    assert "expects TLS" in plain.text
    assert cause_of(error, URL, POOL) is None


@pytest.mark.parametrize(
    ("pool", "scheme", "path", "https"),
    [
        (POOL, "`spec.endpoints[1].scheme`", "`spec.endpoints[1].path`", "`https`"),
        ("podMonitor/shop/orders/0", "`spec.podMetricsEndpoints[0].scheme`", "`spec.podMetricsEndpoints[0].path`", "`https`"),
        ("probe/shop/orders", "`spec.prober.scheme`", "`spec.prober.path`", "`https`"),
        ("scrapeConfig/shop/orders", "`spec.scheme`", "`spec.metricsPath`", "`HTTPS`"),
        ("kubernetes-pods", "`scheme`", "`metrics_path`", "`https`"),
    ],
)
def test_settings_are_named_where_they_are_written(pool: str, scheme: str, path: str, https: str) -> None:
    words = settings_of(pool)
    assert (words["scheme"], words["path"], words["https"]) == (scheme, path, https)


@pytest.mark.parametrize("pool", [POOL, "podMonitor/a/b/0", "probe/a/b", "scrapeConfig/a/b", "job {braces}"])
def test_every_fix_can_be_written_for_every_kind_of_pool(pool: str) -> None:
    assert all("{" not in row.fix.format_map(settings_of(pool)) for row in TABLE)


def test_the_job_of_a_plain_prometheus_is_named_with_its_annotations() -> None:
    found = cause_of("server returned HTTP status 404 Not Found", URL, "kubernetes-pods")
    assert found
    assert "the scrape job kubernetes-pods; where the job reads annotations, `prometheus.io/scheme`" in text_of(found.fix)


def test_the_certificate_of_etcd_is_named_where_the_chart_takes_it() -> None:
    found = cause_of("remote error: tls: bad certificate", URL, "serviceMonitor/monitoring/main-kube-etcd/0")
    assert found
    assert "`kubeEtcd.serviceMonitor`" in text_of(found.fix)


def test_settings_of_a_monitor_are_edited_until_its_source_is_deployed() -> None:
    found = cause_of("server gave HTTP response to HTTPS client", URL, "podMonitor/shop/orders/0")
    assert found
    assert text_of(found.fix).endswith("$ kubectl -n shop edit podmonitors.monitoring.coreos.com orders")
    of_a_job = cause_of("server gave HTTP response to HTTPS client", URL, "kubernetes-pods")
    assert of_a_job
    assert "$" not in text_of(of_a_job.fix)
