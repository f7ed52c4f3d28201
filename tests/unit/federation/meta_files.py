"""FLARE's reader of what a job's folder says of it, of the nvflare that is installed beside Airflow."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_dfm.federation.errors import error_from_name
from airflow_provider_dfm.federation.flare_job_folder import MetaFile
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.meta_file import read_meta_file


def read_here(folder: Path) -> MetaFile:
    """Read it in this process, which a session does in its session host."""
    try:
        return MetaFile.model_validate(read_meta_file(str(folder)))
    except NamedError as error:
        raise error_from_name(error.error_name, str(error)) from error
