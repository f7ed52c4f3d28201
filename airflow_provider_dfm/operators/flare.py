"""Operators for FLARE jobs, whoever submitted them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.hooks.clone_once import CloneOnce
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.job_end import abort
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.hooks.xcom_size import MAX_XCOM_BYTES
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind
from airflow_provider_dfm.operators.arguments import TakesArguments, read_arguments, take_arguments
from airflow_provider_dfm.operators.flare_job import (
    FlareAbortJobOperator,
    FlareDeleteJobOperator,
    FlareDownloadResultOperator,
    FlareJobOperator,
)
from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.job_meta import JobMeta

__all__ = [
    "FlareAbortJobOperator",
    "FlareCloneJobOperator",
    "FlareDeleteJobOperator",
    "FlareDownloadResultOperator",
    "FlareJobOperator",
    "FlareListJobsOperator",
    "FlareSubmitJobOperator",
]

SUMMARY = {"job_id", "name", "status", "submit_time", "duration"}


class FlareSubmitJobOperator(SubmittingOperator):
    """Submits a FLARE job.

    The task's XCom is the job's id. The task succeeds when FLARE calls the job completed.

    :param job_definition_path: path or URI of the job's folder, or of a zip or tar of it, which is left as it is; or
        ``"package.module:function"``, which is called in the federation's interpreter and returns a ``FedJob`` or a
        recipe, without running it. Templated.
    :param job_arguments: keyword arguments of the function; dates and times arrive as ISO 8601 text. Templated.
    :param meta: what is to be otherwise in the job's ``meta.json``, such as ``name``, ``min_clients``,
        ``mandatory_clients``, ``resource_spec`` or ``custom_props`` (added to those that are there); dates and times
        become ISO 8601 text. Templated.

    The rest is as :class:`SubmittingOperator` says.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "job_definition_path": kinds.JOB,
        "job_arguments": kinds.FUNCTION_ARGUMENTS,
        "meta": kinds.META,
        **SubmittingOperator.arguments,
    }
    template_fields: Sequence[str] = (
        "job_definition_path",
        "job_arguments",
        "meta",
        *SubmittingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"job_arguments": "json", "meta": "json"}
    job_definition_path: str
    job_arguments: dict[str, Any] | None
    meta: dict[str, Any] | None

    def __init__(
        self,
        *,
        job_definition_path: str,
        job_arguments: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        take_arguments(self, job_definition_path=job_definition_path, job_arguments=job_arguments, meta=meta)

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        return hook.submit_job(self.job_definition_path, job_arguments=self.job_arguments, meta=self.meta, **once)


class FlareCloneJobOperator(SubmittingOperator):
    """Submits a stored job once more, as another job: any job, in any state.

    The task's XCom is the new job's id, which the server chooses. The rest is as :class:`SubmittingOperator` says:
    one clone over all tries of the task. Where the server's answer to an earlier try got lost, and a clone by the same
    FLARE user has come since, nobody can tell whose that is: the task then fails and asks a person.

    :param job_id: the job to clone. Templated.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {"job_id": kinds.TEXT, **SubmittingOperator.arguments}
    template_fields: Sequence[str] = ("job_id", *SubmittingOperator.template_fields)
    job_id: str

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        take_arguments(self, job_id=job_id)
        self._once: CloneOnce | None = None

    @fails_for_good
    def execute(self, context: Context) -> str:
        read_arguments(self)
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


class FlareListJobsOperator(TakesArguments, BaseOperator):
    """Lists the jobs that the federation stores.

    The task's XCom is a list of dicts: ``job_id``, ``name``, ``status``, ``submit_time`` (ISO 8601) and ``duration``
    (ISO 8601, or None), and the rest of each job's meta with ``detailed``.

    Where it is larger than ``max_xcom_bytes``, or holds what no XCom can hold, the largest fields of the jobs are
    references ``{"@kept": {"uri": ..., ...}}`` to a file below ``results_path``, and the task's log warns of it; a list
    that would be larger than 1 MiB even so, of thousands of jobs, is one reference. ``whole(xcom)``, of
    ``airflow_provider_dfm.results``, gives all of it in each case.

    :param detailed: with each job's whole meta; default False. Templated.
    :param limit: how many at most, the latest; default 100; None: all. Templated.
    :param id_prefix: only those whose id begins so. Templated.
    :param name_prefix: only those whose name begins so, in upper or lower case. Templated.
    :param reverse: the latest first; default False. Templated.
    :param max_xcom_bytes: size of the XCom's JSON up to which it is whole; default 48 KiB. Templated.
    :param dfm_conn_id: the connection. Templated.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "detailed": kinds.FLAG,
        "limit": kinds.optional(kinds.whole_number(1)),
        "id_prefix": kinds.optional(kinds.TEXT),
        "name_prefix": kinds.optional(kinds.TEXT),
        "reverse": kinds.FLAG,
        "max_xcom_bytes": kinds.whole_number(0),
        "dfm_conn_id": kinds.TEXT,
    }
    template_fields: Sequence[str] = (
        "detailed",
        "limit",
        "id_prefix",
        "name_prefix",
        "reverse",
        "max_xcom_bytes",
        "dfm_conn_id",
    )
    ui_color = "#e5f5e0"
    detailed: bool
    limit: int | None
    id_prefix: str | None
    name_prefix: str | None
    reverse: bool
    max_xcom_bytes: int
    dfm_conn_id: str

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
        take_arguments(
            self,
            detailed=detailed,
            limit=limit,
            id_prefix=id_prefix,
            name_prefix=name_prefix,
            reverse=reverse,
            max_xcom_bytes=max_xcom_bytes,
            dfm_conn_id=dfm_conn_id,
        )

    @fails_for_good
    def execute(self, context: Context) -> Any:
        read_arguments(self)
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
