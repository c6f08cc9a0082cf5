from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from clusterprobe.errors import BadResponse
from clusterprobe.profile import Profile
from clusterprobe.readings import Readings
from clusterprobe.systems.alertmanager.deliveries import DeliverySeries, ReplicaTally, Tally, _replicas, _Series
from clusterprobe.systems.alertmanager.delivery_causes import row_of
from clusterprobe.systems.alertmanager.delivery_errors import DeliveryError, delivery_errors, errors_of
from clusterprobe.systems.alertmanager.sources import AlertmanagerMetrics, AlertmanagerStatus, alertmanager_reloads
from clusterprobe.systems.formats.alertmanager_config import parse_configuration
from clusterprobe.systems.formats.exposition import Metric
from clusterprobe.systems.kubernetes.objects import Pod
from probes.alertmanager.probe_delivery import probe_delivery
from tests.factories import assert_blindness_is_no_health, judged, labelled, listing, outcome, reasons, refused, server
from tests.unit.alertmanager.test_routing import CHART, SINK, SLACK

NOW = 1_000_000.0
TO_SLACK = f"route: {{receiver: slack}}\nreceivers:\n{SINK}{SLACK}"
TO_BOTH = (
    "route: {receiver: slack, routes: [{receiver: hook, continue: true}]}\nreceivers:\n"
    f"{SLACK}- name: hook\n  webhook_configs: [{{url: 'http://hook'}}]\n"
)
ONE = server("alertmanager", "monitoring-dev", "main")
TWO = server("alertmanager", "monitoring-dev", "main", "alertmanager-main-1")
FINE = Tally(attempts=10, delivered=10, last_delivered=NOW - 60)


def replica(slack: Tally = FINE, *, pod: str = ONE[0].name, newest: float = NOW - 10, **others: Any) -> ReplicaTally:
    suppressed = others.pop("suppressed", {})
    return ReplicaTally("monitoring-dev", pod, {"slack": slack, **others}, suppressed, newest)


def platform(*replicas: ReplicaTally, text: str = TO_SLACK, servers: Any = (ONE,), **changes: Any) -> dict[str, Any]:
    own = changes.pop("own", AlertmanagerMetrics(True, NOW - 90_000, []))
    source = server("prometheus", "monitoring-dev", "main")[0]
    return {
        "alertmanager_statuses": Readings(tuple((one, AlertmanagerStatus(parse_configuration(text))) for one, _ in servers)),
        "alertmanager_servers": Readings(tuple(servers)),
        "alertmanagers": Readings(absent="there is no Alertmanager"),
        "alertmanager_secrets": Readings(absent="there is no Alertmanager"),
        "alertmanager_metrics": Readings(tuple((one, own) for one, _ in servers)),
        "delivery_series": Readings(((source, DeliverySeries(list(replicas))),)),
        "delivery_errors": Readings(absent="no log was read"),
        "profile": Profile(),
        "clock": SimpleNamespace(now=NOW),
        **changes,
    }


def failing(count: float = 5, reason: str = "clientError", **fields: Any) -> Tally:
    return Tally(**{"attempts": 5, "refused": count, "failures": {reason: count}, "last_failed": NOW - 30, **fields})


def test_notifications_that_arrived_pass_and_are_shown() -> None:
    verdict = judged(probe_delivery, **platform(replica()))
    assert (outcome(verdict), verdict.notes) == ("pass", [])
    assert verdict.exhibits[0].rows[0][1:] == ["slack", "10", "10", "0", "60 s ago", ""]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("clientError", "a webhook or token that was revoked"),
        ("authError", "a webhook or token that was revoked"),
        ("rateLimited", "HTTP 429"),
        ("requestError", "does not resolve"),
        ("fileReadError", "cannot be read"),
        ("serverError", "HTTP 5xx"),
        ("contextDeadlineExceeded", "does not resolve"),
        ("other", "was not reached"),
        ("new", "see the log"),
    ],
)
def test_everything_that_fails_is_critical_with_its_reason(reason: str, words: str) -> None:
    (finding,) = judged(probe_delivery, **platform(replica(failing(reason=reason)))).findings
    assert (finding.reason, finding.severity) == ("DeliveryFails", "critical")
    assert str(finding.subject) == "Alertmanager monitoring-dev/main"
    assert words in finding.cause
    assert f"5 × reason {reason}" in finding.cause
    assert "kubectl -n monitoring-dev get alertmanagers.monitoring.coreos.com main" in finding.fix
    assert "kubectl -n monitoring-dev logs alertmanager-main-0 --all-containers" in finding.fix


def test_one_without_the_operator_is_looked_at_through_its_pod() -> None:
    plain = (ONE[0], msgspec.structs.replace(ONE[1], custom=False))
    (finding,) = judged(probe_delivery, **platform(replica(failing()), servers=[plain])).findings
    assert "monitoring.coreos.com" not in finding.fix
    assert "$ kubectl -n monitoring-dev describe pod alertmanager-main-0" in finding.fix


def test_the_receiver_and_the_last_answer_are_quoted_where_the_log_could_be_read() -> None:
    said = [DeliveryError("slack-critical", "slack", "unexpected status code 403: invalid_token")]
    errors = Readings(((ONE[0], said),))
    (finding,) = judged(probe_delivery, **platform(replica(failing()), delivery_errors=errors)).findings
    assert 'Receiver "slack-critical" says: unexpected status code 403: invalid_token.' in finding.cause
    assert "of the receiver “slack-critical”" in finding.fix


def test_a_log_that_cannot_be_read_leaves_the_finding() -> None:
    verdict = judged(probe_delivery, **platform(replica(failing()), delivery_errors=Readings((), (refused("Pod"),))))
    assert reasons(verdict) == ["DeliveryFails"]
    assert "log of the replica" in verdict.findings[0].cause


def test_one_integration_that_fails_beside_one_that_delivers_is_an_error() -> None:
    verdict = judged(probe_delivery, **platform(replica(failing(), webhook=FINE), text=TO_BOTH))
    (finding,) = verdict.findings
    assert finding.severity == "error"


def test_two_integrations_that_both_fail_are_both_critical() -> None:
    verdict = judged(probe_delivery, **platform(replica(failing(), webhook=failing()), text=TO_BOTH))
    assert [one.severity for one in verdict.findings] == ["critical", "critical"]


def test_the_cause_is_that_of_what_failed_since_the_last_delivery() -> None:
    tally = Tally(9, 3, 6, {"clientError": 5.0, "other": 1.0}, NOW - 700, NOW - 30, {"other": 1.0})
    (finding,) = judged(probe_delivery, **platform(replica(tally))).findings
    assert "1 × reason other" in finding.cause
    assert "clientError" not in finding.cause


@pytest.mark.parametrize(("minutes", "found"), [(9, "SomeDeliveriesFail"), (11, "DeliveryFails")])
def test_a_delivery_that_stopped_a_while_ago_is_as_bad_as_one_that_never_was(minutes: int, found: str) -> None:
    tally = failing(delivered=20, last_delivered=NOW - minutes * 60)
    verdict = judged(probe_delivery, **platform(replica(tally)))
    assert reasons(verdict) == [found]


def test_some_failures_of_late_are_a_warning_and_most_of_all_an_error() -> None:
    some = failing(delivered=20, last_delivered=NOW - 20)
    most = failing(delivered=4, last_delivered=NOW - 20)
    assert judged(probe_delivery, **platform(replica(some))).findings[0].severity == "warning"
    (finding,) = judged(probe_delivery, **platform(replica(most))).findings
    assert finding.severity == "error"
    assert finding.problem.endswith("and others were delivered since.")


@pytest.mark.parametrize(
    "tally",
    [
        failing(1, delivered=3, last_delivered=NOW - 20),  # a single one, and others since
        failing(5, delivered=3, last_delivered=NOW - 20, last_failed=NOW - 601),
        Tally(attempts=4, delivered=4, refused=2, last_delivered=NOW - 20),  # repeated with success
    ],
)
def test_failures_that_are_over_and_attempts_that_were_repeated_are_only_noted(tally: Tally) -> None:
    verdict = judged(probe_delivery, **platform(replica(tally)))
    assert (outcome(verdict), verdict.findings, len(verdict.notes)) == ("pass", [], 1)


def test_silence_proves_nothing_and_says_what_was_suppressed() -> None:
    verdict = judged(probe_delivery, **platform(replica(Tally(), suppressed={"silence": 3.0})))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert "nothing was sent in the last 60 min (3 alerts were silenced" in verdict.unread[0].reason


def test_suppressed_alerts_beside_delivered_ones_are_fine() -> None:
    assert outcome(judged(probe_delivery, **platform(replica(suppressed={"silence": 3.0})))) == "pass"


def test_attempts_that_are_still_being_repeated_are_unchecked() -> None:
    verdict = judged(probe_delivery, **platform(replica(Tally(attempts=1, refused=4))))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])
    assert "being tried again" in verdict.unread[0].reason


def test_failures_without_a_request_come_from_one_too_old_to_count_them() -> None:
    verdict = judged(probe_delivery, **platform(replica(Tally(attempts=5, failures={"other": 5.0}, last_failed=NOW - 5))))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_the_standby_replica_need_not_send_anything() -> None:
    both = platform(replica(), replica(Tally(), pod=TWO[0].name), servers=(ONE, TWO))
    assert outcome(judged(probe_delivery, **both)) == "pass"


def test_a_replica_that_fails_while_another_delivers_is_named() -> None:
    both = platform(replica(), replica(failing(), pod=TWO[0].name), servers=(ONE, TWO))
    (finding,) = judged(probe_delivery, **both).findings
    assert (finding.reason, finding.severity) == ("SomeDeliveriesFail", "warning")
    assert "Only on alertmanager-main-1" in finding.cause


def test_a_replica_that_no_prometheus_scrapes_is_unchecked() -> None:
    both = platform(replica(), servers=(ONE, TWO))
    verdict = judged(probe_delivery, **both)
    assert outcome(verdict) == "inconclusive"
    assert verdict.unread[0].subject.name == "alertmanager-main-1"
    assert "no Prometheus has scraped" in verdict.unread[0].reason


def test_series_that_ended_a_while_ago_tell_nothing() -> None:
    assert outcome(judged(probe_delivery, **platform(replica(newest=NOW - 299)))) == "pass"
    assert outcome(judged(probe_delivery, **platform(replica(newest=NOW - 300)))) == "inconclusive"


def own(started: float = NOW - 600, **values: float) -> AlertmanagerMetrics:
    names = {
        "delivered": ("alertmanager_notification_requests_total", {}),
        "refused": ("alertmanager_notification_requests_failed_total", {}),
        "failed": ("alertmanager_notifications_failed_total", {"reason": "other"}),
        "interrupted": ("alertmanager_notifications_failed_total", {"reason": "contextCanceled"}),
        "attempts": ("alertmanager_notifications_total", {}),
    }
    return AlertmanagerMetrics(
        True, started, [Metric(names[key][0], {"integration": "slack", **names[key][1]}, value) for key, value in values.items()]
    )


def test_a_replica_younger_than_the_window_is_judged_by_its_own_counters() -> None:
    assert outcome(judged(probe_delivery, **platform(own=own(attempts=3, delivered=3)))) == "pass"
    assert reasons(judged(probe_delivery, **platform(own=own(attempts=3, delivered=3, refused=3, failed=3)))) == ["DeliveryFails"]
    old = own(NOW - 3601, attempts=3, delivered=3)
    assert outcome(judged(probe_delivery, **platform(own=old))) == "inconclusive"


def test_what_a_reload_interrupts_is_no_failure() -> None:
    assert outcome(judged(probe_delivery, **platform(own=own(attempts=3, delivered=4, refused=1, interrupted=1)))) == "pass"


def test_own_counters_that_cannot_tell_the_order_are_unchecked() -> None:
    verdict = judged(probe_delivery, **platform(own=own(attempts=3, delivered=3, refused=1, failed=1)))
    assert (outcome(verdict), verdict.findings) == ("inconclusive", [])


def test_a_configuration_without_an_integration_leaves_delivery_unproven() -> None:
    verdict = judged(probe_delivery, **platform(replica(), text=CHART))
    assert outcome(verdict) == "inconclusive"
    assert "no route ends at an integration" in verdict.unread[0].reason


@pytest.mark.parametrize("tally", [FINE, failing(), failing(delivered=9, last_delivered=NOW - 5), Tally()])
def test_what_cannot_be_read_is_never_health(tally: Tally) -> None:
    assert_blindness_is_no_health(probe_delivery, platform(replica(tally)))


# --- sources ----------------------------------------------------------------------------------------------------------


def series(name: str, *values: float, **labels: str) -> _Series:
    metric = {"__name__": f"alertmanager_notification{name}_total", "namespace": "monitoring-dev", "pod": "a-0", **labels}
    return _Series(metric, [(100.0 + 10 * index, str(value)) for index, value in enumerate(values)])


def test_rises_of_counters_become_deliveries_and_failures_with_their_times() -> None:
    (found,) = _replicas(
        [
            series("s", 5, 6, 7, 8, integration="slack"),
            series("_requests", 5, 6, 7, 9, integration="slack"),
            series("_requests_failed", 0, 0, 0, 2, integration="slack"),
            series("s_failed", 0, 0, 0, 1, integration="slack", reason="clientError"),
            series("s_failed", 0, 1, 1, 1, integration="slack", reason="contextCanceled"),
            series("s_suppressed", 0, 0, 2, 2, reason="silence"),
        ]
    )
    assert found.tallies["slack"] == Tally(3, 2, 2, {"clientError": 1}, 120.0, 130.0, {"clientError": 1})
    assert (found.suppressed, found.newest) == ({"silence": 2}, 130.0)


def test_a_counter_that_begins_anew_rose_by_what_it_shows() -> None:
    (found,) = _replicas([series("_requests", 50, 2, integration="slack"), series("s", 50, 2, integration="slack")])
    assert (found.tallies["slack"].attempts, found.tallies["slack"].delivered) == (2, 2)


def test_a_counter_that_is_no_number_is_unreadable() -> None:
    with pytest.raises(BadResponse):
        _replicas([series("s", 1, float("nan"), integration="slack")])


def test_the_log_names_receivers_and_answers_the_newest_first() -> None:
    lines = [
        'time=x level=WARN msg="Notify attempt failed, will retry later" component=dispatcher receiver=hook integration=webhook[0] err="no such host"',
        'time=x level=ERROR msg="Notify for alerts failed" num_alerts=1 err="slack/slack[0]: notify retry canceled: old"',
        'time=x level=ERROR msg="Notify for alerts failed" num_alerts=1 err="slack/slack[0]: channel \\"#a\\": unexpected status code 403: invalid_token"',
        'time=x level=INFO msg="Completed loading of configuration file"',
        'time=x level=ERROR msg="Notify for alerts failed" err="ns/team/chat/slack[1]: gone"',
    ]
    assert errors_of(lines) == [
        DeliveryError("ns/team/chat", "slack", "gone"),
        DeliveryError("slack", "slack", 'channel "#a": unexpected status code 403: invalid_token'),
        DeliveryError("hook", "webhook", "no such host"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        'level=ERROR msg="Notify for alerts failed" err="ops/opsgenie[0]: unexpected status code 422: {\\"errors\\":{\\"priority\\":\\"one of [ P1,',
        '{"level":"ERROR","msg":"Notify for alerts failed","err":"ops/opsgenie[0]: unexpected status code 422: {\\"errors\\":{\\"priority\\":\\"one of [ P1,',
    ],
)
def test_a_line_that_is_cut_within_the_answer_still_tells_it(line: str) -> None:
    assert errors_of([line]) == [DeliveryError("ops", "opsgenie", 'unexpected status code 422: {"errors":{"priority":"one of [ P1,')]


def test_a_replica_that_does_not_tell_of_its_reload_is_unreadable_there() -> None:
    found = alertmanager_reloads(Readings(((ONE[0], AlertmanagerMetrics(None, 1.0, [])), (TWO[0], AlertmanagerMetrics(True, 1.0, [])))))
    assert found.items == [True]
    assert found.unreadable[0].subject == ONE[0]


def test_a_log_that_is_silent_about_what_failed_is_said_not_to_tell() -> None:
    own_counters = own(attempts=1, refused=1, failed=1)
    pods = listing("Pod", [labelled(Pod, "monitoring-dev", ONE[0].name, spec={"containers": [{"name": "alertmanager", "image": "a"}]})])
    answer = SimpleNamespace(body=b"")
    cluster: Any = SimpleNamespace(log=lambda *_, **__: answer)
    found = delivery_errors(cluster, Readings((ONE,)), pods, Readings(), Readings(((ONE[0], own_counters),)), Profile())
    assert "says nothing" in found.unreadable[0].reason
    answer.body = b'2026-01-01T00:00:00Z level=ERROR msg="Notify for alerts failed" err="slack/slack[0]: gone"\n'
    assert delivery_errors(cluster, Readings((ONE,)), pods, Readings(), Readings(((ONE[0], own_counters),)), Profile()).items == [
        [DeliveryError("slack", "slack", "gone")]
    ]
    assert delivery_errors(cluster, Readings((ONE,)), pods, Readings(), Readings(((ONE[0], own()),)), Profile()).values == ()


@pytest.mark.parametrize(
    ("answer", "cause", "fix"),
    [
        ('unexpected status code 404: channel "#a": no_team', "does not know this webhook", "Create a new webhook"),
        ("unexpected status code 404: channel_not_found", "to this channel", "Correct `channel`"),
        ("Slack API error: invalid_auth", "refuses the token", "chat:write"),
        ("unexpected status code 400: invalid_blocks", "a template renders", "templates"),
        ("unexpected status code 429: rate_limited", "accepts no more for now", "group_interval"),
        ("unexpected status code 400: endpoint returned HTTP error 429", "accepts no more for now", "group_interval"),
        ('template: slack.tmpl:3:10: executing "x" at <.Y>: nil pointer', "cannot be rendered", "Correct the template"),
        ("telegram: Bad Request: chat not found (400)", "this chat", "chat_id"),
        ('Post "<redacted>": Proxy Authentication Required', "asks for credentials", "proxy_url"),
        ("unexpected status code 407: Proxy Authentication Required", "asks for credentials", "proxy_url"),
        ('Post "<redacted>": Forbidden', "proxy", "Let the proxy lead there"),
        ('Post "<redacted>": http: server gave HTTP response to HTTPS client', "speaks no TLS at this port", "http, or the port"),
        ("unexpected status code 400: Client sent an HTTP request to an HTTPS server.", "speaks TLS at this port", "https, or the port"),
        ('Post "hooks.example": unsupported protocol scheme ""', "no whole URL", "Put the whole URL"),
        ('Post "<redacted>": EOF', "ended without an answer", "closes the connection"),
        ("read tcp 10.0.0.3:4412->10.0.0.9:443: read: connection reset by peer", "ended without an answer", "closes the connection"),
        ("unexpected status code 302: <redacted>", "answers with another address", "page to log in"),
        ("unexpected status code 405: Request method 'POST' not supported", "takes no notification", "Correct the URL"),
        ("x509: certificate signed by unknown authority", "does not trust the certificate", "tls_config"),
        ("x509: certificate is valid for *.corp.example, not hooks.example", "made for another name", "Correct the host"),
        ("x509: cannot validate certificate for 10.0.0.9 because it doesn't contain any IP SANs", "made for another name", "server_name"),
        ("x509: certificate has expired or is not yet valid: current time …", "has expired", "renew its certificate"),
        ('template: :1:12: executing "" at <{{template "a" .}}>: template "a" not defined', "in none of the files", "under `templates`"),
        ("dial tcp: lookup hooks.example on 10.96.0.10:53: no such host", "does not resolve", "Correct the host"),
        ("dial tcp 10.0.0.9:80: connect: connection refused", "Nothing listens", "Correct the address"),
        ("dial tcp 10.0.0.9:443: i/o timeout", "No answer came in time", "egress"),
        ("unexpected status code 403: Forbidden", "refuses the credentials", "valid credentials"),
        ("unexpected status code 404: 404 page not found", "nothing at this address", "Correct the URL"),
        ("unexpected status code 422: no", "refuses what is sent", "what the answer names"),
        ("unexpected status code 502: bad gateway", "an error of its own", "nothing of the receiver is wrong"),
    ],
)
def test_the_answer_names_the_cause_and_its_own_fix(answer: str, cause: str, fix: str) -> None:
    errors = Readings(((ONE[0], [DeliveryError("team", "slack", answer)]),))
    (finding,) = judged(probe_delivery, **platform(replica(failing(reason="other")), delivery_errors=errors)).findings
    assert cause in finding.cause
    assert "was not reached" not in finding.cause
    assert "5 × reason other" in finding.cause
    assert fix in finding.fix
    assert "is changed at its source in Git" in finding.fix


@pytest.mark.parametrize(
    ("kind", "answer", "cause", "fix"),
    [
        ("email", "*smtp.plainAuth auth: 535 5.7.8 not accepted", "refuses the user or the password", "auth_username"),
        (
            "email",
            "*email.loginAuth auth: 535-5.7.8 Username and Password not accepted",
            "refuses the user or the password",
            "auth_username",
        ),
        ("email", "*smtp.plainAuth auth: 454 4.7.0 Temporary authentication failure", "takes nothing for now", "Wait"),
        ("email", "*smtp.plainAuth auth: unencrypted connection", "no password over a connection without TLS", "require_tls"),
        (
            "email",
            "*email.loginAuth auth: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            "turned off for it",
            "authenticated SMTP",
        ),
        ("email", "*smtp.plainAuth auth: 534 5.7.9 Application-specific password required", "second factor", "app password"),
        ("email", "'require_tls' is true (default) but \"h:25\" does not advertise the STARTTLS extension", "no STARTTLS", "smarthost"),
        ("email", "send MAIL command: 530 5.7.0 Must issue a STARTTLS command first", "takes nothing before STARTTLS", "require_tls"),
        ("email", "send MAIL command: 530 5.7.57 Client not authenticated to send mail", "has not logged in", "auth_username"),
        ("email", "find auth mechanism: unknown auth mechanism: XOAUTH2", "no way to log in", "relay"),
        ("email", "find auth mechanism: missing password for PLAIN auth mechanism", "no way to log in", "auth_password"),
        ("email", "send STARTTLS command: x509: certificate is valid for a, not b", "made for another name", "smarthost"),
        ("email", "establish TLS connection: tls: first record does not look like a TLS handshake", "from the first byte", "465"),
        ("email", "send RCPT command: 554 5.7.1 <a@b.example>: Relay access denied", "does not relay", "auth_username"),
        ("email", "send RCPT command: 550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "does not relay", "`to`"),
        ("email", "send MAIL command: 553 5.7.1 <a@b.example>: Sender address rejected: not owned by user c", "from this sender", "`from`"),
        ("email", "delivery failure: 554 Message rejected: Email address is not verified.", "from this sender", "`from`"),
        ("email", "send RCPT command: 550 5.1.1 <x@b.example>: User unknown", "for this recipient.", "`to`"),
        ("email", "send RCPT command: 450 4.2.0 Recipient address rejected: Greylisted", "takes nothing for now", "Wait"),
        ("email", "delivery failure: 554 5.7.1 refused by policy", "from this sender, or for this recipient", "`from`"),
        ("email", "establish connection to server: dial tcp: lookup smtp.example: no such host", "does not resolve", "Correct the host"),
        ("msteams", "unexpected status code 410: Gone", "connector was removed", "msteamsv2_configs"),
        ("msteams", "unexpected status code 404: Connector configuration not found", "ended this webhook", "msteamsv2_configs"),
        ("msteamsv2", "unexpected status code 401: DirectApiAuthorizationRequired", "refuses the signature", "all of it"),
        ("msteamsv2", "unexpected status code 403: <redacted>", "Teams refuses the URL", "let anyone start it"),
        (
            "msteamsv2",
            "unexpected status code 400: WorkflowTriggerIsNotEnabled: trigger is not enabled",
            "turned off",
            "Turn the workflow on",
        ),
        ("msteamsv2", "unexpected status code 404: The workflow 'x' could not be found", "was deleted", "Create it again"),
        ("webhook", "unexpected status code 400: Summary or Text is required.", "the form of what is sent", "msteamsv2_configs"),
        ("pagerduty", "unexpected status code 400: 'routing_key' is invalid", "its key is not that", "integration key"),
        (
            "pagerduty",
            "Event object is invalid: Length of 'routing_key' is incorrect (should be 32 characters)",
            "its key is",
            "integration key",
        ),
        ("pagerduty", "Event object is invalid: 'severity' is invalid (must be one of critical, error)", "a field of it", "severity"),
        ("pagerduty", "unexpected status code 400: Event object is invalid", "its key, or a field of it", "integration key"),
        ("pagerduty", "unexpected status code 429: rate limited", "accepts no more for now", "group_interval"),
        ("opsgenie", 'unexpected status code 422: {"message":"Key format is not valid!"}', "refuses the key", "api.eu.opsgenie.com"),
        ("opsgenie", 'unexpected status code 403: {"message":"To perform this action, use an API key from"}', "refuses the key", "api_key"),
        ("opsgenie", "unexpected status code 422: Request body is not processable.", "a field of the alert", "P1 to P5"),
        ("telegram", "telegram: Unauthorized (401)", "bot's token", "bot_token"),
        ("telegram", "telegram: Bad Request: can't parse entities: Unsupported start tag (400)", "this parse_mode", "escape"),
        ("telegram", "telegram: Bad Request: group chat was upgraded to a supergroup chat (400)", "another id", "chat_id"),
        ("telegram", "telegram: Bad Request: message is too long (400)", "longer than it takes", "Shorten"),
        (
            "telegram",
            "telegram: Bad Request: not enough rights to send text messages to the chat (400)",
            "has no right to",
            "right to write",
        ),
        ("discord", 'unexpected status code 404: {"message": "Unknown Webhook", "code": 10015}', "Discord does not know", "new webhook"),
        ("discord", 'unexpected status code 400: {"embeds": ["0"]}', "empty, or longer", "Shorten"),
        ("pushover", "unexpected status code 400: application token is invalid", "Pushover does not know", "user_key"),
        ("pushover", "user identifier is not a valid user, group, or subscribed user key", "Pushover does not know", "user_key"),
        ("sns", "InvalidClientTokenId: The security token included in the request is invalid", "AWS refuses", "sns:Publish"),
    ],
)
def test_each_integration_has_answers_of_its_own(kind: str, answer: str, cause: str, fix: str) -> None:
    row = row_of(answer, kind)
    assert row is not None
    assert cause in row.cause
    assert fix in row.fix


@pytest.mark.parametrize(
    ("kind", "answer", "cause"),
    [
        ("webhook", "dial tcp: lookup relay.example on 10.96.0.10:53: no such host", "does not resolve"),
        ("webhook", "unexpected status code 404: 550 pages", "nothing at this address"),
        ("webhook", "unexpected status code 401: no", "refuses the credentials"),
        ("", "unexpected status code 404: no", "nothing at this address"),
        ("slack", "unexpected status code 410: gone", "nothing at this address"),
    ],
)
def test_what_only_some_integrations_mean_by_an_answer_is_not_said_of_others(kind: str, answer: str, cause: str) -> None:
    row = row_of(answer, kind)
    assert row is not None
    assert cause in row.cause
    assert not row.kinds


def test_an_answer_that_is_not_known_names_no_cause_of_its_own() -> None:
    errors = Readings(((ONE[0], [DeliveryError("team", "slack", "something new")]),))
    (finding,) = judged(probe_delivery, **platform(replica(failing()), delivery_errors=errors)).findings
    assert "a webhook or token that was revoked" in finding.cause
    assert "Correct the address or the credentials" in finding.fix
