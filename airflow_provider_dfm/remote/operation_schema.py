"""What an operation takes and gives, read from the class that DFM generated for it."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import typing
from dataclasses import dataclass
from typing import Any

# What every operation has, besides its own parameters: nv_dfm_core/api/_located.py, nv_dfm_core/api/_statement.py
LOCATION = ("site", "provider")
PARAMETER = re.compile(r"(\w+): \[Accepts: [^\]]*\]")


def load_operation(path: str) -> Any:
    """The class of an operation.

    :param path: its module and name, such as ``"weather.fed.api.temperature.Statistics"``.
    :raises ImportError: there is no such module.
    :raises AttributeError: the module has no such class.
    """
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def parameter_names(operation: Any) -> list[str]:
    """The names of an operation's own parameters, in their order."""
    return [name for name in operation.model_fields if not name.startswith("dfm_") and name not in LOCATION]


def literal_type(operation: Any, name: str) -> Any:
    """The type of a parameter's values, without the markers that stand for values given elsewhere."""
    from nv_dfm_core.api import Advise, NodeParam, NodeRef, PlaceParam

    annotation = operation.model_fields[name].annotation
    markers = {Advise, NodeParam, NodeRef, PlaceParam, *typing.get_args(NodeParam)}
    kinds = [kind for kind in typing.get_args(annotation) if kind not in markers]
    if not kinds or typing.get_origin(annotation) not in (typing.Union, type(int | str)):
        return annotation
    return typing.Union[tuple(kinds)]  # noqa: UP007 - made at run time


def default_of(operation: Any, name: str) -> str | None:
    """The default of a parameter, as JSON; None where it has none, or one that JSON does not know.

    :param operation: the class of the operation.
    :param name: the parameter's.
    """
    from nv_dfm_core.api import Advise, PlaceParam
    from pydantic_core import to_jsonable_python

    field = operation.model_fields[name]
    if field.is_required():
        return None
    try:
        default = field.get_default(call_default_factory=True)
        return None if isinstance(default, (Advise, PlaceParam)) else as_json(to_jsonable_python(default))
    except (TypeError, ValueError):
        return None


def as_json(value: Any) -> str:
    """A value as JSON, the same text for the same value.

    :raises TypeError, ValueError: JSON does not know it.
    """
    return json.dumps(value, sort_keys=True, allow_nan=False)


def field_schema(operation: Any, name: str) -> dict[str, Any]:
    """The JSON schema of a parameter, which takes the parameter's default, too, whatever its type says.

    DFM's generator makes ``Union[str, ...] = None`` of what a site exposes (``expose-as``), and pydantic does not
    check defaults: nv_dfm_core/gen/apigen/_config_parser.py, ``parse_adapter``.

    :param operation: the class of the operation.
    :param name: the parameter's.
    """
    from pydantic import TypeAdapter, ValidationError

    kind, default = literal_type(operation, name), default_of(operation, name)
    schema = json_schema(kind)
    if default is None or not schema:
        return schema
    try:
        TypeAdapter(kind).validate_json(default, strict=True)
        return schema
    except ValidationError:
        own: dict[str, Any] = {"type": "null"} if default == "null" else {"const": json.loads(default)}
    described = {"description": schema.pop("description")} if "description" in schema else {}
    kinds = schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]
    return {"anyOf": [*kinds, own], **described}


def json_schema(kind: Any) -> dict[str, Any]:
    """A type's JSON schema, without references; ``{}``, which takes anything, where JSON cannot say it."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

    try:
        schema = TypeAdapter(kind).json_schema()
        return dict(_inlined(schema, schema.pop("$defs", {}), ()))
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return {}


def _inlined(schema: Any, definitions: dict[str, Any], inside: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_inlined(item, definitions, inside) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        # A type that holds its own kind goes on for ever: below here, it may be anything.
        return {} if name in inside else _inlined(definitions[name], definitions, (*inside, name))
    # The names of Python's types are no titles for people; where title is no text, it is a field of that name.
    kept = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    return {key: _inlined(value, definitions, inside) for key, value in kept.items()}


@dataclass(frozen=True)
class Documentation:
    """What an operation's docstring says, in the form that DFM's generator writes it.

    :param text: what the operation does.
    :param parameters: name to description.
    :param returns: what comes back; ``""`` where it does not say.
    """

    text: str
    parameters: dict[str, str]
    returns: str


def documentation(operation: Any) -> Documentation:
    """Read an operation's docstring: nv_dfm_core/gen/apigen/_config_parser.py writes it.

    Of a site's own operation, the parameters that it has of the general one are described there.
    """
    inherited: dict[str, str] = {}
    for base in reversed(operation.__mro__[1:]):
        inherited |= _documented(base).parameters
    own = _documented(operation)
    return Documentation(own.text, inherited | own.parameters, own.returns)


def _documented(operation: type) -> Documentation:
    doc = operation.__dict__.get("__doc__") or ""
    text, _, rest = f"\n{inspect.cleandoc(doc)}".partition("\nParameters:\n")
    before, _, returns = (rest or text).rpartition("Returns: ")
    lines: dict[str, list[str]] = {}
    name = ""
    # Without a return, all of it is after the partition.
    for line in (before or returns).splitlines() if rest else []:
        found = PARAMETER.fullmatch(line.strip().partition("]")[0] + "]") if line[:5].strip() else None
        if found:
            name = found[1]
        elif name and line.strip():
            lines.setdefault(name, []).append(line.strip())
    described = text if rest else text.partition("Returns: ")[0]
    return Documentation(
        described.strip(), {key: " ".join(part) for key, part in lines.items()}, returns.strip() if before else ""
    )
