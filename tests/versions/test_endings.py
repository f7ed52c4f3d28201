"""Every way in which a job of each version can end, made to happen, and what becomes of a task that waits for it."""

from __future__ import annotations

import re

import pytest

from airflow_provider_dfm.federation.errors import JobFailed, TransientFederationError
from tests.dag_runs import run_dag, task_states
from tests.versions.flare_versions import ALL
from tests.versions.trial_jobs import wait_for_status

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

# The kind of job, the status that it ends with, and the reason that is shown.
FAILURES = [
    ("aborted", "FINISHED:ABORTED", ""),
    ("raises", "FINISHED:EXECUTION_EXCEPTION", ""),
    ("server process killed", "FINISHED:EXECUTION_EXCEPTION", ""),
    ("unknown site", "FINISHED:CAN_NOT_SCHEDULE", "missing required site boston; exceeded max schedule count 2"),
    ("no resources", "FINISHED:CAN_NOT_SCHEDULE", "not enough sites have enough resources (ok sites 1 < min sites 2)"),
    ("cannot be stored", "FINISHED:FAILED_TO_RUN", "seattle: exception_occurred: "),
]


# Against these a retry may help.
MAY_HELP = ("FINISHED:CAN_NOT_SCHEDULE", "FINISHED:FAILED_TO_RUN")


@pytest.mark.parametrize(("kind", "status", "reason"), FAILURES, ids=[kind for kind, *_ in FAILURES])
def test_a_job_that_did_not_do_its_work_has_failed(session, ended_jobs, kind, status, reason):
    job = ended_jobs[kind]
    with pytest.raises(JobFailed) as caught:
        session.check_job(job.job_id)
    assert isinstance(caught.value, TransientFederationError) == (status in MAY_HELP)
    assert f"Job {job.job_id} ({kind}) ended as {status}." in str(caught.value)
    assert reason in str(caught.value)


def test_a_job_that_did_its_work_has_not(session, ended_jobs):
    session.check_job(ended_jobs["two words"].job_id)
    meta = ended_jobs["two words"].get_job_meta()
    assert (meta.status, meta.name) == ("FINISHED:COMPLETED", "two words")
    assert meta.deploy_detail == {"server": "OK", "san_francisco": "OK", "seattle": "OK"}


def test_a_task_that_waits_for_a_job_fails_as_the_job_did(ended_jobs, connection, database, caplog, capsys):
    conf = {kind: job.job_id for kind, job in ended_jobs.submitted.items()}
    states = task_states(run_dag("endings_long" if ALL else "endings_short", conf))
    output = capsys.readouterr()
    text = caplog.text + output.out + output.err
    assert "nobody can wait less than no time" in text
    waited_for = [failure for failure in FAILURES if ALL or failure[0] in ("raises", "unknown site")]
    expected = {kind.replace(" ", "_"): "failed" for kind, *_ in waited_for}
    assert states == (expected | {"two_words": "success"} if ALL else expected)
    for kind, status, reason in waited_for:
        assert re.search(f"{re.escape(reason)}.*Job {conf[kind]} .{kind}. ended as {status}", text), kind


def test_a_job_whose_process_dies_at_a_site_as_it_starts(jobs, version, seen):
    notices = version.release >= (2, 9)
    if not (notices or ALL):
        pytest.skip("a server of this version goes by the site's signs of life, for minutes: make test-all-versions")
    job = jobs.submit_one_that_dies_at_a_site()
    subject = "a job whose process dies at a site as it starts"
    if notices:
        assert job.wait_until_finished(120)
        assert job.get_job_meta().status == "FINISHED:ABNORMAL"
        seen(subject, "FINISHED:ABNORMAL")
    else:
        wait_for_status(job, "RUNNING")
        assert not job.wait_until_finished(15)
        job.cancel()
        seen(subject, "RUNNING, for a minute or longer")
