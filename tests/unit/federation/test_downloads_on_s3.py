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
from tests.object_store import BUCKET

pytestmark = pytest.mark.store

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
MODEL = "workspace/app_server/model.npy"
# Keeps a job's files as a task does; ``way`` says when it is killed.
WRITER = """
import os, signal, sys
from pathlib import Path
from airflow_provider_dfm.federation import downloaded_job, steps
source, target, job_id, way = sys.argv[1:]
if "://" in target:
    from airflow.sdk import ObjectStoragePath as Target
else:
    Target = Path
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
class File:
    def __init__(self, file):
        self.file = file
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.file.close()
    def read(self, size):
        return self.file.read(size) if self.file.tell() < 17_000_000 else kill()
class Source(type(Path())):
    def open(self, mode):
        return File(super().open(mode)) if self.name == "model.npy" else super().open(mode)
if way == "before the manifest":
    steps.observer = lambda step, job_id: step == steps.KEEPING and kill()
print("ready", flush=True)
if way == "at once":
    sys.stdin.readline()
source = Source(source) if way == "in the middle" else Path(source)
downloaded_job.keep_download(source, Target(target), job_id, None)
"""


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
        [sys.executable, "-c", WRITER, str(source), str(path), JOB, way],
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


@pytest.mark.parametrize("way", ["in the middle", "before the manifest"])
def test_a_killed_writer_leaves_nothing_that_is_taken_for_whole(source, place, way):
    path, there = place
    with _start(source, path, way) as writer:
        _, errors = writer.communicate(timeout=300)
    assert writer.returncode == -signal.SIGKILL, errors
    sent = there()
    assert (MODEL in sent) is (way == "before the manifest")
    assert "job/a trial/100% ä#?x=1+.json" in sent
    assert "manifest.json" not in sent
    assert find_download(path, JOB, None) is None
    keep_download(source, path, JOB, None)
    assert _is_whole(source, there())


def test_two_tasks_that_download_the_same_job_at_once(source, place):
    path, there = place
    writers = [_start(source, path, "at once") for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
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


def _write_times(object_store, prefix):
    found = object_store.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")["Contents"]
    return {each["Key"].removeprefix(f"{prefix}/"): each["LastModified"] for each in found}
