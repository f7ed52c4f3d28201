"""The operator that reads a job's results."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.sdk import BaseOperator

from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.job_end import conclude
from airflow_provider_dfm.hooks.job_wait import JobWait, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.task_callbacks import TaskCallbacks, result_callbacks, set_callbacks
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import (
    TakesArguments,
    check_arguments,
    read_arguments,
    take_arguments,
)
from airflow_provider_dfm.operators.submitting import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.result_callbacks import NamedCallback
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.hooks.job_end import OnPartialFailure

MAX_XCOM_BYTES = 48 * 1024


class DfmResultsOperator(TakesArguments, BaseOperator):
    """Reads the results of a job, by its id: in any later task, DAG or run, as often as wanted.

    The results are kept below the connection's ``results_path``, as ``<job id>/results.jsonl`` with a
    ``manifest.json``. With ``output="results"`` the task's XCom is ``{"job_id", "uri", "count", "failed", "results",
    "sets"}``: ``uri`` names that folder, ``failed`` is empty or has the reason for each parameter set that was not
    answered, ``results`` is the list of all results (``parameter_set``, ``frame``, ``place``, ``site``, ``value``,
    ``node``), and ``sets`` has them by set: ``{"parameter_set", "status", "reason", "values"}``, where ``status`` is
    ``answered`` or ``failed``, and ``values`` a dict from place to value, or to the list of a generator's values. Each
    of the two lists is None where it is too large for an XCom or holds NaN.

    With ``output="sets"`` the XCom is the list of all sets, those that failed included, for mapped tasks:
    ``.expand(one=DfmResultsOperator(..., output="sets").output)`` gives each set a task, whose map index is the set's
    place in that list. Each has ``job_id`` and ``uri`` besides. Where the list is too large, ``values`` is None in all
    of them: the task reads its own with ``DfmHook(...).results(job_id).of_set(parameter_set)``. Airflow maps over 1024
    at most, unless ``core.max_map_length`` says otherwise.

    Without callbacks, a job that has not ended is refused. With them, this task follows a job that runs still, and
    hands on each result or set as it comes; it holds a worker meanwhile, as somebody has to run the callbacks. To wait
    without holding one, put a deferrable :class:`FederationJobSensor` before this task: the callbacks are called the
    same after the end. Over all tries of the task each result is handed on once; see :class:`DfmExecuteOperator`, whose
    callbacks behave alike. Clearing the task hands on everything anew.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param dfm_conn_id: the connection. Templated.
    :param max_xcom_bytes: size of a list's JSON up to which it goes into the XCom; default 48 KiB. Templated.
    :param on_partial_failure: ``fail`` (default), or ``succeed`` with what came of a job that answered only some of
        its parameter sets. Templated.
    :param output: ``results`` (default) or ``sets``: what the XCom is.
    :param default_callback: called with each result; see :class:`DfmExecuteOperator`.
    :param place_callbacks: place to the function that is called for it instead.
    :param set_callback: instead of these: called with each set as a dict, of the form above, once it and all before it
        were answered; sets that failed, with ``on_partial_failure="succeed"``, and those after them come when the job
        has ended. A function, or ``"package.module:function"``, sync or async.
    :param poll_interval: seconds between two looks at a job that runs, or a timedelta; default 5. Templated.
    :param timeout: seconds to follow it, or a timedelta; then the task fails, and the job is left alone. Default:
        Airflow's ``sensors.default_timeout``, seven days. Templated.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "job_id": kinds.TEXT,
        "dfm_conn_id": kinds.TEXT,
        "max_xcom_bytes": kinds.whole_number(0),
        "on_partial_failure": kinds.choice("fail", "succeed"),
        "output": kinds.choice("results", "sets"),
        "default_callback": kinds.CALLBACK,
        "place_callbacks": kinds.CALLBACKS,
        "set_callback": kinds.CALLBACK,
        "poll_interval": kinds.DURATION,
        "timeout": kinds.DURATION,
    }
    template_fields: Sequence[str] = (
        "job_id",
        "max_xcom_bytes",
        "on_partial_failure",
        "poll_interval",
        "timeout",
        "dfm_conn_id",
    )
    ui_color = "#e5f5e0"
    job_id: str
    dfm_conn_id: str
    max_xcom_bytes: int
    on_partial_failure: OnPartialFailure
    default_callback: NamedCallback | None
    place_callbacks: Mapping[str, NamedCallback] | None
    set_callback: str | Callable[[dict[str, Any]], Any] | None
    poll_interval: float
    timeout: float

    def __init__(
        self,
        *,
        job_id: str,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        on_partial_failure: OnPartialFailure = "fail",
        output: Literal["results", "sets"] = "results",
        default_callback: NamedCallback | None = None,
        place_callbacks: Mapping[str, NamedCallback] | None = None,
        set_callback: str | Callable[[dict[str, Any]], Any] | None = None,
        poll_interval: Seconds = 5.0,
        timeout: Seconds = DEFAULT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_arguments(type(self), {"task_id": self.task_id, "output": output})
        if set_callback is not None and (default_callback is not None or place_callbacks):
            raise ValueError(
                "set_callback takes the place of default_callback and place_callbacks: give the one or those."
            )
        take_arguments(
            self,
            job_id=job_id,
            dfm_conn_id=dfm_conn_id,
            max_xcom_bytes=max_xcom_bytes,
            on_partial_failure=on_partial_failure,
            default_callback=default_callback,
            place_callbacks=place_callbacks,
            set_callback=set_callback,
            poll_interval=poll_interval,
            timeout=timeout,
        )
        # BaseOperator's own output is the reference to the task's XCom.
        self.output_form = output

    @fails_for_good
    def execute(self, context: Context) -> dict[str, Any] | list[dict[str, Any]]:
        read_arguments(self)
        hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            callbacks = self._callbacks(context, hook)
            if callbacks is not None:
                with contextlib.closing(callbacks):
                    self._follow(context, hook, callbacks)
            results = hook.results(self.job_id)
            uri = str(hook.results_path / self.job_id)
        results.outcome.check(partial=self.on_partial_failure == "succeed")
        self.log.info("Job %s gave %s results, kept at %s", self.job_id, len(results), uri)
        return self._sets(results, uri) if self.output_form == "sets" else self._results(results, uri)

    def _callbacks(self, context: Context, hook: DfmHook) -> TaskCallbacks | None:
        if self.place_callbacks:
            # A misspelt place is worth one more request.
            hook.reattach(self.job_id, self.default_callback, self.place_callbacks).check_callbacks()
        partial = self.on_partial_failure == "succeed"
        if self.set_callback is not None:
            return set_callbacks(context, hook, self.job_id, self.set_callback, partial)
        return result_callbacks(context, hook, self.job_id, self.default_callback, self.place_callbacks, partial)

    def _follow(self, context: Context, hook: DfmHook, callbacks: TaskCallbacks) -> None:
        """Hand on what comes of the job until it has ended, and the rest then."""
        wait = JobWait(self.job_id, time.time() + self.timeout, self.log)
        event = wait_for_job(JobWatch(hook, worked_before=False), wait, self.poll_interval, callbacks=callbacks)
        conclude(context, hook, event, self.log, abort_on_timeout=False, on_partial_failure=self.on_partial_failure)
        callbacks.finish()

    def _results(self, results: FederationResults, uri: str) -> dict[str, Any]:
        rows = self._small({**dict(result), "frame": list(result.frame)} for result in results.received())
        if rows is None:
            self.log.info(
                "The results are too large for an XCom, or hold what JSON does not know: read them at %s", uri
            )
        failed = {str(index): reason for index, reason in results.outcome.failed_sets().items()}
        about = {"job_id": self.job_id, "uri": uri, "count": len(results), "failed": failed}
        return about | {"results": rows, "sets": self._small(_answers(results))}

    def _sets(self, results: FederationResults, uri: str) -> list[dict[str, Any]]:
        about = {"job_id": self.job_id, "uri": uri}
        small = self._small(_answers(results))
        if small is not None:
            return [answer | about for answer in small]
        self.log.info("The values are too large for an XCom, or hold what JSON does not know: read them at %s", uri)
        return [answer | about | {"values": None} for answer in _answers(results)]

    def _small(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]] | None:
        taken = []
        size = 0
        for row in rows:
            try:
                # Airflow's API takes no NaN, no half of a surrogate pair, and no endless nesting.
                size += len(json.dumps(row, allow_nan=False, ensure_ascii=False).encode())
            except (ValueError, RecursionError):
                return None
            if size > self.max_xcom_bytes:
                return None
            taken.append(row)
        return taken


def _answers(results: FederationResults) -> Iterable[dict[str, Any]]:
    from airflow_provider_dfm.federation.set_answers import set_answers

    return (dict(answer) for answer in set_answers(results))
