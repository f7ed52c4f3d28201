"""What is said of a job of the local target that ended though nobody ended it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.errors import JobAborted, ResultsIncomplete, SiteDied
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings

pytestmark = pytest.mark.federation


@pytest.fixture
def session(local_fields, tmp_path):
    settings = read_settings(local_fields(results_path=str(tmp_path / "results")), "test")
    with FederationSession(settings) as opened:
        yield opened


def site_processes(session):
    """The processes of the sites, which DFM's runner has spawned: multiprocessing/spawn.py."""
    group = session._session._host._pid
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


def test_a_job_whose_site_died_says_so_in_the_words_of_dfms_runner(session, tmp_path):
    job = session.execute("trial_pipelines:hold", {"value": 1, "until": str(tmp_path / "never")})
    os.kill(site_processes(session)[0], signal.SIGKILL)
    assert job.wait_until_finished(timeout=60)
    with pytest.raises(SiteDied) as raised:
        list(job.results())
    assert "died, or went away: its process ended with exit code -9" in str(raised.value)
    assert "DFM's runner said: [HealthCheck] Detected dead execution" in str(raised.value)
    assert "somebody aborted it" not in str(raised.value)


def test_a_job_that_somebody_aborted_was_aborted(session, tmp_path):
    job = session.execute("trial_pipelines:hold", {"value": 1, "until": str(tmp_path / "never")})
    job.cancel()
    assert job.wait_until_finished(timeout=60)
    with pytest.raises(JobAborted, match="somebody aborted it"):
        list(job.results())


def test_results_that_are_gone_from_where_they_were_kept_are_missed_at_once(session, tmp_path):
    job = session.execute("trial_pipelines:echo", {"value": 1})
    assert job.wait_until_finished(timeout=60)
    assert [result.value for result in job.results()] == [1]
    shutil.rmtree(tmp_path / "results")
    with pytest.raises(ResultsIncomplete, match="were brought before, and are gone from where they were kept"):
        job.results()
