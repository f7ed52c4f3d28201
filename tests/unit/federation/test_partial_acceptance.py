"""A job that answered some of its sets only, which the task that submitted it accepts: it said so, or has taken it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.errors import WorkFailed
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.results_folder import keep_results, note_acceptance, read_kept_results
from airflow_provider_dfm.remote.bound_pipeline import BoundPipeline

from .tokens import end, error, meta, token, write_job


def partly_answered(folder, *, accepts=False, **changes):
    job = meta(sets=2)
    if accepts:
        job.custom_props[CUSTOM_PROPERTY]["accepts_partial"] = True
    tokens = [token(), end(), error("no data", [1]), end([1]), end("stop")]
    return read_downloaded_job(write_job(folder, *tokens), job.model_copy(update=changes))


def values(results, partial=None):
    return [result.value for result in results.checked(partial)]


@pytest.mark.parametrize("noted", ["at the submit", "when it was taken"])
def test_whoever_reads_the_results_need_not_accept_them_again(tmp_path, noted):
    results = partly_answered(tmp_path / "job", accepts=noted == "at the submit")
    kept = keep_results(results, tmp_path / "kept")
    if noted == "when it was taken":
        with pytest.raises(WorkFailed):
            list(kept)
        note_acceptance(tmp_path / "kept")
    kept = read_kept_results(tmp_path / "kept")
    assert [result.value for result in kept] == values(kept) == values(kept, True) == [1]
    assert kept.outcome.acceptance().startswith("1 of 2 parameter sets of job 1 were not answered, which the task")
    assert list(kept.outcome.failed_sets()) == [1]


def test_who_says_that_it_is_to_fail_is_obeyed_and_told(tmp_path):
    results = partly_answered(tmp_path, accepts=True)
    with pytest.raises(WorkFailed, match=r"no data.*not answered, which the task that submitted the job accepts"):
        values(results, partial=False)


def test_what_nobody_accepts_is_an_error_as_ever(tmp_path):
    results = partly_answered(tmp_path)
    assert results.outcome.acceptance() == ""
    with pytest.raises(WorkFailed):
        values(results)


def test_a_clone_is_not_its_originals_submitting_tasks_affair(tmp_path):
    with pytest.raises(WorkFailed):
        values(partly_answered(tmp_path, accepts=True, cloned_from="2"))


def test_a_job_that_was_answered_in_full_needs_no_acceptance(tmp_path):
    job = meta(sets=1)
    job.custom_props[CUSTOM_PROPERTY]["accepts_partial"] = True
    results = read_downloaded_job(write_job(tmp_path, token(), end(), end("stop")), job)
    assert results.outcome.acceptance() == ""


def test_nothing_is_noted_where_nothing_is_kept(tmp_path):
    note_acceptance(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_retry_that_accepts_more_or_less_is_the_same_job():
    prepared = SimpleNamespace(net_irs=dict, federation_module="f", homesite="h", api_version="1")
    one, other = (BoundPipeline(prepared, [{}], [], {}) for _ in range(2))
    other.accepts_partial = True
    assert one.content() == other.content()
