"""The values of a table's column as Python has them."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

from airflow_provider_dfm.federation import table_columns as columns
from airflow_provider_dfm.federation.errors import OtherKindOfValue

EPOCH = datetime.date(1970, 1, 1).toordinal()
MIDNIGHT = datetime.datetime(1970, 1, 1)


def python_values(column: columns.Column) -> list[Any]:
    """The values, with None for those that are missing.

    :param column: the column.
    """
    data = column.data
    if isinstance(data, columns.Categories):
        categories = [*python_values(data.categories), None]
        return [categories[code] for code in data.codes.tolist()]
    return column.with_none(_items(data))


def mixed_objects(library: str, error: Exception) -> OtherKindOfValue:
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
    # Python has no nanoseconds.
    values: list[Any] = (data.values.astype(str) if data.values.dtype.kind in "mM" else data.values).tolist()
    return values


def _date(day: int) -> datetime.date:
    return datetime.date.fromordinal(day + EPOCH)
