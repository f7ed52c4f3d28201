"""A pydantic model of a pipeline's parameter sets, made from their JSON schema: the federation's types stay there."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    create_model,
)

# JSON schema's word to pydantic's.
CONSTRAINTS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "pattern": "pattern",
}


def _no_number(value: Any) -> Any:
    # pydantic takes one for seconds since 1970; the federation does not.
    if isinstance(value, (int, float)):
        raise ValueError("a date or time is text in ISO 8601, or a date or datetime, no number")
    return value


def _strict_number(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        raise ValueError(f"Input should be a valid number, not {type(value).__name__}")
    return value


SIMPLE: dict[tuple[Any, Any], Any] = {
    ("string", "date"): Annotated[datetime.date, BeforeValidator(_no_number)],
    ("string", "date-time"): Annotated[datetime.datetime, BeforeValidator(_no_number)],
    ("string", None): StrictStr,
    ("integer", None): StrictInt,
    ("number", None): Annotated[float, BeforeValidator(_strict_number)],
    ("boolean", None): StrictBool,
    ("null", None): None,
}


def parameter_set_model(schema: Mapping[str, Any], name: str = "ParameterSet") -> type[BaseModel]:
    """Make the model.

    :param schema: the JSON schema of an object, as ``PreparedPipeline.parameter_schema`` and a kept
        ``.parameters.json`` have it.
    :param name: the class's name.
    :return: a model with a field for each place, required where the operation has no default. Its instances are
        parameter sets to all that take them. Simple types are checked as the federation does: text, numbers, booleans,
        dates, enums, lists, and null; what is more complicated may be anything that JSON knows, and the federation
        checks it before the submit.
    """
    fields: dict[str, Any] = {}
    for place, wanted in schema["properties"].items():
        known = {key: wanted[key] for key in ("default", "title", "description") if key in wanted}
        fields[_field_name(place)] = (_kind(wanted), Field(alias=place, **known))
    return create_model(name, __config__=ConfigDict(extra="forbid", populate_by_name=True), **fields)


def _field_name(place: str) -> str:
    """The place's name, unless pydantic keeps it for itself; then with ``place_`` before it."""
    taken = place.startswith(("_", "model_")) or hasattr(BaseModel, place)
    return f"place_{place.lstrip('_')}" if taken else place


def _kind(schema: Mapping[str, Any]) -> Any:
    """The Python type of a schema's values."""
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if "const" in schema:
        # A literal type has to be hashable.
        return JsonValue if isinstance(schema["const"], (dict, list)) else Literal[(schema["const"],)]
    if "anyOf" in schema:
        return Union[tuple(_kind(part) for part in schema["anyOf"])]  # noqa: UP007 - made at run time
    kind, form = schema.get("type"), schema.get("format")
    if kind == "array" and "prefixItems" not in schema:
        found: Any = list[_kind(schema.get("items", {}))]  # type: ignore[misc]
    elif isinstance(kind, str) and (kind, form) in SIMPLE and "allOf" not in schema:
        found = SIMPLE[kind, form]
    else:
        return JsonValue
    limits = {CONSTRAINTS[key]: value for key, value in schema.items() if key in CONSTRAINTS}
    return Annotated[found, Field(**limits)] if limits else found
