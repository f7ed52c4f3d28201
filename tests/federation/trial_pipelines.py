"""The pipelines of the federation ``trials``. Put this file's folder on ``python_path`` to use them.

Unless said otherwise, a pipeline's parameter sets give the arguments of its operation at places of
the same name, and its result comes at the place ``result``.
"""

from __future__ import annotations

import datetime
from typing import Any

from nv_dfm_core.api import Advise, BestOf, Equal, ForEach, If, Pipeline, PlaceParam, TryFromCache, Yield
from trials.fed.api import trial
from trials.fed.api.trial import (
    AdviseBadly,
    Count,
    Cut,
    Describe,
    Draw,
    Echo,
    Fail,
    Give,
    GiveEach,
    Grid,
    Hold,
    Large,
    Measure,
    NotANumber,
    Repeat,
    Sleep,
    Unsteady,
)
from trials.fed.site.seattle.trial import Spell


def echo(site: str = "seattle") -> Pipeline:
    """Build: the parameter ``value`` comes back.

    The server can be asked too, but on the local target only: FLARE refuses a job without any client.
    """
    return _single(Echo, site, "value")


def versioned(api_version: str) -> Pipeline:
    """Build ``echo`` for a version of the federation's API."""
    with Pipeline(name="versioned", api_version=api_version) as pipeline:
        Yield(value=Echo(site="seattle", value=PlaceParam(place="value")), place="result")
    return pipeline


def literals() -> Pipeline:
    """Build: a text, which JSON knows, a date, which it does not, and the parameter ``value`` come back."""
    with Pipeline(name="literals") as pipeline:
        Yield(value=Echo(site="seattle", value="a literal text"), place="text")
        Yield(value=Echo(site="seattle", value=datetime.date(2010, 1, 1)), place="day")
        Yield(value=Echo(site="seattle", value=PlaceParam(place="value")), place="result")
    return pipeline


def repeat(site: str = "seattle") -> Pipeline:
    """Build: the parameter ``text``, a string, comes back ``count``, an integer, times."""
    return _single(Repeat, site, "text", "count")


def spell_saved() -> Pipeline:
    """Build: the letters of the parameter ``text``; what has a default is left to it."""
    return _single(Spell, "seattle", "text")


def spell() -> Pipeline:
    """Build: the letters of the parameter ``text``, up to ``limit``, with ``separator`` between: both optional."""
    return _single(Spell, "seattle", "text", "separator", "limit")


def fail(site: str = "seattle") -> Pipeline:
    """Build: an error with the parameter ``message``, or ``fine`` if that is empty."""
    return _single(Fail, site, "message")


def unsteady(site: str = "seattle") -> Pipeline:
    """Build: the parameter ``value`` comes back, except the first ``failures`` times; the file ``runs`` counts them."""
    return _single(Unsteady, site, "value", "failures", "runs")


def sleep(site: str = "seattle") -> Pipeline:
    """Build: the parameter ``seconds`` comes back, that much later."""
    return _single(Sleep, site, "seconds")


def hold(site: str = "seattle") -> Pipeline:
    """Build: the parameter ``value`` comes back once there is a file ``until``."""
    return _single(Hold, site, "value", "until")


def count(site: str = "seattle") -> Pipeline:
    """Build: the numbers below the parameter ``count``, one by one, the last once there is a file ``until``."""
    return _single(Count, site, "count", "until")


def count_and_echo() -> Pipeline:
    """Build: the same at the place ``numbers``, and ``until``, a text, back from the other site at ``text``."""
    with Pipeline(name="count_and_echo") as pipeline:
        until = PlaceParam(place="until", multiuse=True)
        Yield(value=Count(site="seattle", count=PlaceParam(place="count"), until=until), place="numbers")
        Yield(value=Echo(site="san_francisco", value=until), place="text")
    return pipeline


def large_and_small() -> Pipeline:
    """Build: a string as long as ``size`` comes at ``large`` from one site; ``size`` at ``small`` from another."""
    with Pipeline(name="large_and_small") as pipeline:
        size = PlaceParam(place="size", multiuse=True)
        Yield(value=Large(site="seattle", size=size), place="large")
        # So that this site's part is the larger one, which DFM has report the set's end.
        Yield(value=Echo(site="san_francisco", value=Echo(site="san_francisco", value=size)), place="small")
        Yield(value=Echo(site="san_francisco", value=1), place="one")
        Yield(value=Echo(site="san_francisco", value=2), place="two")
    return pipeline


def echo_and_hold() -> Pipeline:
    """Build: ``value`` comes back at ``echo``; at ``held`` from another site, once there is a file ``until``."""
    with Pipeline(name="echo_and_hold") as pipeline:
        value = PlaceParam(place="value", multiuse=True)
        Yield(value=Echo(site="seattle", value=value), place="echo")
        held = Hold(site="san_francisco", value=value, until=PlaceParam(place="until"))
        # So that this site's part is the larger one, which DFM has report the set's end.
        Yield(value=Echo(site="san_francisco", value=held), place="held")
        Yield(value=Echo(site="san_francisco", value=1), place="one")
        Yield(value=Echo(site="san_francisco", value=2), place="two")
    return pipeline


def same_twice() -> Pipeline:
    """Build: one operation's result, the parameter ``value``, comes twice."""
    with Pipeline(name="same_twice") as pipeline:
        echoed = Echo(site="seattle", value=PlaceParam(place="value"))
        for _ in range(2):
            Yield(value=echoed, place="result", multiuse=True)
    return pipeline


def relay() -> Pipeline:
    """Build: the parameter ``value`` comes back from the server, which has it of a site."""
    with Pipeline(name="relay") as pipeline:
        Yield(value=Echo(site="server", value=Echo(site="seattle", value=PlaceParam(place="value"))), place="result")
    return pipeline


def literal() -> Pipeline:
    """Build: what DFM silently leaves out, or not, as its process happens to order sites: a literal that is yielded."""
    with Pipeline(name="literal") as pipeline:
        Yield(value=Echo(site="seattle", value=1), place="echo")
        Yield(value="one", place="literal")
    return pipeline


def literal_alone() -> Pipeline:
    """Build: a literal that is yielded, and no operation."""
    with Pipeline(name="literal_alone") as pipeline:
        Yield(value="one", place="literal")
    return pipeline


def describe(site: str = "seattle") -> Pipeline:
    """Build: what the operation was called with comes back.

    The parameters are ``day``, a date, ``moment``, a datetime, ``unit``, an enum, ``label``, text or None, ``times``,
    an integer above 0, and ``note``, which the operation does not require.
    """
    return _single(Describe, site, "day", "moment", "unit", "label", "times", "note")


def large(site: str = "seattle") -> Pipeline:
    """Build: a string as long as the parameter ``size``."""
    return _single(Large, site, "size")


def give(site: str = "seattle") -> Pipeline:
    """Build: a value of the parameter ``kind``, which JSON does not know, as large as ``size`` says."""
    return _single(Give, site, "kind", "size")


def give_each(site: str = "seattle") -> Pipeline:
    """Build: values of the parameter ``kinds``, one by one, as large as ``size`` says."""
    return _single(GiveEach, site, "kinds", "size")


def give_and_hold() -> Pipeline:
    """Build: ``give`` at ``given``; at ``held`` from another site its kind, once there is a file ``until``."""
    with Pipeline(name="give_and_hold") as pipeline:
        kind = PlaceParam(place="kind", multiuse=True)
        Yield(value=Give(site="seattle", kind=kind, size=PlaceParam(place="size")), place="given")
        Yield(value=Hold(site="san_francisco", value=kind, until=PlaceParam(place="until")), place="held")
    return pipeline


def give_at_the_server() -> Pipeline:
    """Build: the same as ``give`` from the server, which a site tells the kind."""
    with Pipeline(name="give_at_the_server") as pipeline:
        kind = Echo(site="seattle", value=PlaceParam(place="kind"))
        Yield(value=Give(site="server", kind=kind, size=PlaceParam(place="size")), place="result")
    return pipeline


def not_a_number(site: str = "seattle") -> Pipeline:
    """Build: NaN. No parameters."""
    return _single(NotANumber, site)


def picture() -> Pipeline:
    """Build: an array of as many ``rows``, made and cut at one site, drawn at another: ``cut``, ``image``, ``same``."""
    with Pipeline(name="picture") as pipeline:
        cut = Cut(site="seattle", grid=Grid(site="seattle", rows=PlaceParam(place="rows")), first=1, last=3)
        Yield(value=cut, place="cut")
        Yield(value=Draw(site="san_francisco", grid=cut), place="image")
        Yield(value=Echo(site="san_francisco", value=cut), place="same")
    return pipeline


def measure(mode: Any = "execute") -> Pipeline:
    """Build: the parameters ``city``, ``sensor`` and ``hours`` come back; an ``echo`` of ``city`` from another site."""
    with Pipeline(name="measure", mode=mode) as pipeline:
        city = PlaceParam(place="city", multiuse=True)
        measured = Measure(
            site="seattle", city=city, sensor=PlaceParam(place="sensor"), hours=PlaceParam(place="hours")
        )
        Yield(value=measured, place="result")
        Yield(value=Echo(site="san_francisco", value=city), place="echo")
    return pipeline


def advise(how: str) -> Pipeline:
    """Build a pipeline of mode discovery that asks a good advisor, and one that does ``how``: raise, nothing, …

    Where it is the path of a file, that advisor raises the first time only.
    """
    with Pipeline(name="advise", mode="discovery") as pipeline:
        Measure(site="seattle", city="boston", sensor=Advise(), hours=Advise())
        if how == "invalid":
            Measure(site="san_francisco", city="boston", sensor="wind", hours=Advise())
        else:
            AdviseBadly(site="san_francisco", how=how, value=Advise())
    return pipeline


def open_discovery() -> Pipeline:
    """Build a pipeline of mode discovery whose operation is offered by all sites, and names none."""
    with Pipeline(name="open_discovery", mode="discovery") as pipeline:
        Echo(value=Advise())
    return pipeline


def echo_both() -> Pipeline:
    """Build: the parameter ``value`` comes back at the places ``seattle`` and ``san_francisco``."""
    with Pipeline(name="echo_both") as pipeline:
        value = PlaceParam(place="value", multiuse=True)
        for site in ("seattle", "san_francisco"):
            Yield(value=Echo(site=site, value=value), place=site)
    return pipeline


def shared_place() -> Pipeline:
    """Build: the parameter ``number`` goes to three operations, of different types; it comes back at ``result``."""
    with Pipeline(name="shared_place") as pipeline:
        number = PlaceParam(place="number", multiuse=True)
        Yield(value=Echo(site="seattle", value=number), place="result")
        Yield(value=Large(site="seattle", size=number), place="large")
        Yield(value=Sleep(site="san_francisco", seconds=number), place="sleep")
    return pipeline


def shared_date() -> Pipeline:
    """Build: the parameter ``at`` goes to a date and to a datetime of one operation; it comes back at ``result``."""
    with Pipeline(name="shared_date") as pipeline:
        at = PlaceParam(place="at", multiuse=True)
        # A literal of an enum would come back as that enum, pickled.
        described = Describe(site="seattle", day=at, moment=at, unit=PlaceParam(place="unit"), label=None, times=1)
        Yield(value=described, place="result")
    return pipeline


def conditional(site: str = "seattle") -> Pipeline:
    """Build what DFM 3.1.31 refuses to prepare, with an AssertionError, as every ``If``.

    The parameter ``value`` would come back at ``always``, and at ``result`` only if it is 1.
    """
    with Pipeline(name="conditional") as pipeline:
        value = Echo(site=site, value=PlaceParam(place="value"))
        Yield(value=value, place="always")
        with If(cond=Equal(left=value, right=1)):
            Yield(value=value, place="result")
    return pipeline


def unnamed_site(candidates: list[str] | None = None) -> Pipeline:
    """Build: ``echo`` without a site, or with one of some."""
    with Pipeline(name="unnamed_site") as pipeline:
        site = {"site": BestOf(sites=candidates)} if candidates else {}
        Yield(value=Echo(value=PlaceParam(place="value"), **site), place="result")
    return pipeline


def one_site_can() -> Pipeline:
    """Build: the letters of ``text``; no site is named, and one of them all can do it."""
    with Pipeline(name="one_site_can") as pipeline:
        Yield(value=trial.Spell(text=PlaceParam(place="text")), place="result")
    return pipeline


def empty() -> Pipeline:
    """Build a pipeline without anything in it."""
    with Pipeline(name="empty") as pipeline:
        pass
    return pipeline


def crossing() -> Pipeline:
    """Build: the parameters ``city``, ``sensor`` and ``hours`` go from one site to the other, and come back."""
    with Pipeline(name="crossing") as pipeline:
        values = {name: Echo(site="seattle", value=PlaceParam(place=name)) for name in ("city", "sensor", "hours")}
        Yield(value=Echo(site="seattle", value=Measure(site="san_francisco", **values)), place="result")
    return pipeline


def literal_sets() -> Pipeline:
    """Build: a set that is a literal, and one inside of another literal, come back with the parameter ``value``."""
    with Pipeline(name="literal_sets") as pipeline:
        Yield(value=Echo(site="seattle", value={"boston", "oslo", "rome", None}), place="set")
        Yield(value=Echo(site="seattle", value={"cities": [frozenset({"boston", "oslo", "rome"})]}), place="inside")
        Yield(value=Echo(site="seattle", value=PlaceParam(place="value")), place="result")
    return pipeline


def sites_of_a_set() -> Pipeline:
    """Build: ``echo`` at one of some sites, which are given as a set."""
    with Pipeline(name="sites_of_a_set") as pipeline:
        candidates: Any = {"seattle", "san_francisco"}
        Yield(value=Echo(site=BestOf(sites=candidates), value=PlaceParam(place="value")), place="result")
    return pipeline


def cities_of_a_set() -> Pipeline:
    """Build: ``echo`` of some cities, in the order in which a set has them, and of the parameter ``value``."""
    with Pipeline(name="cities_of_a_set") as pipeline:
        for city in {"boston", "oslo", "rome", "ulm"}:
            Yield(value=Echo(site="seattle", value=city), place=city)
        Yield(value=Echo(site="seattle", value=PlaceParam(place="value")), place="result")
    return pipeline


def loop() -> Pipeline:
    """Build what DFM leaves out: a loop over the parameter ``value``."""
    with Pipeline(name="loop") as pipeline:
        with ForEach(seq=Echo(site="seattle", value=PlaceParam(place="value"))):
            Yield(value=1, place="result")
    return pipeline


def cached() -> Pipeline:
    """Build what DFM leaves out: a value from a cache."""
    with Pipeline(name="cached") as pipeline:
        value = Echo(site="seattle", value=PlaceParam(place="value"))
        with TryFromCache(key=value) as image:
            image.cache(value)
        Yield(value=value, place="result")
    return pipeline


def _single(operation: Any, site: str, *parameters: str) -> Pipeline:
    with Pipeline(name=operation.__name__.lower()) as pipeline:
        places = {name: PlaceParam(place=name) for name in parameters}
        Yield(value=operation(site=site, **places), place="result")
    return pipeline
