"""Operators for DFM pipelines."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator, conf

from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.operators.job_waiting import abort, conclude, job_trigger, wait_here

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.parameter_sets import ParameterSets
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.federation.session import RestrictToSites

# The federation's own limit is a safety net for a task that is no longer there to abort its job.
FEDERATION_GRACE_SECONDS = 60
MAX_XCOM_BYTES = 48 * 1024


class DfmExecuteOperator(BaseOperator):
    """Runs a DFM pipeline, once for each parameter set, as one job of the federation.

    The task's XCom is the job's id. The task succeeds when every parameter set was answered and no site and no
    operation failed; then the results are kept below the connection's ``results_path``. With the target
    ``local`` the job always runs to its end inside the task.

    :param pipeline: path or URI of a pipeline's JSON file, its JSON, or ``"package.module:function"``, which is
        called in the federation's interpreter. Templated.
    :param input_params: one parameter set (a dict from place to value), a list of them, or None for none; default:
        one empty set. Templated; where a template has to give something else than text, set the DAG's
        ``render_template_as_native_obj``.
    :param pipeline_arguments: keyword arguments of the pipeline function. Templated.
    :param restrict_to_sites: ``"homesite"`` or a list of sites the pipeline may use; default: all.
    :param dfm_conn_id: the connection.
    :param wait_for_completion: wait for the job's end and check its results; otherwise the task ends once the
        job is submitted.
    :param deferrable: wait in the triggerer, without holding a worker; default: Airflow's
        ``operators.default_deferrable``.
    :param poll_interval: seconds between two looks at the job; default 5.
    :param timeout: seconds the job may take, from its submit; then it is aborted and the task fails. Default:
        no limit.
    """

    template_fields: Sequence[str] = ("pipeline", "input_params", "pipeline_arguments", "dfm_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"input_params": "json", "pipeline_arguments": "json"}
    ui_color = "#e5f5e0"

    def __init__(
        self,
        *,
        pipeline: str | Mapping[str, Any],
        input_params: ParameterSets = {},  # noqa: B006 - never changed; None means no set at all, as in DFM
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 5.0,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.input_params = input_params
        self.pipeline_arguments = pipeline_arguments
        self.restrict_to_sites = restrict_to_sites
        self.dfm_conn_id = dfm_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self._hook: DfmHook | None = None
        self._job_id: str | None = None

    def execute(self, context: Context) -> str:
        with DfmHook(self.dfm_conn_id) as self._hook:
            job = self._submit(self._hook)
            self._job_id = job.job_id
            # A person or a task that looks while this one waits finds the job by it.
            context["ti"].xcom_push(key="job_id", value=job.job_id)
            if self._hook.settings.target == "local":
                return self._run_here(job)
        self._hook = None
        if not self.wait_for_completion:
            return job.job_id
        if self.deferrable:
            self.defer(
                trigger=job_trigger(self.dfm_conn_id, job.job_id, self.poll_interval, self.timeout, True),
                method_name="execute_complete",
            )
        event = wait_here(self.dfm_conn_id, job.job_id, self.poll_interval, self.timeout, self.log)
        return self.execute_complete(context, event)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take up again where the wait ended.

        :param event: as :class:`FederationJobTrigger` fires it.
        """
        conclude(self.dfm_conn_id, event, self.log, abort_on_timeout=True)
        return str(event["job_id"])

    def on_kill(self) -> None:
        """Abort the job; a local one ends with its session."""
        if self._hook is not None:
            # A request may be under way, and this runs inside of it: the session can only be ended.
            self._hook.close()
        if self._job_id is not None and DfmHook(self.dfm_conn_id).settings.target == "flare":
            abort(self.dfm_conn_id, self._job_id, self.log)

    def _submit(self, hook: DfmHook) -> FederationJob:
        limit = 0 if self.timeout is None else math.ceil(self.timeout) + FEDERATION_GRACE_SECONDS
        return hook.execute(
            self.pipeline,
            self.input_params,
            pipeline_arguments=self.pipeline_arguments,
            restrict_to_sites=self.restrict_to_sites,
            task_timeout_s=limit,
        )

    def _run_here(self, job: FederationJob) -> str:
        if not job.wait_until_finished(self.timeout, poll_interval=min(self.poll_interval, 0.5)):
            job.cancel()
            raise JobTimedOut(f"Job {job.job_id} did not end in time, {self.timeout:g} s. It was aborted.")
        # The results are kept by now, for the session of whoever reads them later.
        event = {"job_id": job.job_id, "status": job.get_job_meta()["status"]}
        conclude(self.dfm_conn_id, event, self.log, abort_on_timeout=False)
        return job.job_id


class DfmResultsOperator(BaseOperator):
    """Reads the results of a job that has ended, by its id: in any later task, DAG or run, as often as wanted.

    The results are kept below the connection's ``results_path``, as ``<job id>/results.jsonl`` with a
    ``manifest.json``. The task's XCom is ``{"job_id", "uri", "count", "results"}``: ``uri`` names that folder,
    and ``results`` is the list of all results (``parameter_set``, ``frame``, ``place``, ``site``, ``value``), or
    None where they are too large for an XCom.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param dfm_conn_id: the connection.
    :param max_xcom_bytes: size of the results' JSON up to which they go into the XCom; default 48 KiB.
    """

    template_fields: Sequence[str] = ("job_id", "dfm_conn_id")
    ui_color = "#e5f5e0"

    def __init__(
        self,
        *,
        job_id: str,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.dfm_conn_id = dfm_conn_id
        self.max_xcom_bytes = max_xcom_bytes

    def execute(self, context: Context) -> dict[str, Any]:
        with DfmHook(self.dfm_conn_id) as hook:
            results = hook.reattach(self.job_id).results()
            uri = str(hook.results_path / self.job_id)
        rows = self._small(results)
        if rows is None:
            self.log.info("The results are too large for an XCom; read them at %s", uri)
        self.log.info("Job %s gave %s results, kept at %s", self.job_id, len(results), uri)
        return {"job_id": self.job_id, "uri": uri, "count": len(results), "results": rows}

    def _small(self, results: FederationResults) -> list[dict[str, Any]] | None:
        rows = []
        size = 0
        for result in results:
            row = result.model_dump(mode="json")
            size += len(json.dumps(row))
            if size > self.max_xcom_bytes:
                return None
            rows.append(row)
        return rows
