"""The plain form of polars' tables and columns; polars and numpy are needed for it."""

from __future__ import annotations

from typing import Any

from .plain_arrays import array_form
from .plain_arrow import named_columns
from .plain_columns import object_column, offsets_form, text_column
from .plain_part import NoPlainForm, Parts, library


def frame_form(frame: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``polars.DataFrame``."""
    columns = []
    for name in frame.columns:
        try:
            columns.append(_column(frame[name], parts))
        except NoPlainForm as error:
            raise error.below(f"[{name!r:.60}]") from None
    return {"@table": named_columns("polars", "frame", frame.height, frame.columns, columns, parts)}


def series_form(series: Any, parts: Parts) -> Any:
    """``{"@table": …}`` of a ``polars.Series``, with its name."""
    table = {"of": "polars", "as": "series", "rows": len(series), "columns": [_column(series, parts)]}
    return {"@table": table | {"name": series.name}}


def _column(series: Any, parts: Parts) -> dict[str, Any]:
    column = _values(series.rechunk(), parts)
    if series.null_count() and column["kind"] not in ("category", "objects"):
        column["valid"] = array_form(series.is_not_null().to_numpy(), parts)
    return column


def _values(series: Any, parts: Parts) -> dict[str, Any]:
    polars = library("polars")
    kind = series.dtype
    if kind in (polars.Categorical, polars.Enum):
        return _categories(series, parts)
    if kind == polars.Decimal:
        texts = _texts(series.cast(polars.String), parts)
        return {"kind": "decimal", "texts": texts, "precision": kind.precision, "scale": kind.scale}
    if kind == polars.String:
        return _texts(series, parts)
    if kind == polars.Binary:
        return text_column("bytes", [each or b"" for each in series.to_list()], parts)
    if kind == polars.Date:
        return {"kind": "date", "values": _numbers(series.to_physical(), parts)}
    if kind == polars.Time:
        return {"kind": "time", "values": _numbers(series.to_physical(), parts)}
    if kind in (polars.Datetime, polars.Duration):
        letter = "M" if kind == polars.Datetime else "m"
        values = _filled(series.to_physical()).view(f"{letter}8[{kind.time_unit}]")
        column = {"kind": "array", "values": array_form(values, parts)}
        zone = getattr(kind, "time_zone", None)
        return column | {"zone": zone} if zone else column
    if kind == polars.Boolean or (kind.is_numeric() and "128" not in str(kind)):
        return {"kind": "array", "values": _numbers(series, parts)}
    if kind == polars.Array:
        series = series.arr.to_list()
    if kind in (polars.List, polars.Array):
        lengths = series.list.len().fill_null(0)
        items = _column(series.filter(lengths > 0).explode(), parts)
        return {"kind": "list", "offsets": offsets_form(lengths.to_list(), parts), "items": items}
    if kind == polars.Struct and series.struct.fields:
        names = series.struct.fields
        fields = [_column(series.struct.field(name), parts) for name in names]
        return {"kind": "struct", "names": names, "fields": fields}
    return object_column(series.to_list(), series.is_not_null().to_list(), parts)


def _numbers(series: Any, parts: Parts) -> Any:
    return array_form(_filled(series), parts)


def _filled(series: Any) -> Any:
    # polars itself imports it for that, and has an error of its own where it cannot.
    library("numpy")
    if series.null_count():
        series = series.fill_null(False if series.dtype == library("polars").Boolean else 0)
    return series.to_numpy()


def _texts(series: Any, parts: Parts) -> dict[str, Any]:
    polars, numpy = library("polars"), library("numpy")
    offsets = numpy.zeros(len(series) + 1, dtype="i8")
    numpy.cumsum(series.str.len_bytes().fill_null(0).to_numpy(), out=offsets[1:])
    content = (series.str.join("").cast(polars.Binary)[0] or b"") if len(series) else b""
    return {
        "kind": "text",
        "offsets": array_form(offsets, parts),
        "content": {"@bytes": parts.keep(memoryview(content))},
    }


def _categories(series: Any, parts: Parts) -> dict[str, Any]:
    polars = library("polars")
    texts = series.cast(polars.String)
    is_fixed = series.dtype == polars.Enum
    categories = series.dtype.categories if is_fixed else texts.drop_nulls().unique(maintain_order=True)
    codes = texts.cast(polars.Enum(categories)).to_physical().cast(polars.Int32).fill_null(-1)
    return {
        "kind": "category",
        "codes": array_form(codes.to_numpy(), parts),
        "categories": _texts(categories, parts),
        "ordered": is_fixed,
    }
