"""Any number of deferred tasks of a connection cost one log-in and one look a round, as the server counts it."""

from __future__ import annotations

import time

import pytest

from tests.outages.server_records import LIST_JOBS, LOG_IN, AdminCommands
from tests.outages.waiting_run import WaitingRun, wait_until

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

# In dags/outage_dags.py, DAG watch.
POKE_INTERVAL = 2
ROUNDS = 5


@pytest.fixture
def submit(open_session, held_jobs):
    """Submits jobs that do not end before the test does; gives their ids. Aborts them at the end."""
    submitted = []

    def submit(count):
        with open_session() as session:
            pipeline = session.prepare("trial_pipelines:hold")
            sets = [held_jobs.parameter_set(index) for index in range(count)]
            submitted.extend(session.execute(pipeline, parameters).job_id for parameters in sets)
        return list(submitted)

    yield submit
    with open_session() as session:
        for job_id in submitted:
            session.abort_job(job_id)


@pytest.mark.parametrize("distinct", [True, False], ids=["a job each", "two jobs together"])
def test_one_log_in_and_one_look_a_round(outage_airflow, outage_federation, submit, long_form, distinct):
    tasks = 100 if long_form else 30
    jobs = submit(tasks if distinct else 2)
    since_start = AdminCommands.from_now(outage_federation)
    watched = [jobs[index % len(jobs)] for index in range(tasks)]
    run = WaitingRun(outage_airflow, "watch", tasks, {"job_ids": watched})
    try:
        run.wait_for_all("deferred", 60 + 10 * tasks)
        began = time.monotonic()
        since_deferred = AdminCommands.from_now(outage_federation)
        commands_a_round = 1 if distinct else len(jobs)
        wanted = ROUNDS * commands_a_round
        wait_until(lambda: len(since_deferred.names()) >= wanted, 120, f"{ROUNDS} polls")
        commands = since_deferred.names()
        rounds = (time.monotonic() - began) / POKE_INTERVAL + 1
    finally:
        run.give_up()
    assert since_start.names().count(LOG_IN) == 1
    if distinct:
        assert set(commands) == {LIST_JOBS}
    # A slow machine makes fewer rounds, never more.
    assert len(commands) <= rounds * commands_a_round
