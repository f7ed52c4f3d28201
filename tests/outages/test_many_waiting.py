"""Any number of deferred tasks of a connection cost one log-in and one look a round, as the server counts it."""

from __future__ import annotations

import time

import pytest

from tests.outages.forms import LONG
from tests.outages.server_records import LIST_JOBS, LOG_IN, AdminCommands
from tests.outages.waiting_run import WaitingRun, wait_until

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

# In dags/outage_dags.py, DAG watch.
POKE_INTERVAL = 2
ROUNDS = 5


def test_one_log_in_and_one_look_a_round(outage_airflow, outage_federation, open_session, held_jobs):
    tasks = 100 if LONG else 40
    jobs = _submit(open_session, held_jobs, tasks)
    since_start = AdminCommands.from_now(outage_federation)

    few = _watch(outage_airflow, [jobs[index % 2] for index in range(tasks)])
    wait_until(lambda: len(since_start.names()) > 1, 120, "a first look")
    commands, rounds = _commands_of_some_rounds(outage_federation, a_round=2)
    # A slow machine makes fewer rounds than its time has room for, never more.
    assert len(commands) <= 2 * rounds, commands

    all_of_them = _watch(outage_airflow, jobs)
    commands, rounds = _commands_of_some_rounds(outage_federation, a_round=1)
    assert set(commands) == {LIST_JOBS}
    assert len(commands) <= rounds

    assert since_start.names().count(LOG_IN) == 1
    assert set(few.states() + all_of_them.states()) == {"deferred"}
    for run in (few, all_of_them):
        run.give_up()


def _submit(open_session, held_jobs, count):
    """Jobs of which some run and the others are in the queue; none ends before the test does."""
    with open_session() as session:
        pipeline = session.prepare("trial_pipelines:hold")
        return [session.execute(pipeline, held_jobs.parameter_set(index)).job_id for index in range(count)]


def _watch(airflow, job_ids):
    run = WaitingRun(airflow, "watch", len(job_ids), {"job_ids": job_ids})
    run.wait_for_all("deferred", 60 + 10 * len(job_ids))
    return run


def _commands_of_some_rounds(federation, a_round):
    began = time.monotonic()
    since = AdminCommands.from_now(federation)
    wait_until(lambda: len(since.names()) >= ROUNDS * a_round, 120, f"{ROUNDS} looks")
    commands = since.names()
    return commands, (time.monotonic() - began) / POKE_INTERVAL + 1
