"""What the answer to a notification says of why it failed, and what to change for just that.

Answers are those of mail servers and of the services that Alertmanager has an integration for; errors are those of Go's net, net/smtp
and crypto packages, as Alertmanager's log has them. One that is not in the table names no cause: it is shown as it is.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours


class Row(NamedTuple):
    """`answer` is searched in what was logged of a notification. Where only some integrations mean this by it, `kinds` names them."""

    answer: Pattern
    cause: str
    fix: str
    kinds: frozenset[str] = frozenset()


MAIL = frozenset({"email"})
TEAMS = frozenset({"msteams", "msteamsv2"})
PAGERDUTY = frozenset({"pagerduty"})
OPSGENIE = frozenset({"opsgenie"})
TELEGRAM = frozenset({"telegram"})
DISCORD = frozenset({"discord"})
PUSHOVER = frozenset({"pushover"})
SNS = frozenset({"sns"})

TABLE = (
    Row(
        ours(r"template \\?\"[^\"]{1,200}\" not defined"),
        "A template that the receiver names is in none of the files that Alertmanager loads.",
        "List the file that defines it under `templates`, by its path in Alertmanager's pod: templateFiles of kube-prometheus-stack are in "
        "/etc/alertmanager/config, and a ConfigMap of spec.configMaps is in /etc/alertmanager/configmaps. Or correct its name.",
    ),
    Row(
        ours(r"template: |executing \"|function \"\w+\" not defined"),
        "A template of the receiver cannot be rendered.",
        "Correct the template that the message names, or the field of the receiver that uses it.",
    ),
    Row(
        ours(r"(?i)\b429\b|rate_?limited|too many requests"),
        "The other side accepts no more for now.",
        "Send less: widen group_by, and raise group_interval and repeat_interval of the route.",
    ),
    Row(
        ours(r"no_team|no_service|no_active_hooks|invalid_token|team_disabled|action_prohibited"),
        "Slack does not know this webhook: its URL is not whole, or the webhook, its app or its workspace was removed.",
        "Create a new webhook in Slack, and put its URL where the receiver has api_url or api_url_file.",
    ),
    Row(
        ours(r"channel_not_found|channel_is_archived|is_archived|not_in_channel|posting_to_general"),
        "Slack does not let it write to this channel: it was renamed or archived, or is private and the app is no member.",
        "Correct `channel` of the receiver, or invite the app to the channel.",
    ),
    Row(
        ours(r"invalid_auth|not_authed|token_revoked|token_expired|account_inactive|missing_scope"),
        "Slack refuses the token: it was revoked or mistyped, or its app may not write messages.",
        "Put a valid token of an app with the scope chat:write where the receiver has its credentials.",
    ),
    Row(
        ours(r"invalid_(?:payload|blocks|attachments|arguments)|no_text|too_many_attachments|msg_too_long"),
        "Slack refuses what is sent: a template renders text that is empty, too long, or not valid there.",
        "Correct the title, text, fields and actions of the receiver, and try their templates with an alert that lacks a label.",
    ),
    Row(
        ours(r"(?i)(?:MAIL|RCPT|DATA) command: 4\d\d\b|(?:Auth auth|delivery failure): 4\d\d\b|greylist"),
        "The mail server takes nothing for now: it tries senders by letting them wait, or has had too many mails or connections.",
        "Wait, as it is tried again. If it stays, let the mail server take mail from Alertmanager's address, or send less.",
        MAIL,
    ),
    Row(
        ours(r"unencrypted connection"),
        "Alertmanager sends no password over a connection without TLS, and require_tls is false.",
        "Set require_tls of the receiver to true, with a port of smarthost that has STARTTLS (587), or 465.",
        MAIL,
    ),
    Row(
        ours(r"SmtpClientAuthentication is disabled|5\.7\.139"),
        "The mail server does not let this mailbox log in by SMTP: it is turned off for it, or for the whole tenant.",
        "Let the tenant allow authenticated SMTP for this mailbox, or send through a relay that takes mail from Alertmanager.",
        MAIL,
    ),
    Row(
        ours(r"(?i)\b534\b|application-specific password"),
        "The mail server does not take the mailbox's own password, since it has a second factor.",
        "Put an app password where the receiver has auth_password.",
        MAIL,
    ),
    Row(
        ours(r"(?i)\b535\b|5\.7\.8|BadCredentials|authentication (?:failed|unsuccessful)|Auth auth: 5\d\d"),
        "The mail server refuses the user or the password.",
        "Correct auth_username and auth_password of the receiver. A mailbox with a second factor needs an app password.",
        MAIL,
    ),
    Row(
        ours(r"does not advertise the STARTTLS"),
        "The mail server offers no STARTTLS on this port, and require_tls asks for it.",
        "Correct the port of smarthost, such as to 587. Only in a network that is trusted, set require_tls to false.",
        MAIL,
    ),
    Row(
        ours(r"(?i)must issue a STARTTLS|5\.7\.0 .{0,20}STARTTLS|encryption required"),
        "The mail server takes nothing before STARTTLS, and require_tls is false.",
        "Set require_tls of the receiver to true.",
        MAIL,
    ),
    Row(
        ours(r"(?i)(?:MAIL|RCPT|DATA) command: 530\b|5\.7\.57|authentication (?:is )?required|not authenticated"),
        "The mail server takes nothing from who has not logged in, and the receiver did not.",
        "Set auth_username and auth_password of the receiver, or let the mail server take mail from Alertmanager's address.",
        MAIL,
    ),
    Row(
        ours(r"(?i)find auth mechanism|unknown auth mechanism|missing (?:password|username|secret) for"),
        "The receiver and the mail server have no way to log in in common: a credential is missing, or Alertmanager has no such way.",
        "Give the receiver auth_username and auth_password, or auth_secret where the server wants CRAM-MD5. If the server takes none of "
        "these, such as only XOAUTH2, send through a relay that does.",
        MAIL,
    ),
    Row(
        ours(r"(?i)first record does not look like a TLS handshake"),
        "One side speaks TLS from the first byte, and the other does not: the port is that of the other way.",
        "Correct the port of smarthost: 465 is TLS from the first byte, 587 and 25 begin without.",
        MAIL,
    ),
    Row(
        ours(r"(?i)relay(?:ing)? (?:access )?denied|unable to relay|not permitted to relay|relay not permitted|5\.7\.54"),
        "The mail server does not relay to this recipient: it does so only for who has logged in, or from addresses that it knows.",
        "Let the receiver log in (auth_username, auth_password), let the mail server relay from Alertmanager's address, or correct `to`.",
        MAIL,
    ),
    Row(
        ours(r"(?i)MAIL command: 5\d\d|sender (?:address )?rejected|not owned by user|Email address is not verified|SendAsDenied"),
        "The mail server does not take mail from this sender: the user that logs in may not send as `from`.",
        "Correct `from` of the receiver, or let the mail server have that user send as it.",
        MAIL,
    ),
    Row(
        ours(r"(?i)RCPT command: 5\d\d|user unknown|recipient (?:address )?rejected|no such user|mailbox unavailable"),
        "The mail server does not take mail for this recipient.",
        "Correct `to` of the receiver, or let the mail server take mail for it from Alertmanager.",
        MAIL,
    ),
    Row(
        ours(r"(?i)\b55[0-4] |5\.7\.1\b"),
        "The mail server does not take mail from this sender, or for this recipient.",
        "Correct `from` and `to` of the receiver, or let the mail server take mail from Alertmanager.",
        MAIL,
    ),
    Row(
        ours(
            r"(?i)connectors? .{0,40}(?:retired|deprecated|disabled)|connector configuration not found|webhook .{0,20}(?:not found|removed)"
        ),
        "Microsoft Teams has ended this webhook: it was of a connector, which Microsoft retires, or was removed.",
        "Create a workflow in Teams that posts what a webhook receives, and put its URL where an msteamsv2_configs entry has webhook_url.",
        TEAMS,
    ),
    Row(
        ours(r"(?i)DirectApiAuthorizationRequired|AuthorizationFailed|SAS ?(?:token|signature)|SecurityTokenMissing"),
        "The workflow of Teams refuses the signature of its URL: that is not whole (it ends in `sig=`), or was replaced by a new one.",
        "Copy the URL of the workflow again, all of it, and put it where the receiver has webhook_url or webhook_url_file.",
        TEAMS | {"webhook"},
    ),
    Row(
        ours(r"(?i)WorkflowTriggerIsNotEnabled|trigger is not enabled|with state '(?:Disabled|Suspended)'"),
        "The workflow of Teams is turned off, by hand or since its owner left.",
        "Turn the workflow on again, with an owner who stays.",
        TEAMS | {"webhook"},
    ),
    Row(
        ours(r"(?i)WorkflowNotFound|workflow .{0,80}(?:could not be|not) found"),
        "The workflow of Teams was deleted.",
        "Create it again, and put its URL where the receiver has webhook_url or webhook_url_file.",
        TEAMS | {"webhook"},
    ),
    Row(
        ours(r"(?i)Summary or Text is required|TriggerInputSchemaMismatch|Bad payload received"),
        "Teams refuses the form of what is sent: a connector takes another one than a workflow, and neither takes a plain webhook's.",
        "Use msteamsv2_configs for a workflow's URL, and msteams_configs for a connector's; see that the title and text are not empty.",
        TEAMS | {"webhook"},
    ),
    Row(
        ours(r"status code 4(?:04|10)"),
        "Teams has nothing at this address: the workflow or connector was removed (Microsoft retires connectors), or its URL is not whole.",
        "Create a workflow in Teams that posts what a webhook receives, and put its URL where an msteamsv2_configs entry has webhook_url.",
        TEAMS,
    ),
    Row(
        ours(r"status code 40[13]"),
        "Teams refuses the URL: its signature is not whole, or the workflow may be started by certain people only.",
        "Copy the URL of the workflow again, all of it, and let anyone start it who has that URL.",
        TEAMS,
    ),
    Row(
        ours(r"(?i)(?:routing|service)_key|invalid[_ ](?:routing )?key"),
        "PagerDuty refuses the event: its key is not that of an integration with the Events API.",
        "Put the integration key of the service where the receiver has routing_key or service_key.",
        PAGERDUTY,
    ),
    Row(
        ours(r"(?i)must be one of|length of '|is too (?:long|large)|exceeds? the (?:maximum|max)|status code 413"),
        "PagerDuty refuses the event: a field of it is too long, or has a value that is not allowed.",
        "Correct the field that the answer names (description, severity, details) in the receiver.",
        PAGERDUTY,
    ),
    Row(
        ours(r"(?i)event object is invalid"),
        "PagerDuty refuses the event: its key, or a field of it, is not valid.",
        "See that the receiver has the integration key of the service (routing_key or service_key), and that its templates render a text.",
        PAGERDUTY,
    ),
    Row(
        ours(r"(?i)key format is not valid|could not authenticate|use an API key from an API integration|status code 40[13]"),
        "Opsgenie refuses the key: it is mistyped, of another kind of integration, or of an account in the other region.",
        "Put the key of an API or Prometheus integration where the receiver has api_key; for an account in the EU, set api_url to "
        "https://api.eu.opsgenie.com/.",
        OPSGENIE,
    ),
    Row(
        ours(r"(?i)not processable|status code 422"),
        "Opsgenie refuses a field of the alert, that which its answer names.",
        "Correct that field in the receiver: priority is P1 to P5, responders have a type, and message is not empty.",
        OPSGENIE,
    ),
    Row(
        ours(r"(?i)Unauthorized|status code 401|\(401\)|Not Found \(404\)"),
        "Telegram does not know the bot's token.",
        "Put the token that BotFather shows where the receiver has bot_token or bot_token_file.",
        TELEGRAM,
    ),
    Row(
        ours(r"(?i)can't parse entities"),
        "Telegram cannot read the message in this parse_mode: it holds a character that is taken for markup, or was cut off within markup.",
        "Let the template escape what it puts in, or set parse_mode to an empty string.",
        TELEGRAM,
    ),
    Row(
        ours(r"(?i)upgraded to a supergroup|migrate_to_chat_id"),
        "The group of Telegram became a supergroup, which has another id.",
        "Put its new id, which begins with -100, where the receiver has chat_id.",
        TELEGRAM,
    ),
    Row(
        ours(r"(?i)not enough rights|have no rights|need administrator rights|thread not found|TOPIC_CLOSED"),
        "Telegram does not let the bot write there: it has no right to, or the topic is gone.",
        "Give the bot the right to write in the chat, or correct message_thread_id.",
        TELEGRAM,
    ),
    Row(
        ours(r"(?i)message is too long|message text is empty"),
        "Telegram refuses a message that is empty, or longer than it takes.",
        "Shorten the message of the receiver, or group alerts in smaller groups.",
        TELEGRAM,
    ),
    Row(
        ours(r"(?i)Unknown Webhook|Invalid Webhook Token|status code 40[14]"),
        "Discord does not know this webhook: it was deleted, or its URL is not whole.",
        "Create a new webhook in the channel's settings, and put its URL where the receiver has webhook_url.",
        DISCORD,
    ),
    Row(
        ours(r"(?i)or fewer in length|\bembeds\b|Cannot send an empty message|status code 400"),
        "Discord refuses what is sent: a text that is empty, or longer than it takes.",
        "Shorten the title and message of the receiver, and see that their templates render a text.",
        DISCORD,
    ),
    Row(
        ours(r"(?i)application token is invalid|user identifier is (?:not|invalid)|user key is invalid"),
        "Pushover does not know the application or the user.",
        "Put the application's key where the receiver has token, and the user's or group's where it has user_key.",
        PUSHOVER,
    ),
    Row(
        ours(r"(?i)monthly message limit"),
        "The application has sent what Pushover allows it in a month.",
        "Send less: raise repeat_interval of the route. Or buy more messages.",
        PUSHOVER,
    ),
    Row(
        ours(r"InvalidClientTokenId|SignatureDoesNotMatch|AuthorizationError|not authorized to perform|NoCredentialProviders|ExpiredToken"),
        "AWS refuses Alertmanager's credentials, or these may not publish to the topic.",
        "Let the role of Alertmanager's ServiceAccount, or the keys in sigv4 of the receiver, have sns:Publish for the topic.",
        SNS,
    ),
    Row(
        ours(r"(?i)chat not found|bot was (?:blocked|kicked)"),
        "Telegram does not let the bot write to this chat.",
        "Correct chat_id of the receiver, or add the bot to the chat.",
    ),
    Row(
        ours(r"(?i)certificate is (?:not )?valid for|IP SANs|not valid for any names|cannot validate certificate for"),
        "The certificate that answers is made for another name than the receiver's address has: the address is not that of this server, or "
        "something else answers for it, such as a proxy, or a wildcard in a search domain of DNS.",
        "Correct the host that the receiver names (its URL, or smarthost) to a name that the certificate has. Where the host is right, see "
        "to what it resolves in Alertmanager's pod. Where that certificate is meant, set server_name in tls_config of the receiver.",
    ),
    Row(
        ours(r"(?i)certificate has expired|not yet valid"),
        "The certificate of the other side, or of a proxy before it, has expired or is not valid yet, or a clock is wrong: the answer has "
        "both times.",
        "Let the other side renew its certificate, or correct the clock of Alertmanager's node.",
    ),
    Row(
        ours(r"(?i)x509|certificate"),
        "Alertmanager does not trust the certificate of the other side, or of a proxy that stands before it.",
        "Give http_config.tls_config (of mail, tls_config) of the receiver the CA that signed it, or let the other side renew it.",
    ),
    Row(
        ours(r"(?i)proxy authentication required|status code 407"),
        "The proxy that Alertmanager is to use asks for credentials.",
        "Put a user and a password into proxy_url of the receiver's http_config, or let the proxy take what comes from Alertmanager.",
    ),
    Row(
        ours(r"(?:Post|Get) \S+: (?:Forbidden|Bad Gateway|Service Unavailable|Gateway Timeout)\b"),
        "The proxy that Alertmanager is to use does not lead to this host: it forbids it, or does not reach it.",
        "Let the proxy lead there, or take proxy_url out of the receiver's http_config where the host is reached without.",
    ),
    Row(
        ours(r"(?i)proxyconnect"),
        "The proxy that Alertmanager is to use does not let it through.",
        "Correct proxy_url of the receiver's http_config, or the proxy.",
    ),
    Row(
        ours(r"(?i)server gave HTTP response to HTTPS client|first record does not look like a TLS handshake"),
        "The other side speaks no TLS at this port, and the receiver's address begins with https.",
        "Correct the address that the receiver names: http, or the port that speaks TLS.",
    ),
    Row(
        ours(r"(?i)malformed HTTP response|HTTP request to an HTTPS server|HTTP request was sent to HTTPS port"),
        "The other side speaks TLS at this port, and the receiver's address begins with http.",
        "Correct the address that the receiver names: https, or the port that speaks no TLS.",
    ),
    Row(
        ours(r"(?i)unsupported protocol scheme|missing protocol scheme|no Host in request URL"),
        "The address that the receiver names is no whole URL, such as one that is empty or without https://.",
        "Put the whole URL where the receiver has it.",
    ),
    Row(
        ours(r"(?i)no such host|server misbehaving|name resolution|lookup .*(?:timeout|refused)"),
        "The name of the other side does not resolve.",
        "Correct the host that the receiver names. Where it is right, let Alertmanager's pods resolve it (CoreDNS, policies of port 53).",
    ),
    Row(
        ours(r"(?i)connection refused"),
        "Nothing listens at the address and port of the other side.",
        "Correct the address that the receiver names, or let what should listen there run.",
    ),
    Row(
        ours(r"(?i)connection reset by peer|broken pipe|: EOF\b|unexpected EOF"),
        "The connection ended without an answer: the other side, a proxy or a firewall closed it.",
        "See in the log of the other side, or of what stands before it, why it closes the connection.",
    ),
    Row(
        ours(r"(?i)i/o timeout|deadline exceeded|timed out|no route to host|network is unreachable|Client\.Timeout"),
        "No answer came in time: a network policy, a firewall or a proxy is in the way, or the other side is slow.",
        "Let Alertmanager's pods reach the other side: their egress policy, the firewall, or proxy_url of the receiver's http_config.",
    ),
    Row(
        ours(r"(?i)status code 40[13]|unauthori[sz]ed|forbidden|could not authenticate|access denied"),
        "The other side refuses the credentials.",
        "Put valid credentials where the receiver has them.",
    ),
    Row(
        ours(r"status code 30\d"),
        "The other side answers with another address: the URL is an old one, or leads to a page to log in.",
        "Put the URL that it leads to where the receiver has it, if that is not a page to log in.",
    ),
    Row(
        ours(r"status code 405"),
        "What is at this address takes no notification: it is that of a page, or lacks its path.",
        "Correct the URL that the receiver names.",
    ),
    Row(
        ours(r"status code 4(?:04|10)"),
        "The other side has nothing at this address: the URL is wrong, or what it led to was removed.",
        "Correct the URL that the receiver names.",
    ),
    Row(
        ours(r"status code 4\d\d"),
        "The other side refuses what is sent.",
        "Correct in the receiver what the answer names.",
    ),
    Row(
        ours(r"status code 5\d\d"),
        "The other side answers with an error of its own.",
        "Repair the other side; nothing of the receiver is wrong.",
    ),
)


def row_of(answer: str, kind: str) -> Row | None:
    """The cause that an answer to an integration of this kind names; None where it names none that is known."""
    return next((one for one in TABLE if (not one.kinds or kind in one.kinds) and one.answer.search(answer)), None)
