"""The sensor that waits for a job of a federation."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException, AirflowTaskTimeout
from airflow.sdk.execution_time.context import NEVER_EXPIRE

from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.job_callback import callback_path, load_callback
from airflow_provider_dfm.hooks.job_end import OnPartialFailure, abort, conclude
from airflow_provider_dfm.hooks.job_monitor import MonitorReturnCode
from airflow_provider_dfm.hooks.job_wait import JobWait, look
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.log_follower import LogFollower
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import (
    TakesArguments,
    check_arguments,
    read_arguments,
    take_arguments,
)
from airflow_provider_dfm.sensors.reschedule import warn_of_short_pauses
from airflow_provider_dfm.triggers.job import FederationJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

OUTCOME = "outcome"
STATE_KEY = "airflow_provider_dfm_sensor"
TIMEOUTS = (AirflowSensorTimeout, AirflowTaskTimeout, JobTimedOut)


class FederationJobSensor(TakesArguments, BaseSensorOperator):
    """Waits until a job has ended, as ``monitor_job`` does, and fails when it did not do its work.

    It works by the job's id alone, in modes poke and reschedule and deferrable, and only watches: ending it
    leaves the job alone, unless ``cancel_on_kill`` says otherwise. Its XCom is the job's id; another, ``outcome``,
    is ``JOB_FINISHED``, ``TIMEOUT`` (the task then fails, or is skipped with ``soft_fail``) or ``ENDED_BY_CB`` (the
    task succeeds).

    In mode reschedule each look is a process of its own, so a job that the server lists as running, but does not run,
    is never found lost: the sensor waits until its ``timeout``.

    In mode poke the task's log shows the server's log of the job as it grows; in all modes that of a job that failed
    has the last errors of each site.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param dfm_conn_id: the connection. Templated.
    :param deferrable: wait in the triggerer, without holding a worker; default: Airflow's
        ``operators.default_deferrable``.
    :param cancel_on_kill: abort the job when a person ends this task. Not in mode reschedule, in which nothing runs
        between two looks that could do so.
    :param on_partial_failure: ``fail`` or ``succeed`` when the job answered only some of its parameter sets; default:
        as the task that submitted the job has it. Templated.
    :param callback: a function, or ``"package.module:function"``, called after each look with the job's id and its
        :class:`~airflow_provider_dfm.federation.job_meta.JobMeta`; False ends the wait. A deferred task calls it in the
        triggerer, which does not see the DAG files: its module has to be installed, or on ``PYTHONPATH``, there.
    :param callback_kwargs: further keyword arguments for it. Templated.
    :param min_sites: how many sites have to be connected when the wait begins. Templated.
    :param sites: sites that have to be connected then, too: a list, or their names with commas between them. Templated.
    :param poke_interval: seconds between two looks at the job, or a timedelta; default 10, and not less in mode
        reschedule.
    :param timeout: seconds to wait, or a timedelta; then the task fails, and the job is left alone. Default: Airflow's
        ``sensors.default_timeout``, seven days.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "job_id": kinds.TEXT,
        "dfm_conn_id": kinds.TEXT,
        "deferrable": kinds.FLAG,
        "cancel_on_kill": kinds.FLAG,
        "on_partial_failure": kinds.optional(kinds.choice("fail", "succeed")),
        "callback": kinds.CALLBACK,
        "callback_kwargs": kinds.KEYWORDS,
        "min_sites": kinds.optional(kinds.whole_number(0)),
        "sites": kinds.SITES,
        "poke_interval": kinds.DURATION,
        "timeout": kinds.optional(kinds.DURATION_OR_NO_TIME),
    }
    template_fields: Sequence[str] = (
        "job_id",
        "on_partial_failure",
        "callback_kwargs",
        "sites",
        "min_sites",
        "dfm_conn_id",
    )
    ui_color = "#e5f5e0"
    job_id: str
    dfm_conn_id: str
    deferrable: bool
    cancel_on_kill: bool
    on_partial_failure: OnPartialFailure | None
    callback: str | Callable[..., Any] | None
    callback_kwargs: dict[str, Any] | None
    min_sites: int | None
    sites: list[str]

    def __init__(
        self,
        *,
        job_id: str,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        cancel_on_kill: bool = False,
        on_partial_failure: OnPartialFailure | None = None,
        callback: str | Callable[..., Any] | None = None,
        callback_kwargs: Mapping[str, Any] | None = None,
        min_sites: int | None = None,
        sites: str | Sequence[str] = (),
        poke_interval: Seconds = 10.0,
        timeout: Seconds | None = None,
        **kwargs: Any,
    ) -> None:
        # Before Airflow makes them seconds, and looks less closely.
        waits = {"poke_interval": poke_interval, "timeout": timeout, "deferrable": deferrable}
        early = {"cancel_on_kill": cancel_on_kill, "callback": callback}
        check_arguments(type(self), {"task_id": kwargs.get("task_id"), **waits, **early})
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        if cancel_on_kill and self.reschedule and not deferrable:
            raise ValueError(
                "cancel_on_kill=True has no effect in mode reschedule: between two looks nothing runs that could abort "
                "the job. Use deferrable=True or mode poke."
            )
        warn_of_short_pauses(self, deferrable)
        take_arguments(
            self,
            job_id=job_id,
            dfm_conn_id=dfm_conn_id,
            deferrable=deferrable,
            cancel_on_kill=cancel_on_kill,
            on_partial_failure=on_partial_failure,
            callback=callback_path(callback) if callback is not None and deferrable else callback,
            callback_kwargs=callback_kwargs,
            min_sites=min_sites,
            sites=sites,
        )
        self._watch: JobWatch | None = None
        self._wait: JobWait | None = None
        self._follower: LogFollower | None = None
        self._noted: str | None = None

    @fails_for_good
    def execute(self, context: Context) -> Any:
        read_arguments(self)
        with contextlib.closing(self._hook):
            self._check_sites(context)
            if self.deferrable:
                self.defer(trigger=self._trigger(), method_name="execute_complete")
            try:
                return super().execute(context)
            except (AirflowSensorTimeout, AirflowSkipException) as error:
                # With soft_fail, a connection that cannot work skips the task as well, with that as its cause.
                if error.__cause__ is None or isinstance(error.__cause__, TIMEOUTS):
                    self._tell(context, MonitorReturnCode.TIMEOUT)
                raise

    @fails_for_good
    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take up again where the wait ended.

        :param event: as :class:`FederationJobTrigger` fires it.
        """
        read_arguments(self)
        outcome = MonitorReturnCode.of(event)
        if outcome is MonitorReturnCode.ENDED_BY_CB:
            self.log.info("The callback ended the wait for job %s, which is %s", event["job_id"], event["status"])
            self._tell(context, outcome)
            return str(event["job_id"])
        with contextlib.closing(self._hook):
            try:
                conclude(
                    context,
                    self._hook,
                    event,
                    self.log,
                    abort_on_timeout=False,
                    on_partial_failure=self.on_partial_failure,
                )
                outcome = MonitorReturnCode.JOB_FINISHED
            except JobTimedOut as error:
                # What a sensor raises, deferred or not: soft_fail goes by it.
                raise AirflowSensorTimeout(str(error)) from error
            finally:
                if outcome is not None:
                    self._tell(context, outcome)
        return str(event["job_id"])

    def on_kill(self) -> None:
        if self.cancel_on_kill:
            self._hook.hold_settings()
            abort(self._hook, self.job_id, self.log)

    @fails_for_good
    def poke(self, context: Context) -> PokeReturnValue:
        """Look at the job once, in a session that lives as long as this process does."""
        if self._watch is None or self._wait is None:
            callback = None if self.callback is None else load_callback(self.callback, self.callback_kwargs)
            self._watch, self._wait = (
                JobWatch(self._hook, worked_before=False),
                JobWait(self.job_id, None, self.log, callback, seen=self._seen_before(context)),
            )
            if not self.reschedule:
                self._follower = LogFollower(self._hook, self.job_id, self.log)
        event = look(self._watch, self._wait, self._follower)
        self._note_seen(context, self._wait.seen)
        if event is None:
            return PokeReturnValue(is_done=False)
        event["shown_lines"] = None if self._follower is None else self._follower.shown_lines
        return PokeReturnValue(is_done=True, xcom_value=self.execute_complete(context, event))

    def _seen_before(self, context: Context) -> str | None:
        """The status that an earlier look in mode reschedule has seen, each of which is a process of its own."""
        noted: Any = context["task_state_store"].get(STATE_KEY) if self.reschedule else None
        self._noted = noted["status"] if noted and noted["job_id"] == self.job_id else None
        return self._noted

    def _note_seen(self, context: Context, status: str | None) -> None:
        if self.reschedule and status != self._noted:
            note: dict[str, Any] = {"job_id": self.job_id, "status": status}
            context["task_state_store"].set(STATE_KEY, note, retention=NEVER_EXPIRE)
            self._noted = status

    @cached_property
    def _hook(self) -> DfmHook:
        # Not before the connection's id is rendered.
        return DfmHook(self.dfm_conn_id)

    def _trigger(self) -> FederationJobTrigger:
        return FederationJobTrigger(
            self.dfm_conn_id,
            self.job_id,
            self.poke_interval,
            time.time() + self.timeout,
            self.cancel_on_kill,
            callback=None if self.callback is None else callback_path(self.callback),
            callback_kwargs=None if self.callback_kwargs is None else dict(self.callback_kwargs),
        )

    def _check_sites(self, context: Context) -> None:
        required = RequiredSites(min_sites=self.min_sites, sites=tuple(self.sites))
        # A site that goes away for a moment later is the job's affair.
        if required and self._wait_begins(context):
            self._hook.check_sites(required)

    def _wait_begins(self, context: Context) -> bool:
        return not self.reschedule or context["ti"].get_first_reschedule_date(context) is None

    def _tell(self, context: Context, outcome: MonitorReturnCode) -> None:
        context["ti"].xcom_push(key=OUTCOME, value=outcome.value)
