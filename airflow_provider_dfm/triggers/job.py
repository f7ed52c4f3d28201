"""The trigger that waits for jobs: one session and one poll for all the waiting tasks of a connection."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import AsyncIterator, Hashable, Mapping
from typing import Any, ClassVar

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.errors import CallbackFailed
from airflow_provider_dfm.federation.own_threads import in_own_thread
from airflow_provider_dfm.federation.plain_json import plain_json
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_aborts import JobAborts
from airflow_provider_dfm.hooks.job_callback import JobCallback, callback_path, load_callback
from airflow_provider_dfm.hooks.job_wait import JobWait
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import take_arguments
from airflow_provider_dfm.triggers.task_end import TaskEnd

# The pause where nobody waits: a stream outlives its last trigger for a moment.
IDLE_SECONDS = 1.0


class Waiting:
    """Who waits in this process, at one connection.

    A shared stream is made from one trigger's arguments alone, and has to know the others' jobs.

    :param dfm_conn_id: the connection.
    """

    def __init__(self, dfm_conn_id: str) -> None:
        self._dfm_conn_id = dfm_conn_id
        self.triggers: set[FederationJobTrigger] = set()
        self.watch: JobWatch | None = None
        self.aborts = JobAborts(self._last_watch)
        self._joined = asyncio.Event()

    def new_watch(self) -> JobWatch:
        """A watch for a new stream."""
        self.watch = JobWatch(DfmHook(self._dfm_conn_id))
        self._joined = asyncio.Event()
        return self.watch

    def _last_watch(self) -> JobWatch:
        """The watch of the stream, or of the last one, which opens its session again for those that need it."""
        if self.watch is None:
            self.new_watch().close()
        assert self.watch is not None
        return self.watch

    def job_ids(self) -> set[str]:
        """The jobs they wait for."""
        return {trigger.job_id for trigger in self.triggers}

    def in_detail(self) -> set[str]:
        """Those of them that a callback looks at."""
        return {trigger.job_id for trigger in self.triggers if trigger.callback is not None}

    def join(self, trigger: FederationJobTrigger) -> None:
        """Take in a trigger, which wants to be looked after soon."""
        self.triggers.add(trigger)
        self._joined.set()

    def begin(self) -> float:
        """Say that a poll begins; gives the time, in seconds since 1970."""
        self._joined.clear()
        return time.time()

    async def rest(self, watch: JobWatch, polled_at: float) -> None:
        """Wait until the next poll, which comes sooner where a trigger has joined since the last one began.

        :param watch: has polled.
        :param polled_at: when it began to.
        """
        pause = self._pause(watch, polled_at)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._joined.wait(), max(0.0, polled_at + pause - time.time()))
        # Thousands that join one after the other need no poll each.
        sooner = min(watch.pause(IDLE_SECONDS), self._pause(watch, polled_at))
        await asyncio.sleep(max(0.0, polled_at + sooner - time.time()))

    def _pause(self, watch: JobWatch, polled_at: float) -> float:
        """Seconds from one poll to the next, which must not come long after a deadline."""
        pause = watch.pause(min((trigger.poll_interval for trigger in self.triggers), default=IDLE_SECONDS))
        # One that was over at the poll is its trigger's affair, which may be busy with a callback still.
        ends = [trigger.ends_at for trigger in self.triggers if trigger.ends_at is not None]
        left = [ends_at - polled_at for ends_at in ends if ends_at > polled_at]
        return min(pause, max(IDLE_SECONDS, min(left))) if left else pause


_waiting: dict[str, Waiting] = {}


def waiting_at(dfm_conn_id: str) -> Waiting:
    """Who waits in this process, at a connection."""
    return _waiting.setdefault(dfm_conn_id, Waiting(dfm_conn_id))


class FederationJobTrigger(BaseEventTrigger):
    """Fires once: when a job has ended, is lost, or is unknown, when the connection cannot work, or at the deadline.

    The event is what :meth:`JobWait.take` gives.

    :param dfm_conn_id: the connection.
    :param job_id: the job.
    :param poll_interval: seconds between two looks, or a timedelta; tasks of one connection share the shortest. After
        a failed look the pauses grow, up to a minute.
    :param ends_at: when to give up, in seconds since 1970 or as a datetime; None: never.
    :param cancel_on_kill: abort the job when a person ends the task that waits.
    :param callback: ``"package.module:function"``, called at each look with the job's id and its meta; False ends the
        wait.
    :param callback_kwargs: further keyword arguments for it.
    :param seen: the job's status as whoever defers knows it; None: nothing is known of it.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "dfm_conn_id": kinds.TEXT,
        "job_id": kinds.TEXT,
        "poll_interval": kinds.DURATION,
        "ends_at": kinds.MOMENT,
        "cancel_on_kill": kinds.FLAG,
        "callback": kinds.CALLBACK,
        "callback_kwargs": kinds.KEYWORDS,
        "seen": kinds.optional(kinds.TEXT),
    }
    dfm_conn_id: str
    job_id: str
    poll_interval: float
    ends_at: float | None
    cancel_on_kill: bool
    callback: str | None
    callback_kwargs: dict[str, Any] | None
    seen: str | None
    supports_triggerer_queue = True

    def __init__(
        self,
        dfm_conn_id: str,
        job_id: str,
        poll_interval: Seconds = 5.0,
        ends_at: float | datetime.datetime | None = None,
        cancel_on_kill: bool = True,
        callback: str | None = None,
        callback_kwargs: dict[str, Any] | None = None,
        seen: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        take_arguments(
            self,
            dfm_conn_id=dfm_conn_id,
            job_id=job_id,
            poll_interval=poll_interval,
            ends_at=ends_at,
            cancel_on_kill=cancel_on_kill,
            callback=callback,
            callback_kwargs=callback_kwargs,
            seen=seen,
        )
        if self.callback is not None:
            self.callback = callback_path(self.callback)
        self._end = TaskEnd(self, self.dfm_conn_id, self.job_id, self._abort)

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
                "seen": self.seen,
            },
        )

    def shared_stream_key(self) -> Hashable | None:
        return ("airflow_provider_dfm.job", self.dfm_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        """One snapshot a poll of all the jobs that are waited for."""
        waiting = waiting_at(kwargs["dfm_conn_id"])
        watch = waiting.new_watch()
        try:
            while True:
                polled_at = waiting.begin()
                yield await in_own_thread(watch.poll, waiting.job_ids(), waiting.in_detail())
                await waiting.rest(watch, polled_at)
        finally:
            await in_own_thread(watch.close)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire at the first snapshot that ends this task's wait."""
        waiting = waiting_at(self.dfm_conn_id)
        try:
            callback = await in_own_thread(self._load_callback)
            wait = JobWait(self.job_id, self.ends_at, self.log, callback, seen=self.seen)
            waiting.join(self)
            async for snapshot in shared_stream:
                # A callback may take its time.
                event = await in_own_thread(wait.take, snapshot) if callback else wait.take(snapshot)
                steps.reached(steps.ENDED if event else steps.POLLED, self.job_id)
                if event is not None:
                    yield TriggerEvent(plain_json(event))
                    return
        except CallbackFailed as error:
            fault = {"status": None, "error": type(error).__name__, "fault": str(error)}
            yield TriggerEvent({"job_id": self.job_id} | fault)
        except asyncio.CancelledError as cancelled:
            self._end.take(cancelled)
            raise
        finally:
            waiting.triggers.discard(self)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without a triggerer that shares streams, as in ``dag.test()``."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event

    async def on_kill(self) -> None:
        """Begin to abort the job: a person ended the task. A triggerer's restart does not come here."""
        if self.cancel_on_kill:
            self._end.begin_abort()

    async def cleanup(self) -> None:
        """Stay until the job is aborted, where it is to be."""
        await self._end.stay()

    def _load_callback(self) -> JobCallback | None:
        return None if self.callback is None else load_callback(self.callback, self.callback_kwargs)

    def _abort(self) -> None:
        waiting_at(self.dfm_conn_id).aborts.abort(self.job_id)
