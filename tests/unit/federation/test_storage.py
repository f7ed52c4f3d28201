"""Places for results that take or give nothing. Where a real one cannot be made to, a stand-in says so."""

from __future__ import annotations

import errno
import itertools
import logging

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation import token_index
from airflow_provider_dfm.federation.downloaded_job import find_download, keep_download
from airflow_provider_dfm.federation.errors import (
    FederationUnreachable,
    ResultsIncomplete,
    StorageFailed,
    TransientFederationError,
)
from airflow_provider_dfm.federation.prepared_pipeline import keep_prepared_pipeline
from airflow_provider_dfm.federation.private_folder import PrivateFolder
from airflow_provider_dfm.federation.results import FederationResults, read_downloaded_job
from airflow_provider_dfm.federation.results_folder import keep_results, read_kept_results
from airflow_provider_dfm.federation.storage import reading
from airflow_provider_dfm.federation.whole_files import opened, whole_file
from airflow_provider_dfm.hooks.patience import patiently

from .tokens import end, meta, token, write_job

JOB = "0a1b2c3d-0000-4000-8000-000000000000"


@pytest.fixture
def results(tmp_path):
    return read_downloaded_job(write_job(tmp_path / "download", token(), end(), end("stop")), meta())


@pytest.fixture(params=["pathlib", "object storage"])
def unusable(request, tmp_path):
    """A folder in a place that nobody can use: a file is in the way."""
    (tmp_path / "results").write_text("a file in the way")
    path = tmp_path / "results" / JOB
    return path if request.param == "pathlib" else ObjectStoragePath(f"file://{path}")


USES = {
    "keep results": lambda folder, results, source: keep_results(results, folder),
    "read results": lambda folder, results, source: read_kept_results(folder),
    "find a download": lambda folder, results, source: find_download(folder, JOB, None),
    "keep a download": lambda folder, results, source: keep_download(source, folder, JOB, None),
    "keep a pipeline": lambda folder, results, source: keep_prepared_pipeline({"parameter_schema": {}}, "1", folder),
    "write a file": lambda folder, results, source: _write(folder / "file"),
    "open a file": lambda folder, results, source: opened(folder / "file"),
}


def _write(path):
    with whole_file(path) as file:
        file.write(b"x")


@pytest.mark.parametrize("use", USES)
def test_a_place_that_cannot_be_used_is_named_with_what_was_tried(unusable, use, results, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "meta.json").write_text("{}")
    with pytest.raises(TransientFederationError, match=rf"Cannot (read|write) .*(results|{JOB}).*then try again"):
        USES[use](unusable, results, source)


def test_a_disk_that_is_full_while_results_are_kept_leaves_none(tmp_path, limited_files):
    job = write_job(tmp_path / "download", token(value="x" * 900_000), end(), end("stop"))
    results = read_downloaded_job(job, meta())
    twice = FederationResults(results.outcome, lambda: itertools.chain(results.received(), results.received()))
    with pytest.raises(TransientFederationError, match=r"Cannot write .*results\.jsonl: OSError: .*File too large"):
        keep_results(twice, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []
    assert read_kept_results(tmp_path / "kept") is None


def test_a_disk_that_breaks_while_results_are_read_is_named(results, tmp_path, monkeypatch):
    """The disk is a stand-in, since none here is broken."""
    kept = keep_results(results, tmp_path / "kept")

    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("airflow_provider_dfm.federation.storage.ReadFile.readinto", _guarded(broken))
    for read in (lambda: list(kept), lambda: kept.of_set(0)):
        with pytest.raises(TransientFederationError, match=r"Cannot read .*results\.jsonl.*Input/output error"):
            read()


def _guarded(broken):
    def readinto(self, buffer):
        with reading(self._path):
            return broken()

    return readinto


def test_a_temporary_directory_that_is_full_is_no_damaged_result(tmp_path, monkeypatch):
    """The full one is a stand-in: SQLite's limit of pages, which it reports alike."""
    small = token_index.SCHEMA.replace("CREATE TABLE token", "PRAGMA max_page_count = 3; CREATE TABLE token", 1)
    monkeypatch.setattr(token_index, "SCHEMA", small)
    tokens = [token(frame=[number]) for number in range(2000)]
    with pytest.raises(TransientFederationError, match=r"database or disk is full.*Make room"):
        read_downloaded_job(write_job(tmp_path / "download", *tokens), meta(sets=2000))


def test_a_temporary_directory_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(TransientFederationError, match="Cannot write a private folder in the temporary directory"):
        PrivateFolder()


def test_nothing_kept_is_still_nothing(tmp_path):
    assert read_kept_results(tmp_path / "nowhere") is None
    assert find_download(tmp_path / "nowhere", JOB, None) is None
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "nowhere")


def test_a_file_that_is_gone_is_still_a_missing_result(results, tmp_path):
    kept = keep_results(results, tmp_path / "kept")
    (tmp_path / "kept" / "results.jsonl").unlink()
    with pytest.raises(ResultsIncomplete, match="is missing"):
        list(kept)


class Hook:
    closed = 0

    def close_failed(self):
        self.closed += 1


@pytest.mark.parametrize(("error", "closed"), [(StorageFailed("full"), 0), (FederationUnreachable("away"), 1)])
def test_a_session_is_not_ended_for_a_place_that_cannot_be_used(error, closed, monkeypatch):
    """A local job would end with it."""
    monkeypatch.setattr("airflow_provider_dfm.hooks.patience.wait_exponential", lambda max: lambda state: 0.0)
    hook = Hook()
    answers = iter([error, None])

    def action():
        answer = next(answers)
        if answer is not None:
            raise answer
        return "done"

    assert patiently(action, hook, logging.getLogger("test")) == "done"
    assert hook.closed == closed
