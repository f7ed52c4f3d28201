"""A thousand parameter sets in one job, followed while it runs; ten thousand are in ``benchmarks/many_sets.py``."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings

pytestmark = pytest.mark.federation

SETS = 1000


@pytest.mark.parametrize("target", ["flare", "local"])
def test_a_thousand_sets_come_while_the_job_runs_in_order_and_each_once(target, request, local_fields, tmp_path):
    fields = local_fields() if target == "local" else request.getfixturevalue("fields")(federation="trials")
    settings = read_settings(fields | {"results_path": str(tmp_path)}, "test")
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:echo", [{"value": number} for number in range(SETS)])
        live = job.follow_results(poll_interval=0.1, timeout=300)
        came = [next(live)]
        # What a thousand sets need at once would end together.
        assert not job.get_status().has_ended
        came += live
        assert [(result.parameter_set, result.value) for result in came] == [(i, i) for i in range(SETS)]
        assert came == list(job.results())
