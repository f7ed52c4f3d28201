"""The sites of operations that name none: where only one can carry an operation out, it is that one."""

from __future__ import annotations

from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.federation_api import Offers
from airflow_provider_dfm.remote.parameter_places import statements_of

SERVER = "server"


class OpenSites:
    """Which sites can carry out the operations of a pipeline that leave their site open.

    :param pipeline: an ``nv_dfm_core.api.Pipeline``.
    :param allowed: the sites that its operations may use; with the target flare not the home site.
    :param offers: what the federation's sites offer.
    :param target: ``flare`` or ``local``.
    :param homesite: the home site, where results go.
    """

    def __init__(self, pipeline: Any, allowed: list[str], offers: Offers, target: str, homesite: str) -> None:
        from nv_dfm_core.api import Advise, BestOf

        self._best_of = BestOf
        self._pipeline = pipeline
        self._allowed = allowed
        self._offers = offers
        self._target = target
        self._homesite = homesite
        numbered = enumerate(statements_of(pipeline), start=1)
        located = [(number, statement) for number, statement in numbered if hasattr(statement, "__api_name__")]
        self._open = [(number, one) for number, one in located if isinstance(one.site, (Advise, BestOf))]
        self._named = {statement.site for _, statement in located if isinstance(statement.site, str)}

    def settle(self) -> None:
        """Set the site of each such operation, or the sites that DFM may choose from.

        :raises NamedError: PipelineError: no site can carry an operation out; or several can, and the pipeline does not
            say which DFM may choose from.
        """
        for number, statement in self._open:
            which = f"Statement {number} of the pipeline, the operation {type(statement).__name__}, names no site, and"
            sites = self._able(statement)
            if not sites:
                raise NamedError(
                    "PipelineError",
                    f"{which} none of those that it may use offers it, {', '.join(self._allowed)}{self._flare_hint()}.",
                )
            if self._pipeline.mode != "execute":
                # All of them are asked.
                self._set(statement, self._best_of(sites=sites))
            elif len(sites) == 1:
                self._set(statement, sites[0])
            elif self._wanted(statement) is None:
                raise NamedError(
                    "PipelineError",
                    f"{which} DFM would pick one of {', '.join(sites)} without a word. Give it a site, or "
                    f"BestOf(sites=[...]){self._restriction()}.",
                )
            else:
                self._set(statement, self._best_of(sites=sites))

    def _set(self, statement: Any, site: Any) -> None:
        # pydantic keeps statements from being changed, and the pipeline refers to this very one.
        object.__setattr__(statement, "site", site)

    def _wanted(self, statement: Any) -> list[str] | None:
        sites: list[str] | None = getattr(statement.site, "sites", None)
        return sites

    def _able(self, statement: Any) -> list[str]:
        wanted = self._wanted(statement)
        offered = (statement.provider, statement.__api_name__)
        return [
            site
            for site in self._allowed
            if (wanted is None or site in wanted) and offered in self._offers.get(site, ())
        ]

    def _restriction(self) -> str:
        """What to restrict the whole pipeline to, where there is a site that can do all of it."""
        able = set(self._allowed).intersection(*(self._able(statement) for _, statement in self._open))
        # FLARE takes no job of which only the server has a part.
        able -= {SERVER} if self._target == "flare" else set()
        fit = sorted((site for site in able if self._named <= {site}), key=lambda site: (site != self._homesite, site))
        return f", or restrict the pipeline to one site, as restrict_to_sites={fit[:1]}" if fit else ""

    def _flare_hint(self) -> str:
        return "; with the target flare, no operation runs on the home site" if self._target == "flare" else ""
