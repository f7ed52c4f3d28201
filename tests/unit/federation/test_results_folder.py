from __future__ import annotations

import json

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation.errors import JobFailed, ResultsIncomplete
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.results_folder import keep_results, read_kept_results

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
