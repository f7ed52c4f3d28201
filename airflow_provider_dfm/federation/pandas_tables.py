"""Makes pandas' tables of the tables among values."""

from __future__ import annotations

import contextlib
import importlib.util
import re
from typing import Any

from airflow_provider_dfm.federation import table_columns as columns
from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.opened_tables import Labels, Table
from airflow_provider_dfm.federation.table_values import python_objects, time_zone

NULLABLE = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|boolean")
TEXT = re.compile(r"str|string(\[(python|pyarrow|pyarrow_numpy)\])?")
# What pandas has of numpy's units of time.
UNITS = ("s", "ms", "us", "ns")


def pandas_table(table: Table) -> Any:
    """A DataFrame, Series, Index, or array of pandas.

    :param table: what it holds.
    :raises ImportError: pandas is not installed here.
    """
    import pandas

    index = None if table.index is None else _index(table.index)
    if table.shape == "index":
        return index
    arrays = [pandas_array(column) for column in table.columns]
    if table.shape == "array" and table.of == "pandas":
        return arrays[0]
    if table.names is None:
        series = pandas.Series(arrays[0], index=index, name=table.name, copy=False, dtype=_kept(table.columns[0]))
        series.attrs.update(table.attrs)
        return series
    if index is None:
        index = pandas.RangeIndex(table.rows)
    # By number, as names can be there twice.
    series_of = {
        number: pandas.Series(array, index=index, copy=False, dtype=_kept(column))
        for number, (array, column) in enumerate(zip(arrays, table.columns, strict=True))
    }
    frame = pandas.DataFrame(series_of, index=index, copy=False)
    frame.columns = _index(table.names)
    frame.attrs.update(table.attrs)
    return frame


def _kept(column: columns.Column) -> Any:
    # pandas would make text of objects that are.
    return "object" if column.dtype == "object" else None


def _index(labels: Labels) -> Any:
    import pandas

    if labels.numbers is not None:
        numbers = labels.numbers
        return pandas.RangeIndex(numbers.start, numbers.stop, numbers.step, name=labels.names[0])
    if labels.is_nested:
        levels = [pandas.Index(pandas_array(level), dtype=_kept(level)) for level in labels.levels]
        return pandas.MultiIndex.from_arrays(levels, names=labels.names)
    index: Any = pandas.Index(pandas_array(labels.levels[0]), dtype=_kept(labels.levels[0]), name=labels.names[0])
    if labels.freq is not None and not isinstance(index, pandas.PeriodIndex):
        # Another release of pandas can have another name for it.
        with contextlib.suppress(ValueError, TypeError):
            index.freq = labels.freq
    return index


def pandas_array(column: columns.Column) -> Any:
    """The values of a column as pandas has them, or numpy.

    :param column: the column.
    """
    import pandas

    if "pyarrow]" in column.dtype and not TEXT.fullmatch(column.dtype) and importlib.util.find_spec("pyarrow"):
        from airflow_provider_dfm.federation.arrow_tables import arrow_array

        return pandas.arrays.ArrowExtensionArray(arrow_array(column))
    data = column.data
    if isinstance(data, columns.Numbers):
        return _numbers(column, data)
    if isinstance(data, columns.Texts) and data.is_text and column.dtype != "object":
        return _texts(column, data)
    if isinstance(data, columns.Categories):
        categories = pandas.Index(pandas_array(data.categories), dtype=_kept(data.categories))
        return pandas.Categorical.from_codes(data.codes, categories=categories, ordered=data.ordered)
    if isinstance(data, columns.Periods):
        return pandas.arrays.PeriodArray(data.values, dtype=pandas.PeriodDtype(data.freq))
    if isinstance(data, columns.Intervals):
        left, right = pandas.Index(pandas_array(data.left)), pandas.Index(pandas_array(data.right))
        return pandas.arrays.IntervalArray.from_arrays(left, right, closed=data.closed)
    return _objects(python_objects(column))


def _objects(values: list[Any]) -> Any:
    import numpy

    array = numpy.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def _texts(column: columns.Column, data: columns.Texts) -> Any:
    import pandas

    items = column.with_missing(data.items())
    if not TEXT.fullmatch(column.dtype):
        # Of another library: what pandas itself makes of text, which differs between its releases.
        return pandas.Series(items, dtype=None if any(item is not None for item in items) else "object").array
    for dtype in (column.dtype, "string", "object"):
        with contextlib.suppress(ImportError, TypeError):
            return pandas.array(items, dtype=dtype)
    raise UnreadableValue(f"has text of dtype {column.dtype}")


def _numbers(column: columns.Column, data: columns.Numbers) -> Any:
    import numpy
    import pandas

    values = data.values
    if values.dtype.kind in "mM":
        return _times(column, data)
    is_nullable = bool(NULLABLE.fullmatch(column.dtype)) or column.valid is not None
    if not is_nullable:
        return values
    missing = numpy.zeros(len(values), bool) if column.valid is None else ~column.valid
    if values.dtype.kind in "iu":
        return pandas.arrays.IntegerArray(values, missing)
    if values.dtype.kind == "b":
        return pandas.arrays.BooleanArray(values, missing)
    if values.dtype.str[1:] in ("f4", "f8"):
        return pandas.arrays.FloatingArray(values, missing)
    values[missing] = numpy.nan
    return values


def _times(column: columns.Column, data: columns.Numbers) -> Any:
    import numpy
    import pandas

    values = data.values
    unit, count = numpy.datetime_data(values.dtype)
    if unit not in UNITS or count != 1:
        values = values.astype(f"{values.dtype.kind}8[s]")
    if column.valid is not None:
        values[~column.valid] = numpy.array("NaT", values.dtype)
    if data.zone is None:
        return values
    zone: Any = time_zone(data.zone)
    # By its name, as pandas makes its own zones of names, and of other classes in its release 2.
    zone = getattr(zone, "key", zone)
    return pandas.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone).array
