"""A site that dies while a pipeline runs on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.errors import SiteDied
from tests.outages.forms import long_form_only

pytestmark = [pytest.mark.federation, long_form_only]


def test_sets_that_do_not_reach_a_dead_site_fail_their_job_and_name_the_site(outage_federation, open_session):
    with open_session() as session:
        job = session.execute("trial_pipelines:echo", {"value": 0}, autostop=False)
        assert next(job.follow_results(poll_interval=0.5)).value == 0
        outage_federation.kill("seattle")
        try:
            assert job.send_input_params({"value": 1}) == [1]
            # A message has five minutes to arrive.
            assert job.wait_until_finished(timeout=400)
        finally:
            outage_federation.start_again("seattle")
        with pytest.raises(SiteDied, match="site seattle: parameter sets that were sent did not reach it") as caught:
            list(job.results())
        assert "did not finish" not in str(caught.value)
        assert [result.value for result in job.results().partial()] == [0]


def test_a_site_whose_process_dies_is_named_and_a_retry_may_help(outage_federation, open_session):
    with open_session() as session:
        job = session.execute("trial_pipelines:sleep", {"seconds": 600})
        ends = time.monotonic() + 60
        while not (pids := _processes(outage_federation, "seattle", job.job_id)):
            assert time.monotonic() < ends, "the job did not start at the site"
            time.sleep(0.5)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        # The server gives the site a minute to come back.
        assert job.wait_until_finished(timeout=300)
        with pytest.raises(SiteDied, match=r"^site seattle: died, or went away, before it had finished"):
            list(job.results())


def _processes(federation, site, job_id):
    return [pid for pid in federation.pids(site) if job_id.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]
