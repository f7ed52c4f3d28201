"""Threads that share one hook, each with a pipeline and parameter sets of its own: each has its own results."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.hooks.dfm import DfmHook

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

THREADS = 20
SITES = ("seattle", "san_francisco")


def _work(number):
    """A thread's pipeline with its arguments and its parameter sets, and the results it has to get: set, place, value.

    No two threads have the same values, and those with the same pipeline have another site or number of sets.
    """
    mine = [f"{number}-{index}" for index in range(1 + number // 4 % 3)]
    site = SITES[number // 2 % 2]
    if number % 4 == 0:
        expected = [(index, place, value) for index, value in enumerate(mine) for place in sorted(SITES)]
        return "echo_both", None, [{"value": value} for value in mine], expected
    if number % 4 == 1:
        expected = [(index, "result", value * number) for index, value in enumerate(mine)]
        return "repeat", {"site": site}, [{"text": value, "count": number} for value in mine], expected
    expected = [(index, "result", value) for index, value in enumerate(mine)]
    return "echo", {"site": site}, [{"value": value} for value in mine], expected


@pytest.mark.parametrize("target", ["flare", "local"])
def test_each_of_many_threads_has_its_own_results(target, request, local_fields, tmp_path, monkeypatch):
    made = local_fields() if target == "local" else request.getfixturevalue("fields")(federation="trials")
    login, extra = made.pop("user", None), json.dumps(made | {"results_path": f"file://{tmp_path}/results"})
    connection = Connection(conn_id="shared", conn_type="dfm", login=login, extra=extra)
    monkeypatch.setenv("AIRFLOW_CONN_SHARED", connection.as_json())
    barrier = Barrier(THREADS)

    def run(number):
        pipeline, arguments, sets, _ = _work(number)
        barrier.wait()
        job = hook.execute(f"trial_pipelines:{pipeline}", sets, pipeline_arguments=arguments)
        assert job.wait_until_finished(timeout=300, poll_interval=1)
        return job.job_id, sorted((result.parameter_set, result.place, result.value) for result in job.results())

    with DfmHook("shared") as hook, ThreadPoolExecutor(THREADS) as threads:
        outcomes = list(threads.map(run, range(THREADS)))
    assert [results for _, results in outcomes] == [_work(number)[3] for number in range(THREADS)]
    assert len({job_id for job_id, _ in outcomes}) == THREADS
