"""Brings dates and times that come as text into ISO 8601, without losing anything."""

from __future__ import annotations

import datetime
import typing
from typing import Any


def takes_dates(kind: Any) -> bool:
    """Whether a type is a date, a datetime or one of several such, and not text as well."""
    kinds = set(typing.get_args(kind)) or {kind}
    return not kinds.isdisjoint((datetime.date, datetime.datetime)) and str not in kinds


def iso_text(value: Any, kind: Any) -> Any:
    """A date or time as its type's values are written.

    :param value: a value that came as JSON.
    :param kind: the type that it is for.
    :return: text where the type takes dates; anything else as it is. A date
        is ``2010-01-01``, a datetime ``2010-01-01T00:00:00+00:00``, in UTC where it names no zone. Where
        only a date is wanted, a datetime at midnight, in its own zone, becomes its date; where only a datetime is
        wanted, a date becomes its midnight, in UTC.
    :raises ValueError: it is none, or something of it would be lost.
    """
    if not isinstance(value, str) or not takes_dates(kind):
        return value
    kinds = set(typing.get_args(kind)) or {kind}
    dates, moments = datetime.date in kinds, datetime.datetime in kinds
    day, moment = _read(value)
    if dates and day is not None:
        return day.isoformat()
    if moments:
        return moment.isoformat()
    if moment.time() != datetime.time():
        raise ValueError(f"the time of day of {value!r} would be lost, since a date is wanted")
    return moment.date().isoformat()


def _read(text: str) -> tuple[datetime.date | None, datetime.datetime]:
    # Python 3.10 knows no Z.
    plain = text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text
    try:
        moment = datetime.datetime.fromisoformat(plain)
    except ValueError:
        raise ValueError(
            f"{text!r} is no date or time in ISO 8601, such as 2010-01-01 or 2010-01-01T12:00:00+00:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    try:
        return datetime.date.fromisoformat(plain), moment
    except ValueError:
        return None, moment
