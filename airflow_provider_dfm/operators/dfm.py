"""Operators for DFM pipelines."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.parameter_sets import ParameterSets
    from airflow_provider_dfm.federation.prepared_pipeline import RestrictToSites
    from airflow_provider_dfm.federation.tokens import Result
    from airflow_provider_dfm.hooks.job_end import OnPartialFailure

# The federation's own limit is a safety net for a task that is no longer there to abort its job.
FEDERATION_GRACE_SECONDS = 60
MAX_XCOM_BYTES = 48 * 1024


class DfmExecuteOperator(SubmittingOperator):
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
    :param on_partial_failure: ``fail`` (default) or ``succeed`` when some of the parameter sets were answered and
        some were not. In the second case the XCom ``failed_parameter_sets`` has the reason for each that was not,
        by its index, and so has the result of a :class:`DfmResultsOperator` with the same setting.

    The rest is as :class:`SubmittingOperator` says.
    """

    template_fields: Sequence[str] = (
        "pipeline",
        "input_params",
        "pipeline_arguments",
        *SubmittingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"input_params": "json", "pipeline_arguments": "json"}

    def __init__(
        self,
        *,
        pipeline: str | Mapping[str, Any],
        input_params: ParameterSets = {},  # noqa: B006 - never changed; None means no set at all, as in DFM
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        on_partial_failure: OnPartialFailure = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.input_params = input_params
        self.pipeline_arguments = pipeline_arguments
        self.restrict_to_sites = restrict_to_sites
        self.on_partial_failure = on_partial_failure

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        return hook.execute(
            self.pipeline,
            self.input_params,
            pipeline_arguments=self.pipeline_arguments,
            restrict_to_sites=self.restrict_to_sites,
            task_timeout_s=math.ceil(self.timeout) + FEDERATION_GRACE_SECONDS,
            **once,
        )


class DfmResultsOperator(BaseOperator):
    """Reads the results of a job that has ended, by its id: in any later task, DAG or run, as often as wanted.

    The results are kept below the connection's ``results_path``, as ``<job id>/results.jsonl`` with a
    ``manifest.json``. The task's XCom is ``{"job_id", "uri", "count", "failed", "results"}``: ``uri`` names that
    folder, ``failed`` is empty or has the reason for each parameter set that was not answered, and ``results`` is
    the list of all results (``parameter_set``, ``frame``, ``place``, ``site``, ``value``), or None where they are
    too large for an XCom or hold NaN.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param dfm_conn_id: the connection.
    :param max_xcom_bytes: size of the results' JSON up to which they go into the XCom; default 48 KiB.
    :param on_partial_failure: ``fail`` (default), or ``succeed`` with what came of a job that answered only some of
        its parameter sets.
    """

    template_fields: Sequence[str] = ("job_id", "dfm_conn_id")
    ui_color = "#e5f5e0"

    def __init__(
        self,
        *,
        job_id: str,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        on_partial_failure: OnPartialFailure = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.dfm_conn_id = dfm_conn_id
        self.max_xcom_bytes = max_xcom_bytes
        self.on_partial_failure = on_partial_failure

    def execute(self, context: Context) -> dict[str, Any]:
        hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            results = patiently(lambda: hook.reattach(self.job_id).results(), hook, self.log)
            uri = str(hook.results_path / self.job_id)
        partial = self.on_partial_failure == "succeed"
        rows = self._small(results.partial() if partial else iter(results))
        failed = {str(index): reason for index, reason in results.outcome.failed_sets().items()}
        if rows is None:
            self.log.info(
                "The results are too large for an XCom, or hold what JSON does not know: read them at %s", uri
            )
        self.log.info("Job %s gave %s results, kept at %s", self.job_id, len(results), uri)
        return {"job_id": self.job_id, "uri": uri, "count": len(results), "failed": failed, "results": rows}

    def _small(self, results: Iterator[Result]) -> list[dict[str, Any]] | None:
        rows = []
        size = 0
        for result in results:
            row = {**dict(result), "frame": list(result.frame)}
            try:
                # Airflow's API takes no NaN, no half of a surrogate pair, and no endless nesting.
                size += len(json.dumps(row, allow_nan=False, ensure_ascii=False).encode())
            except (ValueError, RecursionError):
                return None
            if size > self.max_xcom_bytes:
                return None
            rows.append(row)
        return rows
