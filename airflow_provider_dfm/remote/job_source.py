"""Makes a FLARE job's folder from a function that builds the job in code."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.named_function import call_named_function


def export_job(function: str, arguments: dict[str, Any], folder: str) -> str:
    """Build a job and export it.

    Names of scripts that are relative are looked for beside the function's module, not where the session host runs.

    :param function: ``"package.module:function"``; it returns a ``FedJob``, or a recipe of nvflare 2.7 and later.
    :param arguments: its keyword arguments.
    :param folder: where to; it is made, and the job's own folder in it.
    :return: the job's folder, which holds ``meta.json``.
    :raises NamedError: JobDefinitionError.
    """
    os.makedirs(folder)
    with _beside(function):
        job = call_named_function(function, arguments, "job function", "JobDefinitionError")
        # A recipe has both: its own export finishes the job first.
        export = getattr(job, "export", None) or getattr(job, "export_job", None)
        if export is None:
            raise NamedError(
                "JobDefinitionError",
                f"The job function {function} returned {_described(job)}. It has to return the job that it builds, a "
                "FedJob or a recipe, and not to run it: a function that ends in recipe.execute(...) or "
                "job.simulator_run(...) has run a whole simulation here. Or give the job's folder: a script that calls "
                "recipe.execute(...) makes one with --export --export-dir FOLDER (nvflare 2.9), and any other with "
                "job.export_job(FOLDER).",
            )
        try:
            export(folder)
        except (Exception, SystemExit) as error:
            raise NamedError(
                "JobDefinitionError",
                f"The job of {function} cannot be exported: {type(error).__name__}: {error}",
            ) from error
    exported = [entry.path for entry in os.scandir(folder) if os.path.exists(os.path.join(entry.path, "meta.json"))]
    if len(exported) != 1:
        raise NamedError("JobDefinitionError", f"The job of {function} was exported without a meta.json.")
    return exported[0]


def _described(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}, neither a FedJob nor a recipe"


@contextlib.contextmanager
def _beside(function: str) -> Iterator[None]:
    before, spec = os.getcwd(), None
    # Why it cannot be imported is told by whoever calls it.
    with contextlib.suppress(Exception):
        spec = importlib.util.find_spec(function.partition(":")[0])
    if spec is not None and spec.origin is not None:
        os.chdir(os.path.dirname(os.path.abspath(spec.origin)))
    try:
        yield
    finally:
        os.chdir(before)
