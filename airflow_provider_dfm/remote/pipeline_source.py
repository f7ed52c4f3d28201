"""Makes a DFM pipeline from what a DAG author gives."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.function_source import function_from_source
from airflow_provider_dfm.remote.named_function import call_function, call_named_function
from airflow_provider_dfm.remote.operation_schema import default_of, load_operation
from airflow_provider_dfm.remote.parameter_places import statements_of


def build_pipeline(source: dict[str, Any]) -> Any:
    """Make a pipeline.

    :param source: ``{"json": text}``, ``{"function": "package.module:name", "arguments": {...}}``, or a function's
        text: ``{"source": {"source", "name", "file", "line"}, "arguments": {...}}``.
    :return: an ``nv_dfm_core.api.Pipeline``.
    :raises NamedError: PipelineError.
    """
    if "json" in source:
        return _read(source["json"])
    if "source" in source:
        return _build(source["source"], source["arguments"])
    return _call(source["function"], source["arguments"])


def _read(text: str) -> Any:
    from nv_dfm_core.api import Pipeline
    from pydantic import ValidationError

    try:
        pipeline = Pipeline.model_validate_json(_without_own_nulls(text))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in error.errors()[:5]
        )
        raise NamedError("PipelineError", f"This is not a DFM pipeline: {faults}") from None
    except (Exception, SystemExit) as error:
        # Reading a pipeline imports the operations it names.
        raise NamedError(
            "PipelineError",
            f"The pipeline names operations that this federation's package does not have: "
            f"{type(error).__name__}: {error}",
        ) from error
    _check_references(pipeline)
    return pipeline


def _without_own_nulls(text: str) -> str:
    """A pipeline's JSON without the nulls of fields whose default is None.

    DFM writes them, and refuses to read those of fields that a site exposes, whose type has no None in it:
    nv_dfm_core/gen/apigen/_config_parser.py, ``parse_adapter``.
    """
    try:
        return json.dumps(_left_out(json.loads(text)))
    except (ValueError, RecursionError):
        # pydantic says what is wrong with it.
        return text


def _left_out(part: Any) -> Any:
    if isinstance(part, list):
        return [_left_out(item) for item in part]
    if not isinstance(part, dict):
        return part
    name = part.get("dfm_class_name")
    nulls = [field for field, value in part.items() if value is None]
    own: set[str] = set()
    if nulls and isinstance(name, str):
        # One that cannot be imported is named when the pipeline is read.
        with contextlib.suppress(Exception):
            operation = load_operation(name)
            own = {field for field in nulls if default_of(operation, field) == "null"}
    return {field: _left_out(value) for field, value in part.items() if field not in own}


def _check_references(pipeline: Any) -> None:
    """Refuse a pipeline whose references came back as literal dicts.

    Where an operation's parameter takes any object, DFM reads a reference to another operation or to a place as
    such a dict, and the operation would get the dict: nv_dfm_core/api/_statement.py.
    """
    for statement in statements_of(pipeline):
        for field in type(statement).model_fields:
            value = getattr(statement, field)
            if isinstance(value, dict) and _is_reference(value):
                raise NamedError(
                    "PipelineError",
                    f"The pipeline's JSON cannot say what it means: {type(statement).__name__}.{field} is a "
                    "reference, but DFM reads it as data, since that parameter takes any object. Use a pipeline "
                    "function, or set accepts-literal-input: false for the parameter in the federation.",
                )


def _is_reference(value: dict[str, Any]) -> bool:
    tags = ("@dfm-place-param", "@dfm-node")
    inner = value.get("id")
    return value.get("tag") in tags or (isinstance(inner, dict) and inner.get("tag") in tags)


def _call(path: str, arguments: dict[str, Any]) -> Any:
    pipeline = call_named_function(path, arguments, "pipeline function", "PipelineError")
    return _checked(pipeline, path)


def _build(function: dict[str, Any], arguments: dict[str, Any]) -> Any:
    name = function["name"]

    def build(**given: Any) -> Any:
        try:
            return function_from_source(**function)(**given)
        except NameError as error:
            raise NameError(
                f"{error}. The function runs in the federation's interpreter, without the DAG file's names: import or "
                "define inside of it what it needs, or pass it as an argument."
            ).with_traceback(error.__traceback__) from None

    return _checked(call_function(build, arguments, f"pipeline function {name}", "PipelineError"), name)


def _checked(pipeline: Any, name: str) -> Any:
    from nv_dfm_core.api import Pipeline

    if not isinstance(pipeline, Pipeline):
        raise NamedError(
            "PipelineError",
            f"The pipeline function {name} returned a {type(pipeline).__name__}, not an nv_dfm_core Pipeline.",
        )
    return pipeline
