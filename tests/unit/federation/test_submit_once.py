from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    FederationError,
    JobContentConflict,
    JobDefinitionError,
)
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.submit_once import Claim, active_jobs, submit_once

IDENTITY = JobIdentity("c", "d", "r", "t", -1, "salt", 1)
CLAIM = Claim(IDENTITY)


class Federation:
    """Stands in for one: jobs by id, and submits that fail before or after the job was taken."""

    def __init__(self, *statuses, content="content"):
        self.jobs = {}
        self.submitted = []
        self.before = []
        self.after = []
        for attempt, status in enumerate(statuses):
            self.put(IDENTITY.job_id(attempt), status, content)

    def put(self, job_id, status, content="content"):
        if status is not None:
            props = {CUSTOM_PROPERTY: {"content": content}}
            self.jobs[job_id] = JobMeta(job_id=job_id, name="job", status=status, custom_props=props)

    def submit(self, job_id, failed):
        if self.before:
            raise self.before.pop(0)
        assert job_id not in self.jobs
        self.submitted.append(job_id)
        self.put(job_id, "SUBMITTED")
        if self.after:
            raise self.after.pop(0)

    def submit_once(self, claim=CLAIM, content="content"):
        return submit_once(claim, content, self.jobs.get, self.submit)


def test_the_id_is_a_version_4_uuid_that_follows_from_the_identity():
    job_id = IDENTITY.job_id(0)
    assert uuid.UUID(job_id).version == 4
    assert job_id == JobIdentity("c", "d", "r", "t", -1, "salt", 1).job_id(0)
    # Names must not run into each other.
    others = [IDENTITY.job_id(1), IDENTITY.in_cycle(2).job_id(0), replace(IDENTITY, dag_id="dr", run_id="").job_id(0)]
    assert len({job_id, *others}) == 4


@pytest.mark.parametrize(
    ("there", "content", "same"),
    [
        ("given made", "given otherwise", True),
        ("given made", "other made", True),
        # Jobs of the release before, and pipelines that it kept, have the last one only.
        ("made", "given made", True),
        ("given made", "made", True),
        ("given made", "other otherwise", False),
        ("given made", "", False),
        ("", "", False),
        ("", "given made", False),
    ],
)
def test_a_content_is_the_same_where_its_author_gave_the_same_or_it_does_the_same(there, content, same):
    federation = Federation("RUNNING", content=there)
    if same:
        assert federation.submit_once(content=content).found
    else:
        with pytest.raises(JobContentConflict):
            federation.submit_once(content=content)


def test_a_new_job_is_submitted_under_its_first_id():
    federation = Federation()
    submission = federation.submit_once()
    assert (submission.job_id, submission.found) == (IDENTITY.job_id(0), None)
    assert federation.submitted == [IDENTITY.job_id(0)]


@pytest.mark.parametrize("status", ["SUBMITTED", "APPROVED", "DISPATCHED", "RUNNING", "FINISHED:COMPLETED"])
def test_a_job_that_is_there_is_found(status):
    federation = Federation(status)
    submission = federation.submit_once()
    assert submission.job_id == IDENTITY.job_id(0)
    assert submission.found.status == status
    assert federation.submitted == []


@pytest.mark.parametrize("status", ["FINISHED:ABORTED", "FINISHED:EXECUTION_EXCEPTION", "FINISHED:ABANDONED"])
def test_a_job_that_failed_makes_room_for_the_next(status):
    federation = Federation(status, status)
    assert federation.submit_once().job_id == IDENTITY.job_id(2)
    assert federation.submitted == [IDENTITY.job_id(2)]


def test_a_job_that_completed_without_its_results_makes_room_for_the_next():
    federation = Federation("FINISHED:COMPLETED")
    first = IDENTITY.job_id(0)
    federation.jobs[first] = federation.jobs[first].model_copy(update={"failed": True})
    assert federation.submit_once().job_id == IDENTITY.job_id(1)


def test_a_job_that_was_given_up_makes_room_for_the_next():
    federation = Federation("RUNNING")
    claim = Claim(IDENTITY, given_up=(IDENTITY.job_id(0),))
    assert federation.submit_once(claim).job_id == IDENTITY.job_id(1)


def test_a_deleted_job_does_not_hide_its_successor():
    federation = Federation(None, "RUNNING")
    assert federation.submit_once().job_id == IDENTITY.job_id(1)
    assert federation.submitted == []


@pytest.mark.parametrize("status", ["RUNNING", "FINISHED:COMPLETED"])
def test_another_content_is_a_conflict(status):
    federation = Federation(status, content="another")
    with pytest.raises(JobContentConflict, match="was submitted by an earlier try of this task, with another content"):
        federation.submit_once()
    assert federation.submitted == []


def test_another_content_after_a_failure_is_submitted():
    federation = Federation("FINISHED:ABORTED", content="another")
    assert federation.submit_once().job_id == IDENTITY.job_id(1)


@pytest.mark.parametrize("error", [CommandTimedOut("no reply"), FederationError("internal error")])
def test_a_submit_that_failed_after_the_server_took_the_job_is_found(error):
    federation = Federation()
    federation.after = [error]
    assert federation.submit_once().job_id == IDENTITY.job_id(0)
    assert federation.submitted == [IDENTITY.job_id(0)]


@pytest.mark.parametrize("error", [CommandTimedOut("no reply"), JobDefinitionError("no app")])
def test_a_submit_that_failed_before_is_an_error(error):
    federation = Federation()
    federation.before = [error]
    with pytest.raises(type(error)):
        federation.submit_once()
    assert federation.submitted == []


def test_an_id_that_the_server_has_half_stored_is_left_for_the_next():
    federation = Federation()
    federation.before = [FederationError("cannot create object at nonempty directory")]
    assert federation.submit_once().job_id == IDENTITY.job_id(1)
    federation = Federation()
    federation.before = [FederationError("internal error")] * 2
    with pytest.raises(FederationError):
        federation.submit_once()


def test_active_jobs_are_those_that_have_not_ended():
    federation = Federation("FINISHED:ABORTED", None, "RUNNING", "FINISHED:COMPLETED", "SUBMITTED")
    assert active_jobs(IDENTITY, federation.jobs.get) == [IDENTITY.job_id(2), IDENTITY.job_id(4)]
