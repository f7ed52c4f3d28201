"""The demonstration's pipelines. Put this file's folder on ``python_path`` to use them."""

from __future__ import annotations

from nv_dfm_core.api import Pipeline, PlaceParam, Yield
from weather.fed.api.temperature import Compare, Statistics

SITES = ("seattle", "san_francisco")


def statistics(site: str = "seattle") -> Pipeline:
    """Build the pipeline that asks one site for its statistics.

    Its parameter sets give ``start`` and ``end``; the result comes at the place ``statistics``.

    :param site: the site asked
    :return: the pipeline
    :raises ValueError: if there is no such site
    """
    _check(site)
    with Pipeline(name=f"statistics_{site}") as pipeline:
        asked = Statistics(site=site, start=PlaceParam(place="start"), end=PlaceParam(place="end"))
        Yield(value=asked, place="statistics")
    return pipeline


def compare(first: str = "seattle", second: str = "san_francisco") -> Pipeline:
    """Build the pipeline that compares two sites on the server.

    Its parameter sets give ``start`` and ``end``; the results come at the places ``first``,
    ``second`` (each site's statistics) and ``comparison``.

    :param first: one site
    :param second: the other site
    :return: the pipeline
    :raises ValueError: if there is no such site
    """
    _check(first)
    _check(second)
    start = PlaceParam(place="start", multiuse=True)
    end = PlaceParam(place="end", multiuse=True)
    with Pipeline(name="compare") as pipeline:
        one = Statistics(site=first, start=start, end=end)
        other = Statistics(site=second, start=start, end=end)
        Yield(value=one, place="first")
        Yield(value=other, place="second")
        Yield(value=Compare(site="server", first=one, second=other), place="comparison")
    return pipeline


def _check(site: str) -> None:
    if site not in SITES:
        raise ValueError(f"Unknown site {site!r}: choose one of {', '.join(SITES)}")
