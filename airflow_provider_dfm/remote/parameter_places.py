"""The places of a pipeline: what goes in, with its types, and what comes out."""

from __future__ import annotations

import importlib
import json
import typing
from collections.abc import Iterator
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError


def statements_of(block: Any) -> Iterator[Any]:
    """All statements of a pipeline, those inside of others included."""
    for statement in block.dfm_body:
        yield statement
        if hasattr(statement, "dfm_body"):
            yield from statements_of(statement)


def parameter_fields(pipeline: Any) -> dict[str, list[dict[str, str]]]:
    """Where the value of each parameter place goes.

    :return: place name to the fields of operations that take it: ``operation``, the class's path, ``site`` and
        ``field``. Plain data, from which :func:`check_parameter_sets` finds the types again, in another process too.
    """
    fields: dict[str, list[dict[str, str]]] = {}
    for statement in statements_of(pipeline):
        for field, value in statement.get_noderef_and_placeparam_pydantic_fields():
            if hasattr(value, "place"):
                operation = f"{type(statement).__module__}.{type(statement).__qualname__}"
                site = str(getattr(statement, "site", None) or "")
                fields.setdefault(value.place, []).append({"operation": operation, "site": site, "field": field})
    return fields


def certain_places(pipeline: Any) -> list[str]:
    """The yield places that get a value for every parameter set: those that no condition guards."""
    from nv_dfm_core.api import Yield

    return sorted({statement.place for statement in pipeline.dfm_body if isinstance(statement, Yield)})


def check_parameter_sets(sets: list[dict[str, Any]], fields: dict[str, list[dict[str, str]]]) -> None:
    """Refuse sets that do not fit the pipeline.

    :param sets: the parameter sets.
    :param fields: the places that every set has to give a value for, as :func:`parameter_fields` has them.
    :raises NamedError: ParameterSetError, names the set, the place, and the operation that takes its value.
    """
    from pydantic import TypeAdapter

    adapters = {place: [(TypeAdapter(_type_of(field)), field) for field in taken] for place, taken in fields.items()}
    for index, parameter_set in enumerate(sets):
        missing = sorted(fields.keys() - parameter_set.keys())
        unknown = sorted(parameter_set.keys() - fields.keys())
        if missing or unknown:
            raise NamedError(
                "ParameterSetError",
                f"Parameter set {index} does not fit the pipeline: missing {missing}, unknown {unknown}. "
                f"The pipeline's places are {sorted(fields)}.",
            )
        for place, value in parameter_set.items():
            for adapter, field in adapters[place]:
                _check_value(adapter, value, f"Parameter set {index}, place {place!r} ({_name(field)})")


def _check_value(adapter: Any, value: Any, where: str) -> None:
    from pydantic import ValidationError

    try:
        # As JSON, so that a date may be text; strict, so that "5" does not pass for 5.
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        fault = error.errors()[0]["msg"]
        raise NamedError("ParameterSetError", f"{where}: {fault}, not {type(value).__name__} {value!r:.100}.") from None


def _name(field: dict[str, str]) -> str:
    operation = field["operation"].rpartition(".")[2]
    return f"{operation}.{field['field']} at site {field['site']}" if field["site"] else f"{operation}.{field['field']}"


def _type_of(field: dict[str, str]) -> Any:
    module, _, name = field["operation"].rpartition(".")
    statement = getattr(importlib.import_module(module), name)
    return _literal_type(statement.model_fields[field["field"]].annotation)


def _literal_type(annotation: Any) -> Any:
    """The annotation of an operation's field without the markers that stand for values given elsewhere."""
    from nv_dfm_core.api import Advise, NodeParam, NodeRef, PlaceParam

    markers = {Advise, NodeParam, NodeRef, PlaceParam, *typing.get_args(NodeParam)}
    kinds = [kind for kind in typing.get_args(annotation) if kind not in markers]
    if not kinds:
        return annotation
    return typing.Union[tuple(kinds)]  # noqa: UP007 - made at run time
