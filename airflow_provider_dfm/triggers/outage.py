"""The trigger that waits through an outage, so that a task which is to submit its job holds no worker meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    FederationError,
    FederationUnreachable,
    JobNotFound,
)
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.own_threads import in_own_thread
from airflow_provider_dfm.federation.plain_json import plain_json
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.federation_watch import MAX_PAUSE_SECONDS, Fault
from airflow_provider_dfm.hooks.job_wait import Quiet
from airflow_provider_dfm.hooks.site_wait import SiteWatch
from airflow_provider_dfm.triggers.job import waiting_at
from airflow_provider_dfm.triggers.task_end import TaskEnd

# The first pauses between two looks are shorter than wanted, as an outage may be over in a moment; none is shorter.
FIRST_PAUSE_SECONDS = 1.0


class FederationOutageTrigger(BaseEventTrigger):
    """Fires once: when the federation answers again, when its connection cannot work, or when it is time to give up.

    Whichever it is, the task tries again then, and has the error of that try if it fails. The event is
    ``{"outage": {...}, "fault": ...}``: what the task gave, and why the federation could not be asked last, or ``""``.

    :param dfm_conn_id: the connection.
    :param outage: what the task is to be given back.
    :param not_before: when the next try may be at the earliest, in seconds since 1970.
    :param ends_at: when to give up waiting, at the first look after it, in seconds since 1970.
    :param interval: seconds between two looks, from one to sixty; tasks of one connection share that of the first.
    :param jobs: what to abort when a person ends the task: jobs' ids, and identities as dicts, of which all jobs are
        meant. Earlier tries may have submitted them, and so may one whose reply got lost.
    """

    supports_triggerer_queue = True

    def __init__(
        self,
        dfm_conn_id: str,
        outage: dict[str, Any],
        not_before: float,
        ends_at: float,
        interval: float = 30.0,
        jobs: Sequence[dict[str, Any] | str] = (),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dfm_conn_id = dfm_conn_id
        self.outage = outage
        self.not_before = not_before
        self.ends_at = ends_at
        self.interval = interval
        self.jobs = jobs
        self._jobs = [job if isinstance(job, str) else JobIdentity(**job) for job in jobs]
        ids = [job if isinstance(job, str) else job.job_id(0) for job in self._jobs]
        self._end = TaskEnd(self, dfm_conn_id, ", ".join(ids), self._abort)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_dfm.triggers.outage.FederationOutageTrigger",
            {
                "dfm_conn_id": self.dfm_conn_id,
                "outage": self.outage,
                "not_before": self.not_before,
                "ends_at": self.ends_at,
                "interval": self.interval,
                "jobs": list(self.jobs),
            },
        )

    def shared_stream_key(self) -> Hashable | None:
        return ("airflow_provider_dfm.outage", self.dfm_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        """Whether the federation answers, once a look."""
        watch = SiteWatch(DfmHook(kwargs["dfm_conn_id"]))
        pause = FIRST_PAUSE_SECONDS
        try:
            while True:
                yield await in_own_thread(watch.poll)
                await asyncio.sleep(max(FIRST_PAUSE_SECONDS, min(pause, kwargs["interval"], MAX_PAUSE_SECONDS)))
                pause *= 2
        finally:
            await in_own_thread(watch.close)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire at the first look that ends this task's wait; its log is told now and then why it goes on."""
        quiet = Quiet()
        try:
            async for seen in shared_stream:
                fault = plain_json(seen.reason) if isinstance(seen, Fault) else ""
                now = time.time()
                answers = not isinstance(seen, Fault) or bool(seen.permanent)
                if now >= self.ends_at or (answers and now >= self.not_before):
                    yield TriggerEvent({"outage": self.outage, "fault": fault})
                    return
                if fault and quiet.is_over():
                    self.log.info("Still waiting for the federation, %s so far: %s", quiet.lasts(), fault)
        except asyncio.CancelledError as cancelled:
            self._end.take(cancelled)
            raise

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without a triggerer that shares streams, as in ``dag.test()``."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event

    async def on_kill(self) -> None:
        """Begin to abort the task's jobs, where it may have any: a person ended the task."""
        if self._jobs:
            self._end.begin_abort()

    async def cleanup(self) -> None:
        """Stay until they are aborted, where they are to be."""
        await self._end.stay()

    def _abort(self) -> None:
        """Abort all of them, each though another cannot be aborted.

        :raises JobNotFound: there is none.
        :raises FederationError: one could not be aborted.
        """
        errors: list[FederationError] = []
        for job in self._jobs:
            try:
                waiting_at(self.dfm_conn_id).aborts.abort(job)
            except (FederationUnreachable, CommandTimedOut):
                raise
            except FederationError as error:
                errors.append(error)
        refused = [error for error in errors if not isinstance(error, JobNotFound)]
        if refused or len(errors) == len(self._jobs):
            raise [*refused, *errors][0]
