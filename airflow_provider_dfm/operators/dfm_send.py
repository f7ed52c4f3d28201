"""The operator that sends parameter sets to a pipeline that runs, or stops it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import conf

from airflow_provider_dfm.federation.errors import CommandTimedOut, ParameterSetError
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.job_callback import callback_path
from airflow_provider_dfm.hooks.job_end import raise_fault
from airflow_provider_dfm.hooks.job_wait import JobWait, look, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.patience import patiently
from airflow_provider_dfm.hooks.task_identity import task_identity
from airflow_provider_dfm.hooks.xcom_size import MAX_XCOM_BYTES
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import TakesArguments, read_arguments, take_arguments
from airflow_provider_dfm.operators.iso_dates import IsoDatesOperator
from airflow_provider_dfm.operators.no_sets import OnNoSets, end_without_sets
from airflow_provider_dfm.operators.rendered_params import holds_text, read_rendered
from airflow_provider_dfm.triggers.job import FederationJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.parameter_sets import ParameterSets

PARAMETER_SETS = "parameter_sets"
# The server starts a job once those before it leave it room.
DEFAULT_TIMEOUT = 3600.0


def has_not_begun(job_id: str, meta: JobMeta) -> bool:
    """What ends the wait for a queued job: a callback of :class:`JobWait`.

    :param job_id: the job.
    :param meta: what the federation says of it.
    """
    return meta.state is JobStatus.SUBMITTED


class DfmSendParamsOperator(TakesArguments, IsoDatesOperator):
    """Sends parameter sets to a pipeline that a ``DfmExecuteOperator(autostop=False)`` started, in any run or DAG.

    Over all tries of the task its sets are sent once; a task that was cleared sends them anew. It ends when the job
    has them, not when they are answered. The task's XCom is the job's id, and the XCom ``parameter_sets`` lists the
    indices that its sets have among all of the job's, by which its results are known; of more than 100,000 sets, or
    so, it is a reference that ``whole`` of ``airflow_provider_dfm.results`` opens.

    A pipeline that is queued, since the server has no room for it yet, is waited for: see ``timeout``.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param input_params: one parameter set (a dict from place to value), or a list of them; None: none. Templated,
        as :class:`DfmExecuteOperator`'s.
    :param on_no_sets: with an empty list as ``input_params``, and without ``stop``, ``skip`` the task (default) or
        ``fail`` it, with nothing sent, or ``succeed``: the job is asked all the same, and the XCom ``parameter_sets``
        is empty. Templated.
    :param stop: let the pipeline end once it has done these sets and all before them. Afterwards nothing can be sent
        any more. Templated.
    :param timeout: seconds the pipeline may be queued, counted from the try's start, or a timedelta; then the task
        fails, and has sent nothing. Default: one hour. Templated.
    :param deferrable: wait for a queued pipeline in the triggerer, without holding a worker; default: Airflow's
        ``operators.default_deferrable``.
    :param poll_interval: seconds between two looks at a queued pipeline, or a timedelta; default 5. Templated.
    :param dfm_conn_id: the connection. Templated. Not one of the target ``local``, whose jobs end with their task.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "job_id": kinds.TEXT,
        "input_params": kinds.INPUT_PARAMS,
        "on_no_sets": kinds.choice("skip", "fail", "succeed"),
        "stop": kinds.FLAG,
        "timeout": kinds.DURATION,
        "deferrable": kinds.FLAG,
        "poll_interval": kinds.DURATION,
        "dfm_conn_id": kinds.TEXT,
    }
    template_fields: Sequence[str] = (
        "job_id",
        "input_params",
        "on_no_sets",
        "stop",
        "timeout",
        "poll_interval",
        "dfm_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"input_params": "json"}
    ui_color = "#e5f5e0"
    job_id: str
    input_params: ParameterSets
    on_no_sets: OnNoSets
    stop: bool
    timeout: float
    deferrable: bool
    poll_interval: float
    dfm_conn_id: str

    def __init__(
        self,
        *,
        job_id: str,
        input_params: ParameterSets = None,
        on_no_sets: OnNoSets = "skip",
        stop: bool = False,
        timeout: Seconds = DEFAULT_TIMEOUT,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: Seconds = 5.0,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # As it was before Airflow renders it.
        self._written_params = input_params
        take_arguments(
            self,
            job_id=job_id,
            input_params=input_params,
            on_no_sets=on_no_sets,
            stop=stop,
            timeout=timeout,
            deferrable=deferrable,
            poll_interval=poll_interval,
            dfm_conn_id=dfm_conn_id,
        )

    @fails_for_good
    def execute(self, context: Context) -> str:
        read_arguments(self)
        if not self.stop:
            end_without_sets(self.input_params, self.on_no_sets, "sent", self.log)
        if self.input_params is None and not self.stop:
            raise ParameterSetError(
                "There is nothing to send: input_params is None. Give a parameter set or a list of them, or stop=True."
            )
        with contextlib.closing(DfmHook(self.dfm_conn_id)) as hook:
            return self._send(context, hook, self._wait_until_begun(hook))

    @fails_for_good
    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take up again where the wait for a queued pipeline ended.

        :param event: as :class:`FederationJobTrigger` fires it.
        """
        read_arguments(self)
        with contextlib.closing(DfmHook(self.dfm_conn_id)) as hook:
            return self._send(context, hook, event)

    def _wait_until_begun(self, hook: DfmHook) -> dict[str, Any]:
        watch = JobWatch(hook, worked_before=False)
        wait = JobWait(self.job_id, time.time() + self.timeout, self.log, has_not_begun)
        event = look(watch, wait)
        if event is not None:
            return event
        seen = f"is {wait.status}" if wait.status else "cannot be looked at"
        self.log.info("Job %s %s: waiting up to %g s until it begins", self.job_id, seen, self.timeout)
        if self.deferrable:
            trigger = FederationJobTrigger(
                self.dfm_conn_id,
                self.job_id,
                self.poll_interval,
                wait.ends_at,
                cancel_on_kill=False,
                callback=callback_path(has_not_begun),
            )
            self.defer(trigger=trigger, method_name="execute_complete")
        return wait_for_job(watch, wait, self.poll_interval)

    def _send(self, context: Context, hook: DfmHook, event: dict[str, Any]) -> str:
        raise_fault(hook, event)
        if event.get("timed_out"):
            fault = f" The federation could not be asked: {event['fault']}" if event.get("fault") else ""
            raise CommandTimedOut(
                f"Nothing was sent to job {self.job_id}: it did not begin within {self.timeout:g} s, and was last seen "
                f"as {event['status'] or 'nothing'}.{fault} Give the task a longer timeout, or look at what keeps the "
                "job from its turn."
            )
        # The same in each try of the task, and another one once it is cleared.
        key = task_identity(context, self.dfm_conn_id).job.job_id(0)
        sent = hook.send_input_params(self.job_id, self._typed_params(hook), key, self.stop)
        # It imports what a DAG file has no need of.
        from airflow_provider_dfm.hooks.large_answers import fit_answer

        indices = fit_answer(sent, [()], hook, MAX_XCOM_BYTES, self.log)
        context["ti"].xcom_push(key=PARAMETER_SETS, value=indices)
        return self.job_id

    def _typed_params(self, hook: DfmHook) -> ParameterSets:
        if not holds_text(self.input_params):
            return self.input_params
        schema = patiently(lambda: hook.job_parameter_schema(self.job_id), hook, self.log)
        return read_rendered(self._written_params, self.input_params, schema)
