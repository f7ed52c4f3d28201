"""Makes polars' tables of the tables among values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation import table_columns as columns
from airflow_provider_dfm.federation.errors import OtherKindOfValue
from airflow_provider_dfm.federation.opened_tables import Table
from airflow_provider_dfm.federation.table_labels import named_columns
from airflow_provider_dfm.federation.table_values import mixed_objects, python_values

if TYPE_CHECKING:
    import polars

UNITS = ("ms", "us", "ns")


def polars_table(table: Table) -> Any:
    """A ``polars.DataFrame``, or a ``Series`` of what is one column.

    An index that says more than the rows' numbers comes first among the columns.

    :param table: what it holds.
    :raises ImportError: polars is not installed here.
    """
    import polars

    if table.shape in ("array", "series"):
        return polars_series(table.columns[0]).alias("" if table.name is None else str(table.name))
    named = named_columns(table)
    if len({name for name, _ in named}) < len(named):
        raise OtherKindOfValue("has two columns of one name, which polars cannot have; open it with 'pandas'")
    series = [
        (polars.Series(column, dtype=polars.Int64) if isinstance(column, range) else polars_series(column)).alias(name)
        for name, column in named
    ]
    return series[0] if table.shape == "index" and len(series) == 1 else polars.DataFrame(series)


def polars_series(column: columns.Column) -> polars.Series:
    """The values of a column.

    :param column: the column.
    :raises OtherKindOfValue: polars has none of their kind.
    """
    import polars

    data = column.data
    if isinstance(data, columns.Numbers):
        return _numbers(column, data)
    if isinstance(data, columns.Texts):
        return polars.Series(python_values(column), dtype=polars.String if data.is_text else polars.Binary)
    if isinstance(data, columns.Categories):
        return _categories(data)
    if isinstance(data, columns.Days):
        return _with_null(polars.Series(data.values), column).cast(polars.Date)
    if isinstance(data, columns.Clock):
        return _with_null(polars.Series(data.values), column).cast(polars.Time)
    if isinstance(data, columns.Decimals) and data.precision is not None and data.scale is not None:
        return polars.Series(python_values(column), dtype=polars.Decimal(data.precision, data.scale))
    if isinstance(data, columns.Intervals):
        ends = {"left": polars_series(data.left), "right": polars_series(data.right)}
        return polars.DataFrame(ends).to_struct()
    if isinstance(data, columns.Lists):
        return _lists(column, data)
    if isinstance(data, columns.Structs):
        if len(set(data.names)) < len(data.names):
            raise OtherKindOfValue("has structs with two fields of one name, which polars cannot have")
        fields = {name: polars_series(field) for name, field in zip(data.names, data.fields, strict=True)}
        return _with_null(polars.DataFrame(fields).to_struct(), column)
    if isinstance(data, columns.Periods):
        raise OtherKindOfValue("has periods, which only pandas has; open it with 'pandas'")
    return _objects(python_values(column))


def _lists(column: columns.Column, data: columns.Lists) -> polars.Series:
    import numpy
    import polars

    items = polars_series(data.items)
    lengths = numpy.diff(data.offsets)
    # Items before the first list, and after the last, belong to none.
    within = items[int(data.offsets[0]) : int(data.offsets[-1])]
    rows = polars.DataFrame({"row": polars.Series(numpy.repeat(numpy.arange(column.rows), lengths)), "it": within})
    filled = rows.group_by("row").agg("it")
    every = polars.DataFrame({"row": polars.Series(numpy.arange(column.rows))})
    lists = every.join(filled, on="row", how="left").sort("row")["it"]
    empty = polars.Series([[]], dtype=lists.dtype).new_from_index(0, column.rows)
    return _with_null(lists.zip_with(lists.is_not_null(), empty), column)


def _objects(values: list[Any]) -> polars.Series:
    import polars

    are_numbers = all(value is None or type(value) in (int, float) for value in values)
    try:
        # Otherwise polars makes text of numbers that are among text.
        series = polars.Series(values, strict=not are_numbers)
    except (TypeError, ValueError, OverflowError, polars.exceptions.PolarsError) as error:
        raise mixed_objects("polars", error) from None
    except polars.exceptions.PanicException as error:
        # Of infinite decimal numbers, say. It is no Exception in Python.
        raise mixed_objects("polars", error) from None
    if series.null_count() > values.count(None):
        raise mixed_objects("polars", OverflowError("it makes null of some"))
    return series


def _with_null(series: polars.Series, column: columns.Column) -> polars.Series:
    import polars

    if column.valid is None:
        return series
    frame = polars.DataFrame({"values": series, "valid": polars.Series(column.valid)})
    return frame.select(polars.when("valid").then("values")).to_series()


def _categories(data: columns.Categories) -> polars.Series:
    import polars

    categories = polars_series(data.categories)
    codes = polars.Series(data.codes).cast(polars.Int64)
    codes = polars.DataFrame({"codes": codes}).select(polars.when(polars.col("codes") >= 0).then("codes")).to_series()
    values = categories.gather(codes)
    if categories.dtype != polars.String:
        return values
    return values.cast(polars.Enum(categories) if data.ordered else polars.Categorical)


def _numbers(column: columns.Column, data: columns.Numbers) -> polars.Series:
    import numpy
    import polars

    values = data.values
    if values.dtype.kind == "c":
        raise OtherKindOfValue("has complex numbers, which polars does not have; open it with 'pandas'")
    if values.dtype.kind in "mM":
        unit, count = numpy.datetime_data(values.dtype)
        if unit not in UNITS or count != 1:
            values = values.astype(f"{values.dtype.kind}8[ms]")
    series = _with_null(polars.Series(values), column)
    if data.zone is None:
        return series
    # polars knows zones by name only: of an offset, the moments stay what they are.
    zone = "UTC" if data.zone.startswith(("+", "-")) else data.zone
    return series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
