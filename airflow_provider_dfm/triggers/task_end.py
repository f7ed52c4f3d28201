"""What a trigger does when a person ends the task that waits by it: it aborts the task's job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future

from airflow.triggers.base import BaseTrigger

from airflow_provider_dfm.federation.errors import JobNotFound
from airflow_provider_dfm.federation.own_threads import start_in_own_thread
from airflow_provider_dfm.hooks.job_aborts import abort_patiently

# What a trigger's task is cancelled with when a person has ended the task instance. Airflow does so again each second
# until it has ended: airflow/jobs/triggerer_job_runner.py, _USER_ACTION_CANCEL_MSG, cancel_triggers.
ENDED_BY_A_PERSON = "__airflow_user_action__"
# So long a trigger stays for the end of its abort. Its lines come into the task's log as long as it does, and into the
# triggerer's own afterwards.
ABORT_SECONDS = 60.0
# The same in a triggerer that is shut down.
SHUTDOWN_SECONDS = 5.0


class TaskEnd:
    """Aborts a trigger's job with its task.

    :param trigger: waits for the task.
    :param dfm_conn_id: the connection.
    :param what: names the job, for the log: its id.
    :param abort: aborts it, once; doing it twice has to be safe.
    """

    def __init__(self, trigger: BaseTrigger, dfm_conn_id: str, what: str, abort: Callable[[], object]) -> None:
        self._trigger = trigger
        self._dfm_conn_id = dfm_conn_id
        self._what = what
        self._abort_once = abort
        self._ended_by_a_person = False
        self._aborting: Future[None] | None = None

    def take(self, cancelled: asyncio.CancelledError) -> None:
        """Take in that the trigger was cancelled, and by whom."""
        self._ended_by_a_person = cancelled.args[:1] == (ENDED_BY_A_PERSON,)

    def begin_abort(self) -> None:
        """Begin to abort the job.

        Nothing is waited for, since Airflow cancels ``on_kill`` as well when it takes longer than a second.
        """
        if self._aborting is None:
            self._aborting = start_in_own_thread(self._abort)

    async def stay(self) -> None:
        """Stay until the job is aborted, where it is to be."""
        if self._ended_by_a_person:
            # Airflow writes a line before it calls on_kill, and is interrupted where all threads for lines are busy.
            await self._trigger.on_kill()
        if self._aborting is None:
            return
        aborting = asyncio.wrap_future(self._aborting)
        ends = time.monotonic() + ABORT_SECONDS
        while not aborting.done() and time.monotonic() < ends:
            try:
                await asyncio.wait([aborting], timeout=ends - time.monotonic())
            except asyncio.CancelledError as cancelled:
                if cancelled.args[:1] != (ENDED_BY_A_PERSON,):
                    ends = min(ends, time.monotonic() + SHUTDOWN_SECONDS)

    def _abort(self) -> None:
        abort_patiently(self._abort_unless_deferred, self._what, self._dfm_conn_id, self._trigger.log)

    def _abort_unless_deferred(self) -> None:
        log = self._trigger.log
        if self._task_is_deferred():
            # Airflow also comes here when a trigger has moved to another triggerer, and a task that was cleared may be
            # deferred again by now: it has its former jobs aborted before it submits another.
            log.info("The task is deferred, here or in another triggerer: leaving job %s to it", self._what)
            return
        log.info("The task was ended: aborting job %s", self._what)
        try:
            self._abort_once()
        except JobNotFound as error:
            log.info("There is nothing to abort: %s", error)
        else:
            log.info("Aborted job %s", self._what)

    def _task_is_deferred(self) -> bool:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ti = self._trigger.task_instance
        if ti is None:
            return False
        states = RuntimeTaskInstance.get_task_states(
            dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
        )
        return "deferred" in states.get(ti.run_id, {}).values()
