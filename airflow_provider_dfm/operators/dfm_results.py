"""The operator that reads a job's results."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.federation.errors import JobFailed, ResultsIncomplete
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.job_end import accepts_partial, conclude
from airflow_provider_dfm.hooks.job_wait import JobWait, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.task_callbacks import TaskCallbacks, result_callbacks, set_callbacks
from airflow_provider_dfm.hooks.xcom_size import MAX_XCOM_BYTES
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import (
    TakesArguments,
    check_arguments,
    read_arguments,
    take_arguments,
)
from airflow_provider_dfm.operators.submit_arguments import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.result_callbacks import NamedCallback
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.hooks.job_end import OnPartialFailure
    from airflow_provider_dfm.hooks.result_rows import ResultRows


class DfmResultsOperator(TakesArguments, BaseOperator):
    """Reads the results of a job, by its id: in any later task, DAG or run, as often as wanted.

    The results are kept below the connection's ``results_path``, as ``<job id>/results.jsonl`` with a
    ``manifest.json``. With ``output="results"`` the task's XCom is ``{"job_id", "uri", "count", "failed", "accepted",
    "results", "sets"}``: ``uri`` names that folder, ``failed`` is empty or has the reason for each parameter set that
    was not answered, ``accepted`` says whether there are such and the task that submitted the job accepts that,
    ``results`` is the list of all results (``parameter_set``, ``frame``, ``place``, ``site``, ``value``,
    ``node``), and ``sets`` has them by set: ``{"parameter_set", "status", "reason", "values"}``, where ``status`` is
    ``answered`` or ``failed``, and ``values`` a dict from place to value, or to the list of a generator's values.

    With ``output="sets"`` the XCom is the list of all sets, those that failed included, for mapped tasks:
    ``.expand(one=DfmResultsOperator(..., output="sets").output)`` gives each set a task, whose map index is the set's
    place in that list. Each has ``job_id`` and ``uri`` besides. Airflow maps over 1024 at most, unless
    ``core.max_map_length`` says otherwise.

    A list that is larger than ``max_xcom_bytes`` has a reference ``{"@kept": {"uri": ..., ...}}`` in the place of each
    value of more than 256 bytes, and 300 characters of each set's reason. One that would be larger than 1 MiB even so,
    of thousands of results, is one reference as a whole; of ``output="sets"`` it is an error, as nothing could be
    mapped over it. A value that no XCom can hold (NaN, a NUL character, half of a surrogate pair, a number beyond 64
    bits) is a reference always. The task's log warns of what was left out. A task that reads the XCom need not tell
    them apart: ``kept_results(xcom)`` of ``airflow_provider_dfm.results`` gives the results of the job, or of a mapped
    task's set, and ``whole(xcom)`` any part of an XCom as plain data, whether something was left out or not.

    Without callbacks, a job that has not ended is refused. With them, this task follows a job that runs still, and
    hands on each result or set as it comes; it holds a worker meanwhile, as somebody has to run the callbacks. To wait
    without holding one, put a deferrable :class:`FederationJobSensor` before this task: the callbacks are called the
    same after the end. Over all tries of the task each result is handed on once; see :class:`DfmExecuteOperator`, whose
    callbacks behave alike. Clearing the task hands on everything anew.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param dfm_conn_id: the connection. Templated.
    :param max_xcom_bytes: size of a list's JSON up to which it goes into the XCom as it is; default 48 KiB. Templated.
    :param on_partial_failure: what becomes of this task where the job answered only some of its parameter sets:
        ``fail``, or ``succeed`` with what came of the others. Default: as the task that submitted the job has it, so
        that what was accepted there need not be accepted again; ``fail`` fails whatever that task accepts. A job that
        no task has submitted fails. Templated.
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
        "on_partial_failure": kinds.optional(kinds.choice("fail", "succeed")),
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
    on_partial_failure: OnPartialFailure | None
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
        on_partial_failure: OnPartialFailure | None = None,
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
        results.outcome.check(accepts_partial(self.on_partial_failure))
        self.log.info("Job %s gave %s results, kept at %s", self.job_id, len(results), uri)
        # It imports what a DAG file has no need of.
        from airflow_provider_dfm.hooks.result_rows import ResultRows

        rows = ResultRows(results, uri, self.max_xcom_bytes)
        handed_on = self._sets(rows, results, uri) if self.output_form == "sets" else self._results(rows, results, uri)
        if rows.left_out:
            self.log.warning(
                "Left out of the XCom, which has references instead, as it would be too large or cannot hold them: %s. "
                "Read them with airflow_provider_dfm.results.kept_results(xcom), or whole(xcom); they are kept at %s",
                ", ".join(rows.left_out),
                uri,
            )
        return handed_on

    def _callbacks(self, context: Context, hook: DfmHook) -> TaskCallbacks | None:
        if self.place_callbacks:
            # A misspelt place is worth one more request.
            hook.reattach(self.job_id, self.default_callback, self.place_callbacks).check_callbacks()
        partial = accepts_partial(self.on_partial_failure)
        if self.set_callback is not None:
            return set_callbacks(context, hook, self.job_id, self.set_callback, partial)
        return result_callbacks(context, hook, self.job_id, self.default_callback, self.place_callbacks, partial)

    def _follow(self, context: Context, hook: DfmHook, callbacks: TaskCallbacks) -> None:
        """Hand on what comes of the job until it has ended, and the rest then."""
        wait = JobWait(self.job_id, time.time() + self.timeout, self.log)
        event = wait_for_job(JobWatch(hook, worked_before=False), wait, self.poll_interval, callbacks=callbacks)
        try:
            conclude(context, hook, event, self.log, abort_on_timeout=False, on_partial_failure=self.on_partial_failure)
        except (JobFailed, ResultsIncomplete):
            callbacks.job_failed()
            raise
        callbacks.finish()

    def _results(self, rows: ResultRows, results: FederationResults, uri: str) -> dict[str, Any]:
        about: dict[str, Any] = {"job_id": self.job_id, "uri": uri, "count": len(results)}
        all_results, sets = rows.results_and_sets()
        about |= {"failed": rows.failed(), "accepted": bool(results.outcome.acceptance())}
        return about | {"results": all_results, "sets": sets}

    def _sets(self, rows: ResultRows, results: FederationResults, uri: str) -> list[dict[str, Any]]:
        sets = rows.sets({"job_id": self.job_id, "uri": uri})
        if not isinstance(sets, list):
            raise AirflowFailException(
                f"The {results.outcome.parameter_sets} parameter sets of job {self.job_id} are too many for an XCom to "
                "map over, even without their values. Set max_xcom_bytes to what Airflow's database can take, and "
                'core.max_map_length; or leave output at "results", and have one task read them all with '
                "airflow_provider_dfm.results.kept_results(xcom)."
            )
        return sets
