"""The operator that reads a job's results."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.patience import patiently

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.tokens import Result
    from airflow_provider_dfm.hooks.job_end import OnPartialFailure

MAX_XCOM_BYTES = 48 * 1024


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
