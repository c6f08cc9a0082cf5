"""Where the value after a key ends: the whole of what is quoted, bracketed, indented, or runs on without a blank."""

from __future__ import annotations

from clusterprobe.redaction.canonical import Text, pattern

_QUOTES = b"\"'`"
_CLOSING = {ord("["): ord("]"), ord("{"): ord("}"), ord("("): ord(")")}
_STOP = pattern(r"[\s\"'`,;&|<>)}\]]")
_NEXT_PAIR = pattern(r"[,;&|]\s*[\"'{\[]*[A-Za-z_][\w.-]{0,63}[\"'\]]*\s*(?:=>|[:=])")
_AT_END = pattern(r"(?:[\s\"'`,;.&|<>)}\]:]|\z)")
_REFERENCE = pattern(r"\$\([\w.-]+\)|\$\{[^}\s]*\}|<[a-z_-]*>")
_MAPPING = pattern(r"\s*(?:- )?[\"']?[\w./-]+[\"']?:(?:[\s]|\z)")
_HEREDOC = pattern(r"<<[-~]?[\"']?([A-Za-z_]\w*)[\"']?[^\n]*\n")
_PREFIX = pattern(r"[bBrRuUfF]{0,2}[\"'`]")  # b'…'
_CALL = pattern(r"(?:[A-Za-z_][\w.:]{0,60}\(){0,2}\(?[bBrRuUfF]{0,2}[\"'`]")  # SecretStr('…'), ('bob', '…')


def value_end(whole: Text, at: int) -> int:
    """Where the value that begins at this place ends; the end of the text if it is cut."""
    text = whole.plain
    prefix = _PREFIX.match(text, at)
    if prefix:
        return min(quoted_end(whole, prefix.end() - 1) + 1, len(text))
    call = _CALL.match(text, at)
    if call:
        return max(bracket_end(whole, text.find(b"(", at)), min(quoted_end(whole, call.end() - 1) + 1, len(text)))
    if text[at : at + 1] == b"[":
        return bracket_end(whole, at)
    if heredoc := _HEREDOC.match(text, at):
        return _heredoc_end(text, heredoc.group(1), heredoc.end() - 1)
    reference = _REFERENCE.match(text, at)
    if text[at : at + 2] == b"$(" and not reference:
        return bracket_end(whole, at + 1)
    return _unquoted_end(whole, reference.end() if reference else at)


def _heredoc_end(text: bytes, word: bytes, at: int) -> int:
    """Before the line that begins with the word, however that is indented."""
    place = text.find(word, at)
    while place >= 0:
        _, line, indent = text[max(at, place - _DEEPEST) : place].rpartition(b"\n")
        if line and not indent.strip(b" \t"):
            return place - len(indent) - 1
        place = text.find(word, place + len(word))
    return len(text)


_DEEPEST = 64  # blanks before the word that closes a heredoc


def quoted_end(whole: Text, at: int) -> int:
    """The place of the quotation mark that closes the one at this place: one that is nested no deeper."""
    text, level = whole.plain, whole.level(at)
    mark = text[at : at + 1]
    if text[at : at + 3] == mark * 3:
        end = text.find(mark * 3, at + 3)
        return len(text) if end < 0 else end + 2
    if text[at + 1 : at + 2] == mark != b"`" and _GOES_ON.match(text, at + 2):  # as CSV and YAML quote what is quoted
        end = text.find(mark * 2, at + 2)
        return len(text) if end < 0 else end + 1
    place = at + 1
    while True:
        end = text.find(mark, place)
        if end < 0:
            return len(text)
        if whole.level(end) <= level:
            if text[end + 1 : end + 2] != mark or end == at + 1 or mark == b"`":
                return end
            end += 1  # doubled, as YAML and SQL write one inside
        place = end + 1


_GOES_ON = pattern(r"[^\s\"'`,;&|<>)}\]:.]")


def bracket_end(whole: Text, at: int) -> int:
    """Behind the bracket that closes the one at this place; brackets inside quotation marks do not count."""
    text = whole.plain
    opening, closing = text[at], _CLOSING[text[at]]
    depth, place = 0, at
    while place < len(text):
        found = _BRACKET.search(text, place)
        if not found:
            break
        sign, place = text[found.start()], found.end()
        if sign == opening:
            depth += 1
        elif sign == closing:
            depth -= 1
            if depth == 0:
                return place
        elif sign in b'"':
            place = quoted_end(whole, found.start()) + 1
    return len(text)


_BRACKET = pattern(r"[\[\]{}()\"]")


def _unquoted_end(whole: Text, at: int) -> int:
    text = whole.plain
    place = at
    while True:
        found = _STOP.search(text, place)
        if not found:
            return len(text)
        stop, sign = found.start(), found.group()
        if sign.isspace():
            return stop
        if sign in (b'"', b"'", b"`"):
            if not text[stop + 1 : stop + 2].isalnum() or stop == at:
                return stop
            place = min(quoted_end(whole, stop) + 1, len(text))  # abc"def ghi", as shells join it
        elif (
            _AT_END.match(text, stop + 1)
            or (sign in b",;&|" and _NEXT_PAIR.match(text, stop))
            or (sign == b"<" and text[stop + 1 : stop + 2] == b"/")
        ):
            return stop
        else:
            place = stop + 1


def line_end(whole: Text, at: int) -> int:
    """The end of the line."""
    text = whole.plain
    end = text.find(b"\n", at)
    return len(text) if end < 0 else end


def header_end(whole: Text, at: int, key: int) -> int:
    """Where a header's value ends: with the quotation mark or bracket that the header stands in, else with the line."""
    text = whole.plain
    mark = text[key - 1 : key] if key else b""
    if mark and mark in _QUOTES:
        return min(quoted_end(whole, key - 1), line_end(whole, at))
    return line_end(whole, at)


def block_end(whole: Text, key: int, at: int, *, anything: bool = False) -> int:
    """Where the lines end that are indented under a key, which begins at `key`, and whose line ends at `at`; `at` if there are none.

    A mapping is no value, unless `anything` is.
    """
    text = whole.plain
    indent = _width(text[text.rfind(b"\n", max(0, key - 400), key) + 1 : key])
    scalar = anything or bool(_BLOCK.search(text[max(key, at - 8) : at]))
    end = at
    while end < len(text):
        following = line_end(whole, end + 1)
        line = text[end + 1 : following]
        if line.strip():
            listed = not scalar and line.lstrip(b" \t").startswith(b"- ") and _width(line) == indent
            if _width(line) <= indent and not listed:
                break
            if not scalar and end == at and _MAPPING.match(line):
                break
        elif following >= len(text):
            break
        end = following
    return end


_BLOCK = pattern(r":\s*[|>][+-]?\d?[\s]*\z")


def _width(line: bytes) -> int:
    return len(line) - len(line.lstrip(b" \t"))
