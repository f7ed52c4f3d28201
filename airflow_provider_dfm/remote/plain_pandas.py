"""The plain form of pandas' tables, and of parts of them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from .plain_arrays import array_form
from .plain_arrow import arrow_column
from .plain_columns import object_column, texts, with_valid
from .plain_part import NoPlainForm, Parts, library

FREQUENCY = re.compile(r"[A-Za-z0-9-]{1,40}")


def frame_form(frame: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``pandas.DataFrame``, with its index, its columns' names and its ``attrs``."""
    columns = [
        _named(f"[{frame.columns[position]!r:.60}]", frame.iloc[:, position].array, parts)
        for position in range(frame.shape[1])
    ]
    return {"@table": _table("frame", len(frame), columns, parts, index=frame.index, names=frame.columns, of=frame)}


def series_form(series: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``pandas.Series``, with its index and name."""
    table = _table("series", len(series), [_column(series.array, parts)], parts, index=series.index, of=series)
    return {"@table": table | {"name": _label(series.name, parts)}}


def index_form(index: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``pandas.Index``."""
    return {"@table": _table("index", len(index), [], parts, index=index)}


def extension_form(array: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``pandas.Categorical`` or another of pandas' own arrays."""
    return {"@table": _table("array", len(array), [_column(array, parts)], parts)}


def extension_column(array: Any, parts: Parts) -> dict[str, Any]:
    """The form of a column that is one of pandas' own arrays.

    :param array: the array.
    :param parts: takes the bytes.
    """
    return _column(array, parts)


def interval_form(interval: Any, parts: Parts) -> Any:
    """A dict of a ``pandas.Interval``."""
    ends = {"left": parts.form(interval.left, ".left"), "right": parts.form(interval.right, ".right")}
    return ends | {"closed": interval.closed}


def _table(
    shape: str, rows: int, columns: list[Any], parts: Parts, index: Any = None, names: Any = None, of: Any = None
) -> dict[str, Any]:
    table: dict[str, Any] = {"of": "pandas", "as": shape, "rows": rows, "columns": columns}
    if index is not None:
        table["index"] = _index(index, parts)
    if names is not None:
        table["names"] = _index(names, parts)
    if of is not None and of.attrs:
        table["attrs"] = parts.form(dict(of.attrs), ".attrs")
    return table


def _index(index: Any, parts: Parts) -> dict[str, Any]:
    pandas = library("pandas")
    names = [_label(name, parts) for name in index.names]
    if isinstance(index, pandas.RangeIndex):
        return {"names": names, "range": [index.start, index.stop, index.step]}
    if isinstance(index, pandas.MultiIndex):
        levels = [_named(".index", index.get_level_values(number).array, parts) for number in range(index.nlevels)]
        return {"names": names, "levels": levels, "multi": True}
    freq = getattr(index, "freqstr", None)
    form = {"names": names, "levels": [_named(".index", index.array, parts)]}
    # A DateOffset has none that pandas reads.
    return form | {"freq": freq} if freq is not None and FREQUENCY.fullmatch(freq) else form


def _label(name: Any, parts: Parts) -> Any:
    # A tuple is a name of several levels, and not a list.
    return {"tuple": [_label(each, parts) for each in name]} if type(name) is tuple else parts.form(name, ".name")


def _named(step: str, array: Any, parts: Parts) -> dict[str, Any]:
    try:
        return _column(array, parts)
    except NoPlainForm as error:
        raise error.below(step) from None


def _column(array: Any, parts: Parts) -> dict[str, Any]:
    for base in type(array).__mro__:
        if base.__name__ in _KINDS:
            return _KINDS[base.__name__](array, parts)
    return _objects(array, parts)


def _objects(array: Any, parts: Parts) -> dict[str, Any]:
    pandas, numpy = library("pandas"), library("numpy")
    items = numpy.asarray(array, dtype=object)
    valid = ~pandas.isna(items)
    # A list of its own for each item that is one: numpy would make rows of them.
    column = object_column([items[row] for row in range(len(items))], valid.tolist(), parts)
    return column | {"dtype": str(array.dtype)}


def _strings(array: Any, parts: Parts) -> dict[str, Any]:
    items = library("numpy").asarray(array, dtype=object)
    valid = ~library("pandas").isna(items)
    column = with_valid(texts(items.tolist(), valid.tolist(), parts), valid.tolist(), parts)
    return column | {"dtype": _dtype_text(array.dtype)}


def _dtype_text(dtype: Any) -> str:
    # The text of a string's dtype does not say how it is stored.
    return f"string[{dtype.storage}]" if str(dtype) == "string" and hasattr(dtype, "storage") else str(dtype)


def _numpy(array: Any, parts: Parts) -> dict[str, Any]:
    values = array.to_numpy()
    if values.dtype.kind in "OSU":
        return _objects(array, parts)
    return {"kind": "array", "values": array_form(values, parts)}


def _times(array: Any, parts: Parts) -> dict[str, Any]:
    unit = getattr(array, "unit", "ns")
    values = array.asi8.view(f"{'M' if hasattr(array, 'tz') else 'm'}8[{unit}]")
    column = {"kind": "array", "values": array_form(values, parts)}
    zone = getattr(array, "tz", None)
    return column if zone is None else column | {"zone": _zone(zone)}


def _zone(zone: Any) -> str:
    """The name that the time zone database has for it, or how far it is from UTC: ``"+02:00"``, say."""
    # Of Python's own zones, of pytz's, and of the file of dateutil's.
    names = (getattr(zone, "key", None), getattr(zone, "zone", None), getattr(zone, "_filename", None))
    offset = zone.utcoffset(None)
    name = next((str(name).rpartition("zoneinfo/")[2] for name in names if name), "/")
    if offset is None and name.startswith("/"):
        raise NoPlainForm(f"Times of a zone {zone!r:.100}", "Yield them in another one: .tz_convert('UTC').")
    if not name.startswith("/"):
        return name
    text = str(datetime.timezone(offset))
    return text[3:] or text


def _masked(array: Any, parts: Parts) -> dict[str, Any]:
    numpy = library("numpy")
    valid = ~numpy.asarray(array.isna())
    values = array.to_numpy(dtype=array.dtype.numpy_dtype, na_value=0)
    column = {"kind": "array", "values": array_form(values, parts), "dtype": str(array.dtype)}
    # Floats can be both: a number that is none, and missing.
    return with_valid(column, valid.tolist(), parts)


def _arrow(array: Any, parts: Parts) -> dict[str, Any]:
    return arrow_column(array.__arrow_array__(), parts) | {"dtype": _dtype_text(array.dtype)}


def _categories(array: Any, parts: Parts) -> dict[str, Any]:
    codes = array_form(array.codes, parts)
    categories = _named(".categories", array.categories.array, parts)
    return {"kind": "category", "codes": codes, "categories": categories, "ordered": bool(array.ordered)}


def _periods(array: Any, parts: Parts) -> dict[str, Any]:
    return {"kind": "period", "values": array_form(array.asi8, parts), "freq": array.freqstr}


def _intervals(array: Any, parts: Parts) -> dict[str, Any]:
    ends = {"left": _column(array.left.array, parts), "right": _column(array.right.array, parts)}
    return {"kind": "interval", "closed": array.closed} | ends


def _dense(array: Any, parts: Parts) -> dict[str, Any]:
    return _column(library("pandas").Series(array).sparse.to_dense().array, parts)


# pandas' classes, by the name that it has had for them since version 1.
_KINDS: dict[str, Callable[[Any, Parts], dict[str, Any]]] = {
    "DatetimeArray": _times,
    "TimedeltaArray": _times,
    "PeriodArray": _periods,
    "Categorical": _categories,
    "IntervalArray": _intervals,
    "SparseArray": _dense,
    "BaseMaskedArray": _masked,
    "ArrowExtensionArray": _arrow,
    "BaseStringArray": _strings,
    "StringArray": _strings,
    "NumpyExtensionArray": _numpy,
    "PandasArray": _numpy,
}
