"""The trigger that waits for jobs: one session and one poll for all the waiting tasks of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_watch import JobWait, JobWatch

# Per connection, what the triggers in this process wait for: trigger to job id and poll interval. The shared
# stream is made from one trigger's arguments alone, and has to know the others' jobs.
_waiting: dict[str, dict[int, tuple[str, float]]] = {}


class FederationJobTrigger(BaseEventTrigger):
    """Fires once: when a job has ended, when nobody knows it, or when its time is over.

    The event is ``{"job_id", "status"}``, with ``"timed_out"`` and ``"fault"`` when the time was over.

    :param dfm_conn_id: the connection.
    :param job_id: the job.
    :param poll_interval: seconds between two looks; tasks of one connection share the shortest.
    :param ends_at: when to give up, in seconds since 1970; None: never.
    :param cancel_on_kill: abort the job when a person ends the task that waits.
    """

    supports_triggerer_queue = True

    def __init__(
        self,
        dfm_conn_id: str,
        job_id: str,
        poll_interval: float = 5.0,
        ends_at: float | None = None,
        cancel_on_kill: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dfm_conn_id = dfm_conn_id
        self.job_id = job_id
        self.poll_interval = poll_interval
        self.ends_at = ends_at
        self.cancel_on_kill = cancel_on_kill

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_dfm.triggers.job.FederationJobTrigger",
            {
                "dfm_conn_id": self.dfm_conn_id,
                "job_id": self.job_id,
                "poll_interval": self.poll_interval,
                "ends_at": self.ends_at,
                "cancel_on_kill": self.cancel_on_kill,
            },
        )

    def shared_stream_key(self) -> Hashable | None:
        return ("airflow_provider_dfm.job", self.dfm_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        """One snapshot a poll of all the jobs that are waited for."""
        conn_id = kwargs["dfm_conn_id"]
        watch = JobWatch(conn_id)
        try:
            while True:
                waiting = list(_waiting.get(conn_id, {}).values())
                yield await asyncio.to_thread(watch.poll, {job_id for job_id, _ in waiting})
                await asyncio.sleep(min((interval for _, interval in waiting), default=1.0))
        finally:
            await asyncio.to_thread(watch.close)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire at the first snapshot that ends this task's wait."""
        wait = JobWait(self.job_id, self.ends_at, self.log)
        waiting = _waiting.setdefault(self.dfm_conn_id, {})
        waiting[id(self)] = (self.job_id, self.poll_interval)
        try:
            async for snapshot in shared_stream:
                event = wait.take(snapshot)
                if event is not None:
                    yield TriggerEvent(event)
                    return
        finally:
            waiting.pop(id(self), None)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without a triggerer that shares streams, as in ``dag.test()``."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event

    async def on_kill(self) -> None:
        """Abort the job: a person marked or cleared the task. A triggerer's restart does not come here."""
        if self.cancel_on_kill:
            self.log.info("The task was ended: aborting job %s", self.job_id)
            await asyncio.to_thread(self._abort)

    def _abort(self) -> None:
        with DfmHook(self.dfm_conn_id) as hook:
            hook.abort_job(self.job_id)
