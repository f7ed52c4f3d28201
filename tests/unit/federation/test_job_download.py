"""When a job's workspace comes, with a stand-in for the server: a real one stores when it likes.

On a real one: ``test_a_job_is_completed_before_its_server_has_stored_it`` in ``tests/integration/test_pipelines.py``.
"""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation import job_download
from airflow_provider_dfm.federation.errors import CommandTimedOut
from airflow_provider_dfm.federation.job_download import download_stored_job

from .tokens import meta

RAN = "2010-01-01 00:00:00.0"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(job_download, "PAUSE_SECONDS", 0)


@pytest.fixture
def server(tmp_path):
    """Gives a job without its workspace so many times; None: always."""

    def make(without):
        downloads = []

        def download():
            folder = tmp_path / str(len(downloads))
            (folder / "job").mkdir(parents=True)
            if without is not None and len(downloads) >= without:
                (folder / "workspace").mkdir()
            downloads.append(folder)
            return folder

        return downloads, download

    return make


@pytest.mark.parametrize("status", ["FINISHED:COMPLETED", "FINISHED:EXECUTION_EXCEPTION", "FINISHED:ABORTED"])
def test_a_job_that_ran_is_downloaded_until_its_workspace_is_stored(server, status):
    downloads, download = server(3)
    location = download_stored_job(download, meta(status, start_time=RAN))
    assert (location / "workspace").is_dir()
    assert [folder for folder in downloads if folder.exists()] == [location] == downloads[3:]


def test_a_completed_jobs_workspace_that_never_comes_is_no_job_without_results(server):
    _, download = server(None)
    with pytest.raises(CommandTimedOut, match="its server has still not stored"):
        download_stored_job(download, meta(start_time=RAN), storing_seconds=0.01)


def test_a_failed_jobs_workspace_that_never_comes_keeps_nobody_waiting_for_ever(server):
    downloads, download = server(None)
    failed = meta("FINISHED:ABNORMAL", start_time=RAN)
    assert download_stored_job(download, failed, storing_seconds_after_failure=0.01) == downloads[-1]


@pytest.mark.parametrize(("status", "ran"), [("FINISHED:CAN_NOT_SCHEDULE", ""), ("FINISHED:ABANDONED", RAN)])
def test_a_job_that_never_ran_or_died_with_its_server_has_no_workspace_to_wait_for(server, status, ran):
    downloads, download = server(None)
    assert download_stored_job(download, meta(status, start_time=ran)) == downloads[0]
    assert len(downloads) == 1
