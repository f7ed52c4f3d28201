"""Makes Arrow's tables of the tables among values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation import table_columns as columns
from airflow_provider_dfm.federation.errors import OtherKindOfValue
from airflow_provider_dfm.federation.opened_tables import Table
from airflow_provider_dfm.federation.table_labels import named_columns
from airflow_provider_dfm.federation.table_values import mixed_objects, python_values

if TYPE_CHECKING:
    import pyarrow

# What offsets of 32 bits reach.
MOST_NARROW = (1 << 31) - 1
UNITS = ("s", "ms", "us", "ns")


def arrow_table(table: Table) -> Any:
    """A ``pyarrow.Table``, or an ``Array`` of what is one column.

    An index that says more than the rows' numbers comes first among the columns.

    :param table: what it holds.
    :raises ImportError: pyarrow is not installed here.
    """
    import pyarrow

    if table.shape in ("array", "series"):
        return arrow_array(table.columns[0])
    named = named_columns(table)
    arrays = [pyarrow.array(column) if isinstance(column, range) else arrow_array(column) for _, column in named]
    if table.shape == "index" and len(arrays) == 1:
        return arrays[0]
    return pyarrow.Table.from_arrays(arrays, names=[name for name, _ in named])


def arrow_array(column: columns.Column) -> pyarrow.Array:
    """The values of a column.

    :param column: the column.
    :raises OtherKindOfValue: Arrow has none of their kind.
    """
    import pyarrow

    data = column.data
    if isinstance(data, columns.Numbers):
        return _numbers(column, data)
    if isinstance(data, columns.Texts):
        return _texts(column, data)
    if isinstance(data, columns.Categories):
        codes = pyarrow.array(data.codes, mask=data.codes < 0)
        return pyarrow.DictionaryArray.from_arrays(codes, arrow_array(data.categories), ordered=data.ordered)
    if isinstance(data, columns.Days):
        return pyarrow.array(data.values, mask=_missing(column)).view(pyarrow.date32())
    if isinstance(data, columns.Clock):
        return pyarrow.array(data.values, mask=_missing(column)).view(pyarrow.time64("ns"))
    if isinstance(data, columns.Decimals) and data.precision is not None and data.scale is not None:
        of = pyarrow.decimal128 if data.precision <= 38 else pyarrow.decimal256
        return pyarrow.array(python_values(column), of(data.precision, data.scale))
    if isinstance(data, columns.Intervals):
        ends = {"left": arrow_array(data.left), "right": arrow_array(data.right)}
        return pyarrow.StructArray.from_arrays(list(ends.values()), names=list(ends))
    if isinstance(data, columns.Lists):
        items = arrow_array(data.items)
        is_wide = data.items.rows > MOST_NARROW
        kind = pyarrow.large_list(items.type) if is_wide else pyarrow.list_(items.type)
        offsets = pyarrow.py_buffer(data.offsets.astype("i8" if is_wide else "i4", copy=False))
        return pyarrow.Array.from_buffers(kind, column.rows, [_bitmap(column), offsets], children=[items])
    if isinstance(data, columns.Structs):
        fields = [arrow_array(field) for field in data.fields]
        struct = pyarrow.struct([pyarrow.field(n, each.type) for n, each in zip(data.names, fields, strict=True)])
        return pyarrow.Array.from_buffers(struct, column.rows, [_bitmap(column)], children=fields)
    if isinstance(data, columns.Periods):
        raise OtherKindOfValue("has periods, which only pandas has; open it with 'pandas'")
    try:
        return pyarrow.array(python_values(column))
    except (TypeError, ValueError, OverflowError, pyarrow.ArrowException) as error:
        raise mixed_objects("Arrow", error) from None


def _texts(column: columns.Column, data: columns.Texts) -> Any:
    import pyarrow

    wide, narrow = pyarrow.large_binary(), pyarrow.binary()
    if data.is_text:
        wide, narrow = pyarrow.large_string(), pyarrow.string()
    buffers = [_bitmap(column), pyarrow.py_buffer(data.offsets), pyarrow.py_buffer(data.content)]
    array = pyarrow.Array.from_buffers(wide, column.rows, buffers)
    array.validate(full=True)
    return array if data.is_wide or len(data.content) > MOST_NARROW else array.cast(narrow)


def _numbers(column: columns.Column, data: columns.Numbers) -> Any:
    import numpy
    import pyarrow

    values = data.values
    if values.dtype.kind == "c":
        raise OtherKindOfValue("has complex numbers, which Arrow does not have; open it with 'pandas'")
    if values.dtype.kind in "mM":
        unit, count = numpy.datetime_data(values.dtype)
        if unit not in UNITS or count != 1:
            values = values.astype(f"{values.dtype.kind}8[s]")
    array = pyarrow.array(values, mask=_missing(column), from_pandas=False)
    if data.zone is None:
        return array
    return array.view(pyarrow.timestamp(array.type.unit, data.zone))


def _missing(column: columns.Column) -> Any:
    return None if column.valid is None else ~column.valid


def _bitmap(column: columns.Column) -> Any:
    import numpy
    import pyarrow

    return None if column.valid is None else pyarrow.py_buffer(numpy.packbits(column.valid, bitorder="little"))
