"""A federation of their own for the tests that break it, in the Airflow of the other tests."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from tests.outages.surroundings import connect, make_outage_federation, session_fields
from tests.outages.waiting_run import HeldJobs


@pytest.fixture(scope="module")
def outage_federation(tmp_path_factory):
    """A federation that a test may stop and kill, as long as it runs again at the test's end."""
    with make_outage_federation(tmp_path_factory.mktemp("outage-federation")) as running:
        yield running


@pytest.fixture
def open_session(outage_federation):
    """Opens a session with it that keeps no results."""
    return lambda: FederationSession(read_settings(session_fields(outage_federation), "test"))


@pytest.fixture(scope="module")
def outage_airflow(airflow, outage_federation):
    """Airflow, with the DAGs of this folder and the connection to that federation."""
    connect(airflow, outage_federation)
    return airflow


@pytest.fixture
def held_jobs(tmp_path):
    """Jobs that the test lets end."""
    return HeldJobs(tmp_path)
