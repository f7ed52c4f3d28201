"""Large values as files: which a result may open, and where they are while the job runs, brought, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from types import SimpleNamespace

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation import large_values
from airflow_provider_dfm.federation.continued_job import merge
from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    ResultsIncomplete,
    StorageFailed,
    UnsafeResult,
    VersionMismatch,
)
from airflow_provider_dfm.federation.large_values import RunningFiles, ValueRead
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.results_folder import MANIFEST, RESULTS, keep_results, read_kept_results
from airflow_provider_dfm.federation.tokens import TokensRead

from .tokens import end, large, meta, token, write_job

A, B, C = (letter * 100_000 for letter in (b"a", b"b", b"c"))


def named(content):
    return hashlib.sha256(content).hexdigest()


def read(result, content):
    with result.files.open(named(content)) as file:
        return file.read()


@pytest.fixture(params=["pathlib", "object storage"])
def folder(request, tmp_path):
    kept = tmp_path / "kept" / "1"
    return kept if request.param == "pathlib" else ObjectStoragePath(f"file://{kept}")


@pytest.fixture
def download(tmp_path):
    """Two sets with three values, one of which both of them have; and a file that no result names."""
    tokens = [large(A, B), end(), large(B, frame=[1]), end([1]), end("stop")]
    return write_job(tmp_path / "download", *tokens, values=[A, B, C])


@pytest.fixture
def brought(download):
    return read_downloaded_job(download, meta(sets=2))


def test_a_result_opens_its_own_files_where_they_were_brought(brought, download):
    first, second = brought
    assert (read(first, A), read(first, B), read(second, B)) == (A, B, B)
    assert first.files.path(named(A)).read_bytes() == A
    for name in (named(A), "../tokens.jsonl", "/etc/passwd", ""):
        for reach in (second.files.open, second.files.path):
            with pytest.raises(UnsafeResult, match="does not belong to it"):
                reach(name)


def test_a_result_without_large_values_has_no_files(tmp_path):
    (result,) = read_downloaded_job(write_job(tmp_path, token(), end(), end("stop")), meta())
    assert result.files is None


@pytest.mark.parametrize(
    "files",
    [None, [], {"../tokens.jsonl": 3}, {named(A): -1}, {named(A): True}, {named(A): "7"}, {named(A).upper(): 7}],
    ids=repr,
)
def test_what_a_server_makes_up_of_files_is_no_result(tmp_path, files):
    forged = large(A) | {"files": files}
    with pytest.raises(ResultsIncomplete, match="is no result that can be read"):
        read_downloaded_job(write_job(tmp_path, forged), meta())


def test_a_link_among_the_values_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    download = write_job(tmp_path / "download", large(A), end(), end("stop"), values=[B])
    values = next(download.rglob("values"))
    (values / named(A)).symlink_to(tmp_path / "secret")
    (result,) = read_downloaded_job(download, meta())
    with pytest.raises(UnsafeResult, match="is a link or no file"):
        result.files.open(named(A))
    values.rename(tmp_path / "values")
    values.symlink_to(tmp_path / "values")
    with pytest.raises(UnsafeResult, match="is a link or no file"):
        read_downloaded_job(download, meta())


def test_values_are_kept_beside_the_results_each_once(brought, folder):
    keep_results(brought, folder)
    kept = read_kept_results(folder)
    assert list(kept) == list(brought)
    first, second = kept
    assert (read(first, A), read(first, B), read(second, B)) == (A, B, B)
    assert sorted(path.name for path in (folder / "values").iterdir()) == sorted([named(A), named(B)])
    manifest = json.loads((folder / MANIFEST).read_bytes())
    assert manifest["format"] == 2
    assert manifest["files"][f"values/{named(A)}"] == {"bytes": len(A), "sha256": named(A)}
    assert [read(result, B) for result in kept.of_set(1)] == [B]
    assert first.files.path(named(A)).read_bytes() == A
    with pytest.raises(UnsafeResult, match="does not belong to it"):
        second.files.open(named(A))


@pytest.mark.parametrize("damage", [b"", A[:-1], A[:-1] + b"x", A + b"x"], ids=["empty", "short", "changed", "long"])
def test_what_is_not_what_the_site_gave_is_not_kept(download, folder, damage):
    (next(download.rglob("values")) / named(A)).write_bytes(damage)
    with pytest.raises(ResultsIncomplete, match="is not what site seattle gave"):
        keep_results(read_downloaded_job(download, meta(sets=2)), folder)
    assert read_kept_results(folder) is None
    assert not (folder / "values" / named(A)).exists()


def test_a_value_that_is_gone_is_named(brought, folder):
    keep_results(brought, folder)
    (folder / "values" / named(A)).unlink()
    with pytest.raises(ResultsIncomplete, match=r"is missing, though a result names it"):
        next(iter(read_kept_results(folder))).files.open(named(A))


def test_values_of_a_closed_session_are_an_error_that_says_so(brought, download):
    results = list(brought)
    shutil.rmtree(download)
    with pytest.raises(ResultsIncomplete, match="the session was closed"):
        results[0].files.open(named(A))


def test_a_value_that_a_server_leaves_out_is_not_blamed_on_the_session(brought, download, folder):
    (next(download.rglob("values")) / named(A)).unlink()
    with pytest.raises(ResultsIncomplete, match=r"is missing, though a result names it"):
        keep_results(brought, folder)
    assert read_kept_results(folder) is None


def test_a_disk_that_cannot_be_read_is_told_from_a_value_that_is_gone(brought, tmp_path, monkeypatch):
    keep_results(brought, tmp_path / "kept")
    result = next(iter(read_kept_results(tmp_path / "kept")))

    def broken(self, *arguments, **options):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(tmp_path), "open", broken)
    with pytest.raises(StorageFailed, match="Input/output error"):
        result.files.open(named(A))


def test_the_values_of_a_job_and_of_the_one_that_it_continues_are_kept_together(tmp_path, folder):
    earlier = write_job(tmp_path / "a", large(A, C), end(), large(B, frame=[1]), end("stop"), values=[A, B, C])
    later = write_job(tmp_path / "b", large(C, frame=[1]), end([1]), end("stop"), values=[C])
    results = [read_downloaded_job(download, meta(sets=2)) for download in (earlier, later)]
    keep_results(merge(keep_results(results[0], tmp_path / "first"), results[1], [1]), folder)
    first, second = read_kept_results(folder).received()
    assert (read(first, A), read(first, C), read(second, C)) == (A, C, C)
    assert sorted(path.name for path in (folder / "values").iterdir()) == sorted([named(A), named(C)])


def test_what_an_earlier_release_kept_is_read(brought, folder):
    """It had no format, no values beside the results, and outcomes that name pickles."""
    content = b'{"parameter_set":0,"frame":[0],"place":"answer","site":"seattle","value":1,"node":0}\n'
    outcome = brought.outcome.model_dump() | {"pickles": {1: ["answer from site seattle"]}, "parameter_sets": 2}
    files = {RESULTS: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}}
    folder.mkdir(parents=True)
    (folder / RESULTS).write_bytes(content)
    (folder / MANIFEST).write_text(json.dumps({"outcome": outcome, "files": files, "starts": []}))
    kept = read_kept_results(folder)
    assert [(each.value, each.files) for each in kept.received()] == [(1, None)]
    assert kept.outcome.failed_sets() == {1: "a pickle at answer from site seattle"}
    with pytest.raises(UnsafeResult, match=r"set 1: answer from site seattle.*an earlier release"):
        kept.outcome.check()


@pytest.mark.parametrize("number", [3, 10**6])
def test_what_a_later_release_kept_is_an_error_that_says_so(brought, folder, number):
    keep_results(brought, folder)
    plain = json.loads((folder / MANIFEST).read_bytes()) | {"format": number}
    (folder / MANIFEST).write_text(json.dumps(plain | {"files": "in another way"}))
    with pytest.raises(VersionMismatch, match=rf"later release of this provider, in the format {number}"):
        read_kept_results(folder)


class RunningJob:
    """Gives its values as a session host does; ends when its ``steps`` are over.

    It stands in for a real one, whose end cannot be chosen (``tests/integration/test_live_results.py``).
    """

    def __init__(self, folder, download, steps):
        self.folder = folder
        self.download = download
        self.steps = steps
        self.brought = []

    def read(self, name):
        if not self.steps:
            return ValueRead(path=None, is_copy=True)
        step = self.steps.pop(0)
        if step == "away":
            return ValueRead(path=None, is_copy=True)
        if step == "moved":
            return ValueRead(path=self.folder / "moved", is_copy=False)
        path = self.folder / f"copy-{len(self.brought)}"
        path.write_bytes((next(self.download.rglob("values")) / name).read_bytes())
        self.brought.append(path)
        return ValueRead(path=path, is_copy=step == "copy")

    def results(self):
        return read_downloaded_job(self.download, meta(sets=2)).received()

    @property
    def files(self):
        return RunningFiles(self.read, lambda: not self.steps, self.results)


@pytest.mark.parametrize(
    ("steps", "left"),
    [(["copy"], []), (["original"], [True]), (["away", "away", "copy"], []), (["away"], []), ([], []), (["moved"], [])],
    ids=["runs", "runs here", "begins", "ends meanwhile", "has ended", "goes to the results meanwhile"],
)
def test_a_running_jobs_value_is_brought_when_it_is_opened_and_goes_with_that(
    tmp_path, download, monkeypatch, steps, left
):
    monkeypatch.setattr(large_values, "PAUSE_SECONDS", 0)
    job = RunningJob(tmp_path, download, steps)
    assert job.files.path(named(A)) is None
    with job.files.open(named(A)) as file:
        assert file.read() == A
    assert [path.exists() for path in job.brought if path.exists()] == left


def test_a_running_job_that_never_gives_its_value_is_an_error(tmp_path, download, monkeypatch):
    monkeypatch.setattr(large_values, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(large_values, "ENDING_SECONDS", 0)
    job = RunningJob(tmp_path, download, ["away"] * 100)
    with pytest.raises(CommandTimedOut):
        job.files.open(named(A))


def test_results_of_a_running_job_open_their_own_files_only(tmp_path, download):
    lines = "".join(json.dumps(each) + "\n" for each in (large(A), end(), large(B, frame=[1]), end([1])))
    opened = []
    files = SimpleNamespace(open=opened.append, path=lambda name: None)
    live = LiveResults(
        lambda: meta("RUNNING", sets=2),
        lambda position: TokensRead(text="" if position else lines, position=1),
        lambda: [],
        files=files,
    )
    first, second = live.look()
    first.files.open(named(A))
    assert opened == [named(A)]
    with pytest.raises(UnsafeResult):
        second.files.open(named(A))


def test_large_values_are_never_in_memory_whole_while_they_are_kept(tmp_path, monkeypatch):
    content = os.urandom(1 << 24)
    download = write_job(tmp_path / "download", large(content), end(), end("stop"), values=[content])
    blocks = []

    class Counting:
        def __init__(self, file):
            self._file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self._file.close()

        def read(self, size=-1):
            block = self._file.read(size)
            blocks.append(len(block))
            return block

    opened = large_values.opened
    monkeypatch.setattr(large_values, "opened", lambda path: Counting(opened(path)))
    keep_results(read_downloaded_job(download, meta()), tmp_path / "kept")
    assert max(blocks) <= 1 << 20
    assert sum(blocks) == len(content)
