"""Gives a DAG's Trigger form the fields of a pipeline's parameter sets, without asking any federation."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

NULL = {"type": "null"}
ALL_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
# What a Param without a default has for its value.
UNSET = Param().value


def dfm_params(schema: Mapping[str, Any] | str | os.PathLike[str], **defaults: Any) -> dict[str, Param]:
    """Make a DAG's ``params`` of the schema of a pipeline's parameter sets.

    .. code-block:: python

        with DAG(
            "comparison",
            params=dfm_params(Path(__file__).with_name("weather_comparison.parameters.json"), start="2010-01-01"),
        ):
            DfmExecuteOperator(
                task_id="compare",
                pipeline="pipelines:compare",
                input_params={"start": "{{ params.start }}", "end": "{{ params.end }}"},
            )

    The schema is computed once, by ``python -m airflow_provider_dfm.parameters``, or is found beside a prepared
    pipeline. To read it is the only thing that this does besides: one small file that lies beside the DAG file, which
    itself was read just before, from the same disk; so a DAG is parsed as fast as ever, and without a network.

    :param schema: a JSON schema, as ``PreparedPipeline.parameter_schema`` is, or the local path of the file that has
        it.
    :param defaults: a place's default: a value (a date or datetime becomes ISO 8601 text), or a ``Param`` whose
        description and schema, such as its ``title``, go before the pipeline's. Where none is given it is the
        operation's own; without one the form requires a value, and Airflow refuses a DAG that has a schedule.
    :return: place name to ``Param``: type, format, enum, limits, title and description, in the shape that Airflow's
        form makes fields of.
    :raises ValueError: the pipeline has no such place, or the file has no schema.
    """
    if not isinstance(schema, Mapping):
        with open(schema, encoding="utf-8") as file:
            schema = json.load(file)
    places = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(places, Mapping):
        raise ValueError("This is no JSON schema of parameter sets: it has no properties. See dfm_params.")
    unknown = sorted(defaults.keys() - places.keys())
    if unknown:
        raise ValueError(f"The pipeline has no place {', '.join(unknown)}: its places are {', '.join(places)}.")
    return {place: _param(wanted, defaults.get(place, UNSET)) for place, wanted in places.items()}


def _param(schema: Mapping[str, Any], given: Any) -> Param:
    own = given if isinstance(given, Param) else Param(_plain(given))
    form = _form_schema({key: value for key, value in schema.items() if key not in ("default", "description")})
    if "default" in schema and schema["default"] is None:
        # A schema that an earlier release wrote does not say that its default is taken.
        form = _nullable(form)
    default = schema.get("default", UNSET) if own.value is UNSET else own.value
    return Param(default, description=own.description or schema.get("description"), schema=form | own.schema)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


def _form_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The same in the shape that Airflow's form knows: it looks at ``type``, ``format``, ``enum`` and ``items`` alone.

    :param schema: what a place takes. What the form has no field for stays as it is; the run's values are checked by
        all of it.
    """
    # airflow/ui/src/components/FlexibleForm/FieldSelector.tsx
    if "anyOf" in schema:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        kinds = [kind for kind in schema["anyOf"] if kind != NULL]
        nullable = len(kinds) < len(schema["anyOf"])
        simple = all(kind.keys() == {"type"} and isinstance(kind["type"], str) for kind in kinds)
        if len(kinds) == 1 and isinstance(kinds[0].get("type"), str):
            return _nullable(rest | kinds[0]) if nullable else rest | kinds[0]
        if simple:
            return rest | {"type": [kind["type"] for kind in kinds] + ["null"] * nullable}
    if "allOf" in schema:
        taken = set.intersection(*(_types(kind) for kind in schema["allOf"]))
        narrowest = sorted(taken - {"null"})
        # The narrowest: a whole number is a number too.
        if narrowest == ["integer", "number"]:
            narrowest = ["integer"]
        if len(narrowest) == 1:
            return schema | {"type": [*narrowest, "null"] if "null" in taken else narrowest[0]}
    return schema


def _types(schema: Mapping[str, Any]) -> set[str]:
    """The names of the types that a schema takes; all of them where it does not say."""
    if "anyOf" in schema:
        return set().union(*(_types(kind) for kind in schema["anyOf"]))
    kind = schema.get("type")
    named = set(ALL_TYPES) if kind is None else {kind} if isinstance(kind, str) else set(kind)
    return named | {"integer"} if "number" in named else named


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, which takes null as well."""
    choices = {"enum": [*schema["enum"], None]} if "enum" in schema and None not in schema["enum"] else {}
    kind = schema.get("type")
    if kind is None:
        kinds = schema.get("anyOf", [])
        return schema | ({"anyOf": [*kinds, NULL]} if kinds and NULL not in kinds else {}) | choices
    kinds = [kind] if isinstance(kind, str) else list(kind)
    return schema | {"type": kinds if "null" in kinds else [*kinds, "null"]} | choices
