"""The forms in which a pipeline can be given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from airflow_provider_dfm.federation.errors import PipelineError
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.parameter_sets import plain_arguments
from airflow_provider_dfm.federation.prepared_pipeline import PREPARED, is_prepared_pipeline
from airflow_provider_dfm.federation.storage import read_text


@dataclass(frozen=True)
class PipelineFunction:
    """A function that builds a pipeline, as text: it is called in the federation's interpreter.

    :param source: its text, as it stands in its file.
    :param name: its name.
    :param file: the file's name, for tracebacks.
    :param line: number of the text's first line there.
    """

    source: str
    name: str
    file: str
    line: int


# Path of a JSON file, JSON as text or dict, "package.module:function", or a function's text.
PipelineDefinition: TypeAlias = str | Mapping[str, Any] | PipelineFunction


def is_pipeline_json(pipeline: str) -> bool:
    """Whether this is a pipeline's JSON, and not where to find it."""
    return pipeline.lstrip().startswith("{")


def pipeline_source(pipeline: PipelineDefinition, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the session host needs to make the pipeline.

    :param pipeline: path of a JSON file, of a pipeline or of a prepared one, JSON as text or dict, or
        ``"package.module:function"``, or a function's text.
    :param arguments: keyword arguments of the function; dates and times become ISO 8601 text.
    :return: ``{"json": text}``, ``{"prepared": {...}}``, ``{"function": path, "arguments": {...}}`` or
        ``{"source": {...}, "arguments": {...}}``.
    :raises PipelineError: there is no such file, or arguments go with no function.
    :raises ParameterSetError: an argument cannot travel; names it.
    """
    plain = plain_arguments(arguments or {}, "pipeline function, pipeline_arguments")
    if isinstance(pipeline, PipelineFunction):
        return {"source": asdict(pipeline), "arguments": plain}
    if isinstance(pipeline, str) and is_function(pipeline):
        return {"function": pipeline, "arguments": plain}
    if arguments:
        raise PipelineError("pipeline_arguments only go with a pipeline function, package.module:function.")
    if isinstance(pipeline, Mapping):
        return {"json": json.dumps(plain_arguments(pipeline, "pipeline's JSON"))}
    if is_pipeline_json(pipeline):
        return _from_text(pipeline)
    try:
        text = read_text(Path(pipeline))
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"Cannot read the pipeline file {pipeline}: {type(error).__name__}: {error}. A pipeline is the path of "
            "a JSON file, the JSON itself, or package.module:function."
        ) from None
    return _from_text(text)


def _from_text(text: str) -> dict[str, Any]:
    if not is_prepared_pipeline(text):
        return {"json": text}
    try:
        return {"prepared": json.loads(text)[PREPARED]}
    except ValueError as error:
        raise PipelineError(f"This is not the whole of a prepared pipeline: {error}. Prepare it again.") from None
