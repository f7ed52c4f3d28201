"""The trigger that waits for jobs: one session and one poll for all the waiting tasks of a connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Hashable
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import CallbackFailed
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_callback import JobCallback, load_callback
from airflow_provider_dfm.hooks.job_wait import JobWait
from airflow_provider_dfm.hooks.job_watch import JobWatch

# The pause where nobody waits: a stream outlives its last trigger for a moment.
IDLE_SECONDS = 1.0


class Waiting:
    """Who waits in this process, at one connection.

    A shared stream is made from one trigger's arguments alone, and has to know the others' jobs.
    """

    def __init__(self) -> None:
        self.triggers: set[FederationJobTrigger] = set()
        self.watch: JobWatch | None = None

    def job_ids(self) -> set[str]:
        """The jobs they wait for."""
        return {trigger.job_id for trigger in self.triggers}

    def in_detail(self) -> set[str]:
        """Those of them that a callback looks at."""
        return {trigger.job_id for trigger in self.triggers if trigger.callback is not None}

    def pause(self, watch: JobWatch) -> float:
        """Seconds until the next poll, which must not come after the first deadline."""
        pause = watch.pause(min((trigger.poll_interval for trigger in self.triggers), default=IDLE_SECONDS))
        ends = [trigger.ends_at for trigger in self.triggers if trigger.ends_at is not None]
        return min(pause, max(0.0, min(ends) - time.time())) if ends else pause


_waiting: dict[str, Waiting] = {}


class FederationJobTrigger(BaseEventTrigger):
    """Fires once: when a job has ended, is lost, or is unknown, when the connection cannot work, or at the deadline.

    The event is what :meth:`JobWait.take` gives.

    :param dfm_conn_id: the connection.
    :param job_id: the job.
    :param poll_interval: seconds between two looks; tasks of one connection share the shortest. After a failed
        look the pauses grow, up to a minute.
    :param ends_at: when to give up, in seconds since 1970; None: never.
    :param cancel_on_kill: abort the job when a person ends the task that waits.
    :param callback: ``"package.module:function"``, called at each look with the job's id and its meta; False ends the
        wait.
    :param callback_kwargs: further keyword arguments for it.
    """

    supports_triggerer_queue = True

    def __init__(
        self,
        dfm_conn_id: str,
        job_id: str,
        poll_interval: float = 5.0,
        ends_at: float | None = None,
        cancel_on_kill: bool = True,
        callback: str | None = None,
        callback_kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dfm_conn_id = dfm_conn_id
        self.job_id = job_id
        self.poll_interval = poll_interval
        self.ends_at = ends_at
        self.cancel_on_kill = cancel_on_kill
        self.callback = callback
        self.callback_kwargs = callback_kwargs

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_dfm.triggers.job.FederationJobTrigger",
            {
                "dfm_conn_id": self.dfm_conn_id,
                "job_id": self.job_id,
                "poll_interval": self.poll_interval,
                "ends_at": self.ends_at,
                "cancel_on_kill": self.cancel_on_kill,
                "callback": self.callback,
                "callback_kwargs": self.callback_kwargs,
            },
        )

    def shared_stream_key(self) -> Hashable | None:
        return ("airflow_provider_dfm.job", self.dfm_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        """One snapshot a poll of all the jobs that are waited for."""
        conn_id = kwargs["dfm_conn_id"]
        waiting = _waiting.setdefault(conn_id, Waiting())
        watch = waiting.watch = JobWatch(DfmHook(conn_id))
        try:
            while True:
                yield await asyncio.to_thread(watch.poll, waiting.job_ids(), waiting.in_detail())
                await asyncio.sleep(waiting.pause(watch))
        finally:
            await asyncio.to_thread(watch.close)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire at the first snapshot that ends this task's wait."""
        try:
            callback = await asyncio.to_thread(self._load_callback)
        except CallbackFailed as error:
            fault = {"status": None, "error": type(error).__name__, "fault": str(error)}
            yield TriggerEvent({"job_id": self.job_id} | fault)
            return
        wait = JobWait(self.job_id, self.ends_at, self.log, callback)
        waiting = _waiting.setdefault(self.dfm_conn_id, Waiting())
        waiting.triggers.add(self)
        try:
            async for snapshot in shared_stream:
                # A callback may take its time.
                event = await asyncio.to_thread(wait.take, snapshot) if callback else wait.take(snapshot)
                steps.reached(steps.ENDED if event else steps.POLLED, self.job_id)
                if event is not None:
                    yield TriggerEvent(event)
                    return
        finally:
            waiting.triggers.discard(self)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without a triggerer that shares streams, as in ``dag.test()``."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event

    async def on_kill(self) -> None:
        """Abort the job: a person marked or cleared the task. A triggerer's restart does not come here."""
        if not self.cancel_on_kill:
            return
        if await asyncio.to_thread(self._task_is_deferred):
            # Airflow also comes here when a trigger has moved to another triggerer.
            self.log.info("Another triggerer waits for job %s now: leaving it alone", self.job_id)
            return
        self.log.info("The task was ended: aborting job %s", self.job_id)
        await asyncio.to_thread(self._abort)

    def _load_callback(self) -> JobCallback | None:
        return None if self.callback is None else load_callback(self.callback, self.callback_kwargs)

    def _task_is_deferred(self) -> bool:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ti = self.task_instance
        if ti is None:
            return False
        states = RuntimeTaskInstance.get_task_states(
            dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
        )
        return "deferred" in states.get(ti.run_id, {}).values()

    def _abort(self) -> None:
        watch = _waiting[self.dfm_conn_id].watch if self.dfm_conn_id in _waiting else None
        if watch is not None:
            watch.abort(self.job_id)
            return
        with DfmHook(self.dfm_conn_id) as hook:
            hook.abort_job(self.job_id)
