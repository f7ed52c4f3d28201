"""The JSON schema of a pipeline's parameter sets, made from the operations that take their values."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dfm.remote.operation_schema import default_of, documentation, field_schema, load_operation


def parameter_set_schema(fields: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """What a parameter set has to look like.

    :param fields: place name to the fields of operations that take its value, as ``parameter_fields`` has them.
    :return: a JSON schema of an object. Each place has a ``title`` and a ``description``, which names the operations,
        their fields and sites. Those are required which :func:`common_default` knows no value for. A ``default`` is
        the operations' own, for forms to begin with.
    """
    return {
        "type": "object",
        "properties": {place: _place_schema(place, taken) for place, taken in fields.items()},
        "required": sorted(place for place, taken in fields.items() if common_default(taken) is None),
        "additionalProperties": False,
    }


def common_default(taken: list[dict[str, str]]) -> str | None:
    """What a place gets that a parameter set leaves out: the default that all fields have which take its value.

    :param taken: the place's fields, as ``parameter_fields`` has them.
    :return: the default as JSON; None: there is no such default, so that the place cannot be left out.
    """
    defaults = {default_of(load_operation(field["operation"]), field["field"]) for field in taken}
    return defaults.pop() if len(defaults) == 1 else None


def field_name(field: dict[str, str]) -> str:
    """What takes a value, for people: ``"Statistics.start at site seattle"``."""
    operation = field["operation"].rpartition(".")[2]
    return f"{operation}.{field['field']} at site {field['site']}" if field["site"] else f"{operation}.{field['field']}"


def _place_schema(place: str, taken: list[dict[str, str]]) -> dict[str, Any]:
    schemas: list[dict[str, Any]] = []
    texts: list[str] = []
    for field in taken:
        operation = load_operation(field["operation"])
        schema = field_schema(operation, field["field"])
        text = schema.pop("description", "")
        text = documentation(operation).parameters.get(field["field"], text)
        if schema and schema not in schemas:
            schemas.append(schema)
        if text and text not in texts:
            texts.append(text)
    whole = _all_of(schemas)
    default = common_default(taken)
    if default is not None:
        whole["default"] = json.loads(default)
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
