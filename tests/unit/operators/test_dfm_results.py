from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_dfm.federation.errors import WorkFailed
from airflow_provider_dfm.operators import dfm_results
from airflow_provider_dfm.operators.dfm_results import DfmResultsOperator
from tests.unit.federation.test_partial_acceptance import partly_answered

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"


class Hook:
    """Stands in for a hook with a job that answered one set of two."""

    results_path = Path("/results")

    def __init__(self, results):
        self._results = results

    def results(self, job_id):
        return self._results

    def close(self):
        pass


def read(monkeypatch, results, **arguments):
    monkeypatch.setattr(dfm_results, "DfmHook", lambda dfm_conn_id: Hook(results))
    return DfmResultsOperator(task_id="read", job_id=JOB, **arguments).execute({})


def test_what_the_submitting_task_accepted_is_accepted(monkeypatch, tmp_path):
    answer = read(monkeypatch, partly_answered(tmp_path, accepts=True))
    assert answer["accepted"]
    assert answer["failed"] == {"1": "site seattle: RuntimeError: no data"}


def test_what_nobody_accepted_is_refused_unless_this_task_takes_it(monkeypatch, tmp_path):
    results = partly_answered(tmp_path)
    with pytest.raises(WorkFailed):
        read(monkeypatch, results)
    answer = read(monkeypatch, results, on_partial_failure="succeed")
    assert (answer["count"], answer["accepted"]) == (1, False)


def test_a_task_that_is_to_fail_does_whatever_was_accepted(monkeypatch, tmp_path):
    with pytest.raises(WorkFailed, match="which the task that submitted the job accepts"):
        read(monkeypatch, partly_answered(tmp_path, accepts=True), on_partial_failure="fail")
