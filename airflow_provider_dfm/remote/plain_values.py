"""Makes what a pipeline yields plain at its site, so that whoever reads it needs none of its classes.

Travels with each job: it needs the standard library, and what is installed at the site only where a value comes
from there. docs/values.md has what each type becomes.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import (
    plain_arrays,
    plain_arrow,
    plain_datasets,
    plain_images,
    plain_pandas,
    plain_polars,
    plain_records,
    plain_texts,
)
from .plain_part import Keep, NoPlainForm, Parts

__all__ = ["Keep", "NoPlainForm", "in_line", "plain_form"]

MAX_DEPTH = 100
# Python reads no number of more digits: sys.int_info.default_max_str_digits is 4300.
MOST_DIGITS = 4300
LARGEST = 10**MOST_DIGITS - 1
SMALLEST = -LARGEST
MANY = 1 << 63
AS_THEY_ARE = frozenset((type(None), bool, float, str))
Make = Callable[[Any, Parts], Any]


def plain_form(value: Any, keep: Keep) -> Any:
    """What JSON knows, and NaN and infinities, made of a value.

    :param value: the value.
    :param keep: takes the bytes of arrays and the like, and gives what stands for them in the form.
    :raises NoPlainForm: it has none.
    """
    return _Walk(keep).of(value)


def in_line(buffer: memoryview) -> dict[str, Any]:
    """What stands for few bytes: themselves, as text.

    :param buffer: the bytes.
    """
    return {"data": base64.b64encode(buffer).decode("ascii")}


class _Walk:
    """Goes through a value and its parts."""

    def __init__(self, keep: Keep) -> None:
        self.keep = keep
        self._open: set[int] = set()
        self._makers: dict[type, Make] = {}

    def form(self, value: Any, step: str) -> Any:
        try:
            return self.of(value)
        except NoPlainForm as error:
            raise error.below(step) from None

    def of(self, value: Any) -> Any:
        kind = type(value)
        if _is_plain(kind, value):
            return value
        if id(value) in self._open:
            raise NoPlainForm("A value that holds itself", "Yield its parts one by one.")
        if len(self._open) > MAX_DEPTH:
            raise NoPlainForm(f"A value that is nested more than {MAX_DEPTH} deep", "Yield its parts one by one.")
        make = self._makers.get(kind)
        if make is None:
            make = self._makers[kind] = _maker(kind)
        self._open.add(id(value))
        try:
            return make(value, self)
        except (NoPlainForm, MemoryError):
            raise
        except Exception as error:  # whatever a class's own methods raise, or what a value is read from
            what = f"A value of type {_name(kind)} that cannot be read ({type(error).__name__}: {error!s:.300})"
            raise NoPlainForm(what, _advice(kind)) from error
        finally:
            self._open.discard(id(value))


def _maker(kind: type) -> Make:
    for base in kind.__mro__:
        make = MAKERS.get((_package(base), base.__qualname__))
        if make is not None:
            return make
    if dataclasses.is_dataclass(kind):
        return plain_records.dataclass_form
    if hasattr(kind, "__attrs_attrs__"):
        return plain_records.attrs_form
    if issubclass(kind, Mapping):
        return _dict
    # As an array, a table would lose its names. And a class has what its instances have, and is no array.
    is_table = hasattr(kind, "columns") or hasattr(kind, "index")
    if hasattr(kind, "__array__") and not is_table and not issubclass(kind, type):
        return plain_arrays.seen_form
    return _refused


def _package(kind: type) -> str:
    # Some classes of compiled modules have no module.
    return str(kind.__module__).partition(".")[0]


def _refused(value: Any, parts: Parts) -> Any:
    raise NoPlainForm(f"A value of type {_name(type(value))}", _advice(type(value)))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _advice(kind: type) -> str:
    names = (name for base in kind.__mro__ for name in (_name(base), _package(base)))
    return next(
        (ADVICE[name] for name in names if name in ADVICE), "Yield its data: a dict, a list, an array or bytes."
    )


def _is_plain(kind: type, value: Any) -> bool:
    """Whether JSON has a value as it is, told fast: there may be millions."""
    return kind in AS_THEY_ARE or (kind is int and -MANY <= value <= MANY)


def _integer(value: int, parts: Parts) -> int:
    if not SMALLEST <= value <= LARGEST:
        raise NoPlainForm(f"An integer of more than {MOST_DIGITS} digits", "Yield hex(value).")
    return int.__int__(value)


def _text(value: str, parts: Parts) -> str:
    return str.__str__(value)


def _float(value: float, parts: Parts) -> float:
    return float.__float__(value)


def _bytes(value: Any, parts: Parts) -> Any:
    view = memoryview(value)
    whole = view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())
    kept = parts.keep(whole)
    # Few bytes are as earlier releases have them.
    return {"@bytes": kept["data"] if kept.keys() == {"data"} else kept}


def _list(value: Iterable[Any], parts: Parts) -> list[Any]:
    plain = []
    for index, item in enumerate(value):
        plain.append(item if _is_plain(type(item), item) else parts.form(item, f"[{index}]"))
    return plain


def _set(value: Iterable[Any], parts: Parts) -> list[Any]:
    plain = [parts.form(item, f"{{{item!r:.60}}}") for item in value]
    try:
        return sorted(plain)
    except TypeError:  # text among numbers, say
        return sorted(plain, key=repr)


def _dict(value: Mapping[Any, Any], parts: Parts) -> Any:
    plain: list[tuple[Any, Any]] = []
    are_texts = True
    for key, item in value.items():
        if type(key) is not str:
            are_texts, key_form = False, parts.form(key, ".keys()")
        else:
            key_form = key
        plain.append((key_form, item if _is_plain(type(item), item) else parts.form(item, f"[{key!r:.60}]")))
    texts = dict(plain) if are_texts else {_key_text(key): item for key, item in plain}
    could_be_a_form = len(texts) == 1 and str(next(iter(texts))).startswith("@")
    if None in texts or len(texts) < len(plain) or could_be_a_form:
        return {"@dict": [[key, item] for key, item in plain]}
    return texts


def _key_text(key: Any) -> str | None:
    """A key as JSON has it; None for one that JSON does not know."""
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key) if isinstance(key, (str, int, float)) else None


# By the package that a class is of, and its name there. A class is looked for with all that it inherits from, in
# Python's order, so that nothing has to be imported to know it.
MAKERS: dict[tuple[str, str], Make] = {
    ("builtins", "str"): _text,
    ("builtins", "int"): _integer,
    ("builtins", "float"): _float,
    ("builtins", "complex"): plain_arrays.complex_form,
    ("builtins", "bytes"): _bytes,
    ("builtins", "bytearray"): _bytes,
    ("builtins", "memoryview"): _bytes,
    ("builtins", "list"): _list,
    ("builtins", "tuple"): _list,
    ("builtins", "range"): _list,
    ("builtins", "dict_keys"): _list,
    ("builtins", "dict_values"): _list,
    ("builtins", "dict_items"): _list,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("builtins", "dict"): _dict,
    ("collections", "deque"): _list,
    ("collections", "UserList"): _list,
    ("collections", "UserString"): plain_texts.string_form,
    ("array", "array"): plain_arrays.standard_array_form,
    ("enum", "Enum"): plain_texts.enum_form,
    ("datetime", "date"): plain_texts.text_form,
    ("datetime", "time"): plain_texts.text_form,
    ("datetime", "timedelta"): plain_texts.text_form,
    ("datetime", "timezone"): plain_texts.string_form,
    ("zoneinfo", "ZoneInfo"): plain_texts.string_form,
    ("decimal", "Decimal"): plain_texts.string_form,
    ("fractions", "Fraction"): plain_texts.string_form,
    ("uuid", "UUID"): plain_texts.string_form,
    ("pathlib", "PurePath"): plain_texts.string_form,
    ("ipaddress", "_IPAddressBase"): plain_texts.string_form,
    ("pydantic", "BaseModel"): plain_records.model_form,
    ("pydantic", "SecretStr"): plain_texts.string_form,
    ("pydantic", "AnyUrl"): plain_texts.string_form,
    ("pydantic_core", "Url"): plain_texts.string_form,
    ("pydantic_core", "MultiHostUrl"): plain_texts.string_form,
    ("numpy", "MaskedArray"): plain_arrays.masked_form,
    ("numpy", "ndarray"): plain_arrays.array_form,
    ("numpy", "generic"): plain_arrays.scalar_form,
    ("torch", "Tensor"): plain_arrays.tensor_form,
    ("cupy", "ndarray"): plain_arrays.device_form,
    ("pandas", "DataFrame"): plain_pandas.frame_form,
    ("pandas", "Series"): plain_pandas.series_form,
    ("pandas", "Index"): plain_pandas.index_form,
    ("pandas", "ExtensionArray"): plain_pandas.extension_form,
    ("pandas", "Interval"): plain_pandas.interval_form,
    ("pandas", "Period"): plain_texts.string_form,
    ("pandas", "Timestamp"): plain_texts.timestamp_form,
    ("pandas", "Timedelta"): plain_texts.timedelta_form,
    ("pandas", "NaTType"): plain_texts.missing_form,
    ("pandas", "NAType"): plain_texts.missing_form,
    ("polars", "DataFrame"): plain_polars.frame_form,
    ("polars", "Series"): plain_polars.series_form,
    ("pyarrow", "Table"): plain_arrow.table_form,
    ("pyarrow", "RecordBatch"): plain_arrow.table_form,
    ("pyarrow", "Array"): plain_arrow.column_form,
    ("pyarrow", "ChunkedArray"): plain_arrow.column_form,
    ("pyarrow", "Scalar"): plain_arrow.scalar_form,
    ("pyarrow", "Buffer"): _bytes,
    ("xarray", "Dataset"): plain_datasets.dataset_form,
    ("xarray", "DataArray"): plain_datasets.data_array_form,
    ("xarray", "Variable"): plain_datasets.variable_form,
    ("xarray", "DataTree"): plain_datasets.tree_form,
    ("cftime", "datetime"): plain_texts.iso_form,
    ("PIL", "Image"): plain_images.image_form,
}
# What to yield instead of what a package's other classes are.
ADVICE = {
    "polars": "Collect it first: yield frame.collect().",
    "pyarrow": "Yield a pyarrow.Table: reader.read_all(), or dataset.to_table().",
    "pandas": "Yield a DataFrame, a Series or an Index.",
    "cudf": "Yield frame.to_pandas().",
    "modin": "Yield it as a pandas DataFrame: modin.pandas.io.to_pandas(frame).",
    "dask": "Compute it first: yield value.compute().",
    "xarray": "Yield a Dataset or a DataArray, or a dict of them.",
    "torch": "Yield its tensors: of a module, module.state_dict().",
    "shapely": "Yield geometry.wkb, of a table frame.to_wkb().",
    "matplotlib": "Yield a picture of it: figure.savefig(file := io.BytesIO()), then file.getvalue().",
    "_io": "Yield what it holds: file.read(), or buffer.getvalue().",
    "generator": "Yield its items: list(generator).",
    "sklearn": "Yield what it has learned, as arrays, or what it predicts.",
}
