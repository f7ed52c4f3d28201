"""Deferred tasks outlast a FLARE server that is stopped or killed, and is away for a while."""

from __future__ import annotations

import shutil
import time

import pytest

from tests.outages.forms import LONG, long_form_only
from tests.outages.server_records import active_jobs, completed_values, forget_jobs, stored_jobs
from tests.outages.surroundings import add_connection
from tests.outages.waiting_run import HeldJobs, WaitingRun, wait_until

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

# As many jobs as the server runs at once (nvflare/app_common/job_schedulers/job_scheduler.py, max_jobs of the kit).
RUNNING_AT_ONCE = 4


@pytest.mark.parametrize("end", ["kill", pytest.param("stop_server", marks=long_form_only)])
def test_deferred_tasks_outlast_the_server(outage_airflow, outage_federation, open_session, held_jobs, end):
    tasks, seconds = (20, 120) if LONG else (5, 20)
    run = WaitingRun(outage_airflow, "hold_deferred", tasks, held_jobs.conf(tasks))
    run.wait_for_all("deferred", 60 + 20 * tasks)
    wait_until(lambda: len(_running(outage_federation)) == RUNNING_AT_ONCE, 60, "jobs running")
    lost = _running(outage_federation)

    getattr(outage_federation, end)()
    try:
        assert _states_during(seconds, run) == {("deferred", 1)}
    finally:
        outage_federation.start_again()
    held_jobs.release()

    assert run.wait_for_end(120 + 40 * tasks) == "success", run.logs_of_failed()
    wait_until(lambda: not active_jobs(outage_federation), 60, "no job left running")
    with open_session() as session:
        values = completed_values(outage_federation, session, held_jobs.values)
    assert sorted(values.values()) == sorted(held_jobs.value(index) for index in range(tasks))
    answered_by = run.xcoms()
    assert [values.get(job_id) for job_id in answered_by] == [held_jobs.value(index) for index in range(tasks)]
    # What the server lost, it says itself; every other job is still the one of the task's first try.
    first_jobs = {task["map_index"] for task in run.instances() if task["try_number"] == 1}
    assert len(first_jobs) == tasks - len(lost)
    assert not lost & {answered_by[index] for index in first_jobs}


def test_tasks_that_are_to_submit_in_an_outage_hold_no_worker_and_submit_once_it_is_over(
    outage_airflow, outage_federation, open_session, held_jobs, tmp_path
):
    """And a task that waits for a job is told that the server has come back without it."""
    tasks, seconds = (20, 600) if LONG else (2, 0)
    forgotten = HeldJobs(tmp_path)
    waiting = WaitingRun(outage_airflow, "hold_deferred", 1, forgotten.conf(1))
    waiting.wait_for_all("deferred", 90)
    wait_until(lambda: "is RUNNING" in waiting.log(0), 90, "the job running")
    held_jobs.release()
    forgotten.release()
    outage_federation.kill()
    try:
        forget_jobs(outage_federation)
        run = WaitingRun(outage_airflow, "hold_deferred", tasks, held_jobs.conf(tasks))
        run.wait_for_all("deferred", 60 + 20 * tasks)
        wait_until(lambda: "Waiting in the triggerer to try again" in run.log(0), 60, "the outage in the log")
        # Airflow writes the log of the next trigger of the same try over this one's.
        wait_until(lambda: "Still waiting for the federation" in run.log(0), 90, "the wait in the log")
        time.sleep(seconds)
    finally:
        outage_federation.start_again()
    assert run.wait_for_end(120 + 40 * tasks) == "success", run.logs_of_failed()
    assert {task["try_number"] for task in run.instances()} == {1}, run.log(0)
    assert "after this try of the task began: the federation answers" in run.log(0)
    with open_session() as session:
        values = completed_values(outage_federation, session, held_jobs.values)
    assert sorted(values.values()) == sorted(held_jobs.value(index) for index in range(tasks)), "each once"
    assert waiting.wait_for_end(180) == "success", waiting.logs_of_failed()
    assert [task["try_number"] for task in waiting.instances()] == [2]
    assert "JobLost" in waiting.log(0, 1)
    assert "which was RUNNING before. Its server was started at" in waiting.log(0, 1)


@long_form_only
def test_a_kit_that_is_replaced_in_the_outage_reaches_the_tasks_that_wait(
    outage_airflow, outage_federation, open_session, held_jobs, tmp_path
):
    old_kit = shutil.copytree(outage_federation.startup_kit, tmp_path / "kit")
    add_connection(outage_airflow, outage_federation, startup_kit=str(old_kit))
    with open_session() as session:
        # So that the task's own job is in the queue, and not lost with the server.
        for _ in range(RUNNING_AT_ONCE):
            session.execute("trial_pipelines:hold", held_jobs.parameter_set(1))
    run = WaitingRun(outage_airflow, "hold_deferred", 1, held_jobs.conf(1))
    run.wait_for_all("deferred", 90)
    wait_until(lambda: "is SUBMITTED" in run.log(0), 60, "a first look")

    outage_federation.stop_server()
    try:
        add_connection(outage_airflow, outage_federation)
        shutil.rmtree(old_kit)
    finally:
        outage_federation.start_again()
    held_jobs.release()

    assert run.wait_for_end(240) == "success", run.logs_of_failed()
    assert [task["try_number"] for task in run.instances()] == [1], run.log(0)


def _running(federation):
    return {job_id for job_id, meta in stored_jobs(federation).items() if meta["status"] == "RUNNING"}


def _states_during(seconds, run):
    ends = time.monotonic() + seconds
    seen = set()
    while time.monotonic() < ends:
        seen |= {(task["state"], task["try_number"]) for task in run.instances()}
        time.sleep(2)
    return seen
