from __future__ import annotations

import logging
import time

import pytest

from airflow_provider_dfm.federation.errors import SitesMissing, StartupKitError
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.federation_watch import Fault
from airflow_provider_dfm.hooks.site_wait import SiteWait, connected_sites

LOG = logging.getLogger("test")


@pytest.mark.parametrize(
    ("required", "connected", "lack"),
    [
        ({"min_sites": 2}, ["a", "b"], ""),
        ({"min_sites": 2}, ["a"], "1 of at least 2 sites are connected (connected: a)"),
        ({"min_sites": 0}, [], ""),
        ({"sites": ["b"]}, ["a", "b"], ""),
        ({"sites": "b, c"}, ["a"], "not connected: b, c (connected: a)"),
        (
            {"sites": ["b"], "min_sites": 3},
            [],
            "not connected: b; 0 of at least 3 sites are connected (connected: none)",
        ),
    ],
)
def test_what_is_missing_is_named(required, connected, lack):
    assert RequiredSites(**required).lack(connected) == lack


def test_nothing_is_required_of_a_federation_by_default():
    assert not RequiredSites()
    assert RequiredSites(min_sites=0)
    RequiredSites().check([])


def wait(ends_at=None):
    return SiteWait(RequiredSites(sites=["b"]), ends_at, LOG)


def test_a_wait_ends_once_all_sites_are_there(caplog):
    caplog.set_level(logging.INFO)
    waiting = wait()
    assert [waiting.take(seen) for seen in (["a"], ["a"], Fault("connection refused"))] == [None] * 3
    assert connected_sites(waiting.take(["a", "b"])) == ["a", "b"]
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "The federation is not complete: not connected: b (connected: a)",
        "Cannot look for the federation's sites: connection refused",
        "The federation is ready, its sites: a, b",
    ]


def test_a_wait_that_is_out_of_time_says_what_was_missing():
    with pytest.raises(SitesMissing, match="not connected: b"):
        connected_sites(wait(ends_at=time.time() - 1).take(["a"]))


def test_a_connection_that_cannot_work_ends_the_wait_by_its_error():
    with pytest.raises(StartupKitError, match="expired"):
        connected_sites(wait().take(Fault("the kit has expired", "StartupKitError")))
