"""The trigger that waits for sites: one session for all the waiting tasks of a connection."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from typing import Any, ClassVar

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_dfm.federation.own_threads import in_own_thread
from airflow_provider_dfm.federation.plain_json import plain_json
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.site_wait import SiteWait, SiteWatch
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import take_arguments


class FederationReadyTrigger(BaseEventTrigger):
    """Fires once: when the sites are connected, when the connection cannot work, or at the deadline.

    The event is what :meth:`SiteWait.take` gives.

    :param dfm_conn_id: the connection.
    :param min_sites: how many sites have to be connected; None: that does not matter.
    :param sites: those that have to be: a list, or their names with commas between them.
    :param poll_interval: seconds between two looks, or a timedelta; tasks of one connection share that of the first.
    :param ends_at: when to give up, at the first look after it, in seconds since 1970 or as a datetime; None: never.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "dfm_conn_id": kinds.TEXT,
        "min_sites": kinds.optional(kinds.whole_number(0)),
        "sites": kinds.SITES,
        "poll_interval": kinds.DURATION,
        "ends_at": kinds.MOMENT,
    }
    dfm_conn_id: str
    min_sites: int | None
    sites: list[str]
    poll_interval: float
    ends_at: float | None
    supports_triggerer_queue = True

    def __init__(
        self,
        dfm_conn_id: str,
        min_sites: int | None = None,
        sites: str | Sequence[str] = (),
        poll_interval: Seconds = 30.0,
        ends_at: float | datetime.datetime | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        take_arguments(
            self,
            dfm_conn_id=dfm_conn_id,
            min_sites=min_sites,
            sites=sites,
            poll_interval=poll_interval,
            ends_at=ends_at,
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_dfm.triggers.federation.FederationReadyTrigger",
            {
                "dfm_conn_id": self.dfm_conn_id,
                "min_sites": self.min_sites,
                "sites": self.sites,
                "poll_interval": self.poll_interval,
                "ends_at": self.ends_at,
            },
        )

    def shared_stream_key(self) -> Hashable | None:
        return ("airflow_provider_dfm.sites", self.dfm_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        """Which sites are connected, once a poll."""
        watch = SiteWatch(DfmHook(kwargs["dfm_conn_id"]))
        try:
            while True:
                yield await in_own_thread(watch.poll)
                await asyncio.sleep(watch.pause(kwargs["poll_interval"]))
        finally:
            await in_own_thread(watch.close)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire at the first look that ends this task's wait."""
        wait = SiteWait(RequiredSites(min_sites=self.min_sites, sites=tuple(self.sites)), self.ends_at, self.log)
        async for look in shared_stream:
            event = wait.take(look)
            if event is not None:
                yield TriggerEvent(plain_json(event))
                return

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without a triggerer that shares streams, as in ``dag.test()``."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event
