"""Which keys announce a secret, and which values under them are none.

A key is judged by its words, without case, `_`, `-` and `.`: `DB_PASS`, `dbPass` and `db.pass` are one. What follows the telling
word may take it back: `password_file` is a path, `tokenExpirationSeconds` a number, `secretName` a name.
"""

from __future__ import annotations

import enum
from functools import lru_cache

from clusterprobe.redaction.canonical import pattern
from clusterprobe.redaction.looks import random

MASK = "[redacted]"


class Key(enum.Enum):
    """What a key says of its value."""

    PLAIN = enum.auto()
    SECRET = enum.auto()
    PHRASE = enum.auto()  # a secret that may have blanks in it
    NAME = enum.auto()  # the name of a Secret, unless it does not look like one
    WEAK = enum.auto()  # a secret only if it looks like one
    ADDRESS = enum.auto()  # a secret only if it is a URL of elsewhere
    HEADER = enum.auto()  # `Authorization`, `Cookie`: everything up to the end of the line


# In every telling key is one of these; the pattern that looks for keys needs no more. The last ones: contraseña (whose ñ may be two
# characters), пароль, 密码, 密碼, 口令, パスワード, hasło, şifre, lösenord, jelszó, 비밀번호, 암호.
STEMS = (
    "pass|pwd|psw|secret|token|key|cred|auth|sig|dsn|jwt|otp|cookie|sess|sid|webhook|hook|bearer|conn|sas|pin|salt|seed|mnemonic|code|pat|"
    "url|nonce|licen[sc]e|stringdata|dockerconfig|dockercfg|hmac|unseal|pw|sak|assertion|kennwort|senha|"
    r"securejsondata|crumb|psk|heslo|haslo|wachtwoord|salasana|lozinka|sifre|parola|art-api|honeycomb-team|sonar\.login|"
    r"contrase(?:\xc3\xb1|n\xcc\x83|n)a|\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c|\xe5\xaf\x86\xe7\xa0\x81|\xe5\xaf\x86\xe7\xa2\xbc|\xe5\x8f\xa3\xe4\xbb\xa4|"
    r"\xe3\x83\x91\xe3\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x89|has\xc5\x82o|\xc5\x9fifre|l\xc3\xb6senord|jelsz\xc3\xb3|"
    r"\xeb\xb9\x84\xeb\xb0\x80\xeb\xb2\x88\xed\x98\xb8|\xec\x95\x94\xed\x98\xb8"
)
# Keys of two words: `API Key: …`, `Unseal Key 1: …`, `2FA code: …`.
WORDS = (
    r"(?:api|access|secret|private|unseal|encryption|signing|recovery|master|license|account|shared|security|ssh|root) key(?: \d{1,2})?|"
    r"(?:2fa|mfa|otp|verification|security|access|login) code|mot de passe"
)

_PHRASES = tuple(
    """
password passwd passphrase passcode passwort mnemonic seedphrase pwd psw pswd
""".split()  # noqa: SIM905 - a table
)
_INSIDE = tuple(
    """
password passwd passphrase secret token apikey accesskey privatekey credential connectionstring sharedaccess dockerconfigjson dockercfg
stringdata securejsondata clientkeydata
""".split()  # noqa: SIM905 - a table
)
_ENDS = tuple(
    """
pass connstr connectionuri cred creds signature jwt dsn totp sessionid sessid bearer userpw assertion 2facode mfacode otpcode
verificationcode securitycode accesscode logincode motdepasse kennwort senha heslo haslo wachtwoord salasana lozinka sifre parola contrasena
authident aspxauth jfrogartapi honeycombteam bindpw rootpw authtok
""".split()  # noqa: SIM905 - a table
)
_NO_PASS = ("bypass", "compass", "trespass", "surpass", "encompass", "overpass", "underpass", "multipass", "onepass")
_WORDS = frozenset(
    {"auth", "pin", "sig", "otp", "sas", "pw", "pat", "masterauth", "requirepass", "dbauth", "redisauth", "hmac", "sak", "psk"}
)
_KEYS = r"""
api access private secret auth signing sign encryption encrypt decryption fernet routing integration service account ssh shared storage
master license hmac crypto cipher aes rsa app application client consumer subscription deploy deployment write ingest ingestion
instrumentation function primary secondary session webhook sas gpg pgp age jwt jwk unseal recovery bot admin root host tls ssl user data
project datadog newrelic honeycomb sendgrid mailgun stripe openai anthropic hf wandb sentry grafana loki opsgenie pagerduty victorops
splunk twilio slack github gitlab azure aws gcp s3 minio pushover telegram elastic dd og pd stream read preshared
""".split()  # noqa: SIM905 - a table
_KEY_ENDS = tuple(f"{one}key" for one in _KEYS) + tuple(
    f"{one}keys" for one in ("api", "access", "private", "secret", "account", "authorized")
)
_WEAK = tuple(
    """
key salt seed pin nonce code session sid tokens secrets hash license licence pat token2 sonarlogin crumb
""".split()  # noqa: SIM905 - a table
)
_HEADERS = ("authorization", "cookie", "cookies", "setcookie", "cookie2")
_ADDRESSES = tuple(
    """
webhook webhookurl webhookuri hookurl heartbeaturl pingurl pushurl slackurl slackapiurl callbackurl incomingurl webhooks webhookendpoint
""".split()  # noqa: SIM905 - a table
)

# What comes after the telling word and says that the value is something else.
_OTHERWISE = r"""
file files path paths dir name names ref refs env field namespace store stores controller type kind class method mode policy provider
issuer audience ttl expiry expiration expires lifetime seconds minutes timeout interval period count total number size length len limit
enabled disabled required supported version algorithm format status state url uri endpoint endpoints host port rotation review reviews
request requests manager operator engine server service volume generator error errors missing label labels source sources selector
prefix suffix provisioner validation validator rotated created updated refresh usage budget bucket index controllers namespaces template
accounts map maps header headers signer csi driver syncer reflector mount mounts mountpath identifier reviewer encryption
""".split()  # noqa: SIM905 - a table
_OTHERWISE_ENDS = tuple(one for one in _OTHERWISE if len(one) > 2)
_NAMES = r"""
config configfrom existing tls ssl pull cert certificate credentials credential from sealed external k8s kube kubernetes ca ingress
registry generated additional source target default server image imagepull values basicauth objects
""".split()  # noqa: SIM905 - a table
_NAME_ENDS = tuple(f"{one}secret" for one in _NAMES) + tuple(f"{one}secrets" for one in _NAMES)

# The first that fits counts.
_BY_END = (
    (_HEADERS, Key.HEADER),
    (_ADDRESSES, Key.ADDRESS),
    (_NAME_ENDS, Key.NAME),
    (_PHRASES, Key.PHRASE),
    (("tokens", "secrets", "credentials"), Key.WEAK),  # in prose: `no credentials: …`
    (("sessionid", "sessid"), Key.SECRET),
)
_DOMAIN = pattern(r"[a-z0-9.-]+\.[a-z]{2,10}")
# Annotations of these, which name Secrets.
_OF_INGRESSES = pattern(r"(?:[\w.-]*\.)?(?:ingress\.kubernetes\.io|haproxy\.org|traefik\.io|cert-manager\.io)")
# What says whether a Secret has changed, and not what is in it; but the hash of a password is worth something.
_OF_A_DIGEST = pattern(r"(?i)[\w.-]*(?:checksum|hash|sha(?:1|256|512)|digest)/|checksum")
_DIGESTS = ("checksum", "secrethash", "secretshash", "secretsha", "secretdigest", "confighash")
_SPLIT = pattern(r"[^A-Za-z0-9]+")
_DIGITS_OR_END = b"0123456789"


@lru_cache(maxsize=8192)
def kind_of(key: bytes) -> Key:
    """What a key announces, judged by its last words."""
    if not key.isascii():
        return Key.PHRASE
    domain, slash, rest = key.rpartition(b"/")
    if slash and _DOMAIN.fullmatch(domain):  # of an annotation, such as `secret.reloader.stakater.com/reload`: whose it is, not what
        key = rest
    word = b"".join(_SPLIT.split(key.strip(b"/.-_")[-200:])).rstrip(_DIGITS_OR_END).decode("ascii", "ignore").lower()
    last = _SPLIT.split(key.rstrip(b"-_."))[-1].rstrip(_DIGITS_OR_END).decode("ascii", "ignore").lower()
    if word.endswith(_DIGESTS) or _OF_A_DIGEST.match(key):
        return Key.PLAIN
    if word.endswith("secret") and _OF_INGRESSES.fullmatch(domain):
        return Key.NAME
    certain = next((kind for ends, kind in _BY_END if word.endswith(ends)), None)
    if certain is not None:
        return certain
    if word.endswith(_OTHERWISE_ENDS) or (
        last in ("at", "id", "exp", "age", "min", "max", "rate") and "secret" not in word and "key" not in word
    ):
        return Key.PLAIN
    if word.endswith(_ENDS) and not word.endswith(_NO_PASS):
        return Key.SECRET
    if last in _WORDS or word.endswith(_KEY_ENDS) or any(one in word for one in _INSIDE):
        return Key.PLAIN if "sealedsecret" in word else Key.SECRET
    return Key.WEAK if word.endswith(_WEAK) else Key.PLAIN


def kind_of_label(key: bytes) -> Key:
    """The same of a label: `secret="alertmanager-main"` names one, as the series of kube-state-metrics do."""
    return Key.NAME if key.rpartition(b"/")[2] in (b"secret", b"exported_secret", b"label_secret") else kind_of(key)


# `… from secret: missing name in receiver`: what follows is what is wrong, not what the secret is.
_COMPLAINTS = (
    "missing|or|and|undefined|unknown|unsupported|unexpected|invalid|failed|cannot|could|not|no|yaml:?|expired|required|empty|denied|unauthorized|"
    "forbidden|wrong|malformed|rejected|refused|context|error:?|failed:?|unable|does|is|are|was|has|must|the|a|an|in|for|from|authentication|"
    "incorrect|bad|unset|incomplete|too|mismatch|open|stat|lstat|mkdir|permission|fetching|rpc|disabled|enabled|basic|none|ldap|oauth2?|oidc|saml|connection|dial|timeout|timed|http|Get|Post|pods?|serviceaccounts?"
)
_NO_SECRET = pattern(
    r"(?i)(?:null|nil|none|true|false|yes|undefined|empty|<[a-z _-]*>|\**|x{3,}|\.{3}|-|\d{1,3}|"
    r"\[redacted\](?:[ \t,;.]*\[redacted\])*[)\]},;.]*|(?:[A-Za-z]+ )?(?:<[a-z _-]*>|\[?redacted\]?)|\*{3,} \([a-z]+\)|"
    r"[\[(<]*(?:redacted|masked|hidden|sensitive(?: value)?|filtered|scrubbed|removed|omitted)[\])>]*|"
    r"[a-z][\w-]*/data/[\w/-]+|arn:aws[a-z-]*:[\w:/.+=@*-]+|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?|"
    r"\$\{[\w.:-]*\}|\$\([\w.-]+\)|\$[A-Z][A-Z0-9_]+|\{\{[^{}]*\}\}|%[a-z]|(?:" + _COMPLAINTS + r"))[,.;]?"
)
_A_NAME = pattern(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(?:/[a-z0-9.-]+)?")


def harmless(value: bytes, kind: Key) -> bool:
    """Whether a value under a telling key is none that anybody could use: a placeholder, a reference, a complaint."""
    bare = value.strip(b"\"'` ")
    if not bare or _NO_SECRET.fullmatch(bare):
        return True
    if kind is Key.NAME:
        return bool(_A_NAME.fullmatch(bare))
    if kind is Key.ADDRESS:
        return not _is_elsewhere(bare)
    if kind is Key.WEAK:
        return not random(bare)
    return False


_HOST = pattern(r"(?i)https?://([^/\s?#]+)[/?#]")


def _is_elsewhere(value: bytes) -> bool:
    """Whether a URL leads out of the cluster: what knows the path may post there."""
    found = _HOST.match(value)
    if not found:
        return False
    host = found.group(1).rpartition(b"@")[2].partition(b":")[0].lower()
    return b"." in host and not host.endswith((b".svc", b".local", b".internal", b".localhost")) and not host.replace(b".", b"").isdigit()
