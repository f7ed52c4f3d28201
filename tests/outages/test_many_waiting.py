"""Any number of deferred tasks of a connection cost one log-in and one look a round, as the server counts it."""

from __future__ import annotations

import time

import pytest

from airflow_provider_dfm.hooks.job_watch import DETAILS_A_POLL
from airflow_provider_dfm.hooks.lost_jobs import CHECK_SECONDS
from tests.outages.forms import LONG
from tests.outages.server_records import CHECK_STATUS, GET_JOB_META, LIST_JOBS, LOG_IN, AdminCommands
from tests.outages.waiting_run import WaitingRun, wait_until

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

# In dags/outage_dags.py, DAG watch.
POKE_INTERVAL = 2
ROUNDS = 5


@pytest.fixture
def watch(outage_airflow):
    """Starts a task for each of some jobs that waits for it, deferred; gives the run. Ends them with the test."""
    runs = []

    def watch(job_ids):
        runs.append(WaitingRun(outage_airflow, "watch", len(job_ids), {"job_ids": job_ids}))
        runs[-1].wait_for_all("deferred", 60 + 10 * len(job_ids))
        return runs[-1]

    yield watch
    for run in runs:
        run.give_up()


def test_one_log_in_and_one_look_a_round(watch, outage_federation, open_session, held_jobs):
    tasks = 100 if LONG else 12
    jobs = _submit(open_session, held_jobs, tasks)
    since_start = AdminCommands.from_now(outage_federation)

    few = watch([jobs[index % 2] for index in range(tasks)])
    few.wait_for_first_looks(120)
    looks, rounds = _looks_of_some_rounds(outage_federation, a_round=2)
    # A slow machine makes fewer rounds than its time has room for, never more.
    assert len(looks) <= 2 * rounds

    all_of_them = watch(jobs)
    all_of_them.wait_for_first_looks(120)
    looks, rounds = _looks_of_some_rounds(outage_federation, a_round=1)
    # The reasons why jobs wait are asked for a few at a time, however many there are.
    assert set(looks) <= {LIST_JOBS, GET_JOB_META}
    assert 0 < looks.count(LIST_JOBS) <= rounds
    assert looks.count(GET_JOB_META) <= DETAILS_A_POLL * rounds

    assert since_start.names().count(LOG_IN) == 1
    assert set(few.states() + all_of_them.states()) == {"deferred"}


def _submit(open_session, held_jobs, count):
    """Jobs of which some run and the others are in the queue; none ends before the test does."""
    with open_session() as session:
        pipeline = session.prepare("trial_pipelines:hold")
        return [session.execute(pipeline, held_jobs.parameter_set(index)).job_id for index in range(count)]


def _looks_of_some_rounds(federation, a_round):
    """The commands of a few rounds; and how many rounds their time has room for, at most."""
    began = time.monotonic()
    since = AdminCommands.from_now(federation)

    def looks():
        return [name for name in since.names() if name != CHECK_STATUS]

    wait_until(lambda: len(looks()) >= ROUNDS * a_round, 120, f"{ROUNDS} looks")
    seen = looks()
    seconds = time.monotonic() - began
    assert since.names().count(CHECK_STATUS) <= seconds / CHECK_SECONDS + 1
    return seen, seconds / POKE_INTERVAL + 1
