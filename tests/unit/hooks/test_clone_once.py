"""Clones whose answers get lost at any point. The federation is a list here: a real one loses no replies on demand."""

from __future__ import annotations

import itertools

import pytest

from airflow_provider_dfm.federation.errors import CommandTimedOut, JobContentConflict
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.federation.submit_once import Claim
from airflow_provider_dfm.hooks.clone_once import CloneOnce

CLAIM = Claim(JobIdentity("c", "d", "r", "t", -1, "salt", 1))


class Store(dict):
    def set(self, key, value, retention=None):
        self[key] = value


class Federation:
    def __init__(self):
        self.jobs = {"source": JobMeta(job_id="source", status="FINISHED:COMPLETED")}
        self.fault = None
        self._numbers = itertools.count(1)

    def make(self, status="RUNNING", of="source"):
        job_id = f"clone {next(self._numbers)}"
        self.jobs[job_id] = JobMeta(job_id=job_id, status=status, cloned_from=of)
        return job_id

    def end(self, job_id, status):
        self.jobs[job_id] = self.jobs[job_id].model_copy(update={"status": status})

    def list_jobs(self, detailed):
        return list(self.jobs.values())

    def check_sites(self, required):
        assert not required

    def find_job(self, job_id):
        return self.jobs.get(job_id)

    def clone_job(self, job_id):
        made = self.make(of=job_id)
        fault, self.fault = self.fault, None
        if fault:
            raise fault
        return FederationJob(None, made)

    def reattach(self, job_id, found, ends_at):
        return FederationJob(None, job_id, found, ends_at)


@pytest.fixture
def federation():
    return Federation()


@pytest.fixture
def store():
    return Store()


def clone(federation, store, claim=CLAIM, ends_at=1.0):
    return CloneOnce("source", store).clone(federation, claim, ends_at, RequiredSites())


def test_a_second_try_finds_the_clone_of_the_first_with_its_deadline(federation, store):
    first = clone(federation, store, ends_at=5.0)
    again = clone(federation, store, ends_at=9.0)
    assert first.found is None
    assert (again.job_id, again.found.status, again.ends_at) == (first.job_id, "RUNNING", 5.0)
    federation.end(first.job_id, "FINISHED:COMPLETED")
    assert clone(federation, store).job_id == first.job_id


def test_a_clone_whose_answer_was_lost_is_found_among_those_of_others(federation, store):
    federation.make()
    federation.fault = CommandTimedOut("no reply")
    with pytest.raises(CommandTimedOut):
        clone(federation, store)
    federation.make(of="another")
    assert clone(federation, store).job_id == "clone 2"
    assert len(federation.jobs) == 4


def test_which_of_several_clones_is_its_own_a_task_does_not_guess(federation, store):
    federation.fault = CommandTimedOut("no reply")
    with pytest.raises(CommandTimedOut):
        clone(federation, store)
    federation.make()
    with pytest.raises(JobContentConflict, match="clone 1, clone 2"):
        clone(federation, store)


def test_a_request_that_never_came_is_made_again(federation, store):
    federation.clone_job, whole = None, federation.clone_job
    with pytest.raises(TypeError):
        clone(federation, store)
    federation.clone_job = whole
    assert clone(federation, store).job_id == "clone 1"


@pytest.mark.parametrize("status", ["FINISHED:ABORTED", "FINISHED:EXECUTION_EXCEPTION"])
def test_a_clone_that_failed_makes_room_for_another(federation, store, status):
    first = clone(federation, store)
    federation.end(first.job_id, status)
    assert clone(federation, store).job_id == "clone 2"


def test_a_clone_that_was_given_up_or_deleted_makes_room_for_another(federation, store):
    first = clone(federation, store)
    second = clone(federation, store, Claim(CLAIM.identity, given_up=(first.job_id,)))
    assert second.job_id == "clone 2"
    del federation.jobs[second.job_id]
    assert clone(federation, store).job_id == "clone 3"


def test_a_cleared_task_makes_a_clone_of_its_own_and_its_former_one_is_known(federation, store):
    first = clone(federation, store)
    once = CloneOnce("source", store)
    assert once.active(federation, cycle=1) == [first.job_id]
    assert once.active(federation, cycle=2) == []
    assert clone(federation, store, Claim(CLAIM.identity.in_cycle(2))).job_id == "clone 2"
