"""The forms in which a pipeline can be given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.errors import PipelineError
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.prepared_pipeline import PREPARED, is_prepared_pipeline


def is_pipeline_json(pipeline: str) -> bool:
    """Whether this is a pipeline's JSON, and not where to find it."""
    return pipeline.lstrip().startswith("{")


def pipeline_source(pipeline: str | Mapping[str, Any], arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the session host needs to make the pipeline.

    :param pipeline: path of a JSON file, of a pipeline or of a prepared one, JSON as text or dict, or
        ``"package.module:function"``.
    :param arguments: keyword arguments of the function.
    :return: ``{"json": text}``, ``{"prepared": {...}}`` or ``{"function": path, "arguments": {...}}``.
    :raises PipelineError: there is no such file, or arguments go with no function.
    """
    if isinstance(pipeline, str) and is_function(pipeline):
        return {"function": pipeline, "arguments": dict(arguments or {})}
    if arguments:
        raise PipelineError("pipeline_arguments only go with a pipeline function, package.module:function.")
    if isinstance(pipeline, Mapping):
        return {"json": json.dumps(pipeline)}
    if is_pipeline_json(pipeline):
        return _from_text(pipeline)
    try:
        return _from_text(Path(pipeline).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(
            f"Cannot read the pipeline file {pipeline}: {type(error).__name__}: {error}. A pipeline is the path of "
            "a JSON file, the JSON itself, or package.module:function."
        ) from None


def _from_text(text: str) -> dict[str, Any]:
    if not is_prepared_pipeline(text):
        return {"json": text}
    try:
        return {"prepared": json.loads(text)[PREPARED]}
    except ValueError as error:
        raise PipelineError(f"This is not the whole of a prepared pipeline: {error}. Prepare it again.") from None
