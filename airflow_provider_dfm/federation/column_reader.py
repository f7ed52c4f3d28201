"""Reads the columns of the tables among values, and checks them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.opened_arrays import open_array
from airflow_provider_dfm.federation.table_columns import (
    Categories,
    Clock,
    Column,
    Days,
    Decimals,
    Intervals,
    Lists,
    Numbers,
    Objects,
    Periods,
    Structs,
    Texts,
)
from airflow_provider_dfm.federation.value_buffers import Buffers
from airflow_provider_dfm.federation.value_forms import inside, members

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.table_columns import Array

# Columns in columns: the categories of a category, the ends of an interval, the items of a list.
MOST_DEPTH = 20
FREQUENCY = re.compile(r"[A-Za-z0-9-]{1,40}")
Opened = Callable[[Any], Any]


class ColumnReader:
    """Reads columns.

    :param buffers: reads their bytes.
    :param opened: opens the values of a column of objects.
    """

    def __init__(self, buffers: Buffers, opened: Opened) -> None:
        self._buffers = buffers
        self._opened = opened

    def read(self, form: Any, rows: int, depth: int = 0) -> Column:
        """A column.

        :param form: its form.
        :param rows: how many rows it has to have; -1: as many as it has.
        :param depth: in how many columns it is.
        :raises UnreadableValue: it is not what it says.
        """
        (kind,) = members(form, {"kind": str})
        if depth > MOST_DEPTH or kind not in _READERS:
            raise UnreadableValue(f"has a column of the unknown kind {kind!r:.40}")
        data, found = _READERS[kind](self, form, rows, depth)
        if rows not in (-1, found):
            raise UnreadableValue(f"has a column of {found} rows in a table of {rows}")
        valid = self._flat(form["valid"], "b", found) if "valid" in form else None
        dtype = form.get("dtype", "")
        missing = math.nan if form.get("missing") == "nan" else None
        return Column(found, data, valid, dtype if isinstance(dtype, str) else "", missing)

    def _flat(self, form: Any, kinds: str, rows: int) -> Array:
        array: Array = open_array(form, self._buffers, writable=True)
        if array.ndim != 1 or array.dtype.kind not in kinds or rows not in (-1, len(array)):
            raise UnreadableValue(f"has a column whose array has shape {array.shape} and dtype {array.dtype!s:.40}")
        # Neither pandas nor polars take numbers in the other byte order.
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _numbers(self, form: Any, rows: int, depth: int) -> tuple[Numbers, int]:
        values = self._flat(form.get("values"), "biufcmM", rows)
        zone = form.get("zone")
        if zone is not None and not (isinstance(zone, str) and values.dtype.kind == "M"):
            raise UnreadableValue(f"has a column with the time zone {zone!r:.40}")
        return Numbers(values, zone), len(values)

    def _texts(self, form: Any, rows: int, depth: int) -> tuple[Texts, int]:
        about = inside(form.get("content"), ["@bytes"], "bytes")
        content = self._buffers.read(about)
        offsets = self._offsets(form, rows, len(content))
        return Texts(offsets, content, form["kind"] == "text", form.get("wide") is True), len(offsets) - 1

    def _categories(self, form: Any, rows: int, depth: int) -> tuple[Categories, int]:
        codes = self._flat(form.get("codes"), "i", rows)
        categories = self.read(form.get("categories"), -1, depth + 1)
        if len(codes) and not -1 <= codes.min() <= codes.max() < categories.rows:
            raise UnreadableValue("has a column of categories with one that there is not")
        return Categories(codes, categories, form.get("ordered") is True), len(codes)

    def _days(self, form: Any, rows: int, depth: int) -> tuple[Days, int]:
        values = self._flat(form.get("values"), "i", rows)
        return Days(values.astype("i4", copy=False)), len(values)

    def _clock(self, form: Any, rows: int, depth: int) -> tuple[Clock, int]:
        values = self._flat(form.get("values"), "i", rows)
        if len(values) and not 0 <= values.min() <= values.max() < 86400 * 10**9:
            raise UnreadableValue("has a column of times that no day has")
        return Clock(values.astype("i8", copy=False)), len(values)

    def _decimals(self, form: Any, rows: int, depth: int) -> tuple[Decimals, int]:
        (texts,) = members(form, {"texts": dict})
        column = self.read(texts, rows, depth + 1)
        precision, scale = form.get("precision"), form.get("scale")
        known = type(precision) is int and type(scale) is int and 0 < precision <= 76 and abs(scale) <= precision
        if not isinstance(column.data, Texts) or not column.data.is_text:
            raise UnreadableValue("has a column of decimal numbers that are no text")
        return Decimals(column.data, precision if known else None, scale if known else None), column.rows

    def _periods(self, form: Any, rows: int, depth: int) -> tuple[Periods, int]:
        values = self._flat(form.get("values"), "i", rows)
        (freq,) = members(form, {"freq": str})
        if not FREQUENCY.fullmatch(freq):
            raise UnreadableValue(f"has a column of periods of {freq!r:.60}")
        return Periods(values.astype("i8", copy=False), freq), len(values)

    def _intervals(self, form: Any, rows: int, depth: int) -> tuple[Intervals, int]:
        left = self.read(form.get("left"), rows, depth + 1)
        right = self.read(form.get("right"), left.rows, depth + 1)
        (closed,) = members(form, {"closed": str})
        return Intervals(left, right, closed), left.rows

    def _lists(self, form: Any, rows: int, depth: int) -> tuple[Lists, int]:
        items = self.read(form.get("items"), -1, depth + 1)
        offsets = self._offsets(form, rows, items.rows)
        return Lists(offsets, items), len(offsets) - 1

    def _structs(self, form: Any, rows: int, depth: int) -> tuple[Structs, int]:
        names, fields = members(form, {"names": list, "fields": list})
        if not names or len(names) != len(fields) or not all(isinstance(name, str) for name in names):
            raise UnreadableValue(f"has a column of structs with the fields {names!r:.60}")
        first = self.read(fields[0], rows, depth + 1)
        return Structs(names, [first, *(self.read(field, first.rows, depth + 1) for field in fields[1:])]), first.rows

    def _offsets(self, form: Any, rows: int, most: int) -> Array:
        offsets = self._flat(form.get("offsets"), "i", -1 if rows == -1 else rows + 1).astype("i8", copy=False)
        if not len(offsets) or offsets[0] < 0 or offsets[-1] > most or (offsets[1:] < offsets[:-1]).any():
            raise UnreadableValue("has a column of text or lists that leads out of what is in it")
        return offsets

    def _objects(self, form: Any, rows: int, depth: int) -> tuple[Objects, int]:
        (values,) = members(form, {"values": list})
        return Objects([self._opened(value) for value in values]), len(values)


_READERS: dict[str, Callable[[ColumnReader, Any, int, int], tuple[Any, int]]] = {
    "array": ColumnReader._numbers,
    "text": ColumnReader._texts,
    "bytes": ColumnReader._texts,
    "category": ColumnReader._categories,
    "date": ColumnReader._days,
    "time": ColumnReader._clock,
    "decimal": ColumnReader._decimals,
    "period": ColumnReader._periods,
    "interval": ColumnReader._intervals,
    "list": ColumnReader._lists,
    "struct": ColumnReader._structs,
    "objects": ColumnReader._objects,
}
