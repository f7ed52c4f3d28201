"""Where a FLARE job comes from."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import CommandTimedOut, JobDefinitionError
from airflow_provider_dfm.federation.flare_job_folder import MetaFile
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.open_session import OpenSession
from airflow_provider_dfm.federation.parameter_sets import plain_arguments

EXPORT_SECONDS = 120.0


def job_source(session: OpenSession, path: Any, arguments: Mapping[str, Any] | None) -> Any:
    """The job's folder or archive, which a function makes where one is named.

    :param session: the open session, in which the function is called.
    :param path: text, ``"package.module:function"``, a ``pathlib.Path`` or one of its kin.
    :param arguments: keyword arguments of the function; dates and times become ISO 8601 text.
    :return: a ``pathlib.Path`` or one of its kin.
    :raises JobDefinitionError: the function cannot build a job, or arguments go with no function.
    :raises ParameterSetError: an argument cannot travel; names it.
    """
    if isinstance(path, str) and is_function(path):
        folder = session.folder / "exported" / str(uuid.uuid4())
        plain = plain_arguments(arguments or {}, "job function, job_arguments")
        request = {"function": path, "arguments": plain, "folder": str(folder)}
        return Path(_export(session, path, request))
    if arguments:
        raise JobDefinitionError("job_arguments only go with a job function, package.module:function.")
    return Path(path) if isinstance(path, str) else path


def meta_file(session: OpenSession, folder: Path) -> MetaFile:
    """What a job's folder says of the job, read by FLARE's own reader.

    :param session: the open session, in whose interpreter it is read.
    :param folder: the job's folder, on this machine.
    :raises JobDefinitionError: there is nothing that FLARE reads.
    """
    return read_answer(MetaFile, session.ask("read_meta_file", folder=str(folder)), "read_meta_file")


def _export(session: OpenSession, function: str, request: dict[str, Any]) -> str:
    try:
        answer = session.ask("export_job", EXPORT_SECONDS, **request)
    except CommandTimedOut as error:
        raise CommandTimedOut(
            f"The job function {function} did not return within {EXPORT_SECONDS:g} s. It has to build a job and return "
            f"it, a FedJob or a recipe, and not to run it: a function that ends in a simulation does. {error}"
        ) from error
    return read_answer(str, answer, "export_job")
