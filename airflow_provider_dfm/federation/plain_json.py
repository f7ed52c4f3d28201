"""JSON that others wrote, made fit for what it goes through here."""

from __future__ import annotations

import math
import re
from typing import Any

# PostgreSQL takes no NUL in its JSON, and UTF-8 has no halves of surrogate pairs.
_UNFIT = re.compile("[\x00\ud800-\udfff]")
# pydantic writes 255 levels at most.
MAX_LEVELS = 100
TOO_DEEP = "(nested too deep)"


def plain_json(value: Any, levels: int = MAX_LEVELS) -> Any:
    """The same value; characters that do not go everywhere are replaced, what is nested too deep and NaN are texts.

    :param value: what JSON knows.
    :param levels: how deep lists and dicts may be nested.
    """
    if isinstance(value, str):
        return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (dict, list, tuple)) and not levels:
        return TOO_DEEP
    if isinstance(value, dict):
        return {plain_json(str(key)): plain_json(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(inner, levels - 1) for inner in value]
    return value
