"""The places of a pipeline: what goes in, with its types, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.iso_dates import iso_text, takes_dates
from airflow_provider_dfm.remote.operation_schema import as_json, default_of, literal_type, load_operation
from airflow_provider_dfm.remote.parameter_schema import common_default, field_name

TEXT_ADVICE = (
    " Where a template gave this text, give dag.param({place!r}) or a task's output in its place, or set the DAG's "
    "render_template_as_native_obj."
)


@dataclass(frozen=True)
class Taker:
    """A field of an operation that takes a place's value.

    :param kind: its type.
    :param adapter: pydantic's ``TypeAdapter`` of that.
    :param default: its default as JSON, or None.
    :param name: what it is called in messages.
    """

    kind: Any
    adapter: Any
    default: str | None
    name: str

    @classmethod
    def of(cls, field: dict[str, str]) -> Taker:
        """The one of a field, as :func:`parameter_fields` has them."""
        from pydantic import TypeAdapter

        operation = load_operation(field["operation"])
        kind = literal_type(operation, field["field"])
        return cls(kind, TypeAdapter(kind), default_of(operation, field["field"]), field_name(field))


def statements_of(block: Any) -> Iterator[Any]:
    """All statements of a pipeline, those inside of others included."""
    for statement in block.dfm_body:
        yield statement
        if hasattr(statement, "dfm_body"):
            yield from statements_of(statement)


def parameter_fields(pipeline: Any) -> dict[str, list[dict[str, str]]]:
    """Where the value of each parameter place goes.

    :return: place name to the fields of operations that take it: ``operation``, the class's path, ``site`` and
        ``field``, in the order of the pipeline's operations and of their fields. Plain data, from which
        :func:`check_parameter_sets` finds the types again, in another process too.
    """
    fields: dict[str, list[dict[str, str]]] = {}
    for statement in statements_of(pipeline):
        # DFM gives them in the order of a set.
        given = dict(statement.get_noderef_and_placeparam_pydantic_fields())
        for field in (name for name in type(statement).model_fields if name in given):
            value = given[field]
            if hasattr(value, "place"):
                operation = f"{type(statement).__module__}.{type(statement).__qualname__}"
                site = getattr(statement, "site", None)
                # Where DFM is to choose one, it is no text.
                named = site if isinstance(site, str) else ""
                fields.setdefault(value.place, []).append({"operation": operation, "site": named, "field": field})
    return fields


def certain_places(pipeline: Any) -> list[str]:
    """The yield places that get a value for every parameter set, those that no condition guards.

    One that several statements yield to (``multiuse``) is there as many times.
    """
    from nv_dfm_core.api import Yield

    return sorted(statement.place for statement in pipeline.dfm_body if isinstance(statement, Yield))


def yield_counts(prepared: Any) -> dict[str, int]:
    """Place to how many statements of a prepared pipeline yield to it: what can come there for a parameter set."""
    counts: dict[str, int] = {}
    for net_ir in prepared.net_irs().values():
        for transition in net_ir.transitions:
            for statement in transition.fire_body:
                # The others are the set's end, at the status place, and what sites send to each other.
                if getattr(statement, "is_yield", False) and statement.kind == "data":
                    counts[statement.place] = counts.get(statement.place, 0) + 1
    return counts


def check_parameter_sets(sets: list[dict[str, Any]], fields: dict[str, list[dict[str, str]]]) -> list[dict[str, Any]]:
    """Refuse sets that do not fit the pipeline.

    :param sets: the parameter sets.
    :param fields: the pipeline's places, as :func:`parameter_fields` has them.
    :return: the sets, with dates and times in ISO 8601, see :func:`iso_text`, and with a value for each place: one that
        is left out gets the default of the operations that take it, where they all have the same.
    :raises NamedError: ParameterSetError, names the set, the place, and the operation that takes its value.
    """
    takers = {place: [Taker.of(field) for field in taken] for place, taken in fields.items()}
    known = {place: common_default(taken) for place, taken in fields.items()}
    defaults = {place: json.loads(default) for place, default in known.items() if default is not None}
    return [_checked(index, parameter_set, takers, defaults) for index, parameter_set in enumerate(sets)]


def _checked(
    index: int, parameter_set: dict[str, Any], takers: dict[str, list[Taker]], defaults: dict[str, Any]
) -> dict[str, Any]:
    missing = sorted(takers.keys() - parameter_set.keys() - defaults.keys())
    unknown = sorted(parameter_set.keys() - takers.keys())
    if missing or unknown:
        optional = f" Those with a default may be left out: {sorted(defaults)}." if defaults else ""
        raise NamedError(
            "ParameterSetError",
            f"Parameter set {index} does not fit the pipeline: missing {missing}, unknown {unknown}. "
            f"The pipeline's places are {sorted(takers)}.{optional}",
        )
    checked = {place: default for place, default in defaults.items() if place not in parameter_set}
    for place, value in parameter_set.items():
        dates = []
        for taker in takers[place]:
            form = _check_value(taker, value, f"Parameter set {index}, place {place!r} ({taker.name})", place)
            if isinstance(form, str) and takes_dates(taker.kind):
                dates.append(form)
        # What is a date to one operation and a datetime to another goes to both as the date, which is shorter.
        checked[place] = min(dates, key=len, default=value)
    return checked


def _check_value(taker: Taker, value: Any, where: str, place: str) -> Any:
    from pydantic import ValidationError

    # pydantic does not check defaults, and DFM's generator makes some that their own type does not take.
    if taker.default is not None and as_json(value) == taker.default:
        return value
    try:
        form = iso_text(value, taker.kind)
        # As JSON, so that a date may be text; strict, so that "5" does not pass for 5.
        taker.adapter.validate_json(json.dumps(form), strict=True)
    except ValidationError as error:
        fault = error.errors()[0]["msg"]
        advice = TEXT_ADVICE.format(place=place) if isinstance(value, str) else ""
        raise NamedError(
            "ParameterSetError", f"{where}: {fault}, not {type(value).__name__} {value!r:.100}.{advice}"
        ) from None
    except ValueError as error:
        raise NamedError("ParameterSetError", f"{where}: {error}.") from None
    return form
