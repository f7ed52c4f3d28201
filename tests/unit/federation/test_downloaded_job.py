from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation import downloaded_job, steps
from airflow_provider_dfm.federation.downloaded_job import find_download, keep_download
from airflow_provider_dfm.federation.errors import DestinationConflict, ResultsIncomplete, StorageFailed, UnsafeResult

JOB, ANOTHER = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd", "6c0472fd-5309-40d9-ac08-48d2c02bed1f"
MODEL = "workspace/app_server/model.npy"


@pytest.fixture
def source(tmp_path):
    """A downloaded job."""
    folder = tmp_path / "source"
    contents = {
        "meta.json": b"{}",
        "job/trial/meta.json": b"{}",
        MODEL: bytes(range(256)) * 20_000,
        "workspace/log.txt": "ä\n".encode(),
        "workspace/error_log.txt": b"",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(params=["pathlib", "object storage"])
def folder(request, tmp_path):
    kept = tmp_path / "kept" / JOB
    return kept if request.param == "pathlib" else ObjectStoragePath(f"file://{kept}")


@pytest.fixture
def copied(monkeypatch):
    """The names of the files that are sent to the destination."""
    names = []
    copy = downloaded_job._copy
    monkeypatch.setattr(
        downloaded_job, "_copy", lambda source, target: names.append(source.name) or copy(source, target)
    )
    return names


def _manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def _contents(folder):
    folder = Path(getattr(folder, "path", folder))
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_kept_is_what_came(source, folder):
    assert find_download(folder, JOB, None) is None
    job = keep_download(source, folder, JOB, None)
    contents = _contents(folder)
    manifest = json.loads(contents.pop("manifest.json"))
    assert contents == _contents(source)
    checksums = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }
    assert manifest == {"job_id": JOB, "files": checksums, "left_out": []}
    assert job.model_dump() == {"job_id": JOB, "uri": str(folder), "files": checksums}
    assert job.bytes == sum(map(len, contents.values()))
    assert find_download(folder, JOB, None) == job


def test_more_of_the_same_job_is_added_to_what_is_there(source, folder, copied):
    keep_download(source, folder, JOB, ["workspace/*.txt"])
    assert sorted(copied) == ["error_log.txt", "log.txt"]
    assert _manifest(folder)["left_out"] == ["job/trial/meta.json", "meta.json", MODEL]
    for paths in (None, "**/*.npy"):
        assert find_download(folder, JOB, paths) is None
    assert set(find_download(folder, JOB, "workspace/log.*").files) == {"workspace/log.txt"}

    job = keep_download(source, folder, JOB, ["workspace/**"])
    assert copied[2:] == ["model.npy"]
    assert set(job.files) == {"workspace/error_log.txt", "workspace/log.txt", MODEL}
    keep_download(source, folder, JOB, "meta.json")
    assert set(_manifest(folder)["files"]) == {*job.files, "meta.json"}
    assert _manifest(folder)["left_out"] == ["job/trial/meta.json"]


def test_a_manifest_says_what_the_job_does_not_have(source, folder):
    keep_download(source, folder, JOB, "meta.json")
    for paths in ("*.pt", []):
        with pytest.raises(ResultsIncomplete):
            find_download(folder, JOB, paths)
        with pytest.raises(ResultsIncomplete):
            keep_download(source, folder, JOB, paths)
    assert set(_manifest(folder)["files"]) == {"meta.json"}


def test_a_file_of_another_size_or_none_is_brought_anew(source, folder, copied):
    whole = keep_download(source, folder, JOB, None)
    (folder / MODEL).write_bytes(b"half")
    (folder / "meta.json").unlink()
    assert find_download(folder, JOB, None) is None
    assert find_download(folder, JOB, "workspace/log.txt") is not None
    copied.clear()
    assert keep_download(source, folder, JOB, None) == whole == find_download(folder, JOB, None)
    assert sorted(copied) == ["meta.json", "model.npy"]
    assert (folder / MODEL).read_bytes() == (source / MODEL).read_bytes()


def test_what_a_killed_try_has_sent_is_read_there_and_not_sent_again(source, folder, copied, monkeypatch):
    def die(step, job_id):
        raise KeyboardInterrupt(step)

    monkeypatch.setattr(steps, "observer", die)
    with pytest.raises(KeyboardInterrupt, match=steps.KEEPING):
        keep_download(source, folder, JOB, None)
    monkeypatch.setattr(steps, "observer", None)
    assert find_download(folder, JOB, None) is None
    # As long as the real one.
    (folder / "workspace" / "log.txt").write_bytes(b"xyz")
    copied.clear()
    keep_download(source, folder, JOB, None)
    assert copied == ["log.txt"]
    assert (folder / "workspace" / "log.txt").read_bytes() == (source / "workspace" / "log.txt").read_bytes()


def test_a_manifest_never_names_a_file_that_is_about_to_change(source, folder, monkeypatch):
    keep_download(source, folder, JOB, None)
    (source / "meta.json").write_bytes(b"[]")

    def broken(source, target):
        raise OSError("the disk is full")

    monkeypatch.setattr(downloaded_job, "_copy", broken)
    with pytest.raises(OSError, match="the disk is full"):
        keep_download(source, folder, JOB, None)
    assert "meta.json" not in _manifest(folder)["files"]
    assert "meta.json" in _manifest(folder)["left_out"]
    assert find_download(folder, JOB, "workspace/**") is not None
    assert find_download(folder, JOB, None) is None


def test_an_error_in_the_middle_of_a_file_leaves_no_part_of_it(source, folder, limited_files):
    with pytest.raises(StorageFailed, match=r"Cannot write .*model\.npy.*File too large"):
        keep_download(source, folder, JOB, MODEL)
    assert _contents(folder) == {}


def test_another_jobs_folder_is_left_as_it_is(source, folder):
    keep_download(source, folder, ANOTHER, "meta.json")
    before = _contents(folder)
    for attempt in (lambda: find_download(folder, JOB, None), lambda: keep_download(source, folder, JOB, None)):
        with pytest.raises(DestinationConflict, match=f"that holds job {ANOTHER}"):
            attempt()
    assert _contents(folder) == before


@pytest.mark.parametrize(
    "manifest",
    [
        "{}",
        "[]",
        "",
        json.dumps({"outcome": {"job_id": JOB}, "files": {}}),
        json.dumps({"job_id": JOB, "files": {"../key": {"bytes": 1, "sha256": ""}}}),
        json.dumps({"job_id": JOB, "left_out": ["/etc/passwd"]}),
    ],
)
def test_a_manifest_of_something_else_is_left_as_it_is(source, folder, manifest):
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest)
    for attempt in (lambda: find_download(folder, JOB, None), lambda: keep_download(source, folder, JOB, None)):
        with pytest.raises(DestinationConflict, match=r"there is a manifest\.json of something else"):
            attempt()
    assert _contents(folder) == {"manifest.json": manifest.encode()}


def test_a_failed_jobs_workspace_may_still_come(source, folder, tmp_path):
    without = tmp_path / "without"
    without.mkdir()
    (without / "meta.json").write_bytes(b"{}")
    keep_download(without, folder, JOB, None)
    assert find_download(folder, JOB, None) is None
    keep_download(source, folder, JOB, None)
    assert set(find_download(folder, JOB, None).files) == set(_contents(source))


def test_links_and_a_manifest_of_the_servers_are_refused_before_anything_is_kept(source, folder, tmp_path):
    (source / "manifest.json").write_text("{}")
    with pytest.raises(UnsafeResult, match=r"has a manifest\.json"):
        keep_download(source, folder, JOB, None)
    (source / "manifest.json").unlink()
    (source / "workspace" / "link").symlink_to(tmp_path)
    with pytest.raises(UnsafeResult, match="is a link"):
        keep_download(source, folder, JOB, "meta.json")
    assert _contents(folder) == {}


@pytest.mark.parametrize(
    "name", ["a b", "ä", "#1", "?x=1", "100%", "%2e%2e", "c:", "x:/y", "a\\b", ".x", "[1]*", "n" * 250]
)
def test_odd_names_are_kept_as_they_are(folder, tmp_path, name):
    source = tmp_path / "source"
    file = source / "workspace" / name
    file.parent.mkdir(parents=True)
    file.write_text(name)
    assert set(keep_download(source, folder, JOB, None).files) == {f"workspace/{name}"}
    assert _contents(folder).keys() == {f"workspace/{name}", "manifest.json"}
    assert find_download(folder, JOB, None) is not None
