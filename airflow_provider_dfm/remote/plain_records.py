"""The plain form of what has named fields: dataclasses, pydantic models and the like."""

from __future__ import annotations

import dataclasses
from typing import Any

from .plain_part import Parts

# What a model may hold for pydantic's own JSON to say all of it; of bytes and sets it does not.
_TOLD_BY_PYDANTIC = ("datetime", "decimal", "uuid", "pathlib", "enum", "ipaddress")


def model_form(model: Any, parts: Parts) -> Any:
    """A dict of a pydantic model's fields.

    As ``model_dump(mode="json")`` gives it, which knows the model's own serializers; where a field holds bytes, sets,
    arrays or the like, as what they are.
    """
    fields = model.model_dump() if hasattr(model, "model_dump") else model.dict()
    if hasattr(model, "model_dump") and _is_simple(fields):
        fields = model.model_dump(mode="json")
    return parts.form(fields, "")


def _is_simple(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_simple, value.keys())) and all(map(_is_simple, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_simple, value))
    kind = type(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return False
    return kind.__module__ in _TOLD_BY_PYDANTIC or issubclass(kind, (str, int, float, type(None)))


def dataclass_form(value: Any, parts: Parts) -> Any:
    """A dict of a dataclass's fields."""
    return _fields(value, [field.name for field in dataclasses.fields(value)], parts)


def attrs_form(value: Any, parts: Parts) -> Any:
    """A dict of the fields of a class that attrs made."""
    return _fields(value, [field.name for field in type(value).__attrs_attrs__], parts)


def _fields(value: Any, names: list[str], parts: Parts) -> dict[str, Any]:
    return {name: parts.form(getattr(value, name), f".{name}") for name in names if hasattr(value, name)}
