"""Numbers out of text that a cluster wrote: what Python takes for one (`1_000`, `٣`, `nan`) is not always one there."""

from __future__ import annotations

from clusterprobe.patterns import ours

MOST = 1e15  # more bytes, seconds or requests than anything has; beyond it, sums and dates are no use
_NUMBER = ours(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST = 40


def number(text: str, most: float = MOST) -> float | None:
    """A number that counts or measures something: finite, not negative, at most `most`; None for anything else.

    >>> number("1e+06"), number("0.5"), number("+Inf"), number("NaN"), number("-1"), number("1e300"), number("1_000")
    (1000000.0, 0.5, None, None, None, None, None)
    """
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if 0 <= value <= most else None


def whole_number(text: str) -> int | None:
    """A number of ASCII digits only, as of a version, a port or nanoseconds; None for anything else.

    >>> whole_number("3100"), whole_number("²"), whole_number("-1"), whole_number("9" * 20)
    (3100, None, None, None)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
