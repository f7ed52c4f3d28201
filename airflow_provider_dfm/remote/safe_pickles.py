"""Reads pickles that hold nothing but data, without importing or running anything that they name.

Here because it runs in two places: in the session host, and in the processes that read results.
"""

from __future__ import annotations

import base64
import datetime
import math
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any

from airflow_provider_dfm.remote.pickle_machine import Name, NotPlain, PickleMachine, SetItems, Stateful, json_key

# How many values, and bytes of text, may come of a pickle beyond its own: one object can be in it many times.
EXTRA_VALUES = 500_000
EXTRA_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
MAX_INTEGER_BITS = 4096
# What numpy takes for a size, of an empty array too.
MAX_ARRAY_BYTES = 1 << 62
# Sizes that are the same everywhere: no long double, no objects, no records.
DTYPE = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|[mM]8|[SU][1-9]\d{0,8}")
UNIT = re.compile(r"\d*(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as|generic)")
SCALARS = {"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"} | {
    "f2": "e", "f4": "f", "f8": "d"
}  # fmt: skip


class _Kind(Stateful):
    """Stands in for a numpy dtype."""

    def __init__(self, name: Any, *_: Any) -> None:
        if not isinstance(name, str) or not DTYPE.fullmatch(name):
            raise NotPlain(f"an array of {name[:40] if isinstance(name, str) else type(name).__name__}")
        self.name, self.order, self.unit = name, "|", ""

    def set_state(self, state: Any) -> None:
        # (version, byte order, subarray, names, fields, size, alignment, flags[, metadata]): numpy's descriptor.c
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise NotPlain("an array of records")
        if type(state[1]) is not str or state[1] not in ("<", ">", "|"):
            raise NotPlain("an array of an unknown byte order")
        self.order = state[1]
        if self.name in ("M8", "m8"):
            unit, count = state[8][1][:2]
            self.unit = f"[{'' if count == 1 else int(count)}{unit.decode('ascii')}]"
            if not UNIT.fullmatch(self.unit[1:-1]):
                raise NotPlain(f"times in {self.unit!r:.40}")

    def item_size(self) -> int:
        size = int(self.name[1:])
        return 4 * size if self.name[0] == "U" else size

    def size(self) -> int:
        return 0

    def text(self) -> str:
        return f"{self.order}{self.name}{self.unit}"


class _Array(Stateful):
    """Stands in for a numpy array."""

    def __init__(self, *_: Any) -> None:
        self.form: dict[str, Any] = {}

    def size(self) -> int:
        return len(self.form["@array"]["data"]) if self.form else 0

    def set_state(self, state: Any) -> None:
        # (version, shape, dtype, whether columns come first, bytes): numpy's methods.c, array_reduce
        _, shape, kind, fortran, data = state
        self.set(data, kind, shape, "F" if fortran else "C")

    def set(self, data: Any, kind: Any, shape: Any, order: str) -> None:
        if not isinstance(kind, _Kind) or not isinstance(data, (bytes, bytearray)) or order not in ("C", "F"):
            raise NotPlain("an array that is none")
        if type(shape) is not tuple or any(type(length) is not int or length < 0 for length in shape):
            raise NotPlain("an array that is none")
        whole = math.prod(max(length, 1) for length in shape) * kind.item_size()
        if math.prod(shape) * kind.item_size() != len(data) or whole > MAX_ARRAY_BYTES:
            raise NotPlain("an array whose size is not that of its data")
        encoded = base64.b64encode(data).decode()
        self.form = {"@array": {"dtype": kind.text(), "shape": list(shape), "order": order, "data": encoded}}


def _from_buffer(data: Any, kind: Any, shape: Any, order: str, *_: Any) -> _Array:
    array = _Array()
    array.set(data, kind, shape, order)
    return array


def _scalar(kind: Any, data: Any) -> Any:
    if isinstance(kind, _Kind) and isinstance(data, bytes) and len(data) == kind.item_size():
        if kind.name in SCALARS:
            return struct.unpack(("<" if kind.order == "|" else kind.order) + SCALARS[kind.name], data)[0]
        if kind.name[0] == "U":
            return data.decode("utf-32-be" if kind.order == ">" else "utf-32-le").rstrip("\0")
    return _from_buffer(data, kind, (), "C")


def _latin(text: Any, encoding: Any) -> bytes:
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise NotPlain("a call of an encoder")
    return text.encode("latin-1")


def _bytes(*arguments: Any) -> bytes:
    if len(arguments) == 1 and isinstance(arguments[0], bytes):
        return arguments[0]
    return _latin(*arguments) if arguments else b""


def _set(*arguments: Any) -> SetItems:
    if len(arguments) > 1 or not all(isinstance(argument, (list, tuple)) for argument in arguments):
        raise NotPlain("a set that is none")
    return SetItems(*arguments)


CORES = ("numpy.core", "numpy._core")
BUILTINS = ("builtins", "__builtin__")
# Nothing that a pickle names is imported: these stand in for it.
STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    **{(f"{core}.multiarray", "_reconstruct"): _Array for core in CORES},
    **{(f"{core}.multiarray", "scalar"): _scalar for core in CORES},
    **{(f"{core}.numeric", "_frombuffer"): _from_buffer for core in CORES},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _latin,
    **{(builtins, kind): _bytes for builtins in BUILTINS for kind in ("bytes", "bytearray")},
    **{(builtins, kind): _set for builtins in BUILTINS for kind in ("set", "frozenset")},
    **{
        ("datetime", kind.__name__): kind
        for kind in (datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone)
    },
}


class _Model(Stateful):
    """Stands in for an instance of a pydantic class; it is a dict of its fields."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}

    def size(self) -> int:
        return 0

    def set_state(self, state: Any) -> None:
        # pydantic/main.py, BaseModel.__getstate__
        if type(state) is not dict or type(state.get("__dict__")) is not dict:
            raise NotPlain("a model that is none")
        self.fields = state["__dict__"]


def read_plain(data: bytes, models: Iterable[tuple[str, str]] = ()) -> Any:
    """The data that a pickle holds, in the form that results have: see :func:`as_plain`.

    :param data: the pickle.
    :param models: module and name of pydantic classes that it may hold too; of each comes a dict of its fields.
    :raises NotPlain: it holds something else, is damaged, or would become much larger than it is.
    """
    try:
        limit = 2 * len(data) + EXTRA_BYTES
        machine = PickleMachine(STAND_INS, limit, dict.fromkeys(models, _Model))
        value = machine.run(data)
        return _Plain(machine.operations + EXTRA_VALUES, limit).of(value)
    except NotPlain:
        raise
    except Exception as error:  # whatever bytes that are no pickle cause
        raise NotPlain(f"{type(error).__name__}: {error}"[:200]) from None


def as_plain(value: Any) -> Any:
    """What JSON knows, and NaN and infinities, made of a value.

    Bytes are ``{"@bytes": base64}``; arrays ``{"@array": {"dtype": "<f4", "shape": [2, 3], "order": "C",
    "data": base64}}``, with numpy's names; dates and times ISO 8601 text; tuples and sets are lists, a set's sorted.

    :param value: the value.
    :raises NotPlain: it has no such form.
    """
    return _Plain(math.inf, math.inf).of(value)


class _Plain:
    def __init__(self, values: float, size: float) -> None:
        self._values = values
        self._bytes = size

    def of(self, value: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise NotPlain("values nested too deeply")
        self._values -= 1
        self._spend(0)
        if value is None or (isinstance(value, (bool, float)) and type(value) in (bool, float)):
            return value
        if type(value) is int:
            if value.bit_length() > MAX_INTEGER_BITS:
                raise NotPlain("a very large integer")
            return value
        if type(value) is str:
            self._spend(len(value))
            return value
        if isinstance(value, (bytes, bytearray)):
            self._spend(2 * len(value))
            return {"@bytes": base64.b64encode(value).decode()}
        if isinstance(value, (set, frozenset, SetItems)):
            return sorted((self.of(item, depth + 1) for item in value), key=repr)
        if isinstance(value, _Model):
            return self.of(value.fields, depth + 1)
        if isinstance(value, (Name, Stateful)) and not (isinstance(value, _Array) and value.form):
            raise NotPlain("the name of something, or a part of a value")
        if isinstance(value, (list, tuple)):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, dict):
            plain = {json_key(key): self.of(item, depth + 1) for key, item in value.items()}
            if len(plain) != len(value):
                raise NotPlain("a dict with two keys that JSON has alike")
            return plain
        if isinstance(value, _Array) and value.form:
            self._spend(len(value.form["@array"]["data"]))
            return value.form
        return self._other(value)

    def _other(self, value: Any) -> Any:
        # Arrays themselves, and numpy's scalars; in a process that has unpickled them.
        kind = getattr(getattr(value, "dtype", None), "str", None)
        if isinstance(kind, str) and DTYPE.fullmatch(kind[1:].partition("[")[0]) and hasattr(value, "tobytes"):
            if not value.shape and (kind[1:] in SCALARS or kind[1] == "U"):
                return value.item()
            data = base64.b64encode(value.tobytes()).decode()
            return {"@array": {"dtype": kind, "shape": list(value.shape), "order": "C", "data": data}}
        if hasattr(value, "tolist"):
            # torch's tensors, pandas' series
            return self.of(value.tolist(), 1)
        from pydantic_core import to_jsonable_python

        try:
            return to_jsonable_python(value, inf_nan_mode="constants")
        except ValueError:
            raise NotPlain(f"a {type(value).__name__} has no form as plain data") from None

    def _spend(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0 or self._values < 0:
            raise NotPlain("values that would become much larger than what came")
