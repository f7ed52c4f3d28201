"""Operators for FLARE jobs, whoever submitted them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.hooks.clone_once import CloneOnce
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.job_end import abort
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.hooks.xcom_size import MAX_XCOM_BYTES
from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.job_files import Patterns
    from airflow_provider_dfm.federation.job_meta import JobMeta

SUMMARY = {"job_id", "name", "status", "submit_time", "duration"}


class FlareSubmitJobOperator(SubmittingOperator):
    """Submits a FLARE job.

    The task's XCom is the job's id. The task succeeds when FLARE calls the job completed.

    :param job_definition_path: path or URI of the job's folder, or of a zip or tar of it, which is left as it is; or
        ``"package.module:function"``, which is called in the federation's interpreter and returns a ``FedJob`` or a
        recipe, without running it. Templated.
    :param job_arguments: keyword arguments of the function. Templated.
    :param meta: what is to be otherwise in the job's ``meta.json``, such as ``name``, ``min_clients``,
        ``mandatory_clients``, ``resource_spec`` or ``custom_props`` (added to those that are there). Templated.

    The rest is as :class:`SubmittingOperator` says.
    """

    template_fields: Sequence[str] = (
        "job_definition_path",
        "job_arguments",
        "meta",
        *SubmittingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"job_arguments": "json", "meta": "json"}

    def __init__(
        self,
        *,
        job_definition_path: str,
        job_arguments: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_definition_path = job_definition_path
        self.job_arguments = job_arguments
        self.meta = meta

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        return hook.submit_job(self.job_definition_path, job_arguments=self.job_arguments, meta=self.meta, **once)


class FlareCloneJobOperator(SubmittingOperator):
    """Submits a stored job once more, as another job: any job, in any state.

    The task's XCom is the new job's id, which the server chooses. The rest is as :class:`SubmittingOperator` says:
    one clone over all tries of the task. Where the server's answer to an earlier try got lost, and a clone by the same
    FLARE user has come since, nobody can tell whose that is: the task then fails and asks a person.

    :param job_id: the job to clone. Templated.
    """

    template_fields: Sequence[str] = ("job_id", *SubmittingOperator.template_fields)

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self._once: CloneOnce | None = None

    @fails_for_good
    def execute(self, context: Context) -> str:
        self._once = CloneOnce(self.job_id, context["task_state_store"])
        return super().execute(context)

    def waiting_jobs(self) -> list[JobIdentity | str]:
        # Of a clone whose id nobody knows, nobody can tell whose it is.
        assert self._once is not None
        clones = [self._once.known(job.cycle) for job in super().waiting_jobs() if isinstance(job, JobIdentity)]
        return [clone_id for clone_id in clones if clone_id is not None]

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        assert self._once is not None
        job = self._once.clone(hook, **once)
        if self._killed:
            # Its id was not known yet when it was to be aborted.
            abort(hook, job.job_id, self.log)
        return job

    def active_jobs(self, hook: DfmHook, identity: JobIdentity) -> list[str]:
        return [] if self._once is None else self._once.active(hook, identity.cycle)


class FlareJobOperator(BaseOperator):
    """Base of the operators that do one thing to a job, by its id.

    :param job_id: the job. Templated.
    :param dfm_conn_id: the connection. Templated.
    """

    template_fields: Sequence[str] = ("job_id", "dfm_conn_id")
    ui_color = "#e5f5e0"

    def __init__(self, *, job_id: str, dfm_conn_id: str = DEFAULT_CONNECTION, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.dfm_conn_id = dfm_conn_id

    @fails_for_good
    def execute(self, context: Context) -> Any:
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
    :param timeout: seconds until the job has to have ended; default 300. From nvflare 2.8 on, a server first stores
        the job's workspace.
    :param dfm_conn_id: the connection. Templated.
    """

    def __init__(self, *, timeout: float = 300.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout = timeout

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


class FlareListJobsOperator(BaseOperator):
    """Lists the jobs that the federation stores.

    The task's XCom is a list of dicts: ``job_id``, ``name``, ``status``, ``submit_time`` (ISO 8601) and ``duration``
    (ISO 8601, or None), and the rest of each job's meta with ``detailed``.

    Where it is larger than ``max_xcom_bytes``, or holds what no XCom can hold, the largest fields of the jobs are
    references ``{"@kept": {"uri": ..., ...}}`` to a file below ``results_path``, and the task's log warns of it; a list
    that would be larger than 1 MiB even so, of thousands of jobs, is one reference. ``whole(xcom)``, of
    ``airflow_provider_dfm.results``, gives all of it in each case.

    :param detailed: with each job's whole meta; default False.
    :param limit: how many at most, the latest; default 100; None: all.
    :param id_prefix: only those whose id begins so. Templated.
    :param name_prefix: only those whose name begins so, in upper or lower case. Templated.
    :param reverse: the latest first; default False.
    :param max_xcom_bytes: size of the XCom's JSON up to which it is whole; default 48 KiB.
    :param dfm_conn_id: the connection. Templated.
    """

    template_fields: Sequence[str] = ("id_prefix", "name_prefix", "dfm_conn_id")
    ui_color = "#e5f5e0"

    def __init__(
        self,
        *,
        detailed: bool = False,
        limit: int | None = 100,
        id_prefix: str | None = None,
        name_prefix: str | None = None,
        reverse: bool = False,
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.detailed = detailed
        self.limit = limit
        self.id_prefix = id_prefix
        self.name_prefix = name_prefix
        self.reverse = reverse
        self.max_xcom_bytes = max_xcom_bytes
        self.dfm_conn_id = dfm_conn_id

    @fails_for_good
    def execute(self, context: Context) -> Any:
        hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            jobs = patiently(lambda: self._list(hook), hook, self.log)
        self.log.info("The federation stores %s such jobs", len(jobs))
        fields = None if self.detailed else SUMMARY
        # It imports what a DAG file has no need of.
        from airflow_provider_dfm.hooks.large_answers import fit_answer

        answer = [job.model_dump(mode="json", include=fields) for job in jobs]
        fit = fit_answer(answer, [()], hook, self.max_xcom_bytes, self.log)
        if not isinstance(fit, list) and next(self.iter_mapped_dependants(), None) is not None:
            raise AirflowFailException(
                f"The {len(answer)} jobs are too many for an XCom to map over. Set limit, or id_prefix or name_prefix."
            )
        return fit

    def _list(self, hook: DfmHook) -> list[JobMeta]:
        return hook.list_jobs(
            detailed=self.detailed,
            limit=self.limit,
            id_prefix=self.id_prefix,
            name_prefix=self.name_prefix,
            reverse=self.reverse,
        )


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

    template_fields: Sequence[str] = (*FlareJobOperator.template_fields, "destination", "paths")

    def __init__(self, *, destination: str | None = None, paths: Patterns = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.destination = destination
        self.paths = paths

    def act(self, hook: DfmHook) -> dict[str, Any]:
        job = hook.download_job_result(self.job_id, self.destination, self.paths)
        self.log.info("Job %s: %s files of %s bytes are at %s", job.job_id, len(job.files), job.bytes, job.uri)
        return {"job_id": job.job_id, "uri": job.uri, "files": len(job.files), "bytes": job.bytes}
