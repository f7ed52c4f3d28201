"""A federation of their own for the tests that break it, in the Airflow of the other tests."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.demonstration import FEDERATION, connection_fields, make_federation
from tests.outages.waiting_run import HeldJobs, wait_until

TRIALS = Path(__file__).resolve().parents[1] / "federation"
DAGS = Path(__file__).resolve().parent / "dags"
CONNECTION = "outages"


@pytest.fixture(scope="session")
def long_form():
    """Whether outages last for minutes and tasks are many: ``make outages``."""
    return os.environ.get("OUTAGES") == "long"


@pytest.fixture(scope="module")
def outage_federation(tmp_path_factory):
    """A federation that a test may stop and kill, as long as it runs again at the test's end."""
    folder = tmp_path_factory.mktemp("outage-federation")
    with make_federation(folder, python_path=(TRIALS,), max_schedule_count=60) as running:
        yield running


@pytest.fixture(scope="module")
def outage_fields(outage_federation):
    """The settings of a session with it."""
    fields = connection_fields(outage_federation, python_path=f"{FEDERATION}:{TRIALS}")
    return fields | {"user": outage_federation.admin, "federation": "trials"}


@pytest.fixture
def open_session(outage_fields):
    """Opens a session with it that keeps no results."""
    return lambda: FederationSession(read_settings(outage_fields, "test"))


@pytest.fixture(scope="module")
def outage_airflow(airflow, outage_fields):
    """Airflow, with the DAGs of this folder and the connection to that federation."""
    fields = dict(outage_fields)
    airflow.add_connection(CONNECTION, "dfm", login=fields.pop("user"), extra=fields)
    since = datetime.now(timezone.utc)
    shutil.copy(DAGS / "outage_dags.py", airflow.dags_folder)
    wait_until(lambda: "outage_dags.py" in airflow.parsed_files(since), 60, "the DAGs of outage_dags.py")
    return airflow


@pytest.fixture
def held_jobs(tmp_path):
    """Jobs that the test lets end."""
    return HeldJobs(tmp_path)
