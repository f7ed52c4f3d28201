"""Results while a job runs: the same, in the same order, for any number of readers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_dfm.federation.errors import JobFailed, JobTimedOut
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings

pytestmark = pytest.mark.federation


@pytest.fixture(params=["flare", "local"])
def settings(request, tmp_path, local_fields):
    settings = local_fields()
    if request.param == "flare":
        settings = request.getfixturevalue("fields")(federation="trials")
    return read_settings(settings | {"results_path": str(tmp_path / "results")}, "test")


def _read(session, job_id):
    return list(session.reattach(job_id).follow_results(poll_interval=0.2, timeout=120))


def test_results_come_in_order_while_the_job_runs(settings):
    sets = [{"seconds": 0.5}] * 20
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:sleep", sets)
        live = job.follow_results(poll_interval=0.2, timeout=120)
        first = next(live)
        assert not job.get_status().has_ended
        results = [first, *live]
        assert [result.parameter_set for result in results] == list(range(20))
        assert results == list(job.results())


def test_two_sessions_read_a_running_job_and_a_third_reads_it_after(fields, tmp_path):
    settings = read_settings(fields(federation="trials"), "test")
    sets = [
        {
            "seconds": 0.2,
        }
        for _ in range(20)
    ]
    with FederationSession(settings) as session, FederationSession(settings) as another:
        job = session.execute("trial_pipelines:sleep", sets)
        with ThreadPoolExecutor() as readers:
            read = list(readers.map(lambda reader: _read(reader, job.job_id), (session, another)))
        with FederationSession(settings) as third:
            after = list(third.reattach(job.job_id).results())
    assert read == [after, after]
    assert len(after) == 20


def test_a_set_that_fails_ends_the_stream_with_its_error_after_those_before_it(settings):
    messages = ["", "", "no data", ""]
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:fail", [{"message": message} for message in messages])
        seen = []
        live = job.follow_results(poll_interval=0.2, timeout=120)
        with pytest.raises(JobFailed, match="parameter set 2, site seattle: RuntimeError: no data"):
            seen.extend(result.parameter_set for result in live)
        assert seen in ([], [0], [0, 1])


def test_a_job_that_takes_too_long_is_left_running(settings):
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:sleep", {"seconds": 60})
        with pytest.raises(JobTimedOut, match="left running"):
            list(job.follow_results(poll_interval=0.2, timeout=2))
        assert not job.get_status().has_ended
        job.cancel()
