"""What is a secret whatever stands before it: tokens with a prefix of their maker, keys in PEM, URLs that carry one.

Only these are taken out of text that has our own sentences in it: nothing that we write looks like one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clusterprobe.redaction.canonical import AnyOf, head, pattern
from clusterprobe.redaction.looks import looks, random

Span = tuple[int, int]

# Prefixes that nothing else has: a few characters after them are enough, since the text may be cut there.
_MAKERS = r"""
gh[opsur]_  github_pat_  gl(?:pat|ptt|dt|rt|rtr|cbt|ft|soat|imt|agent|ffct|wt|pt|oas)-  GR1348941  glsa_  glc_  gldm?_
xox[a-z](?:\.xox[a-z])?-  xapp-  hv[sbr]\.  (?:sk|rk|pk)_(?:live|test|prod)_  whsec_  sk-(?:ant|proj|svcacct|admin|or|lf)-  AIza  ya29\.
GOCSPX-  1//0  pypi-Ag  dckr_[po]at_  do[oprt]_v1_  PMAK-  SG\.  shp(?:at|ca|pa|ss|ua)_  NR(?:AK|JS|II|AA|BR|RA|MA)-  lin_(?:api|oauth)_
HRKU-  dp\.(?:pt|st|ct|scim|audit|said)\.  dt0[cs]\d\d\.  sntry[su]_  rubygems_  pscale_(?:tkn|pw|oauth)_  ph[cx]_  xkeysib-  xsmtpsib-
tskey-  sbp_  bk[ua]a_  lsv2_(?:pt|sk)_  gsk_  xai-  pplx-  figd_  CFPAT-  AT(?:ATT3|CTT3|LASV1|BB)  [\w]{14}\.atlasv1\.  AKCp  cmVmdGtu
EZ[AT]K  FLWSECK  sq0(?:atp|csp|idp)-  shippo_(?:live|test)_  duffel_(?:live|test)_  ops_ey  sq[upa]_[0-9a-f]  sm_aat_  AGE-SECRET-KEY-
AGE-PLUGIN-  sha256~  LTAI  ABSK  CCI?PAT_  CLOJARS_  fo1_  fm[12]_  ntn_  secret_[A-Za-z0-9]{40}  tk-us-  p8e-  rdme_  tfp_  sgp_  pnu_
pul-  hf_  api_org_  npm_  nfp_  r8_  dapi  key-  EAA  nvapi-  sl\.[Bu]  oy2  AQVN  YCAJE  PRIVATE-TOKEN  vault:v\d:  ey[JA][hbKy]
LS0tLS1CRUdJTi  LS0tLS1CRUdJT  cnA_  fw_  tvly-  sk-  rnd_  atlasv1\.  MII[EJCBG]  csk-  tgp_v1_  pa-  wandb_v1_  pcsk_  napi_
vercel_blob_rw_  cf(?:ut|at|k)_  sb_(?:secret|publishable)_  ddapp_  hc[abx][a-z]{2}_0  xa[ap]t-  essu_  rootly_  snyk_(?:u|s)at\.  dose
mdb_sa_(?:sk|id)_  b3BlbnNzaC1rZXktdj  IQoJb3JpZ2luX2Vj  FwoGZXIvYXdz  bedrock-api-key-
sk\.eyJ  AQ\.Ab8  syt_  re_  inc_  cio  (?:mfa|ST\$eyJ|t1\.9eu)[\w.-]{40}  sk_org_(?:live|test)_  sk_  st\.[0-9a-f]{24}\.
""".split()  # noqa: SIM905 - a table
# Of these, words begin with some: what follows has to look like a key.
_ALSO_WORDS = tuple(
    b"""
pul- hf_ npm_ r8_ dapi key- EAA sgp_ pnu_ nfp_ tfp_ rdme_ sk- rnd_ fw_ oy2 sbp_ phc_ phx_ EZ ABSK LTAI AQVN YCAJE MII AT gsk_ p8e-
tk-us- fo1_ api_org_ ntn_ cnA_ xai- 1//0 sl. eyA AIza sha256~ secret_ pplx-
csk- pa- pcsk_ napi_ cfk_ dose essu_ rootly_ syt_ re_ inc_ cio xaat- xapt-
sk_ sb_ ddapp_ wandb_v1_
""".split()
)

_TOKENS = pattern(r"(?:^|[^A-Za-z0-9_])((?:" + "|".join(_MAKERS) + r")[A-Za-z0-9_.=~+/-]{3,})")
_SHAPES = pattern(
    r"(?s:-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z))"
    r"|(?s:PuTTY-User-Key-File-\d.*\z)"
    r"|\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|AIPA|ANPA|ANVA)[A-Z0-9]{12,}"
    r"|\b\d{8,10}:AA[A-Za-z0-9_-]{20,}"  # Telegram
    r"|\b[MNO][A-Za-z\d_-]{22,27}\.[\w-]{6}\.[\w-]{20,}"  # Discord
    r"|\b(?:AC|SK)[0-9a-f]{32}\b"  # Twilio
    r"|\b[0-9a-f]{32}-us\d{1,2}\b"  # Mailchimp
    r"|\bamzn\.mws\.[0-9a-f-]{20,}"
    r"|[\w.~]{3}\dQ~[\w.~-]{20,}"  # Azure
    r"|\bpat[A-Za-z0-9]{14}\.[a-f0-9]{20,}"  # Airtable
    r"|\bpat-(?:na|eu)\d-[0-9a-f-]{20,}"  # HubSpot
    r"|\bmd5[0-9a-f]{32}\b"  # PostgreSQL
    r"|\bA3-[A-Z0-9]{6}-[A-Z0-9-]{20,}"  # 1Password
    r"|\bAIzaSy[\w-]{10,}"
    r"|\b[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b"  # Mailgun
    r"|\b\d/\d{15,17}/\d{15,17}:[0-9a-f]{32}\b"  # Asana
    r"|\b(?:sdk|mob|sk-lf|xaat|xapt)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"  # LaunchDarkly, Langfuse, Axiom
    r"|\baccess_token\$(?:production|sandbox)\$[a-z0-9]+(?:\$[0-9a-f]+)?"  # Braintree
    r"|\b(?:[0-9a-f]{36}FFFF|eu01xx[0-9a-f]{30})NRAL\b"  # New Relic
    r"|\bv1\.0-[0-9a-f]{20,}-[0-9a-f]{100,}"  # Cloudflare
    r"|\b[A-Za-z0-9_-]{11}:APA91b[\w-]{20,}"  # Firebase
    r"|\bS[UAOCNX][A-Z2-7]{56}\b"  # seeds of NATS
    r"|\b(?:token|kubeconfig-[a-z]+)-[a-z0-9]{5}:[a-z0-9]{40,}"  # Rancher
    r"|\bK10[0-9a-f]{64}::[\w.:-]+"  # K3s
    r"|\btoken [a-z0-9]{6}\.[a-z0-9]{16}\b"  # to join a cluster
    r"|\b0\.[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\.[A-Za-z0-9+/=:]{16,}"  # Bitwarden
    r"|\*[0-9A-F]{40}\b"  # MySQL
    r"|(?s:-----BEGIN OpenVPN Static key V1{1}-----.*?(?:-----END|\z))"
    r"|(?s:---- BEGIN SSH2 ENCRYPTED {1}PRIVATE KEY ----.*?(?:---- END|\z))"
)

_END = r"""[^\s"'<>`]"""
# What knows the address may post there: the path is the credential.
_CAPABILITIES = pattern(
    r"(?i)(?:hooks\.slack(?:-gov)?\.com|hooks\.zapier\.com|discord(?:app)?\.com/api/(?:v\d+/)?webhooks|[\w.-]*webhook\.office(?:365)?\.com"
    r"|outlook\.office(?:365)?\.com/webhook|[\w.-]+\.logic\.azure\.(?:com|us|cn)(?::\d+)?|[\w.-]+\.api\.powerplatform\.com(?::\d+)?|chat\.googleapis\.com"
    r"|api\.telegram\.org|events\.(?:eu\.)?pagerduty\.com/(?:integration|x-ere|v2)|hc-ping\.com|hchk\.io|healthchecks\.io/(?:ping|api)"
    r"|maker\.ifttt\.com|webhook\.site|alert\.victorops\.com|oapi\.dingtalk\.com|qyapi\.weixin\.qq\.com|open\.(?:feishu\.cn|larksuite\.com)"
    r"|uptime\.betterstack\.com/api|(?:[\w.-]+\.)?betteruptime\.com/api|cronitor\.(?:link|io)|nosnch\.in|webexapis\.com/v1/webhooks"
    r"|api\.ciscospark\.com|api\.squadcast\.(?:com|io)|[\w.-]*zenduty\.com/api|connect\.signl4\.com|hook\.[\w.]*make\.com|hook\.[\w.]*integromat\.com"
    r"|[\w.-]+\.m\.pipedream\.net|api\.ilert\.com|hooks\.spike\.sh|wh\.jandi\.com|api\.flock\.com|hook\.[\w.-]+|hooks\.[\w.-]+|ntfy\.sh"
    r"|[\w.-]+/api/push|(?:[\w-]+\.)?grafana\.net/(?:oncall/)?integrations)/(" + _END + r"+)"
)
_HOOKS = pattern(
    r"(?i)/(?:hooks?|webhooks?|webhookb2|integrations?|incoming|heartbeats?|triggers?|callbacks?|bot|ping|send|notify|robot)/("
    + _END
    + r"+)"
)
_SIGNED = pattern(
    r"(?i)[?&;](?:x-(?:amz|goog)-(?:signature|credential|security-token)|sig|se?signature|key-pair-id|policy|access_token|sas)=([^\s\"'<>`&]+)"
)
_BARE = pattern(r"(?i)\b(?:bearer|basic|token|geniekey|negotiate|splunk|apikey)[ \t]+([A-Za-z0-9._~+/:=-]{8,})")
_SEGMENT = pattern(r"[A-Za-z0-9_-]{16,}")
_MIXED = pattern(r"[a-z0-9][A-Z][A-Za-z0-9]{6}|[A-Z][a-z0-9]{1,3}[A-Z][A-Za-z0-9]{4}")
_DIGIT = pattern(r"\d")
_WORDS, _ADDRESSES = AnyOf(_TOKENS, _SHAPES, _BARE), AnyOf(_CAPABILITIES, _HOOKS, _SIGNED)


def spans(text: bytes) -> Iterator[Span]:
    """Where secrets stand that are known by their form alone."""
    if _WORDS.may_be_in(text):
        yield from _of_words(text)
    if b"/" in text and _ADDRESSES.may_be_in(text):
        yield from _of_addresses(text)
    if b"://" in text:
        yield from _of_users(text)
    if b"-----END " in text:
        yield from _ends_of_keys(text)


def _of_words(text: bytes) -> Iterator[Span]:
    for found in _TOKENS.finditer(text):
        if not found.group(1).startswith(_ALSO_WORDS) or _like_a_key(found.group(1)):
            yield found.span(1)
    for found in _SHAPES.finditer(text):
        yield found.span()
    for found in _BARE.finditer(text):
        word = found.group(1)
        if looks(word) or random(word) or (_DIGIT.search(word) and word.strip(b".:-=").isalnum()) or word.endswith(b"="):
            yield found.span(1)


_END_OF_KEY = pattern(r"-----END [A-Z0-9 ]*PRIVATE KEY")
_LINE_OF_KEY = pattern(r"[A-Za-z0-9+/=]{4,}")
_LONGEST_KEY = 16_384  # bytes of one in PEM that are looked back over


def _ends_of_keys(text: bytes) -> Iterator[Span]:
    """The lines before the end of a private key that was cut at its beginning."""
    done = 0
    for found in _END_OF_KEY.finditer(text):
        begin = start = found.start()
        lines = text[max(done, start - _LONGEST_KEY) : start]
        for line in reversed(lines.split()):
            bare = line.lstrip(b"\"'`")
            if not _LINE_OF_KEY.fullmatch(bare):
                break
            begin = text.rfind(bare, done, begin)
            if bare != line:
                break
        done = found.end()
        yield begin, done


def _like_a_key(token: bytes) -> bool:
    body = max(token.replace(b"-", b"_").replace(b".", b"_").split(b"_"), key=len)
    chosen = _DIGIT.search(body) or (len(body) >= _LETTERS and len(_TURNS.findall(body)) * 4 >= len(body))
    return len(body) >= 16 and bool(chosen) and body.isalnum()


_LETTERS = 30  # of a token that has no digit
_TURNS = pattern(r"[a-z][A-Z]|[A-Z][a-z]")


def _of_addresses(text: bytes) -> Iterator[Span]:
    for found in _CAPABILITIES.finditer(text):
        yield found.span(1)
    for found in _HOOKS.finditer(text):
        cut = found.end() == len(text) and _MIXED.search(found.group(1))
        if cut or any(_DIGIT.search(one.group()) for one in _SEGMENT.finditer(found.group(1))):
            yield found.span(1)
    for found in _SIGNED.finditer(text):
        yield found.span(1)


# --- user:password@host ---------------------------------------------------------------------------------------------

_ADDRESS = pattern(r"([A-Za-z][A-Za-z0-9+.-]*)://(" + _END + r"+)")
_BEYOND = pattern(r"([\"'<>`][^\s@\"'<>`]{1,128})@[A-Za-z0-9\[]")  # passwords may have these, though no address has
_SPACED = pattern(r"([ \t][^\s@\"'<>`]{1,128})@[A-Za-z0-9\[]")  # and a blank
_PORT = pattern(r"\d{1,5}(?:[/?#,;)\]}]|[.:!]*\z)")  # or what ends a sentence
_AUTHORITY = pattern(r"[^/?#]*")
_IMAGES = frozenset({b"oci", b"docker", b"docker-pullable", b"containerd", b"docker-image"})
_WEB = frozenset({b"http", b"https", b"ws", b"wss"}) | _IMAGES
_PLACEHOLDER = pattern(r"(?:[a-z]{1,5}|[A-Z_]+)?(?:[/?#,;.)]|\z)|[$%{<*]")  # `https://host:port`
_LONG_USER = 16  # characters; a shorter one is a name, such as git@


def _of_users(text: bytes) -> Iterator[Span]:
    for found in _ADDRESS.finditer(text):
        start, run = found.start(2), found.group(2)
        span = _user_in(run, found.group(1).lower())
        beyond = _beyond(text, run, found.end())
        if beyond:
            yield start + run.find(b":") + 1, beyond.end(1)
        elif span:
            yield start + span[0], start + span[1]


def _beyond(text: bytes, run: bytes, end: int) -> Any:
    """The rest of a password that has what no address has, and the host behind it."""
    colon = run.find(b":")
    if b"@" in run or not 0 <= colon < len(head(_AUTHORITY, run)):
        return None
    spaced = not _PORT.match(run, colon + 1) and not _PLACEHOLDER.match(run, colon + 1)
    return _BEYOND.match(text, end) or (_SPACED.match(text, end) if spaced else None)


def _user_in(run: bytes, scheme: bytes) -> Span | None:
    """Where the password stands in `user:password@host/…`, or the user who is a token; passwords may have `/` and `@` in them."""
    host = len(head(_AUTHORITY, run))
    colon, last = run.find(b":"), run.rfind(b"@")
    if run.startswith(b"[") or run[last + 1 :].startswith(b"sha256:"):
        return None
    if last < 0:
        cut = 0 <= colon < host and scheme not in _IMAGES and not _PORT.match(run, colon + 1)
        return (colon + 1, len(run)) if cut and not _PLACEHOLDER.match(run, colon + 1) else None
    if 0 <= colon < min(host, last):
        if _PORT.match(run, colon + 1) and scheme in _WEB:
            return None
        cut = random(head(_AUTHORITY, run, last + 1))  # no host, but what follows an `@` in a password
        return (0 if colon >= _LONG_USER else colon + 1), len(run) if cut else last
    user = run[: run.find(b"@")]
    if _LONG_USER <= len(user) < host and (_DIGIT.search(user) or looks(user)):
        return 0, len(user)
    return None
