"""Text that somebody else wrote, made fit for what it goes through here. This module travels with each job."""

from __future__ import annotations

import re

# PostgreSQL takes no NUL in its JSON, and UTF-8 has no halves of surrogate pairs.
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_LEFT_OUT = " ... "


def fit(text: str) -> str:
    """The same text, with characters replaced that a database, a log file or a trigger's event cannot take.

    :param text: the text.
    """
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def cut(text: str, length: int) -> str:
    """The beginning and the end of a text: some say what failed first, and others last.

    nvflare puts the cause of an error at its end, after all that led there.

    :param text: the text.
    :param length: characters that it may have.
    """
    if len(text) <= length:
        return text
    left = max(0, length - len(_LEFT_OUT))
    head = left // 2
    return f"{text[:head]}{_LEFT_OUT}{text[len(text) - (left - head) :]}"
