"""Kubernetes' quantities of CPU and memory as numbers."""

from __future__ import annotations

from clusterprobe.numerals import number

_SUFFIXES = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}
_NUMERIC = frozenset("0123456789.+-eE")


def amount(quantity: object) -> float | None:
    """A quantity in its base unit (cores, bytes); None for what is none, or less than nothing.

    >>> amount("50m"), amount("1Gi"), amount(2), amount("much")
    (0.05, 1073741824.0, 2.0, None)
    """
    text = str(quantity)
    digits = text.rstrip("inumkKMGTPE")
    suffix = _SUFFIXES.get(text[len(digits) :])
    if suffix is None or not _NUMERIC.issuperset(digits):
        return None
    base = number(digits.lstrip("+"))
    return None if base is None else base * suffix
