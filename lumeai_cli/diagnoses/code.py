"""Codes that no diagnosis has: given up, or kept for something else.

A code that was once given means the same for ever. A diagnosis that is given up leaves the catalogue, and its code goes
into `RETIRED` with what to look for instead.
"""

import re
from collections.abc import Mapping

RETIRED: Mapping[str, str] = {}
"""Each given-up code with the name that now stands for it; none so far."""

RESERVED = (range(1, 100),)
"""Numbers that are kept for what lumeai's own proxy refuses; no server that the doctor examines can show them."""

_FORM = re.compile(r"lum(\d{3})", re.IGNORECASE)


def reserved(text: str) -> bool:
    """Whether this is a code that is kept."""
    match = _FORM.fullmatch(text.strip())
    return match is not None and any(int(match[1]) in kept for kept in RESERVED)


def successor(text: str) -> str:
    """The name that stands for a given-up code; empty for every other text."""
    return RETIRED.get(text.strip().upper(), "")
