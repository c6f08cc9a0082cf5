"""What the answer to a notification says of why it failed, and what to change for just that.

Answers are those of Slack, Microsoft Teams, PagerDuty, Telegram and mail servers; errors are those of Go's net and crypto packages,
as Alertmanager's log has them. One that is not in the table names no cause: it is shown as it is.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterprobe.patterns import Pattern, ours


class Row(NamedTuple):
    """`answer` is searched in what was logged of a notification."""

    answer: Pattern
    cause: str
    fix: str


TABLE = (
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
        ours(r"(?i)\b535\b|5\.7\.8|BadCredentials|authentication (?:failed|unsuccessful)|plainAuth auth|loginAuth auth"),
        "The mail server refuses the user or the password.",
        "Correct auth_username and auth_password of the receiver. A mailbox with a second factor needs an app password.",
    ),
    Row(
        ours(r"STARTTLS"),
        "The mail server offers no STARTTLS on this port, and require_tls asks for it.",
        "Correct the port of smarthost, such as to 587. Only in a network that is trusted, set require_tls to false.",
    ),
    Row(
        ours(r"(?i)relay|\b55[0-4] |5\.7\.1\b|sender (?:address )?rejected"),
        "The mail server does not take mail from this sender, or for this recipient.",
        "Correct `from` and `to` of the receiver, or let the mail server take mail from Alertmanager.",
    ),
    Row(
        ours(r"(?i)routing_key|service_key|invalid_key|event object is invalid"),
        "PagerDuty refuses the event: its key is not that of an integration with the Events API.",
        "Put the integration key of the service where the receiver has routing_key or service_key.",
    ),
    Row(
        ours(r"(?i)chat not found|bot was (?:blocked|kicked)"),
        "Telegram does not let the bot write to this chat.",
        "Correct chat_id of the receiver, or add the bot to the chat.",
    ),
    Row(
        ours(r"(?i)x509|certificate"),
        "Alertmanager does not trust the certificate of the other side, or of a proxy that stands before it.",
        "Give http_config.tls_config (of mail, tls_config) of the receiver the CA that signed it, or let the other side renew it.",
    ),
    Row(
        ours(r"(?i)proxyconnect"),
        "The proxy that Alertmanager is to use does not let it through.",
        "Correct proxy_url of the receiver's http_config, or the proxy.",
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


def row_of(answer: str) -> Row | None:
    """The cause that an answer names; None where it names none that is known."""
    return next((one for one in TABLE if one.answer.search(answer)), None)
