from __future__ import annotations

import functools
import hashlib
import json
import math
from types import SimpleNamespace

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation.errors import CallbackFailed, JobFailed, ResultsIncomplete
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.result_callbacks import ResultCallbacks
from airflow_provider_dfm.federation.results import FederationResults, read_downloaded_job
from airflow_provider_dfm.federation.results_folder import MANIFEST, RESULTS, keep_results, read_kept_results

from .tokens import end, error, meta, token, write_job


@pytest.fixture
def results(tmp_path):
    tokens = [token(frame=[i], value={"n": i, "text": "ä\n"}) for i in range(3)]
    tokens += [end([i]) for i in range(3)] + [end("stop")]
    return read_downloaded_job(write_job(tmp_path / "download", *tokens), meta(sets=3))


@pytest.fixture(params=["pathlib", "object storage"])
def folder(request, tmp_path):
    kept = tmp_path / "kept" / "1"
    return kept if request.param == "pathlib" else ObjectStoragePath(f"file://{kept}")


def test_what_is_kept_is_what_came(results, folder):
    keep_results(results, folder)
    kept = read_kept_results(folder)
    assert list(kept) == list(results)
    assert kept.outcome == results.outcome
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "results.jsonl"]


def test_results_that_were_kept_without_their_nodes_are_read_still(results, tmp_path):
    keep_results(results, tmp_path / "kept")
    path = tmp_path / "kept" / RESULTS
    content = path.read_bytes().replace(b',"node":0', b"")
    path.write_bytes(content)
    manifest = json.loads((tmp_path / "kept" / MANIFEST).read_bytes())
    manifest["files"][RESULTS] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (tmp_path / "kept" / MANIFEST).write_text(json.dumps(manifest))
    kept = read_kept_results(tmp_path / "kept")
    assert [(each.value["n"], each.node) for each in kept] == [(0, None), (1, None), (2, None)]
    assert {each.node for each in results} == {0}


def test_a_failed_jobs_results_are_kept_with_its_failure(tmp_path):
    download = write_job(tmp_path / "download", token(), error("no data", [1]), end("stop"))
    keep_results(read_downloaded_job(download, meta(sets=2)), tmp_path / "kept")
    kept = read_kept_results(tmp_path / "kept")
    with pytest.raises(JobFailed, match="no data"):
        iter(kept)
    assert [each.value for each in kept.received()] == [1]


def test_without_its_manifest_nothing_is_there(results, folder):
    assert read_kept_results(folder) is None
    keep_results(results, folder)
    (folder / "manifest.json").unlink()
    assert read_kept_results(folder) is None


def test_a_changed_file_is_noticed(results, tmp_path):
    keep_results(results, tmp_path / "kept")
    path = tmp_path / "kept" / "results.jsonl"
    path.write_text(path.read_text().replace('"n":1', '"n":7'))
    with pytest.raises(ResultsIncomplete, match="SHA-256 differs"):
        list(read_kept_results(tmp_path / "kept"))


def test_a_strange_manifest_is_an_error(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"some": "thing"}))
    with pytest.raises(ResultsIncomplete, match="not a manifest"):
        read_kept_results(tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        {"nan": math.nan, "infinities": [math.inf, -math.inf]},
        [2**53 + 1, -(2**64), 10**400],
        "\ud800 and \udfff, halves of pairs, and a whole one: \U0001f600",
        functools.reduce(lambda inner, _: [inner], range(400), 1),
        [1e308, 5e-324, 0.1 + 0.2, -0.0, 1.0],
        {"": None, "\u2028\x00\n": "\r\n\x85"},
    ],
    ids=["not numbers", "large integers", "surrogates", "deep", "floats", "odd text"],
)
def test_values_are_kept_as_they_are(value, folder, tmp_path):
    download = write_job(tmp_path / "download", token(value=value), end(), end("stop"))
    keep_results(read_downloaded_job(download, meta()), folder)
    (kept,) = read_kept_results(folder)
    assert repr(kept.value) == repr(value)


def test_an_error_whose_message_is_no_text_is_kept(folder, tmp_path):
    download = write_job(tmp_path / "download", error("half a pair: \ud800"), end("stop"))
    keep_results(read_downloaded_job(download, meta()), folder)
    assert read_kept_results(folder).outcome.errors[0].message == "half a pair: \N{REPLACEMENT CHARACTER}"


def test_a_file_of_another_size_is_noticed_before_the_first_result(results, folder):
    kept = keep_results(results, folder)
    with (folder / "results.jsonl").open("ab") as file:
        file.write(b"{}")
    for read in (lambda: read_kept_results(folder), lambda: next(iter(kept))):
        with pytest.raises(ResultsIncomplete, match=r"has \d+ bytes, but \d+ were written"):
            read()
    (folder / "results.jsonl").unlink()
    for read in (lambda: read_kept_results(folder), lambda: next(iter(kept))):
        with pytest.raises(ResultsIncomplete, match="is missing"):
            read()


def test_an_error_in_the_middle_leaves_what_was_there(results, folder):
    keep_results(results, folder)

    def broken():
        yield next(results.received())
        raise TimeoutError("the task's time is over")

    with pytest.raises(TimeoutError):
        keep_results(FederationResults(results.outcome, broken), folder)
    assert list(read_kept_results(folder)) == list(results)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "results.jsonl"]


YIELDS = {"answer": 1, "perhaps": 1}


def test_a_callback_for_a_conditional_place_is_taken_though_only_the_results_are_left(tmp_path):
    """The server forgot the job: what is kept is all that is known of it."""
    download = write_job(tmp_path / "download", token(), end(), end("stop"))
    keep_results(read_downloaded_job(download, meta(yields=YIELDS)), tmp_path / "kept")
    left = read_kept_results(tmp_path / "kept").outcome.as_meta()
    session = SimpleNamespace(get_job_meta=lambda job_id: left)
    FederationJob(session, "1").call_back(ResultCallbacks(place_callbacks={"perhaps": print})).check_callbacks()
    with pytest.raises(CallbackFailed, match="never"):
        FederationJob(session, "1").call_back(ResultCallbacks(place_callbacks={"never": print})).check_callbacks()


def test_results_that_were_kept_without_their_conditional_places_are_read_still(tmp_path):
    download = write_job(tmp_path / "download", token(), end(), end("stop"))
    keep_results(read_downloaded_job(download, meta(yields=YIELDS)), tmp_path / "kept")
    path = tmp_path / "kept" / MANIFEST
    manifest = json.loads(path.read_bytes())
    del manifest["outcome"]["yields"]
    path.write_text(json.dumps(manifest))
    kept = read_kept_results(tmp_path / "kept")
    assert [each.value for each in kept] == [1]
    assert kept.outcome.as_meta().note.places == ("answer",)
