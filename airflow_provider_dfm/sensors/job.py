"""The sensor that waits for a job of a federation."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf
from airflow.sdk.exceptions import AirflowSensorTimeout

from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.job_end import OnPartialFailure, abort, conclude
from airflow_provider_dfm.hooks.job_wait import JobWait
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.triggers.job import FederationJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class FederationJobSensor(BaseSensorOperator):
    """Waits until a job has ended, as ``monitor_job`` does, and fails when it did not do its work.

    It works by the job's id alone, in modes poke and reschedule and deferrable, and only watches: ending it
    leaves the job alone, unless ``cancel_on_kill`` says otherwise. Its XCom is the job's id.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param dfm_conn_id: the connection.
    :param deferrable: wait in the triggerer, without holding a worker; default: Airflow's
        ``operators.default_deferrable``.
    :param cancel_on_kill: abort the job when a person ends this task.
    :param on_partial_failure: ``fail`` (default) or ``succeed`` when the job answered only some of its parameter sets.
    :param poke_interval: seconds between two looks at the job.
    :param timeout: seconds to wait; then the task fails, and the job is left alone.
    """

    template_fields: Sequence[str] = ("job_id", "dfm_conn_id")
    ui_color = "#e5f5e0"

    def __init__(
        self,
        *,
        job_id: str,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        cancel_on_kill: bool = False,
        on_partial_failure: OnPartialFailure = "fail",
        poke_interval: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.job_id = job_id
        self.dfm_conn_id = dfm_conn_id
        self.deferrable = deferrable
        self.cancel_on_kill = cancel_on_kill
        self.on_partial_failure = on_partial_failure
        self._watch: JobWatch | None = None
        self._wait: JobWait | None = None

    def execute(self, context: Context) -> Any:
        if self.deferrable:
            ends_at = time.time() + self.timeout
            trigger = FederationJobTrigger(
                self.dfm_conn_id, self.job_id, self.poke_interval, ends_at, self.cancel_on_kill
            )
            self.defer(trigger=trigger, method_name="execute_complete")
        with contextlib.closing(self._hook):
            return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take up again where the wait ended.

        :param event: as :class:`FederationJobTrigger` fires it.
        """
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
            except JobTimedOut as error:
                # What a sensor raises, deferred or not: soft_fail goes by it.
                raise AirflowSensorTimeout(str(error)) from error
        return str(event["job_id"])

    def on_kill(self) -> None:
        if self.cancel_on_kill:
            abort(self._hook, self.job_id, self.log)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at the job once, in a session that lives as long as this process does."""
        if self._watch is None or self._wait is None:
            self._watch, self._wait = JobWatch(self._hook), JobWait(self.job_id, None, self.log)
        event = self._wait.take(self._watch.poll([self.job_id]))
        if event is None:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self.execute_complete(context, event))

    @cached_property
    def _hook(self) -> DfmHook:
        # Not before the connection's id is rendered.
        return DfmHook(self.dfm_conn_id)
