from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.submit_once import Claim
from airflow_provider_dfm.operators.dfm import DfmDiscoverOperator

CLAIM = Claim(JobIdentity("c", "d", "r", "t", -1, "salt", 1), given_up=("lost",))


@pytest.mark.parametrize(("on_error", "partial"), [("fail", False), ("list", True)])
def test_errors_are_good_enough_for_a_retry_where_they_are_listed(on_error, partial):
    asked = {}

    class Hook:
        def prepare_discovery(self, *arguments):
            return self

        def execute(self, *arguments, **keywords):
            asked.update(keywords)
            return self

    discover = DfmDiscoverOperator(task_id="discover", pipeline="pipelines:measure_discovery", on_error=on_error)
    discover.submit(Hook(), claim=CLAIM)
    assert asked["claim"] == Claim(CLAIM.identity, CLAIM.given_up, partial)
