"""The plain form of Arrow's tables and columns; pyarrow alone is needed for it."""

from __future__ import annotations

from typing import Any

from .plain_columns import object_column, offsets_form
from .plain_part import NoPlainForm, Parts, library, whole_array


def table_form(table: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``pyarrow.Table`` or a ``RecordBatch``."""
    names = list(table.schema.names)
    columns = []
    for number, name in enumerate(names):
        try:
            columns.append(arrow_column(table.column(number), parts))
        except NoPlainForm as error:
            raise error.below(f"[{name!r:.60}]") from None
    return {"@table": named_columns("arrow", "frame", table.num_rows, names, columns, parts)}


def column_form(column: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``pyarrow.Array`` or a ``ChunkedArray``."""
    return {"@table": {"of": "arrow", "as": "array", "rows": len(column), "columns": [arrow_column(column, parts)]}}


def scalar_form(scalar: Any, parts: Parts) -> Any:
    """What Python's value of an Arrow scalar becomes."""
    return parts.form(scalar.as_py(), "")


def named_columns(
    of: str, shape: str, rows: int, names: list[str], columns: list[dict[str, Any]], parts: Parts
) -> dict[str, Any]:
    """A table whose columns have text for a name, and whose rows have none.

    :param of: the library.
    :param shape: ``"frame"``, ``"series"`` or ``"array"``.
    :param rows: how many rows.
    :param names: the columns' names.
    :param columns: their forms.
    :param parts: takes the bytes.
    """
    level = object_column(names, [True] * len(names), parts)
    return {"of": of, "as": shape, "rows": rows, "columns": columns, "names": {"names": [None], "levels": [level]}}


def arrow_column(data: Any, parts: Parts) -> dict[str, Any]:
    """The form of a column.

    :param data: the ``pyarrow.Array`` or ``ChunkedArray``.
    :param parts: takes the bytes, and makes nested values plain.
    """
    pyarrow = library("pyarrow")
    array = data.combine_chunks() if isinstance(data, pyarrow.ChunkedArray) else data
    if isinstance(array, pyarrow.ExtensionArray):
        array = array.storage
    column = _column(array, parts)
    if array.null_count and column["kind"] not in ("category", "objects"):
        valid = array.is_valid().cast(pyarrow.uint8())
        column["valid"] = whole_array("b1", len(array), _values(valid, 1), parts.keep)
    return column


def _column(array: Any, parts: Parts) -> dict[str, Any]:
    pyarrow = library("pyarrow")
    types, kind = pyarrow.types, array.type
    if types.is_dictionary(kind):
        return _categories(array, parts)
    if types.is_decimal(kind):
        texts = _texts("text", array.cast(pyarrow.string()), pyarrow.large_string(), parts)
        return {"kind": "decimal", "texts": texts, "precision": kind.precision, "scale": kind.scale}
    if types.is_large_string(kind):
        return _texts("text", array, kind, parts) | {"wide": True}
    if types.is_large_binary(kind):
        return _texts("bytes", array, kind, parts) | {"wide": True}
    if types.is_string(kind) or "string_view" in str(kind):
        return _texts("text", array, pyarrow.large_string(), parts)
    if types.is_binary(kind) or "binary_view" in str(kind):
        return _texts("bytes", array, pyarrow.large_binary(), parts)
    if types.is_fixed_size_binary(kind):
        return _texts("bytes", array.cast(pyarrow.binary()), pyarrow.large_binary(), parts)
    if types.is_primitive(kind) and not types.is_interval(kind):
        return _numbers(array, parts)
    if types.is_map(kind):
        pair = pyarrow.struct([("key", kind.key_type), ("value", kind.item_type)])
        return _column(array.cast(pyarrow.list_(pair)), parts)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        lengths = library("pyarrow.compute").list_value_length(array).fill_null(0)
        # Flattened, the lists that are missing have nothing.
        items = arrow_column(array.flatten(), parts)
        return {"kind": "list", "offsets": offsets_form(lengths.to_pylist(), parts), "items": items}
    if types.is_struct(kind) and kind.num_fields:
        names = [kind[number].name for number in range(kind.num_fields)]
        return {"kind": "struct", "names": names, "fields": [arrow_column(each, parts) for each in array.flatten()]}
    valid = array.is_valid().to_pylist()
    return object_column(array.to_pylist(), valid, parts)


def _numbers(array: Any, parts: Parts) -> dict[str, Any]:
    pyarrow = library("pyarrow")
    types, kind = pyarrow.types, array.type
    if types.is_date(kind):
        days = array.cast(pyarrow.date32(), safe=False).view(pyarrow.int32())
        return {"kind": "date", "values": _raw("i4", days, parts)}
    if types.is_time(kind):
        nanoseconds = array.cast(pyarrow.time64("ns")).view(pyarrow.int64())
        return {"kind": "time", "values": _raw("i8", nanoseconds, parts)}
    if types.is_timestamp(kind):
        column = {"kind": "array", "values": _raw(f"M8[{kind.unit}]", array.view(pyarrow.int64()), parts)}
        return column | {"zone": kind.tz} if kind.tz else column
    if types.is_duration(kind):
        return {"kind": "array", "values": _raw(f"m8[{kind.unit}]", array.view(pyarrow.int64()), parts)}
    if types.is_boolean(kind):
        return {"kind": "array", "values": _raw("b1", array.cast(pyarrow.uint8()), parts)}
    letter = "f" if types.is_floating(kind) else "u" if types.is_unsigned_integer(kind) else "i"
    return {"kind": "array", "values": _raw(f"{letter}{kind.bit_width // 8}", array, parts)}


def _raw(dtype: str, array: Any, parts: Parts) -> dict[str, Any]:
    width = int(dtype[1])
    # What lies in the place of a missing value is nobody's.
    return whole_array(dtype, len(array), _values(array.fill_null(0) if array.null_count else array, width), parts.keep)


def _values(array: Any, width: int) -> memoryview:
    buffer = array.buffers()[1]
    if buffer is None:
        return memoryview(b"")
    return memoryview(buffer)[array.offset * width : (array.offset + len(array)) * width]


def _texts(kind: str, array: Any, arrow_type: Any, parts: Parts) -> dict[str, Any]:
    pyarrow = library("pyarrow")
    # A cast gives offsets from the start of a buffer of its own, or the very array, which may be a slice.
    array = array.cast(arrow_type)
    # What lies in the place of a missing value is nobody's.
    array = array.fill_null("" if kind == "text" else b"") if array.null_count else array
    if not len(array):
        offsets, content = memoryview(bytes(8)), memoryview(b"")
    else:
        _, buffer, data = array.buffers()
        offsets = memoryview(buffer)[array.offset * 8 : (array.offset + len(array) + 1) * 8]
        numbers = offsets.cast("q")
        content = memoryview(data)[numbers[0] : numbers[-1]] if data is not None else memoryview(b"")
        if numbers[0]:
            moved = library("pyarrow.compute").subtract(pyarrow.Array.from_buffers(
                pyarrow.int64(), len(array) + 1, [None, pyarrow.py_buffer(offsets)]
            ), numbers[0])  # fmt: skip
            offsets = _values(moved, 8)
    whole = whole_array("i8", len(array) + 1, offsets, parts.keep)
    return {"kind": kind, "offsets": whole, "content": {"@bytes": parts.keep(content)}}


def _categories(array: Any, parts: Parts) -> dict[str, Any]:
    pyarrow = library("pyarrow")
    codes = _values(array.indices.cast(pyarrow.int32()).fill_null(-1), 4)
    return {
        "kind": "category",
        "codes": whole_array("i4", len(array), codes, parts.keep),
        "categories": arrow_column(array.dictionary, parts),
        "ordered": bool(array.type.ordered),
    }
