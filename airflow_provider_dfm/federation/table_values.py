"""The values of a table's column as Python has them."""

from __future__ import annotations

import datetime
import decimal
import re
import zoneinfo
from itertools import pairwise
from typing import Any

from airflow_provider_dfm.federation import table_columns as columns
from airflow_provider_dfm.federation.errors import OtherKindOfValue, UnreadableValue

EPOCH = datetime.date(1970, 1, 1).toordinal()
OFFSET = re.compile(r"([+-])(\d\d):(\d\d)(?::(\d\d))?")
MIDNIGHT = datetime.datetime(1970, 1, 1)


def python_values(column: columns.Column) -> list[Any]:
    """The values, with None for those that are missing.

    :param column: the column.
    """
    data = column.data
    if isinstance(data, columns.Categories):
        categories = [*python_values(data.categories), None]
        return [categories[code] for code in data.codes.tolist()]
    return column.with_missing(_items(data))


def python_objects(column: columns.Column) -> list[Any]:
    """The values, with None or NaN for those that are missing, whichever the site had.

    :param column: the column.
    """
    values = python_values(column)
    return values if column.missing is None else column.with_missing(values, column.missing)


def mixed_objects(library: str, error: BaseException) -> OtherKindOfValue:
    """The error of a column of objects that a library cannot have together.

    :param library: the library.
    :param error: what it says.
    """
    said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return OtherKindOfValue(f"has a column of objects that {library} cannot have ({said}); open it with 'pandas'")


def _items(data: Any) -> list[Any]:
    if isinstance(data, columns.Texts):
        return data.items()
    if isinstance(data, columns.Days):
        return [_date(day) for day in data.values.tolist()]
    if isinstance(data, columns.Clock):
        return [(MIDNIGHT + datetime.timedelta(microseconds=each)).time() for each in (data.values // 1000).tolist()]
    if isinstance(data, columns.Decimals):
        # In the place of one that is missing is no number.
        return [decimal.Decimal(text) if text else None for text in data.texts.items()]
    if isinstance(data, columns.Objects):
        return data.values
    if isinstance(data, columns.Intervals):
        return list(zip(python_values(data.left), python_values(data.right), strict=True))
    if isinstance(data, columns.Lists):
        items, ends = python_values(data.items), data.offsets.tolist()
        return [items[start:end] for start, end in pairwise(ends)]
    if isinstance(data, columns.Structs):
        fields = [python_values(field) for field in data.fields]
        return [dict(zip(data.names, row, strict=True)) for row in zip(*fields, strict=True)]
    if isinstance(data, columns.Numbers):
        return _numbers(data)
    numbers: list[Any] = data.values.tolist()
    return numbers


def _numbers(data: columns.Numbers) -> list[Any]:
    kind = data.values.dtype.kind
    # Python has no nanoseconds.
    values: list[Any] = (data.values.astype(f"{kind}8[us]") if kind in "mM" else data.values).tolist()
    if data.zone is None:
        return values
    zone = time_zone(data.zone)
    return [when and when.replace(tzinfo=datetime.timezone.utc).astimezone(zone) for when in values]


def time_zone(name: str) -> datetime.tzinfo:
    """A time zone.

    :param name: of the time zone database, or an offset as ``"+02:00"``.
    :raises UnreadableValue: there is none of this name.
    """
    offset = OFFSET.fullmatch(name)
    if offset:
        hours, minutes, seconds = (int(number or 0) for number in offset.groups()[1:])
        distance = datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return datetime.timezone(-distance if offset[1] == "-" else distance)
    if name == "UTC":
        return datetime.timezone.utc
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise UnreadableValue(f"has times of a zone {name!r:.60} that is not known here") from None


def _date(day: int) -> datetime.date:
    return datetime.date.fromordinal(day + EPOCH)
