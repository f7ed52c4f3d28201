"""A server that dies and comes back: the newest nvflare leaves its jobs RUNNING for ever."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.federation.errors import JobFailed
from airflow_provider_dfm.hooks import lost_jobs
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_end import conclude
from airflow_provider_dfm.hooks.job_wait import JobWait, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.task_identity import STATE_KEY
from demo.flare_poc import FlarePoc
from tests.integration.test_submit_once import SLEEP

pytestmark = [pytest.mark.federation, pytest.mark.airflow]


@pytest.fixture
def killable(tmp_path, monkeypatch):
    """A federation of its own, whose server a test can kill, and the connection to it."""
    with FlarePoc(tmp_path / "federation", Path(sys.executable)) as running:
        extra = {"startup_kit": str(running.startup_kit), "results_path": f"file://{tmp_path}/results"}
        connection = Connection(conn_id="killable", conn_type="dfm", login=running.admin, extra=json.dumps(extra))
        monkeypatch.setenv("AIRFLOW_CONN_KILLABLE", connection.as_json())
        yield running


class Store(dict):
    """Stands in for the store of a task's state: no task runs here."""

    def set(self, key, value, *, retention=None):
        self[key] = value


def test_a_job_that_died_with_its_server_is_lost_and_given_up(killable, monkeypatch):
    monkeypatch.setattr(lost_jobs, "CHECK_SECONDS", 2.0)
    log = logging.getLogger("test")
    with DfmHook("killable") as hook:
        job = hook.submit_job(str(SLEEP))
        while job.get_job_meta().status != "RUNNING":
            time.sleep(0.2)
        killable.kill_server()
        killable.start_server()
        event = wait_for_job(JobWatch(hook), JobWait(job.job_id, time.time() + 300, log), poll_interval=1)
        assert event == {"job_id": job.job_id, "status": "RUNNING", "lost": True}
        store = Store()
        with pytest.raises(JobFailed, match=f"Job {job.job_id} is lost: the server lists it as RUNNING"):
            conclude({"task_state_store": store}, hook, event, log, abort_on_timeout=True)
        assert store[STATE_KEY]["given_up"] == [job.job_id]
