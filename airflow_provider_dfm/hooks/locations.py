"""Files that a connection or a task names by path or URI."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation.errors import ConnectionSettingsError, PipelineError
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.pipeline import is_pipeline_json
from airflow_provider_dfm.federation.storage import read_text, storage_error


def airflow_home() -> str:
    """Airflow's home, with ``~`` and variables replaced until nothing changes any more.

    Airflow does the same, and has no public way to ask for it: airflow/configuration.py, ``get_airflow_home``.
    """
    home = os.environ.get("AIRFLOW_HOME", "~/airflow")
    while (expanded := os.path.expanduser(os.path.expandvars(home))) != home:
        home = expanded
    return home


def at_uri(field: str, uri: str) -> ObjectStoragePath:
    """A path for what a user gave.

    :param field: what it was given as, for the error.
    :param uri: path, with or without ``~``, or URI.
    :raises ConnectionSettingsError: there is no such kind of store here.
    """
    try:
        # Without a scheme, it takes ~ for the name of a folder.
        return ObjectStoragePath(os.path.expanduser(uri))
    except (ValueError, ImportError) as error:
        raise ConnectionSettingsError(f"{field}: cannot use {uri}: {error}") from error


def read_pipeline(pipeline: Any) -> Any:
    """A pipeline's JSON where a path or URI was given; anything else as it is.

    :param pipeline: what a user gave.
    :raises PipelineError: the file cannot be read, or is no pipeline.
    """
    if not isinstance(pipeline, str) or is_function(pipeline) or is_pipeline_json(pipeline):
        return pipeline
    try:
        text = read_text(ObjectStoragePath(os.path.expanduser(pipeline)))
    except Exception as error:  # fsspec passes on whatever its stores' libraries raise
        raise storage_error(error, PipelineError)(
            f"Cannot read the pipeline file {pipeline}: {type(error).__name__}: {error}. A pipeline is the path or "
            "URI of a JSON file, the JSON itself, or package.module:function."
        ) from error
    if not is_pipeline_json(text):
        raise PipelineError(f"The file {pipeline} is no DFM pipeline: it holds no JSON object.")
    return text
