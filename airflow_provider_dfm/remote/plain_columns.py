"""The plain form of a table's columns, whichever library the table is of.

A column is ``{"kind": …}``: ``array`` has ``values``, an array, and may have a ``zone``; ``text`` and ``bytes`` have
``offsets`` into their ``content``, and are
``wide`` where Arrow's were; ``category`` has ``codes`` into ``categories``, -1 for a missing one; ``date`` days
since 1970 and ``time`` nanoseconds since midnight, in ``values``; ``decimal`` its ``texts``; ``period`` numbers in
``values``, and ``freq``; ``interval`` its ``left``, ``right`` and ``closed``; ``list`` its ``offsets`` into ``items``,
a column; ``struct`` its ``names`` and ``fields``, columns; ``objects`` a list of plain values.
Those whose values can be missing have ``valid``, an array of bools, where some are, and ``missing``, which is ``nan``,
where NaN stood for all of these among objects.
"""

from __future__ import annotations

import datetime
import decimal
from array import array as standard_array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

from .plain_part import Parts, whole_array

EPOCH = datetime.date(1970, 1, 1).toordinal()


def with_valid(column: dict[str, Any], valid: Sequence[bool], parts: Parts) -> dict[str, Any]:
    """The same column, told where it has values and where none.

    :param column: the column.
    :param valid: for each row whether it has a value.
    :param parts: takes the bytes.
    """
    if all(valid):
        return column
    return column | {"valid": whole_array("b1", len(valid), memoryview(bytes(map(bool, valid))), parts.keep)}


def text_column(kind: str, encoded: Sequence[bytes], parts: Parts) -> dict[str, Any]:
    """A column of text or bytes.

    :param kind: ``"text"`` or ``"bytes"``.
    :param encoded: each row's bytes; none of a missing one.
    :param parts: takes the bytes.
    """
    return {
        "kind": kind,
        "offsets": offsets_form(map(len, encoded), parts),
        "content": {"@bytes": parts.keep(memoryview(b"".join(encoded)))},
    }


def offsets_form(lengths: Iterable[int], parts: Parts) -> dict[str, Any]:
    """Where each of many begins, and where the last ends, of their lengths.

    :param lengths: the lengths; 0 of a missing one.
    :param parts: takes the bytes.
    """
    offsets = standard_array("q", accumulate(lengths, initial=0))
    return whole_array("i8", len(offsets), memoryview(offsets).cast("B"), parts.keep)


def texts(items: Sequence[Any], valid: Sequence[bool], parts: Parts) -> dict[str, Any]:
    """A column of text, as of :func:`object_column`, without telling which are missing."""
    encoded = [
        item.encode("utf-8", "surrogatepass") if there else b"" for item, there in zip(items, valid, strict=True)
    ]
    return text_column("text", encoded, parts)


def _bytes(items: Sequence[Any], valid: Sequence[bool], parts: Parts) -> dict[str, Any]:
    return text_column("bytes", [bytes(i) if there else b"" for i, there in zip(items, valid, strict=True)], parts)


def _dates(items: Sequence[Any], valid: Sequence[bool], parts: Parts) -> dict[str, Any]:
    days = standard_array("i", (i.toordinal() - EPOCH if ok else 0 for i, ok in zip(items, valid, strict=True)))
    data = memoryview(days).cast("B") if days else memoryview(b"")
    return {"kind": "date", "values": whole_array("i4", len(days), data, parts.keep)}


def _decimals(items: Sequence[Any], valid: Sequence[bool], parts: Parts) -> dict[str, Any]:
    numbers = [str(item) if there else "" for item, there in zip(items, valid, strict=True)]
    return {"kind": "decimal", "texts": texts(numbers, [True] * len(numbers), parts)}


_OF_ONE_TYPE: dict[type, Callable[[Sequence[Any], Sequence[bool], Parts], dict[str, Any]]] = {
    str: texts,
    bytes: _bytes,
    datetime.date: _dates,
    decimal.Decimal: _decimals,
}


def object_column(items: Sequence[Any], valid: Sequence[bool], parts: Parts) -> dict[str, Any]:
    """A column of Python's objects: of text, bytes, dates, decimal numbers, or any plain values.

    :param items: the objects.
    :param valid: for each row whether it has a value.
    :param parts: makes an object plain.
    :raises NoPlainForm: an object has no plain form.
    """
    types = {type(item) for item, there in zip(items, valid, strict=True) if there}
    make = _OF_ONE_TYPE.get(types.pop()) if len(types) == 1 else None
    if make is not None:
        column = with_valid(make(items, valid, parts), valid, parts)
        missing = {type(item) for item, there in zip(items, valid, strict=True) if not there}
        return column | {"missing": "nan"} if missing == {float} else column
    return {"kind": "objects", "values": [parts.form(item, f"[{row}]") for row, item in enumerate(items)]}
