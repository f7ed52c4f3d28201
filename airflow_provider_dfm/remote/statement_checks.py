"""What of a pipeline DFM would leave out, or decide by itself, without a word."""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.parameter_places import certain_places, statements_of, yield_counts


def check_sites(pipeline: Any, sites: list[str]) -> None:
    """Refuse a pipeline that names a site the federation does not have.

    :param sites: the federation's sites.
    :raises NamedError: PipelineError, names the operation.
    """
    for statement in statements_of(pipeline):
        site = getattr(statement, "site", None)
        if isinstance(site, str) and site not in sites:
            raise NamedError(
                "PipelineError",
                f"The operation {type(statement).__name__} names the site {site!r}, but the federation has "
                f"{', '.join(sites)}.",
            )


def check_statements(pipeline: Any, candidates: list[str], target: str) -> None:
    """Refuse statements that DFM would drop.

    :param pipeline: an ``nv_dfm_core.api.Pipeline``.
    :param candidates: the sites that DFM chooses from.
    :param target: ``flare`` or ``local``.
    :raises NamedError: PipelineError, names the statement.
    """
    from nv_dfm_core.api import ForEach, NodeRef, TryFromCache, WriteToCache, Yield

    # FLARE has no part for the home site.
    instead = ", or restrict the pipeline to the home site" if target == "local" else ""
    for number, statement in enumerate(statements_of(pipeline), start=1):
        kind = type(statement).__name__
        if isinstance(statement, (ForEach, TryFromCache, WriteToCache)):
            # The visitor that builds DFM's graph has no method for them, and the base class's does nothing:
            # nv_dfm_core/gen/irgen/visitors/_pipeline_to_graph_visitor.py, nv_dfm_core/api/_api_visitor.py
            raise NamedError(
                "PipelineError",
                f"Statement {number} of the pipeline, {kind}{_inside(statement)}, would be left out without a word: "
                "DFM does not carry it out. Use a generator operation, or several parameter sets, instead.",
            )
        if pipeline.mode != "execute" or len(candidates) == 1:
            continue
        if isinstance(statement, Yield) and not isinstance(statement.value, NodeRef):
            # The site is the first of a set, and one without an operation is taken out with all that is there:
            # candidate_sites in nv_dfm_core/gen/irgen/_irgen.py, graph/passes/_remove_empty_sites_pass.py
            raise NamedError(
                "PipelineError",
                f"Statement {number} of the pipeline, a Yield for place {statement.place!r}, has a value that is no "
                "operation's result: DFM would pick any site for it, and leave it out without a word if that one has "
                f"no operation. Yield an operation's result{instead}.",
            )


def _inside(statement: Any) -> str:
    inside = [type(inner).__name__ for inner in statements_of(statement)] if hasattr(statement, "dfm_body") else []
    return f" with {', '.join(inside)} in it" if inside else ""


def check_yields(pipeline: Any, prepared: Any) -> None:
    """Refuse a pipeline of which DFM has left out a yield: it drops literals at a site without operations.

    :param pipeline: what was to be prepared.
    :param prepared: what DFM made of it.
    :raises NamedError: PipelineError, names the place.
    """
    kept = yield_counts(prepared)
    for place, count in Counter(certain_places(pipeline)).items():
        if kept.get(place, 0) < count:
            raise NamedError(
                "PipelineError",
                f"DFM leaves out {count - kept.get(place, 0)} of the {count} Yield statements for place {place!r}, so "
                "it would never get all of its values. Yield no literal there, but an operation's result.",
            )
