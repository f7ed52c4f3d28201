"""The sensor that waits for a job of a federation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf
from airflow.sdk.exceptions import AirflowSensorTimeout

from airflow_provider_dfm.federation.errors import JobTimedOut
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION
from airflow_provider_dfm.hooks.job_watch import JobWait, JobWatch
from airflow_provider_dfm.operators.job_waiting import abort, conclude, job_trigger

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
        poke_interval: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.job_id = job_id
        self.dfm_conn_id = dfm_conn_id
        self.deferrable = deferrable
        self.cancel_on_kill = cancel_on_kill
        self._watch: JobWatch | None = None
        self._wait: JobWait | None = None

    def execute(self, context: Context) -> Any:
        if self.deferrable:
            self.defer(
                trigger=job_trigger(
                    self.dfm_conn_id, self.job_id, self.poke_interval, self.timeout, self.cancel_on_kill
                ),
                method_name="execute_complete",
            )
        try:
            return super().execute(context)
        finally:
            if self._watch is not None:
                self._watch.close()

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Take up again where the wait ended.

        :param event: as :class:`FederationJobTrigger` fires it.
        """
        try:
            conclude(self.dfm_conn_id, event, self.log, abort_on_timeout=False)
        except JobTimedOut as error:
            # What a sensor raises, deferred or not: soft_fail goes by it.
            raise AirflowSensorTimeout(str(error)) from error
        return str(event["job_id"])

    def on_kill(self) -> None:
        if self.cancel_on_kill:
            abort(self.dfm_conn_id, self.job_id, self.log)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at the job once, in a session that lives as long as this process does."""
        if self._watch is None or self._wait is None:
            self._watch, self._wait = JobWatch(self.dfm_conn_id), JobWait(self.job_id, None, self.log)
        event = self._wait.take(self._watch.poll([self.job_id]))
        if event is None:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self.execute_complete(context, event))
