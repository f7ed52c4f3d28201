"""What a pipeline's author gave, in a form that is the same in every process, and its hash."""

from __future__ import annotations

import copyreg
import hashlib
import json
import types
from typing import Any

# Whichever protocol a Python prefers: what an object says of itself depends on it.
PROTOCOL = 4
ATOMS = (type(None), bool, int, float, str)


def digest(value: Any) -> str:
    """A SHA-256 over a value, in hexadecimal: the same in every process, for values that are the same."""
    return hashlib.sha256(_text(canonical_form(value)).encode()).hexdigest()


def canonical_form(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """A value as JSON knows it, without what differs from process to process: the order of sets, and addresses.

    Tuples are lists, as they are to whoever gets a literal from DFM. What JSON does not know is what it would tell
    pickle of itself; pickle's own bytes depend on the order of sets, and on which equal values are one object.

    :param value: plain data, pydantic models, and whatever can be pickled.
    :param inside: ids of the values that this one is part of.
    """
    if type(value) in ATOMS:
        return value
    if id(value) in inside:
        return ["part of itself", inside.index(id(value))]
    inside = (*inside, id(value))
    if type(value) in (list, tuple):
        return ["list", *(canonical_form(item, inside) for item in value)]
    if isinstance(value, (set, frozenset)):
        own = canonical_form(getattr(value, "__dict__", None), inside)
        return ["set", _path(type(value)), own, *sorted((canonical_form(item, inside) for item in value), key=_text)]
    if type(value) is dict:
        return ["dict", *_pairs(value.items(), inside)]
    if type(value) is bytes:
        return ["bytes", hashlib.sha256(value).hexdigest()]
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return ["name", _path(value)]
    if hasattr(type(value), "model_fields"):
        fields = {name: getattr(value, name) for name in type(value).model_fields} | (value.model_extra or {})
        return ["model", _path(type(value)), *_pairs(fields.items(), inside)]
    return _reduced(value, inside)


def _reduced(value: Any, inside: tuple[int, ...]) -> Any:
    registered = copyreg.dispatch_table.get(type(value))
    reduced = registered(value) if registered else value.__reduce_ex__(PROTOCOL)
    if isinstance(reduced, str):
        return ["name", f"{type(value).__module__}.{reduced}"]
    function, arguments, state, items, pairs = (*reduced[:5], *(None,) * 5)[:5]
    made = [canonical_form(part, inside) for part in (function, arguments, state)]
    return ["object", *made, [canonical_form(item, inside) for item in items or ()], _pairs(pairs or (), inside)]


def _pairs(pairs: Any, inside: tuple[int, ...]) -> list[Any]:
    """Keys with their values, whatever order they came in."""
    return sorted(([canonical_form(key, inside), canonical_form(value, inside)] for key, value in pairs), key=_text)


def _text(form: Any) -> str:
    return json.dumps(form)


def _path(named: Any) -> str:
    return f"{named.__module__}.{named.__qualname__}"
