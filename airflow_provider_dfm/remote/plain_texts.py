"""The plain form of what is one text or number: dates and times, decimal numbers, paths and the like."""

from __future__ import annotations

import datetime
from typing import Any

from .plain_part import Parts

NANOSECONDS_A_DAY = 86400 * 10**9


def text_form(value: Any, parts: Parts) -> Any:
    """ISO 8601 of dates and times, and pydantic's text of the rest."""
    # It is there wherever DFM is.
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)


def enum_form(value: Any, parts: Parts) -> Any:
    """What an enum's value becomes."""
    return parts.form(value.value, ".value")


def timestamp_form(value: Any, parts: Parts) -> Any:
    """ISO 8601 of a ``pandas.Timestamp``, with its nanoseconds where it has some."""
    return value.isoformat().replace("+00:00", "Z") if value.nanosecond else text_form(value.to_pydatetime(), parts)


def timedelta_form(value: Any, parts: Parts) -> Any:
    """ISO 8601 of a ``pandas.Timedelta``."""
    return duration_text(int(value.as_unit("ns").value))


def missing_form(value: Any, parts: Parts) -> None:
    """None for ``pandas.NA`` and ``pandas.NaT``."""


def string_form(value: Any, parts: Parts) -> str:
    """The value's own text."""
    return str(value)


def iso_form(value: Any, parts: Parts) -> str:
    """The value's own text of a date."""
    return str(value.isoformat())


def duration_text(nanoseconds: int) -> str:
    """ISO 8601 of a duration."""
    if nanoseconds % 1000 == 0 and abs(nanoseconds) < datetime.timedelta.max.days * NANOSECONDS_A_DAY:
        from pydantic_core import to_jsonable_python

        return str(to_jsonable_python(datetime.timedelta(microseconds=nanoseconds // 1000)))
    days, rest = divmod(abs(nanoseconds), NANOSECONDS_A_DAY)
    seconds, fraction = divmod(rest, 10**9)
    decimals = f".{fraction:09d}".rstrip("0") if fraction else ""
    sign = "-" if nanoseconds < 0 else ""
    return f"{sign}P{f'{days}D' if days else ''}{f'T{seconds}{decimals}S' if rest else ''}"
