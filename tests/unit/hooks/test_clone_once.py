"""Clones whose answers get lost at any point. The federation is a list here: a real one loses no replies on demand."""

from __future__ import annotations

import itertools
import logging
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationError, JobContentConflict
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.federation.submit_once import Claim
from airflow_provider_dfm.hooks.clone_once import CloneOnce
from airflow_provider_dfm.operators.flare import FlareCloneJobOperator

CLAIM = Claim(JobIdentity("c", "d", "r", "t", -1, "salt", 1))


class Store(dict):
    def set(self, key, value, retention=None):
        self[key] = value


class Federation:
    settings = SimpleNamespace(user="me", secure_mode=True)
    log = logging.getLogger("test")

    def __init__(self):
        self.jobs = {"source": JobMeta(job_id="source", status="FINISHED:COMPLETED")}
        self.fault = None
        self._numbers = itertools.count(1)

    def make(self, status="RUNNING", of="source", by="me"):
        job_id = f"clone {next(self._numbers)}"
        self.jobs[job_id] = JobMeta(job_id=job_id, status=status, cloned_from=of, submitter_name=by)
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


def lose_the_answer(federation, store):
    federation.fault = CommandTimedOut("no reply")
    with pytest.raises(CommandTimedOut):
        clone(federation, store)


def lose_the_request(federation, store):
    federation.clone_job, whole = _raise, federation.clone_job
    with pytest.raises(CommandTimedOut):
        clone(federation, store)
    federation.clone_job = whole


def _raise(job_id):
    raise CommandTimedOut("no reply")


def test_a_clone_that_another_task_made_meanwhile_is_never_taken(federation, store):
    lose_the_request(federation, store)
    another = clone(federation, Store())
    with pytest.raises(JobContentConflict, match=another.job_id):
        clone(federation, store)
    assert list(federation.jobs) == ["source", another.job_id]


def test_two_tasks_whose_answers_were_lost_take_none_of_each_others_clones(federation, store):
    lose_the_answer(federation, store)
    other = Store()
    lose_the_answer(federation, other)
    with pytest.raises(JobContentConflict, match="clone 1, clone 2"):
        clone(federation, store)
    with pytest.raises(JobContentConflict, match="clone 2 came"):
        clone(federation, other)


def test_a_clone_whose_answer_was_lost_is_for_a_person_to_tell_and_clearing_makes_another(federation, store):
    federation.make()
    lose_the_answer(federation, store)
    federation.make(of="another")
    with pytest.raises(JobContentConflict, match="clone 2 came"):
        clone(federation, store)
    assert clone(federation, store, Claim(CLAIM.identity.in_cycle(2))).job_id == "clone 4"


@pytest.mark.parametrize("left", ["FINISHED:ABORTED", "FINISHED:EXECUTION_EXCEPTION", "deleted", "somebody else's"])
def test_a_clone_that_nobody_waits_for_or_that_another_user_made_leaves_no_doubt(federation, store, left):
    lose_the_request(federation, store)
    came = federation.make(by="a stranger" if left == "somebody else's" else "me")
    if left == "deleted":
        del federation.jobs[came]
    elif left.startswith("FINISHED"):
        federation.end(came, left)
    assert clone(federation, store).job_id == "clone 2"


def test_what_is_in_doubt_is_not_aborted_but_named(federation, store, caplog):
    lose_the_answer(federation, store)
    assert CloneOnce("source", store).active(federation, cycle=1) == []
    assert "clone 1" in caplog.text


def test_a_request_that_never_came_is_made_again(federation, store):
    lose_the_request(federation, store)
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


def test_a_server_that_can_list_no_jobs_clones_and_a_lost_answer_is_left_to_a_person(federation, store):
    def broken(detailed):
        raise FederationError("a name is no text")

    federation.list_jobs, whole = broken, federation.list_jobs
    first = clone(federation, store)
    assert clone(federation, store).job_id == first.job_id
    other = Store()
    lose_the_answer(federation, other)
    with pytest.raises(FederationError, match="a name is no text"):
        clone(federation, other)
    assert CloneOnce("source", other).active(federation, cycle=1) == []
    assert clone(federation, other, Claim(CLAIM.identity.in_cycle(2))).job_id == "clone 3"
    other = Store()
    lose_the_answer(federation, other)
    federation.list_jobs = whole
    with pytest.raises(JobContentConflict, match="clone 1, clone 2, clone 3, clone 4"):
        clone(federation, other)


def test_a_task_that_is_ended_while_it_waits_for_the_answer_aborts_the_clone(federation, store):
    """Its id was not known yet when the task was told to end."""
    operator = FlareCloneJobOperator(task_id="clone", job_id="source")
    operator._once = CloneOnce("source", store)
    federation.aborted = []
    federation.abort_job = federation.aborted.append
    whole = federation.clone_job

    def slow(job_id):
        operator.on_kill()
        return whole(job_id)

    federation.clone_job = slow
    operator.submit(federation, claim=CLAIM, ends_at=1.0, required_sites=RequiredSites())
    assert federation.aborted == ["clone 1"]


def test_a_clone_whose_task_is_ended_is_found_without_asking_airflow(federation, store):
    class Locked(Store):
        locked = False

        def get(self, key):
            assert not self.locked, "the interrupted request holds Airflow's lock"
            return super().get(key)

        def set(self, key, value, retention=None):
            super().set(key, value)
            if value["clone"]:
                # The task is ended here.
                self.locked = True
                active.extend(once.active(federation, 1))

    active = []
    once = CloneOnce("source", Locked())
    job = once.clone(federation, CLAIM, 1.0, RequiredSites())
    assert active == [job.job_id]
    assert once.active(federation, 2) == []
