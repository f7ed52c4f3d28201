"""Operators that do one thing to a FLARE job, by its id, whoever submitted it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import TakesArguments, read_arguments, take_arguments

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job_files import Patterns


class FlareJobOperator(TakesArguments, BaseOperator):
    """Base of the operators that do one thing to a job, by its id.

    :param job_id: the job. Templated.
    :param dfm_conn_id: the connection. Templated.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {"job_id": kinds.TEXT, "dfm_conn_id": kinds.TEXT}
    template_fields: Sequence[str] = ("job_id", "dfm_conn_id")
    ui_color = "#e5f5e0"
    job_id: str
    dfm_conn_id: str

    def __init__(self, *, job_id: str, dfm_conn_id: str = DEFAULT_CONNECTION, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        take_arguments(self, job_id=job_id, dfm_conn_id=dfm_conn_id)

    @fails_for_good
    def execute(self, context: Context) -> Any:
        read_arguments(self)
        hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            return patiently(lambda: self.act(hook), hook, self.log)

    def act(self, hook: DfmHook) -> Any:
        """Do it; doing it twice has to be safe.

        :param hook: the connection's.
        :return: the task's XCom.
        """
        raise NotImplementedError


class FlareAbortJobOperator(FlareJobOperator):
    """Aborts a job, and waits until it has ended. One that has ended already is left as it is, which is a success.

    The task's XCom is the job's id.

    :param job_id: the job. Templated.
    :param timeout: seconds until the job has to have ended, or a timedelta; default 300. From nvflare 2.8 on, a server
        first stores the job's workspace. Templated.
    :param dfm_conn_id: the connection. Templated.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {**FlareJobOperator.arguments, "timeout": kinds.DURATION}
    template_fields: Sequence[str] = (*FlareJobOperator.template_fields, "timeout")
    timeout: float

    def __init__(self, *, timeout: Seconds = 300.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        take_arguments(self, timeout=timeout)

    def act(self, hook: DfmHook) -> str:
        meta = hook.get_job_meta(self.job_id)
        if meta.has_ended:
            self.log.info("Job %s has ended already: %s", self.job_id, meta.status)
            return self.job_id
        hook.abort_job(self.job_id)
        if not hook.reattach(self.job_id).wait_until_finished(self.timeout):
            raise JobTimedOut(f"Job {self.job_id} was aborted, but has not ended within {self.timeout:g} s.")
        self.log.info("Job %s was aborted: %s", self.job_id, hook.get_job_meta(self.job_id).status)
        return self.job_id


class FlareDeleteJobOperator(FlareJobOperator):
    """Deletes a job from the federation's store, with its results there. One that is not there is a success.

    The task's XCom is the job's id. What was kept of it below ``results_path`` stays. A running job is an error: abort
    it first.

    :param job_id: the job. Templated.
    :param dfm_conn_id: the connection. Templated.
    """

    def act(self, hook: DfmHook) -> str:
        deleted = hook.delete_job(self.job_id)
        self.log.info("Deleted job %s" if deleted else "There is no job %s: nothing to delete", self.job_id)
        return self.job_id


class FlareDownloadResultOperator(FlareJobOperator):
    """Downloads the files of a job that has ended, by its id: in any later task, DAG or run.

    They are laid out as FLARE does it: ``meta.json``, ``job/`` (what was submitted) and ``workspace/`` (models,
    metrics, logs; a job that failed may have none). ``manifest.json`` beside them has the size and SHA-256 of each; it
    is written last, so what it names is whole. The task's XCom is ``{"job_id", "uri", "files", "bytes"}``: ``uri``
    names the folder, ``files`` and ``bytes`` are how many files were wanted, and their size.

    Where a manifest of the same job has all that is wanted, and the files have the sizes it says, nothing is asked of
    the federation. Otherwise its transfer, which always brings the whole job, begins anew; files that are at the
    destination with the same size and checksum are read there, and not sent again. A download of other ``paths`` to
    the same place adds to the manifest.

    The job passes through the worker's temporary directory, which needs room for its zip and for its files unpacked.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param dfm_conn_id: the connection. Templated.
    :param destination: path or URI of the folder; default: ``<results_path>/<job_id>/download``. Another job's, or
        one with another ``manifest.json``, is an error. Templated.
    :param paths: which files: glob patterns such as ``"workspace/app_server/*.npy"`` or ``"workspace/**"``; None
        (default): all. ``*`` stays within a folder, ``**`` does not; upper and lower case are told apart. A pattern
        that matches nothing is an error. Templated.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        **FlareJobOperator.arguments,
        "destination": kinds.optional(kinds.LOCATION),
        "paths": kinds.optional(kinds.PATTERNS),
    }
    template_fields: Sequence[str] = (*FlareJobOperator.template_fields, "destination", "paths")
    destination: str | None
    paths: Patterns

    def __init__(self, *, destination: str | None = None, paths: Patterns = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        take_arguments(self, destination=destination, paths=paths)

    def act(self, hook: DfmHook) -> dict[str, Any]:
        job = hook.download_job_result(self.job_id, self.destination, self.paths)
        self.log.info("Job %s: %s files of %s bytes are at %s", job.job_id, len(job.files), job.bytes, job.uri)
        return {"job_id": job.job_id, "uri": job.uri, "files": len(job.files), "bytes": job.bytes}
