"""The one error that the lab shows to whoever runs it."""

from __future__ import annotations


class LabError(Exception):
    """Something that the user can act on; shown as one message, without a traceback."""
