"""Which part of a federation has to be there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from airflow_provider_dfm.federation.errors import SitesMissing


def _split_names(value: Any) -> Any:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


class RequiredSites(BaseModel, frozen=True):
    """How many sites, and which ones.

    :param min_sites: how many have to be connected; None: that does not matter.
    :param sites: those that have to be: a list, or text with commas, as a template gives it.
    """

    min_sites: int | None = None
    sites: Annotated[tuple[str, ...], BeforeValidator(_split_names)] = ()

    def __bool__(self) -> bool:
        return self.min_sites is not None or bool(self.sites)

    def lack(self, connected: Iterable[str]) -> str:
        """What is missing, in words; ``""`` where all is there.

        :param connected: the connected sites.
        """
        there = sorted(connected)
        absent = [site for site in self.sites if site not in there]
        faults = [f"not connected: {', '.join(absent)}"] if absent else []
        if self.min_sites is not None and len(there) < self.min_sites:
            faults.append(f"{len(there)} of at least {self.min_sites} sites are connected")
        return f"{'; '.join(faults)} (connected: {', '.join(there) or 'none'})" if faults else ""

    def check(self, connected: Iterable[str]) -> None:
        """Make sure that they are there.

        :param connected: the connected sites.
        :raises SitesMissing: names those that are not.
        """
        lack = self.lack(connected)
        if lack:
            raise SitesMissing(
                f"The federation is not complete: {lack}. Ask the missing sites' administrators, retry later, or wait "
                "with a FederationReadySensor."
            )
