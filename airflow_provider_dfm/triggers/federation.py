"""The trigger that waits for sites: one session for all the waiting tasks of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_dfm.federation.own_threads import in_own_thread
from airflow_provider_dfm.federation.plain_json import plain_json
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.site_wait import SiteWait, SiteWatch


class FederationReadyTrigger(BaseEventTrigger):
    """Fires once: when the sites are connected, when the connection cannot work, or at the deadline.

    The event is what :meth:`SiteWait.take` gives.

    :param dfm_conn_id: the connection.
    :param min_sites: how many sites have to be connected; None: that does not matter.
    :param sites: those that have to be.
    :param poll_interval: seconds between two looks; tasks of one connection share that of the first.
    :param ends_at: when to give up, at the first look after it, in seconds since 1970; None: never.
    """

    supports_triggerer_queue = True

    def __init__(
        self,
        dfm_conn_id: str,
        min_sites: int | None = None,
        sites: Sequence[str] = (),
        poll_interval: float = 30.0,
        ends_at: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dfm_conn_id = dfm_conn_id
        self.min_sites = min_sites
        self.sites = list(sites)
        self.poll_interval = poll_interval
        self.ends_at = ends_at

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
        wait = SiteWait(RequiredSites(min_sites=self.min_sites, sites=self.sites), self.ends_at, self.log)
        async for look in shared_stream:
            event = wait.take(look)
            if event is not None:
                yield TriggerEvent(plain_json(event))
                return

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without a triggerer that shares streams, as in ``dag.test()``."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event
