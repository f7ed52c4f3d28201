"""A site that dies while a pipeline runs on."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import JobFailed
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
        with pytest.raises(JobFailed, match="site seattle: parameter sets that were sent did not reach it") as caught:
            list(job.results())
        assert "did not finish" not in str(caught.value)
        assert [result.value for result in job.results().partial()] == [0]
