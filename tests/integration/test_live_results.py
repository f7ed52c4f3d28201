"""Results while a job runs: the same, in the same order, for any number of readers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.errors import JobFailed, JobTimedOut
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.federation.tokens import read_token

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


def test_a_sets_end_comes_after_all_of_its_results_though_another_site_reports_it(settings):
    # Every other one is a file of its own, which comes before its result.
    sets = [{"size": size} for size in (500_000, 2_500_000)] * 15
    # Results that are kept replace a local job's tokens.
    with FederationSession(settings.model_copy(update={"results_path": ""})) as session:
        job = session.execute("trial_pipelines:large_and_small", sets)
        job.wait_until_finished(120, 0.2)
        folder = Path(session.ask("download_job_result", job_id=job.job_id)["location"])
        arrived = [read_token(json.loads(line)) for line in next(folder.rglob("tokens.jsonl")).open()]
    for number in range(len(sets)):
        kinds = [token.kind for token in arrived if token.frame[:1] == (number,) and token.kind in ("value", "end")]
        assert kinds == ["value"] * 4 + ["end"]
    (reporter,) = {token.site for token in arrived if token.kind == "end" and token.frame}
    assert reporter == "san_francisco", "so that this test tests something"


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_large_value_is_opened_while_the_job_runs_and_after(settings, tmp_path, is_kept):
    settings = settings if is_kept else settings.model_copy(update={"results_path": ""})
    until = tmp_path / "until"
    with FederationSession(settings) as session:
        given = {"kind": "numbers", "size": 700_000, "until": str(until)}
        job = session.execute("trial_pipelines:give_and_hold", given)
        live = job.follow_results(poll_interval=0.2, timeout=120)
        first = next(live)
        (size,) = first.files.sizes.values()
        assert size == 700_000 * 8, "more than the server gives with one answer"
        for _ in range(2):
            assert first.array().tolist() == list(range(700_000))
        assert not job.get_status().has_ended
        assert list(session._session.folder.rglob("value-*")) == [], "what was brought to be read once is gone"
        until.touch()
        assert [result.value for result in live] == ["numbers"]
        job.results()
        assert first.array().sum() == 700_000 * 699_999 / 2


def test_two_statements_that_yield_the_same_to_one_place_give_a_result_each(settings):
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:same_twice", [{"value": "first"}, {"value": "second"}])
        live = list(job.follow_results(poll_interval=0.2, timeout=120))
        assert live == list(job.results())
    assert [result.value for result in live] == ["first", "first", "second", "second"]


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
