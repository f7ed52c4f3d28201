"""Opens the arrays among values, with numpy."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.value_buffers import Buffers
from airflow_provider_dfm.federation.value_forms import inside, members

if TYPE_CHECKING:
    import numpy

# Sizes that are the same everywhere: no long double, and no objects.
ITEM = re.compile(
    r"[<>|]?(b1|[iu][1248]|f[248]|c8|c16|[mM]8(\[\d{0,9}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as|generic)\])?|[SUV][1-9]\d{0,8})"
)
# What numpy takes for a size, of an empty array too.
MOST_BYTES = 1 << 62
MOST_FIELDS = 10_000
MOST_DIMENSIONS = 64
LAST_CHARACTER = 0x10FFFF
OWN = {"dtype", "shape", "order", "mask", "fill_value"}


def open_array(form: Any, buffers: Buffers, writable: bool = False) -> Any:
    """A numpy array, or a masked one.

    :param form: the form, ``{"@array": …}``.
    :param buffers: reads its bytes.
    :param writable: whether it may be written; otherwise it is a memory map where its file lies on this machine.
    :raises OtherKindOfValue, UnreadableValue: it is none.
    :raises ImportError: numpy is not installed here.
    """
    about = inside(form, ["@array"], "an array")
    array = _open(about, buffers, writable)
    if "mask" not in about:
        return array
    import numpy

    mask: Any = numpy.ma.nomask
    if about["mask"] is not None:
        mask = _open(inside(about["mask"], ["@array"], "a mask"), buffers, writable)
        if mask.shape != array.shape or mask.dtype != numpy.ma.make_mask_descr(array.dtype):
            raise UnreadableValue("has a mask that does not fit its array")
    fill_value = about.get("fill_value")
    if isinstance(fill_value, dict):
        fill_value = _open(inside(fill_value, ["@array"], "a fill value"), buffers, writable)[()]
    if numpy.ndim(fill_value):
        raise UnreadableValue(f"has {numpy.size(fill_value)} values to fill an array with")
    return numpy.ma.MaskedArray(array, mask=mask, fill_value=fill_value)


def _open(about: Any, buffers: Buffers, writable: bool) -> numpy.ndarray[Any, Any]:
    import numpy

    shape, order = members(about, {"shape": list, "order": str})
    if order not in ("C", "F") or len(shape) > MOST_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise UnreadableValue(f"has an array of shape {shape!r:.60} and order {order!r:.10}")
    dtype = numpy.dtype(_dtype(about.get("dtype"), [MOST_FIELDS]))
    buffer = {key: member for key, member in about.items() if key not in OWN}
    size = math.prod(shape) * dtype.itemsize
    if math.prod(max(length, 1) for length in shape) * dtype.itemsize > MOST_BYTES or size != buffers.size(buffer):
        raise UnreadableValue(f"has an array of shape {shape!r:.60} whose bytes are {buffers.size(buffer)}")
    path = None if writable else buffers.mapped(buffer)
    array: Any
    if path is not None:
        array = numpy.memmap(path, dtype=dtype, mode="r", shape=tuple(shape), order=order)
    else:
        content = buffers.read(buffer)
        flat = numpy.frombuffer(bytearray(content) if writable and isinstance(content, bytes) else content, dtype=dtype)
        array = flat.reshape(shape, order=order)
        array.flags.writeable = writable
    _check_items(array)
    return array  # type: ignore[no-any-return]


def _dtype(form: Any, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise UnreadableValue(f"has records of more than {MOST_FIELDS} fields")
    if isinstance(form, str) and ITEM.fullmatch(form):
        return form
    if not isinstance(form, list):
        raise UnreadableValue(f"has an array of {form!r:.60}")
    fields = []
    for field in form:
        if not isinstance(field, list) or len(field) not in (2, 3) or not isinstance(field[0], str) or not field[0]:
            raise UnreadableValue(f"has records with a field {field!r:.60}")
        fields.append((field[0], _dtype(field[1], left), *(tuple(lengths) for lengths in field[2:])))
    return fields


def _check_items(array: Any) -> None:
    """Refuse items that numpy takes for granted: it counts a bool of 2 twice, and then writes past the end."""
    if array.dtype.names is not None:
        for name in array.dtype.names:
            _check_items(array[name])
    elif array.dtype.kind == "b" and array.size and array.view("u1").max() > 1:
        raise UnreadableValue("has bools that are neither true nor false")
    elif array.dtype.kind == "U" and array.size:
        characters = array[..., None].view(array.dtype.byteorder.replace("|", "=") + "u4")
        if characters.max() > LAST_CHARACTER:
            raise UnreadableValue("has text of characters that there are none")
