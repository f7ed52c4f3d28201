"""A real federation of each version, and what the tests need of it. All tests of a version run together."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.flare_poc import FlarePoc
from tests.versions.flare_versions import TRIED, VERSIONS
from tests.versions.observations import Observations
from tests.versions.read_only_jobs import ReadOnlyJobs
from tests.versions.trial_jobs import JOB_FUNCTIONS, TrialJobs

CONNECTION = "version"
OBSERVATIONS = pytest.StashKey[Observations]()


@pytest.fixture(scope="session", params=TRIED, ids=str)
def version(request):
    return request.param


@pytest.fixture(scope="session")
def poc(version, request, tmp_path_factory):
    """The running federation of the version."""
    if version.fixture:
        yield request.getfixturevalue(version.fixture)
    else:
        with FlarePoc(tmp_path_factory.mktemp(str(version)), version.python) as running:
            yield running


@pytest.fixture(scope="session")
def version_fields(poc):
    """Makes the settings of a session with it: ``version_fields(secure_mode=False)``."""

    def make(**changes):
        return {"user": poc.admin, "startup_kit": str(poc.startup_kit), "python": str(poc.python)} | changes

    return make


@pytest.fixture(scope="session")
def session(version_fields, tmp_path_factory):
    """A session that is open for all tests of the version."""
    fields = version_fields(python_path=JOB_FUNCTIONS, results_path=str(tmp_path_factory.mktemp("results")))
    with FederationSession(read_settings(fields, "test")) as opened:
        yield opened


@pytest.fixture(scope="session", autouse=True)
def jobs(session, poc, tmp_path_factory):
    """The jobs of the version, all submitted before its first test, so that they run meanwhile."""
    trial_jobs = TrialJobs(session, poc, tmp_path_factory.mktemp("jobs"))
    trial_jobs.submit()
    return trial_jobs


@pytest.fixture(scope="session")
def ended_jobs(jobs):
    """The same, once they have ended."""
    jobs.wait()
    return jobs


@pytest.fixture(scope="session")
def read_only_jobs(jobs, poc, version_fields, tmp_path_factory):
    """Two jobs of one folder, which two sessions submit at once with one kit, where neither may be written to."""
    return ReadOnlyJobs(poc.startup_kit, version_fields, tmp_path_factory.mktemp("with blanks") / "two words")


@pytest.fixture
def connection(version_fields, tmp_path, monkeypatch):
    """Airflow's connection to the federation; gives its id."""
    extra = version_fields(results_path=f"file://{tmp_path}/results")
    made = Connection(conn_id=CONNECTION, conn_type="dfm", login=extra.pop("user"), extra=json.dumps(extra))
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", made.as_json())
    return CONNECTION


@pytest.fixture
def seen(request, version):
    """Notes what a test saw of the version: ``seen("the status right after an abort", status)``."""
    stash = request.config.stash
    observations = stash.setdefault(OBSERVATIONS, Observations())
    return lambda subject, value: observations.note(subject, version.name, value)


def pytest_sessionfinish(session, exitstatus):
    """Write the table, where it is wanted and all went well."""
    table = os.environ.get("FLARE_VERSIONS_TABLE")
    if table and exitstatus == 0:
        observations = session.config.stash[OBSERVATIONS]
        Path(table).write_text(observations.as_markdown([version.name for version in VERSIONS]))
