"""One task's wait for sites."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.federation.errors import SitesMissing, error_from_name
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.federation_watch import Fault, FederationWatch


class SiteWatch(FederationWatch):
    """One session that looks which sites are connected."""

    def poll(self) -> list[str] | Fault:
        """Look once.

        :return: the connected sites; a fault is not an exception.
        """
        return self.look(lambda hook: hook.get_system_info().site_names)


@dataclass
class SiteWait:
    """What each look means to the task.

    :param required: which sites.
    :param ends_at: when to give up, in seconds since 1970; None: never.
    :param log: gets what is missing, when that changes.
    """

    required: RequiredSites
    ends_at: float | None
    log: Any
    lack: str | None = None

    def take(self, seen: list[str] | Fault) -> dict[str, Any] | None:
        """Take in a look.

        :return: None, or the event that ends the wait: ``"sites"``, the connected ones, once all are there;
            otherwise ``"lack"``, what was missing last, with ``"timed_out"``, or with ``"error"``, the name of the
            permanent error that ``"lack"`` describes.
        """
        if isinstance(seen, Fault):
            self.log.warning("Cannot look for the federation's sites: %s", seen.reason)
            self.lack = seen.reason
            if seen.permanent:
                return {"lack": seen.reason, "error": seen.permanent}
        else:
            lack = self.required.lack(seen)
            if not lack:
                self.log.info("The federation is ready, its sites: %s", ", ".join(seen))
                return {"sites": seen}
            if lack != self.lack:
                self.log.info("The federation is not complete: %s", lack)
                self.lack = lack
        if self.ends_at is not None and time.time() >= self.ends_at:
            return {"lack": self.lack, "timed_out": True}
        return None


def connected_sites(event: dict[str, Any]) -> list[str]:
    """What the end of a wait means to the task.

    :param event: as :meth:`SiteWait.take` gives it.
    :return: the connected sites.
    :raises SitesMissing: the time was over.
    :raises FederationError: the connection cannot work.
    """
    if "error" in event:
        raise error_from_name(event["error"], f"Cannot look for the federation's sites: {event['lack']}")
    if "timed_out" in event:
        raise SitesMissing(f"The federation was not complete in time: {event['lack']}.")
    return list(event["sites"])
