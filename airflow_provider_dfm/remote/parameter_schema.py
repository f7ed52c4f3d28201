"""The JSON schema of a pipeline's parameter sets, made from the operations that take their values."""

from __future__ import annotations

from typing import Any

from airflow_provider_dfm.remote.operation_schema import documentation, json_schema, literal_type, load_operation


def parameter_set_schema(fields: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """What a parameter set has to look like.

    :param fields: place name to the fields of operations that take its value, as ``parameter_fields`` has them.
    :return: a JSON schema of an object. Each place has a ``title`` and a ``description``, which names the operations,
        their fields and sites. Every place is required, as DFM wants it; a ``default`` is the operation's own, for
        forms to begin with.
    """
    return {
        "type": "object",
        "properties": {place: _place_schema(place, taken) for place, taken in fields.items()},
        "required": sorted(fields),
        "additionalProperties": False,
    }


def field_name(field: dict[str, str]) -> str:
    """What takes a value, for people: ``"Statistics.start at site seattle"``."""
    operation = field["operation"].rpartition(".")[2]
    return f"{operation}.{field['field']} at site {field['site']}" if field["site"] else f"{operation}.{field['field']}"


def _place_schema(place: str, taken: list[dict[str, str]]) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    schemas: list[dict[str, Any]] = []
    texts: list[str] = []
    defaults: list[Any] = []
    for field in taken:
        operation = load_operation(field["operation"])
        schema = json_schema(literal_type(operation, field["field"]))
        text = schema.pop("description", "")
        text = documentation(operation).parameters.get(field["field"], text)
        info = operation.model_fields[field["field"]]
        if not info.is_required() and info.default not in defaults:
            defaults.append(to_jsonable_python(info.default))
        if schema and schema not in schemas:
            schemas.append(schema)
        if text and text not in texts:
            texts.append(text)
    whole = _all_of(schemas)
    if len(defaults) == 1:
        whole["default"] = defaults[0]
    takers = ", ".join(field_name(field) for field in taken)
    text = "; ".join(text.rstrip(".") for text in texts)
    described = f"{text} ({takers})." if text else f"{takers}."
    return whole | {"title": place.replace("_", " ").capitalize(), "description": described}


def _all_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """A schema that takes what all of some take: one without ``allOf`` if possible, as forms know no other."""
    whole: dict[str, Any] = {}
    for schema in schemas:
        if any(whole.get(key, value) != value for key, value in schema.items()):
            return {"allOf": schemas}
        whole |= schema
    return whole
