"""Looks at a JSON text without reading it: how much is in it, and how deep. This module travels with each job, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A value between two sites of a few hundred megabytes is honest, as base64 of an array may be.
CHARACTERS_A_LINE = 512 << 20
# So many lists, dicts and what is in them; each takes up to a hundred bytes of memory where it is read.
ELEMENTS_A_LINE = 20_000_000
# DFM itself refuses values that are nested more than 255 deep: pydantic's JsonValue.
DEPTH = 300
_BRACKETS = re.compile(r'["\[\]{}]')
_ELEMENTS = re.compile(r'["\[{,]')


def too_large(line: str) -> str:
    """What of a token is more than the server takes, and how much that takes; empty: nothing.

    :param line: the token as JSON.
    """
    if len(line) > CHARACTERS_A_LINE:
        return f"{len(line)} characters, and {CHARACTERS_A_LINE} are the most"
    if line.count("[") + line.count("{") + line.count(",") <= ELEMENTS_A_LINE:
        return ""
    # Those that stand in texts do not count.
    elements = sum(1 for _ in _marks(line, _ELEMENTS))
    return f"{elements} elements, and {ELEMENTS_A_LINE} are the most" if elements > ELEMENTS_A_LINE else ""


def is_too_deep(line: str, most: int = DEPTH) -> bool:
    """Whether a JSON text has lists and dicts that are nested deeper than somebody can read.

    :param line: the text.
    :param most: how deep they may be.
    """
    if line.count("[") + line.count("{") <= most:
        return False
    depth = 0
    for mark in _marks(line, _BRACKETS):
        depth += 1 if mark in "[{" else -1
        if depth > most:
            return True
    return False


def _marks(line: str, marks: re.Pattern[str]) -> Iterator[str]:
    """The marks of a JSON text that stand outside of its texts."""
    position = 0
    while found := marks.search(line, position):
        position = found.end()
        if found[0] == '"':
            position = _end_of_text(line, position)
        else:
            yield found[0]


def _end_of_text(line: str, position: int) -> int:
    """Where a text that has begun before this position is over; texts can be very long."""
    while (end := line.find('"', position)) >= 0:
        backslash = end
        while backslash > position and line[backslash - 1] == "\\":
            backslash -= 1
        if (end - backslash) % 2 == 0:
            return end + 1
        position = end + 1
    return len(line)
