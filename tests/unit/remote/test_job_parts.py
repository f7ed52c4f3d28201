"""What a site has to do with a pipeline. The statements have of DFM's only what names their targets."""

from __future__ import annotations

from types import SimpleNamespace as Statement

from airflow_provider_dfm.remote.incoming_tokens import SitePart
from airflow_provider_dfm.remote.job_parts import part_of, read_parts, write_parts


class SendDiscoveryStmt:
    """Named as DFM's."""


def _yield(place):
    return Statement(site="analyst", place=place, is_yield=True)


def _send(site, place):
    return Statement(site=site, place=place, is_yield=False)


def _part(fire=(), error=(), stop=()):
    transition = Statement(fire_body=list(fire), signal_error_body=list(error), signal_stop_body=list(stop))
    return part_of(Statement(transitions=[transition]), "key")


def test_each_value_of_a_place_counts_and_errors_and_stops_do_not():
    part = _part([_yield("answer"), _yield("answer")], [_yield("answer"), _yield("other")], [_yield("_dfm_status_")])
    assert part == SitePart("key", {"answer": 2, "other": 0, "_dfm_status_": 0})
    assert _part([SendDiscoveryStmt()]).yields == {"_dfm_discovery_": 1}


def test_a_site_sends_to_each_place_that_a_statement_of_its_names():
    branch = Statement(taken_site="a", taken_place="1", not_taken_site="b", not_taken_place="2")
    fork = Statement(
        data_receivers=[("c", "3")],
        sync_receivers=[("d", "4")],
        fork_site="e",
        fork_place="5",
        stop_iteration_site="f",
        stop_iteration_place="6",
    )
    read = Statement(place="7")
    part = _part([_send("g", "8"), branch, fork, read], [_send("h", "9")], [_send("i", "10")])
    assert part.sends == {
        *zip("abcdef", "123456", strict=True),
        ("g", "8"),
        ("h", "9"),
        ("i", "10"),
    }


def test_parts_come_back_as_they_were_written_and_nvflare_finds_nothing_to_replace():
    parts = {"a": SitePart("key", {"answer": 1}, frozenset({("b", "in"), ("server", "in")})), "b": SitePart("other")}
    text = write_parts(parts)
    assert read_parts(text) == parts
    assert not set(text) & set("{}$")
