"""What each version tells of its jobs."""

from __future__ import annotations

import uuid

import pytest

from airflow_provider_dfm.federation.errors import JobNotFound

pytestmark = pytest.mark.federation


@pytest.fixture
def ids(jobs):
    """The ids of the version's jobs, in the order of their submits."""
    return [job.job_id for job in jobs.submitted.values()]


def test_the_jobs_are_listed_in_the_order_of_their_submits(session, ids):
    listed = [job.job_id for job in session.list_jobs() if job.job_id in ids]
    assert listed == ids
    assert [job.job_id for job in session.list_jobs(reverse=True) if job.job_id in ids] == ids[::-1]


def test_a_limit_keeps_the_latest(session):
    listed = [job.job_id for job in session.list_jobs()]
    assert [job.job_id for job in session.list_jobs(limit=2)] == listed[-2:]
    assert [job.job_id for job in session.list_jobs(limit=2, reverse=True)] == listed[:-3:-1]


def test_a_list_can_be_of_the_ids_that_begin_so(session, ids):
    (found,) = session.list_jobs(id_prefix=ids[0][:20])
    assert found.job_id == ids[0]
    assert session.list_jobs(id_prefix="x") == []


@pytest.mark.parametrize("prefix", ["RAI", "two", "Two W", "-d"])
def test_a_list_can_be_of_the_names_that_begin_so_in_upper_or_lower_case(session, jobs, prefix):
    names = {job.name for job in session.list_jobs(name_prefix=prefix)}
    assert names == {kind for kind in jobs.submitted if kind.startswith(prefix.lower())}


def test_filters_go_together(session, jobs):
    kind = "two words"
    for prefix in ("two", kind):
        (found,) = session.list_jobs(
            detailed=True, limit=1, id_prefix=jobs[kind].job_id[:8], name_prefix=prefix, reverse=True
        )
        assert found.job_id == jobs[kind].job_id
    assert session.list_jobs(id_prefix=jobs[kind].job_id, name_prefix="one word") == []


def test_a_detailed_list_has_the_whole_meta_of_each_job(session, ids, seen):
    (brief,) = session.list_jobs(id_prefix=ids[0])
    (detailed,) = session.list_jobs(id_prefix=ids[0], detailed=True)
    assert brief.custom_props == {}
    assert detailed.note == session.get_job_meta(ids[0]).note
    assert detailed.note.content
    assert (detailed.name, detailed.submitter_name) == (brief.name, "analyst@weather.example")
    seen("`list_jobs` has further keys", ", ".join(sorted(brief.model_extra)) or "none")
    seen("a job's meta has further keys", ", ".join(sorted(detailed.model_extra)))


def test_an_id_that_nobody_used_is_named(session, seen):
    job_id = str(uuid.uuid4())
    with pytest.raises(JobNotFound, match=job_id) as caught:
        session.get_job_meta(job_id)
    assert session.find_job(job_id) is None
    seen("`get_job_meta` of an id that nobody used raises", nvflares_own(caught.value))


def nvflares_own(error):
    """The client library's class of an error, which the message names after what was tried."""
    return str(error).split(": ")[1]
