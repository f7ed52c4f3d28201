"""The tables among values, checked, and not yet of any library but numpy."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.federation.column_reader import FREQUENCY, ColumnReader, Opened
from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.table_columns import Column
from airflow_provider_dfm.federation.value_buffers import Buffers
from airflow_provider_dfm.federation.value_forms import hashable, inside, members

SHAPES = ("frame", "series", "index", "array")


@dataclass(frozen=True)
class Labels:
    """What names a table's rows or its columns.

    :param names: the names of the levels.
    :param levels: the levels, each as long as what they name; none where ``numbers`` name it.
    :param numbers: the numbers that name it.
    :param is_nested: whether several levels name it together.
    :param freq: how far apart times are, as pandas says it; None: nobody knows.
    """

    names: list[Hashable]
    levels: list[Column]
    numbers: range | None
    is_nested: bool
    freq: str | None

    def are_default(self) -> bool:
        """Whether they say nothing more than how many there are."""
        return self.numbers == range(len(self.numbers)) and self.names == [None] if self.numbers is not None else False


@dataclass(frozen=True)
class Table:
    """A table, or one column of it.

    :param of: the library it was made with: ``"pandas"``, ``"polars"`` or ``"arrow"``.
    :param shape: ``"frame"``; ``"series"``: one column with a name; ``"index"``; ``"array"``: one column alone.
    :param rows: how many rows.
    :param columns: the columns.
    :param names: what names the columns; None where there is but one.
    :param index: what names the rows; None: nothing.
    :param name: a series' name.
    :param attrs: what else was noted of it.
    """

    of: str
    shape: str
    rows: int
    columns: list[Column]
    names: Labels | None
    index: Labels | None
    name: Hashable
    attrs: dict[Any, Any]


def read_table(form: Any, buffers: Buffers, opened: Opened) -> Table:
    """A table.

    :param form: the form, ``{"@table": …}``.
    :param buffers: reads its bytes.
    :param opened: opens the values among it that are not in columns of their own kind.
    :raises OtherKindOfValue, UnreadableValue: it is none.
    """
    about = inside(form, ["@table"], "a table")
    of, shape, rows, columns = members(about, {"of": str, "as": str, "rows": int, "columns": list})
    if (
        shape not in SHAPES
        or rows < 0
        or len(columns) != {"series": 1, "array": 1, "index": 0}.get(shape, len(columns))
    ):
        raise UnreadableValue(f"has a table as {shape!r:.20} of {rows} rows and {len(columns)} columns")
    reader = ColumnReader(buffers, opened)
    index = _labels(about["index"], rows, reader, opened) if "index" in about else None
    names = _labels(about["names"], len(columns), reader, opened) if "names" in about else None
    if (shape == "frame") != (names is not None) or (shape == "index" and index is None):
        raise UnreadableValue(f"has a table as {shape} without its names")
    attrs = opened(about.get("attrs", {}))
    if not isinstance(attrs, dict):
        raise UnreadableValue(f"has a table whose attributes are a {type(attrs).__name__}")
    read = [reader.read(column, rows) for column in columns]
    return Table(of, shape, rows, read, names, index, _label(about.get("name"), opened), attrs)


def _labels(form: Any, count: int, reader: ColumnReader, opened: Opened) -> Labels:
    (name_forms,) = members(form, {"names": list})
    names = [_label(name, opened) for name in name_forms]
    freq = form.get("freq")
    if freq is not None and not (isinstance(freq, str) and FREQUENCY.fullmatch(freq)):
        raise UnreadableValue(f"has an index of the frequency {freq!r:.60}")
    if "range" in form:
        numbers = form["range"]
        if not isinstance(numbers, list) or [type(number) for number in numbers] != [int] * 3 or not numbers[2]:
            raise UnreadableValue(f"has an index of {numbers!r:.60}")
        found = range(*numbers)
        if max(map(abs, numbers)) >= 1 << 62 or len(found) != count or len(names) != 1:
            raise UnreadableValue(f"has an index of {len(found)} rows for {count}")
        return Labels(names, [], found, False, freq)
    (level_forms,) = members(form, {"levels": list})
    levels = [reader.read(level, count) for level in level_forms]
    is_nested = form.get("multi") is True
    if len(levels) != len(names) or not levels or (len(levels) > 1 and not is_nested):
        raise UnreadableValue(f"has an index of {len(levels)} levels and {len(names)} names")
    return Labels(names, levels, None, is_nested, freq)


def _label(form: Any, opened: Opened, depth: int = 0) -> Hashable:
    if isinstance(form, dict) and form.keys() == {"tuple"} and isinstance(form["tuple"], list) and depth < 10:
        return tuple(_label(each, opened, depth + 1) for each in form["tuple"])
    return hashable(opened(form))
