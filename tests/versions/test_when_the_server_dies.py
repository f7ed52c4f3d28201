"""A server of each version that is killed and started again. By its name the last, because it ends what runs."""

from __future__ import annotations

import logging
import time

import pytest

from airflow_provider_dfm.federation.errors import FederationError, JobFailed
from airflow_provider_dfm.hooks import lost_jobs
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_end import conclude
from airflow_provider_dfm.hooks.job_wait import JobWait, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.task_identity import STATE_KEY
from tests.versions.trial_jobs import wait_for_status

pytestmark = [pytest.mark.federation, pytest.mark.airflow]


class Store(dict):
    """Stands in for the store of a task's state: no task runs here."""

    def set(self, key, value, *, retention=None):
        self[key] = value


def test_a_wait_for_a_job_that_died_with_its_server_ends(jobs, poc, connection, version, seen, monkeypatch):
    monkeypatch.setattr(lost_jobs, "CHECK_SECONDS", 2.0)
    log, job_id, store = logging.getLogger("test"), jobs["running"].job_id, Store()
    wait_for_status(jobs["running"], "RUNNING")
    with DfmHook(connection) as hook:
        poc.kill()
        poc.start_again()
        event = wait_for_job(JobWatch(hook), JobWait(job_id, time.time() + 300, log), poll_interval=1)
        answer = _abort(hook, job_id)
        with pytest.raises(JobFailed) as caught:
            conclude({"task_state_store": store}, hook, event, log, abort_on_timeout=True)
    abandons = version.release < (2, 8)
    if abandons:
        assert event["status"] == "FINISHED:ABANDONED"
        assert f"Job {job_id} (running) ended as FINISHED:ABANDONED" in str(caught.value)
        assert STATE_KEY not in store
    else:
        assert (event["status"], event["lost"]) == ("RUNNING", True)
        assert f"Job {job_id} is lost: the server lists it as RUNNING" in str(caught.value)
        assert store[STATE_KEY]["given_up"] == [job_id]
    seen("the status of a job whose server was killed, once that is back", event["status"])
    seen("`abort_job` of a job that died with its server", answer)


def _abort(hook, job_id):
    try:
        hook.flare("abort_job", job_id)
    except FederationError as error:
        return f"raises {str(error).split(': ')[1]}"
    return f"is accepted; then its status is {hook.get_job_meta(job_id).status}"
