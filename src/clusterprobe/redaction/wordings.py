"""Secrets whose key does not stand right before them: `name:` and `value:`, sentences, commands, XML, whole Secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clusterprobe.redaction.canonical import AnyOf, Text, pattern
from clusterprobe.redaction.forms import Span
from clusterprobe.redaction.keys import STEMS, Key, harmless, kind_of
from clusterprobe.redaction.looks import looks, random
from clusterprobe.redaction.pairs import KEY, MARKS, announced, once
from clusterprobe.redaction.values import block_end, bracket_end, line_end, value_end

_OF = r"(?:parameter|attribute|setting|option|env|variable|var|config|property|field|header)?_?"  # ParameterKey, env_name
_NAMED = pattern(
    rf"(?i)\b{_OF}(?:name|key|field|header|variable|var|env|param|parameter|option|label|property|setting|k|n)[\"'`]*\s*(?:=>|[:=>])[\s\"'`]*"
    rf"({KEY})[\"'`]*(?:[\s,;}}<]|/>|\z)|\bvariable[ \t]+[\"']({KEY})[\"']"
)
_VALUE = pattern(rf"(?i)\b{_OF}(?:value|val|v|content|default|string)[\"'`]*\s*(?:=>|[:=>])\s*")
_OTHER_ITEM = pattern(r"[{}]|\n\s*- ")
_NEXT_ITEM = pattern(r"\}|\n\s*- ")  # what follows it may be the value of another name
_AHEAD, _BEHIND = 300, 2048  # bytes between a name and its value, in whichever order
_WORD_FOR_ONE = r"\b[\w-]*(?:password|passwd|passphrase|passcode|passwort|pwd)\b[\])\"']*(?: for (?:user )?\S+| from \w+)?"
_MADE = r"(?:is|was|has been) \w{0,10}[ -]?generated(?: for (?:user )?\S+)?"
_SET = r"(?:has been |was )?(?:(?:re)?set|changed(?: successfully)?) to"
_VERB = rf"(?: (?:{_MADE}|{_SET}|is|was|to|of|from|\xe2\x80[\x93\x94]))?"
_WORDED = pattern(
    r"(?i)(?:(identified (?:with \w+ )?(?:by|as)(?: password)?|\brequirepass|\bmasterauth|\bbindpw|\brootpw)|"
    rf"({_WORD_FOR_ONE}{_VERB})|"
    r"(?:\b(?:secret|token|api[ _-]?key|auth|pass|pw)(?: value)?(?: (?:is|was|to|of|set to))?))[ \t]*:?[ \t]+"
)
_COMMANDS = pattern(
    r"(?:(?:\A|[\s\"'\[,])(?:-u|--user|--proxy-user|-U)[\"']*[\s=,]+[\"']*[\w.@+-]+:"
    r"|\b(?:sshpass|redis-cli|valkey-cli|docker|podman|nerdctl|helm|crane|skopeo|mysql\w*|mariadb\w*|mongo\w*|ldap\w+|smbclient|rabbitmqadmin"
    r"|az login|mosquitto_\w+|cqlsh|sqlcmd|ipmitool|zip|useradd|airflow users create|unzip)"
    r"\b[^|;&\n]{0,120}?[\s\"'](?:-p|-a|-w|-P)[\"']*[\s=,]*"
    r"|\bopenssl\b[^|;&\n]{0,120}? -[kK] |\b(?:smbclient|rpcclient|net|mount\.cifs)\b[^|;&\n]{0,120}? -U[ =]?[\"']?"
    r"|\blftp\b[^|;&\n]{0,120}? -u [\w.@+-]+,|\bhttps? (?:-a [\w.@+-]+:|-A \w+ -a )"
    r"|\brabbitmqctl\b[^|;&\n]{0,80}? (?:add_user|change_password|authenticate_user) +\S+ +"
    r"|\bwandb login +|\bauth-pass +\S+ +|\baddauth digest \w+:|\b7z\w? [^|;&\n]{0,80}? -p|\bPRAGMA (?:re)?key ?= ?"
    r"|\bConvertTo-SecureString +(?:-String +)?"
    r"|\b(?i:set password(?: for \S{1,200})? ?= ?(?:password\()?)"
    r"|::add-mask::|\bkubectl\b[^|;&\n]{0,120}? secret\b[^|;&\n]{0,300}?--from-literal[= ][\"']?[^\s=]{1,253}="
    r"|\bvault kv (?:put|patch) [^|;&\n]{0,300}?[\w-]+="
    r"|\brclone obscure |\bcurl\b[^|;&\n]{0,200}?[ \t]-(?:[A-Za-z]*u[\s\"']*[\w.@+-]+:|b[\s\"']*))"
)
# Commands that take one secret or two without a flag: all that they are given is left out.
_GIVEN = pattern(r"\b(?:(?:htpasswd|mc(?:li)? alias set|mc(?:li)? config host add)[ \t]+|snmp\w+\b[^|;&\n]{0,120}? -[cAX] )([^|;&\n\"]+)")
_SLASHED = pattern(
    r"(?:\b(?:sqlplus|sqlldr|expdp|impdp|rman)\b[^|;&\n]{0,60}?[ \t'\"]|\bjdbc:oracle:\w+:)[\w$#.-]+/(\"[^\"\n]+\"|[^\s\"'@/]+)@"
)
_NET_USE = pattern(r"(?i)\bnet[ \t]+use[ \t]+(?:(?:[A-Z]:|\*)[ \t]+[^\s\"']+|[\\/]+[^\s\"']+)[ \t]+([^\s/*\"'][^\s\"']*)")
_OF_IPSEC = pattern(r":[ \t]+(?:PSK|XAUTH|EAP|NTLM|PIN)[ \t]+[\"']?([^\s\"']+)")
_COMPLEX = pattern(rf"(?:\A|[\s\"'])\?[ \t]+[\"']?({KEY})[\"']?[ \t]*\n[ \t]*:[ \t]+([^\n]+)")  # a key of YAML's long form
_LISTED_HEADER = pattern(r"(?i)[\[(](?:(?:set-)?cookie|(?:proxy-)?authorization|x-[\w-]*(?:token|key))[ \t]+([^\])[\n]+)[\])]")
_OF_CHPASSWD = pattern(r"\bchpasswd[\"']?:\s[^{}]{0,200}?\blist:[ \t]*\|?[-+]?[ \t]*((?:\n[ \t]+(?:- )?[\w.-]+:[^\n]+)+)")  # cloud-init
_HEADER_OF_TABLE = pattern(r"(?:\A|[\s\"'])([\w.-]+(?:([,;\t])[\w.-]+)+)[ \t\r]*\n")
_EASY = pattern(r"(?:\A|[\s\"'=])[\w$#.-]+/([^\s\"'@/]+)@[\w.-]+:1521\b")  # as Oracle's clients connect
# What PHP and others print of a call that failed.
_CALLED = pattern(
    r"(?i)\b(?:(?:PDO|mysqli?)->__construct|mysqli?_(?:real_)?connect|pg_p?connect|oci_p?connect|ldap_bind|ftp_login|imap_open|DBI->connect"
    r"|ssh2_auth_password|PSCredential|DriverManager\.getConnection|crypt|pgp_(?:sym|pub)_\w+|aes_(?:en|de)crypt|\w*AuthProvider"
    r"|PasswordAuthentication|UsernamePassword\w*)\("
)
_AUTH = pattern(r"(?:\A|[\s\"'\]])(?:AUTH|LOGIN)[\"']?[ \t]+(?:[\"']?[\w.-]+[\"']?[ \t]+)?[\"']?([^\s\"'<>]{6,})")  # of Redis and IMAP
_OF_A_USER = pattern(r"\b(?:SETUSER|user)[ \t]+[\w.-]+[ \t][^\n]{0,200}?[ \t\"'](?:>([^\s\"'<>]{4,})|#([0-9a-f]{64})\b)")  # its ACLs
_OF_MODULE = pattern(r"\buser_[\w.-]+=[\"']([^\"'\n]+)[\"']")  # of Kafka's login modules
_PAIR = pattern(r"(?i)\b(?:credentials?|creds|login)[ =]+(?:of |for |is )?[\w.@-]+:([^\s\"',;]{6,})")
_DIRECTIVE = pattern(r"(?m:^[ \t]*([A-Za-z]\w*_\w+|[A-Za-z][a-z]+[A-Z]\w*)[ \t]+([^\s=:]\S{5,})[ \t\r]*$)")  # of Fluent Bit
_GIVEN_INPUT = pattern(rf"(?:({KEY})\r?\n[^\n]{{0,300}}?\binput_value=)")  # what Pydantic refuses
_BELOW = pattern(rf"(?i){_WORD_FOR_ONE}[^\n:=]{{0,80}}:[ \t]*\r?\n\s*([^\s:=]{{6,}})[ \t]*(?:\r?\n|\z)")
_RESET = pattern(rf"(?i){_WORD_FOR_ONE}[^\n]{{0,80}}\n\s*new value:[ \t]*(\S+)")  # as Elasticsearch says it
# Lines of nothing but numbers, below one that says of what: a digest stands alone as well, but below other words.
_BLOCK_BELOW = pattern(
    r"(?i)(?:\A|\n)[ \t]*([^\n]{0,120}\b(?:key|secret|token|credential|seed|passphrase|password)s?\b[^\n]{0,60}):?[ \t\r]*"
    r"((?:\n[ \t]*[0-9a-f]{32,}[ \t\r]*)+)(?:\n|\z)"
)
_OF_A_DIGEST = pattern(r"(?i)commit|revision|digest|\bsha|hash|checksum|fingerprint|etag|trace|image|\bids?\b|public")
_LINE_OF_PGPASS = pattern(r"(?:\A|[\s\"'])[\w.*-]+:(?:\d?543\d|6432|\*):[^:\s]{1,64}:[^:\s]{1,64}:([^\s\"']+)")
# `setx API_TOKEN …`, `ENV API_TOKEN …`, `aws configure set aws_secret_access_key …`
_SET_TO = pattern(
    rf"(?:\b(?:setx?|setenv|ENV|config set|variables set)[ \t]+"
    rf"(?:-{{1,2}}[\w-]+[ \t]+){{0,4}}[\"']?(?://[^\s:]{{1,200}}:)?({KEY})[\"']?[ \t]+)([^\s=]{{6,}})"
)
# A key above a thing that has the value: `"db_password": {"value": "…"}`, and the same in YAML.
_INNER = pattern(
    rf"({KEY})[\"'`]*[ \t]*[:=]>?\s*[{{\[]?\s*[\"'`]?(?:value|val|default|content|plain(?:text)?"
    rf"|stringValue|string_value)[\"'`]*[ \t]*(?:=>|[:=])[ \t]*"
)
_HEX_AFTER = pattern(rf"\b({KEY})[ \t]+([0-9a-fA-F]{{32,}})\b")
_COOKIE_JAR = pattern(r"\b(?:TRUE|FALSE)\t\S+\t(?:TRUE|FALSE)\t\d+\t[^\t\n]+\t(\S+)")
_USERLIST = pattern(r"(?:\A|\n)\"[\w.-]{1,64}\" \"([^\"\n]{6,})\"")  # of PgBouncer
_LITERALS = pattern(r"\bsecretGenerator:[^{}]{0,600}?\bliterals:[ \t]*((?:\n[ \t]*- [^\n]+)+)")  # of Kustomize
_OF_INFLUX = pattern(r"[?&]u=[^&\s]{1,64}&p=([^&\s\"']+)")
_ZNODE = pattern(r"\bdigest:[\w.-]+:([^\s:]{6,}):[cdrwa]{1,5}\b")
_FORM_PART = pattern(rf"form-data;[^\n]{{0,200}}?\bname=[\"']?({KEY})[\"']?[^\n]*\n(?:[^\n\r]+\r?\n)*\r?\n([^\n]+)")
_INSERT = pattern(r"(?i)\binsert\s+into\s+[^()]{1,200}\(([^()]{1,1000})\)\s*values\s*")
_COLUMN = pattern(r"[\w.-]+")
_PIPED = pattern(
    r"\becho (?:-n )?([^|\n]{1,400}?)[ \t]*\|[^|\n]{0,200}(?:--?password-stdin|\bchpasswd|--stdin"
    r"|--with-token|\bkubeseal\b|\bkinit\b|\bsudo -S|\bcryptsetup\b|\bpasswd\b|\bkubectl\b[^|\n]{0,80} secret\b)"
)
_HOSTED = pattern(r"(?:\A|[\s\"'=(,;\[{<])(?://)?[A-Za-z][\w.+-]*:([^\s\"'@:<>(),;]{4,})@(?:/|[A-Za-z\[\d(])[\w.-]*")
_XML = pattern(rf"<[\w:.-]*?((?i:[\w.-]*(?:{STEMS}))[\w.-]*)(?:\s[^<>]{{0,200}})?>(?:<!\[CDATA\[)?([^<]+?)(?:\]\]>)?</")
_XML_NAMED = pattern(
    rf"<[\w:.-]+\s[^<>]{{0,200}}?\b(?:name|key|id|property)=[\"']({KEY})[\"'][^<>]{{0,200}}>(?:<!\[CDATA\[)?([^<]+?)(?:\]\]>)?</"
)
_DESCRIBED = pattern(rf"(?m:^({KEY}):[ \t]*\n-{{3,}}\n([^\n]+)$)")  # `kubectl describe configmap`
_CELL_OF_HTML = pattern(rf"<t[dh][^<>]{{0,200}}>\s*({KEY}):?\s*</t[dh]>\s*<t[dh][^<>]{{0,200}}>([^<]+)</")
_CELL = pattern(rf"\|[ \t]*({KEY})[ \t]*\|[ \t]*([^|\s](?:[^|\n]*[^|\s])?)")
_PATCHED = pattern(r"\b(?:patch|apply|create)[ \t]+secrets?\b[^\n]{0,300}?[\"'](?:data|stringData)[\"']*[ \t]*:[ \t]*")
_KIND = pattern(r"kind[\"']*\s*:\s*[\"']*Secret\b")
_DATA = pattern(r"\b(?:data|stringData)[\"']*\s*:[ \t]*")


_ANY = AnyOf(
    *(_NAMED, _WORDED, _COMMANDS, _PIPED, _GIVEN, _SLASHED, _LINE_OF_PGPASS, _EASY, _NET_USE, _LISTED_HEADER, _BELOW, _FORM_PART, _INSERT),
    *(_CELL, _HOSTED, _XML, _XML_NAMED, _CELL_OF_HTML, _KIND, _AUTH, _PAIR, _OF_IPSEC, _OF_CHPASSWD, _COMPLEX, _HEADER_OF_TABLE),
    *(_DIRECTIVE, _DESCRIBED, _OF_A_USER, _OF_MODULE, _GIVEN_INPUT, _CALLED, _COOKIE_JAR, _LITERALS, _OF_INFLUX, _ZNODE, _RESET),
    *(_BLOCK_BELOW, _SET_TO, _HEX_AFTER, _INNER, _PATCHED, _USERLIST),
)


def spans(whole: Text) -> Iterator[Span]:
    """Where secrets stand in text that is neither `key=value` nor `key: value`."""
    if _ANY.may_be_in(whole.plain):
        yield from _each(whole)


def _each(whole: Text) -> Iterator[Span]:
    """The same, of each kind of wording in turn; all of them are in `_ANY`."""
    text = whole.plain
    yield from once(_NAMED.finditer(text), lambda found: _named(whole, found))
    yield from once(_WORDED.finditer(text), lambda found: _worded(whole, found))
    yield from once(_COMMANDS.finditer(text), lambda found: _argument(whole, found))
    for known in (_PIPED, _GIVEN, _SLASHED, _LINE_OF_PGPASS, _EASY, _NET_USE, _LISTED_HEADER, _COOKIE_JAR, _LITERALS, _OF_INFLUX, _ZNODE):
        yield from once(known.finditer(text), lambda found: found.span(1))
    yield from _of_programs(whole)
    yield from once(_BELOW.finditer(text), lambda found: found.span(1) if _BOTH.search(found.group(1)) else None)
    yield from once(_RESET.finditer(text), lambda found: found.span(1))
    yield from once(_BLOCK_BELOW.finditer(text), lambda found: None if _OF_A_DIGEST.search(found.group(1)) else found.span(2))
    for apart in (_SET_TO, _HEX_AFTER):
        yield from once(apart.finditer(text), _cell)
    yield from once(_INNER.finditer(text), lambda found: _inner(whole, found))
    yield from once(_FORM_PART.finditer(text), lambda found: found.span(2) if _tells(found.group(1)) else None)
    yield from once(_INSERT.finditer(text), lambda found: _inserted(whole, found))
    if b"|" in text:
        yield from once(_CELL.finditer(text), _cell)
    if b"@" in text:
        yield from once(_HOSTED.finditer(text), lambda found: _hosted(text, found))
    if b"</" in text:
        for element in (_XML, _XML_NAMED, _CELL_OF_HTML):
            yield from once(element.finditer(text), lambda found: found.span(2) if _tells(found.group(1)) else None)
    yield from once(_PATCHED.finditer(text), lambda found: _data(whole, found))
    if _KIND.search(text):
        yield from once(_DATA.finditer(text), lambda found: _data(whole, found))


def _of_programs(whole: Text) -> Iterator[Span]:
    """As one kind of program writes them, and no other."""
    text = whole.plain
    for loosely in (_AUTH, _PAIR, _USERLIST):
        yield from once(loosely.finditer(text), lambda found: found.span(1) if _like_a_password(found.group(1)) else None)
    for known in (_OF_IPSEC, _OF_CHPASSWD):
        yield from once(known.finditer(text), lambda found: found.span(1))
    yield from once(_COMPLEX.finditer(text), lambda found: found.span(2) if _tells(found.group(1)) else None)
    yield from _columns(whole)
    for line in (_DIRECTIVE, _DESCRIBED):
        yield from once(line.finditer(text), _cell)
    if b">" in text or b"#" in text:
        yield from once(_OF_A_USER.finditer(text), lambda found: found.span(1 if found.group(1) else 2))
    if b"LoginModule" in text:
        yield from once(_OF_MODULE.finditer(text), lambda found: found.span(1))
    if b"input_value=" in text:
        yield from once(_GIVEN_INPUT.finditer(text), lambda found: _refused(whole, found))
    if b"(" in text:
        yield from once(_CALLED.finditer(text), lambda found: _given(whole, found))


def _given(whole: Text, found: Any) -> Span | None:
    end = bracket_end(whole, found.end() - 1)
    end -= whole.plain[end - 1 : end] == b")"
    return None if harmless(whole.plain[found.end() : end], Key.SECRET) else (found.end(), end)


def _refused(whole: Text, found: Any) -> Span | None:
    kind = kind_of(found.group(1))
    at = found.end()
    if kind is Key.PLAIN or whole.plain[at : at + 2] in (b"{}", b"[]"):
        return None
    end = bracket_end(whole, at) if whole.plain[at : at + 1] == b"{" else value_end(whole, at)
    return announced(whole, at, kind, lambda: (at, end))


def _named(whole: Text, found: Any) -> Span | None:
    """`name: DB_WORD_FOR_ONE` and `value: …`, in either order."""
    place = 1 if found.group(1) else 2
    text, kind, name = whole.plain, kind_of(found.group(place)), found.end(place)
    if kind in (Key.PLAIN, Key.NAME):
        return None
    ahead = text[name : name + _AHEAD]
    other = _NAMED.search(ahead)
    value = _VALUE.search(ahead[: other.start()] if other else ahead)
    if value is None or _NEXT_ITEM.search(ahead[: value.start()]):
        before = _before(whole, found.start(), kind)
        if before or value is None:
            return before
    at = name + value.end()
    if text[at : at + 1] in (b"|", b">"):
        return at, block_end(whole, name + value.start(), line_end(whole, at))
    return announced(whole, at, kind, lambda: (at, value_end(whole, at)))


def _before(whole: Text, name: int, kind: Key) -> Span | None:
    begin = max(0, name - _BEHIND)
    part = whole.part(begin, name)
    found = list(_VALUE.finditer(part.plain))
    if not found:
        return None
    at = found[-1].end()
    end = value_end(part, at)
    apart = end >= len(part.plain) or _OTHER_ITEM.search(part.plain[end:])
    return None if apart or harmless(part.plain[at:end], kind) else (begin + at, begin + end)


_OF_A_CHECKSUM = pattern(r"(?:checksum|hash|sha(?:1|256|512)|digest)/[\w.-]*\z")


def _worded(whole: Text, found: Any) -> Span | None:
    """`password is …`, `IDENTIFIED BY '…'`, `machine x login y password …`: in prose only what is quoted, or looks like one."""
    text, at = whole.plain, found.end()
    end = value_end(whole, at)
    value = text[at:end].strip(b"\"'`.,")
    if _OF_A_CHECKSUM.search(text[max(0, found.start() - 80) : found.start() + 1]):
        return None
    quoted = text[at : at + 1] in MARKS and not found.group().lower().startswith((b"secret", b"token"))
    loosely = found.group(2) and len(value) >= 6 and _BOTH.search(value)
    return (at, end) if (found.group(1) or quoted or loosely or _like_a_password(value)) and not harmless(value, Key.SECRET) else None


_BOTH = pattern(r"[A-Za-z].*\d|\d.*[A-Za-z]")
_A_NAME = pattern(r"[a-z0-9]+(?:[-./][a-z0-9]+)+|[A-Za-z]+|[0-9.:,%-]+[a-z]{0,2}")


def _like_a_password(value: bytes) -> bool:
    return len(value) >= 6 and (looks(value) or random(value) or (bool(_BOTH.search(value)) and not _A_NAME.fullmatch(value)))


def _argument(whole: Text, found: Any) -> Span | None:
    at = found.end()
    if whole.plain[at : at + 1] in (b"-", b""):
        return None
    end = value_end(whole, at)
    return None if harmless(whole.plain[at:end], Key.SECRET) else (at, end)


def _hosted(text: bytes, found: Any) -> Span | None:
    """`user:password@host` without a scheme; an image with a tag and a digest is none."""
    return None if found.group(1).startswith(b"//") or text.startswith((b"sha256", b"sha512"), found.end(1) + 1) else found.span(1)


def _inner(whole: Text, found: Any) -> Span | None:
    at = found.end()
    if not _tells(found.group(1)) or whole.plain[at : at + 1] in (b"{", b"\n"):
        return None
    return announced(whole, at, Key.SECRET, lambda: (at, value_end(whole, at)))


def _tells(key: bytes) -> bool:
    return kind_of(key) in (Key.SECRET, Key.PHRASE)


def _cell(found: Any) -> Span | None:
    """`| password | … |`, a row of a table whose first column is the key, and `splunk_token …`, a line of a configuration."""
    return found.span(2) if _tells(found.group(1)) and _BOTH.search(found.group(2)) else None


def _columns(whole: Text) -> Iterator[Span]:
    """The cells under a telling column of tables whose cells are parted by one sign, such as CSV."""
    text, at = whole.plain, 0
    for header in _HEADER_OF_TABLE.finditer(text):
        names, sign = header.group(1).split(header.group(2)), header.group(2)
        telling = [place for place, name in enumerate(names) if _tells(name)]
        if not telling or header.start() < at - 1:  # a row of the table before
            continue
        at = header.end()
        while at < len(text) and len(cells := (line := text[at : line_end(whole, at)]).split(sign)) == len(names):
            for place in telling:
                begin = at + sum(map(len, cells[:place])) + place
                if not harmless(cells[place], Key.SECRET):
                    yield begin, begin + len(cells[place])
            at += len(line) + 1


def _inserted(whole: Text, found: Any) -> Span | None:
    """All the rows of an INSERT that names a telling column."""
    if not any(map(_tells, _COLUMN.findall(found.group(1)))):
        return None
    text, end = whole.plain, found.end()
    while row := _ROW.match(text, end):
        end = bracket_end(whole, row.end() - 1)
    return found.end(), end


_ROW = pattern(r"[\s,]*\(")


def _data(whole: Text, found: Any) -> Span | None:
    """What a Secret's manifest holds."""
    at = found.end()
    if whole.plain[at : at + 1] == b"{":
        return at, bracket_end(whole, at)
    begin = line_end(whole, at)
    return begin, block_end(whole, found.start(), begin, anything=True)
