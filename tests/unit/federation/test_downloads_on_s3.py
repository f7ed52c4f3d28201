"""A job's files in an object store: a real S3 server, real writers that are really killed; and the same in a folder."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import uuid

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation.downloaded_job import find_download, keep_download
from demo.demonstration import ROOT
from tests.object_store import BUCKET

from .download_writer import AT_ONCE, BEFORE_THE_MANIFEST, IN_THE_MIDDLE, MEASURED, MODEL

pytestmark = pytest.mark.store

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
MEBIBYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def connection(object_store, monkeypatch):
    for name, value in object_store.connection().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["store", "folder"])
def place(request, object_store, tmp_path):
    """Where the files go, and what is really there: name to content."""
    if request.param == "folder":
        folder = tmp_path / "kept"

        def there():
            return {
                str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("[!.]*") if path.is_file()
            }

        return ObjectStoragePath(f"file://{folder}"), there
    prefix = f"downloads/{uuid.uuid4()}"
    return ObjectStoragePath(object_store.uri(prefix)), lambda: object_store.objects(prefix)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A downloaded job with a file that is uploaded in more than one part."""
    folder = tmp_path_factory.mktemp("download")
    contents = {
        "meta.json": b"{}",
        "job/a trial/100% ä#?x=1+.json": b"{}",
        MODEL: bytes(range(256)) * 80_000,
        "workspace/error_log.txt": b"",
        "workspace/log.txt": b"log",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _start(source, path, way):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.federation.download_writer", str(source), str(path), JOB, way],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _is_whole(source, contents):
    contents = dict(contents)
    manifest = json.loads(contents.pop("manifest.json"))
    assert contents == {
        str(path.relative_to(source)): path.read_bytes() for path in source.rglob("*") if path.is_file()
    }
    assert manifest["files"] == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }
    return True


def test_what_is_kept_is_what_came(source, place):
    path, there = place
    assert find_download(path, JOB, None) is None
    job = keep_download(source, path, JOB, None)
    assert _is_whole(source, there())
    assert find_download(path, JOB, None) == job
    assert (ObjectStoragePath(job.uri) / "workspace" / "log.txt").read_text() == "log"


@pytest.mark.parametrize("way", [IN_THE_MIDDLE, BEFORE_THE_MANIFEST])
def test_a_killed_writer_leaves_nothing_that_is_taken_for_whole(source, place, way):
    path, there = place
    with _start(source, path, way) as writer:
        _, errors = writer.communicate(timeout=300)
    assert writer.returncode == -signal.SIGKILL, errors
    sent = there()
    assert (MODEL in sent) is (way == BEFORE_THE_MANIFEST)
    assert "job/a trial/100% ä#?x=1+.json" in sent
    assert "manifest.json" not in sent
    assert find_download(path, JOB, None) is None
    keep_download(source, path, JOB, None)
    assert _is_whole(source, there())


def test_two_tasks_that_download_the_same_job_at_once(source, place):
    path, there = place
    writers = [_start(source, path, AT_ONCE) for _ in range(2)]
    for writer in writers:
        # Airflow logs there, too.
        assert "ready\n" in writer.stdout
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=300)
        assert writer.returncode == 0, errors
    assert _is_whole(source, there())
    assert find_download(path, JOB, None) is not None


def test_what_is_in_the_store_is_not_sent_again(source, object_store):
    prefix = f"downloads/{uuid.uuid4()}"
    path = ObjectStoragePath(object_store.uri(prefix))
    keep_download(source, path, JOB, "workspace/**")
    written = _write_times(object_store, prefix)
    object_store.put(f"{prefix}/workspace/log.txt", b"LOG")
    keep_download(source, path, JOB, None)
    again = _write_times(object_store, prefix)
    assert again[MODEL] == written[MODEL]
    assert _is_whole(source, object_store.objects(prefix))


def test_memory_does_not_grow_with_a_file(place, tmp_path):
    path, _ = place
    model = tmp_path / "large" / MODEL
    model.parent.mkdir(parents=True)
    with model.open("wb") as file:
        file.truncate(100_000_000)
    with _start(tmp_path / "large", path, MEASURED) as writer:
        output, errors = writer.communicate(timeout=300)
    assert writer.returncode == 0, errors
    assert int(output.splitlines()[-1]) < 60 * MEBIBYTE


def _write_times(object_store, prefix):
    found = object_store.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")["Contents"]
    return {each["Key"].removeprefix(f"{prefix}/"): each["LastModified"] for each in found}
