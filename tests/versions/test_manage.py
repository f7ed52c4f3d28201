"""Cloning, aborting, deleting and downloading jobs of each version; what has been done already is a success."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.errors import FederationError, JobNotDone, JobNotFound
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.operators.flare import (
    FlareAbortJobOperator,
    FlareDeleteJobOperator,
    FlareDownloadResultOperator,
)
from tests.versions.flare_versions import long_form_only
from tests.versions.trial_jobs import make_job, wait_for_status

pytestmark = pytest.mark.federation

# What a job gets from its server, and a clone gets anew.
OF_THE_RUN = {
    "duration",
    "job_id",
    "last_schedule_time",
    "schedule_count",
    "schedule_history",
    "start_time",
    "status",
    "submit_time",
    "submit_time_iso",
    "job_deploy_detail",
}


def test_a_running_job_is_cloned_and_its_clone_aborted_downloaded_and_deleted(session, jobs, seen, tmp_path):
    job = jobs["running"]
    clone = session.clone_job(job.job_id)
    assert clone.job_id != job.job_id
    wait_for_status(clone, "RUNNING")
    with pytest.raises(JobNotDone, match=clone.job_id):
        session.delete_job(clone.job_id)
    clone.cancel()
    assert clone.wait_until_finished(120, poll_interval=0.1)
    assert (clone.get_status(), job.get_status()) == (JobStatus.ABORTED, JobStatus.RUNNING)
    stored = Path(session.flare("download_job_result", clone.job_id), "workspace").exists()
    seen("the workspace of an aborted job, once its status says so", "is stored" if stored else "is not stored yet")
    # Whatever the server does, the download waits for it.
    files = session.download_job_result(clone.job_id, tmp_path / "files").files
    assert any(name.startswith("workspace/") for name in files)
    assert session.delete_job(clone.job_id)
    assert not session.delete_job(clone.job_id)
    assert clone.get_status() is JobStatus.UNKNOWN
    with pytest.raises(FederationError) as caught:
        session.flare("delete_job", clone.job_id)
    seen("`delete_job` of a job that is not there raises", str(caught.value).split(": ")[1])


def test_an_abort_reaches_a_job_that_is_just_being_brought_to_its_sites(session, ended_jobs, tmp_path):
    job, other = (session.submit_job(make_job(tmp_path, name, seconds=600)) for name in ("soon", "later"))
    while job.get_job_meta().status == "SUBMITTED":
        pass
    job.cancel()
    # The server brings one job to its sites after the other.
    wait_for_status(other, "RUNNING")
    other.cancel()
    assert job.wait_until_finished(60)
    assert job.get_status() is JobStatus.ABORTED


def test_an_ended_job_is_cloned_with_what_makes_it_that_job(session, ended_jobs, seen):
    job = ended_jobs["two words"]
    clone = session.clone_job(job.job_id)
    before, after = (session.flare("get_job_meta", each.job_id) for each in (job, clone))
    clone.cancel()
    assert after["cloned_from"] == job.job_id
    assert (after["name"], after["deploy_map"]) == ("two words", before["deploy_map"])
    lost = {key for key in before if before[key] and key not in after} - OF_THE_RUN
    seen("a clone lacks of its job's meta", ", ".join(sorted(lost)) or "nothing")


def test_the_status_right_after_the_abort_of_a_running_job(ended_jobs, seen):
    seen("the status of a running job right after its abort", ended_jobs.status_after_abort)


def test_an_abort_leaves_an_ended_job_as_it_is(session, ended_jobs, seen):
    job = ended_jobs["two words"]
    before = job.get_job_meta()
    job.cancel()
    session.abort_job(job.job_id)
    assert job.get_job_meta() == before
    answer = str(session.flare("abort_job", job.job_id)).replace(job.job_id, "…")
    seen("`abort_job` of an ended job answers", answer)


@pytest.mark.parametrize("what", ["clone_job", "abort_job", "download_job_result"])
def test_nothing_can_be_done_to_a_job_that_nobody_knows(session, what):
    job_id = str(uuid.uuid4())
    with pytest.raises(JobNotFound, match=job_id):
        getattr(session, what)(job_id)
    assert not session.delete_job(job_id)


@long_form_only
@pytest.mark.airflow
def test_the_operators_take_for_done_what_is_done(session, ended_jobs, connection, tmp_path):
    job_id = ended_jobs["two words"].job_id
    options = {"task_id": "task", "dfm_conn_id": connection, "job_id": job_id}
    assert FlareAbortJobOperator(**options).execute({}) == job_id
    came = FlareDownloadResultOperator(**options, paths=["workspace/app_server/answers.json"]).execute({})
    assert came["files"] == 1
    options["job_id"] = str(uuid.uuid4())
    assert FlareDeleteJobOperator(**options).execute({}) == options["job_id"]
