"""JSON that others wrote, made fit for what it goes through here."""

from __future__ import annotations

import math
from typing import Any

from airflow_provider_dfm.remote.foreign_text import fit

# pydantic writes 255 levels at most.
MAX_LEVELS = 100
TOO_DEEP = "(nested too deep)"


def plain_json(value: Any, levels: int = MAX_LEVELS) -> Any:
    """The same value; characters that do not go everywhere are replaced, what is nested too deep and NaN are texts.

    :param value: what JSON knows.
    :param levels: how deep lists and dicts may be nested.
    """
    if isinstance(value, str):
        return fit(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (dict, list, tuple)) and not levels:
        return TOO_DEEP
    if isinstance(value, dict):
        return {plain_json(str(key)): plain_json(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(inner, levels - 1) for inner in value]
    return value
