"""Parameter sets that Jinja has rendered: text becomes the value that it is the plain form of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.operators.rendered_text import NO_FORM, plain_value

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.parameter_sets import ParameterSets

INSTEAD = (
    "give {instead} in its place, which hands on the value itself, or set the DAG's render_template_as_native_obj."
)
# Of text that is no number, no truth value and no None in any of these.
FORMATS = ("date", "date-time", "time", "duration", "uuid", "ipv4", "ipv6", "email", "uri")


def holds_text(params: Any) -> bool:
    """Whether there is text among parameter sets, or in their place."""
    if isinstance(params, Mapping):
        return any(holds_text(value) for value in params.values())
    return isinstance(params, str) or (isinstance(params, Sequence) and any(holds_text(value) for value in params))


def read_rendered(written: Any, rendered: Any, schema: Mapping[str, Any]) -> ParameterSets:
    """Take text for what it is the plain form of, where the pipeline takes that and no text.

    A template gives text: ``"{{ params.size }}"`` is ``"4"``, which becomes 4 where an integer is wanted. Plain forms
    are those that Python and JSON write: of integers, numbers, booleans, lists, dicts and None. A place that takes text
    keeps its text. The whole may be text too: ``"{{ params }}"`` is a dict as Python writes it.

    :param written: the parameter sets as the DAG's author wrote them, with templates.
    :param rendered: the same, rendered.
    :param schema: the JSON schema of a parameter set, as ``PreparedPipeline.parameter_schema`` is.
    :return: the sets; what cannot be read as anything else is the text still, which the federation refuses by name.
    :raises ParameterSetError: the place takes text and also what the text is the plain form of, so that nobody knows
        which of them a template meant; or the whole is no plain form of parameter sets.
    """
    if isinstance(rendered, str):
        # What is text in there was text before.
        written = rendered = _whole(rendered, "input_params")
    if isinstance(rendered, Mapping):
        return _read_set(written, rendered, schema, "The parameter set")
    if isinstance(rendered, Sequence):
        return [_read_item(_at(written, index), one, schema, index) for index, one in enumerate(rendered)]
    return rendered  # type: ignore[no-any-return]  # an instance of a model, None, or what others refuse


def _whole(text: str, where: str) -> Any:
    """What stands for a parameter set, or several, as text."""
    whole = plain_value(text)
    if isinstance(whole, (Mapping, list)) or whole is None:
        return whole
    raise ParameterSetError(
        f"{where} is the text {text!r:.100}, which is no plain form of a parameter set or of a list of them. If a "
        f"template gave it, {INSTEAD.format(instead='a task output, or a dict of dag.param(…),')}"
    )


def _read_item(written: Any, rendered: Any, schema: Mapping[str, Any], index: int) -> Any:
    where = f"Parameter set {index}"
    if isinstance(rendered, str):
        written = rendered = _whole(rendered, where)
    return _read_set(written, rendered, schema, where) if isinstance(rendered, Mapping) else rendered


def _read_set(written: Any, rendered: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    places = schema.get("properties", {})
    return {
        place: _read(_at(written, place), value, places.get(place, {}), f"{where}, place {place!r}", place)
        for place, value in rendered.items()
    }


def _at(written: Any, key: Any) -> Any:
    """The part of what was written that a part of the rendered is of; None where that did not come of a template."""
    try:
        return written[key] if isinstance(written, (Mapping, list, tuple)) else None
    except LookupError:
        return None


def _read(written: Any, value: Any, schema: Mapping[str, Any], where: str, place: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [
            _read(_at(written, index), item, _inner(schema, index), where, place) for index, item in enumerate(value)
        ]
    if isinstance(value, Mapping):
        return {
            key: _read(_at(written, key), item, _inner(schema, str(key)), where, place) for key, item in value.items()
        }
    if not isinstance(value, str):
        return value
    form = plain_value(value)
    if form is NO_FORM or not fits(schema, form) or fits(schema, NO_FORM):
        return value
    if not fits(schema, value):
        # What is text in there was text before.
        return _read(None, form, schema, where, place)
    if isinstance(written, str) and written != value:
        raise ParameterSetError(
            f"{where}: a template gave the text {value!r:.100}. The pipeline takes that as text, and also the "
            f"{type(form).__name__} {form!r:.100}, so that nobody knows which is meant: "
            f"{INSTEAD.format(instead=f'dag.param({place!r})')}"
        )
    return value


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is of a type that a JSON schema takes; limits are left to the federation.

    :param schema: the schema; one that names no type takes :data:`NO_FORM` too.
    :param value: the value.
    """
    if "allOf" in schema:
        return all(fits(part, value) for part in schema["allOf"])
    for some_of in ("anyOf", "oneOf"):
        if some_of in schema:
            return any(fits(part, value) for part in schema[some_of])
    if "enum" in schema or "const" in schema:
        choices = schema["enum"] if "enum" in schema else [schema["const"]]
        return any(type(choice) is type(value) and choice == value for choice in choices)
    named = schema.get("type")
    if named is None:
        return True
    kinds = [named] if isinstance(named, str) else named
    return any(_is_of(kind, value, schema.get("format")) for kind in kinds)


def _is_of(kind: str, value: Any, form: str | None) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, str):
        return kind == "string" and (form not in FORMATS or plain_value(value) is NO_FORM)
    types: dict[str, Any] = {"integer": int, "number": (int, float), "null": type(None), "array": list, "object": dict}
    return kind in types and isinstance(value, types[kind])


def _inner(schema: Mapping[str, Any], key: int | str) -> Mapping[str, Any]:
    """The schema of what is in a list at an index, or in a dict under a key; ``{}`` where it may be anything."""
    if "allOf" in schema:
        return {"allOf": [_inner(part, key) for part in schema["allOf"]]}
    some_of = schema.get("anyOf") or schema.get("oneOf")
    if some_of:
        return {"anyOf": [_inner(part, key) for part in some_of if _may_hold(part, key)]}
    known, rest = schema.get("properties", {}), schema.get("additionalProperties")
    if isinstance(key, int):
        first = schema.get("prefixItems", [])
        known, rest = dict(enumerate(first)), schema.get("items")
    found = known.get(key, rest)
    return found if isinstance(found, Mapping) else {}


def _may_hold(schema: Mapping[str, Any], key: int | str) -> bool:
    """Whether a schema is for lists, as an index is of one, or for dicts that may have a key."""
    if isinstance(key, int):
        return fits(schema, [])
    is_closed = bool(schema.get("properties")) and not schema.get("additionalProperties")
    return fits(schema, {}) and (not is_closed or key in schema["properties"])
