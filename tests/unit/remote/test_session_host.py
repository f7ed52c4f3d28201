from __future__ import annotations

import logging

import pytest

from airflow_provider_dfm.remote.session_host import ForwardingHandler

COSTS = "Site info for seattle doesn't have send cost info to site 'analyst'. Using suboptimal default info."


class Outlet:
    """Stands in for the pipe to the parent."""

    def __init__(self):
        self.sent = []

    def log(self, level, name, text):
        self.sent.append((level, text))


@pytest.fixture
def sent():
    outlet = Outlet()
    logger = logging.getLogger("test_session_host")
    handler = ForwardingHandler(outlet)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger, outlet.sent
    logger.removeHandler(handler)


def test_costs_that_nobody_configured_are_told_once_and_only_to_who_looks_for_details(sent):
    logger, lines = sent
    for _ in range(2):
        logger.warning(COSTS)
    logger.warning(COSTS.replace("analyst", "server"))
    logger.warning("something else")
    assert lines == [
        (logging.DEBUG, COSTS),
        (logging.DEBUG, COSTS.replace("analyst", "server")),
        (logging.WARNING, "something else"),
    ]
