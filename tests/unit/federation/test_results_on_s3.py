"""Results in an object store: a real S3 server, real writers that are really killed."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import uuid

import pytest
from airflow.sdk import Connection, ObjectStoragePath

from airflow_provider_dfm.federation.errors import ResultsIncomplete, TransientFederationError
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.results_folder import keep_results, read_kept_results
from tests.object_store import BUCKET

from .tokens import end, large, meta, token, write_job

pytestmark = pytest.mark.store

VALUE_BYTES = 4_000_000
LARGE = bytes(range(256)) * 80_000
NAME = hashlib.sha256(LARGE).hexdigest()
ALL = ["manifest.json", "results.jsonl", f"values/{NAME}"]
# Keeps results as a task does; ``way`` says when it is killed.
WRITER = """
import io, os, signal, sys
from pathlib import Path
from airflow.sdk import Connection, ObjectStoragePath
from airflow_provider_dfm.federation import large_values, results_folder, steps
from airflow_provider_dfm.federation.results import FederationResults, read_downloaded_job
from tests.unit.federation.tokens import meta
download, uri, way = sys.argv[1:]
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if way == "before the manifest":
    steps.observer = lambda step, job_id: step == steps.KEEPING and kill()
class Cut(io.BufferedReader):
    def read(self, size=-1):
        return kill() if self.tell() > 17_000_000 else super().read(size)
if way == "in a value":
    # Once more than one part of it has been sent.
    large_values.opened = lambda path: Cut(path.open("rb", buffering=0))
results = read_downloaded_job(Path(download), meta(sets=6))
def until(number):
    for index, result in enumerate(results.received()):
        if index == number:
            kill()
        yield result
read = (lambda: until(7)) if way == "in the middle" else results.received
print("ready", flush=True)
if way == "at once":
    sys.stdin.readline()
results_folder.keep_results(FederationResults(results.outcome, read), ObjectStoragePath(uri))
"""


@pytest.fixture(autouse=True)
def connection(object_store, monkeypatch):
    for name, value in object_store.connection().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def prefix():
    return f"results/{uuid.uuid4()}"


@pytest.fixture(scope="module")
def download(tmp_path_factory):
    """A downloaded job whose results are uploaded in more than one part, and its large values as well."""
    folder = tmp_path_factory.mktemp("download")
    tokens = [token(frame=[i], value=str(i) * VALUE_BYTES) for i in range(6)]
    tokens += [large(LARGE, place="large", frame=[i]) for i in (0, 5)]
    return write_job(folder, *tokens, *[end([i]) for i in range(6)], end("stop"), values=[LARGE])


@pytest.fixture
def results(download):
    return read_downloaded_job(download, meta(sets=6))


def _start(download, uri, way):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(download), uri, way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _is_whole(objects):
    manifest = json.loads(objects["manifest.json"])
    assert manifest["outcome"]["results"] == objects["results.jsonl"].count(b"\n") == 8
    content = objects["results.jsonl"]
    assert manifest["files"] == {
        "results.jsonl": {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
        f"values/{NAME}": {"bytes": len(LARGE), "sha256": NAME},
    }
    values = [row["value"][0] for row in map(json.loads, content.splitlines()) if row["place"] == "answer"]
    assert values == list("012345")
    assert objects[f"values/{NAME}"] == LARGE
    return True


def test_what_is_kept_is_what_came(results, object_store, prefix):
    path = ObjectStoragePath(object_store.uri(prefix))
    assert read_kept_results(path) is None
    keep_results(results, path)
    assert sorted(object_store.objects(prefix)) == ALL
    assert _is_whole(object_store.objects(prefix))
    kept = read_kept_results(path)
    assert kept.outcome == results.outcome
    assert all(one == other for one, other in zip(kept, results, strict=True))
    (first, *_) = (each for each in kept if each.place == "large")
    assert first.files.path(NAME) is None
    with first.files.open(NAME) as file:
        assert file.read() == LARGE


@pytest.mark.parametrize(
    ("way", "seen"),
    [("in a value", []), ("in the middle", ALL[2:]), ("before the manifest", ALL[1:])],
    ids=["value", "middle", "manifest"],
)
def test_a_killed_writer_leaves_nothing_that_is_taken_for_whole(results, download, object_store, prefix, way, seen):
    path = ObjectStoragePath(object_store.uri(prefix))
    with _start(download, str(path), way) as writer:
        _, errors = writer.communicate(timeout=300)
    assert writer.returncode == -signal.SIGKILL, errors
    assert sorted(object_store.objects(prefix)) == seen
    assert read_kept_results(path) is None
    keep_results(results, path)
    assert _is_whole(object_store.objects(prefix))


def test_an_error_in_the_middle_leaves_what_was_there(results, object_store, prefix):
    path = ObjectStoragePath(object_store.uri(prefix))
    keep_results(results, path)

    def broken():
        received = results.received()
        yield from (next(received) for _ in range(6))
        raise TimeoutError("the task's time is over")

    with pytest.raises(TimeoutError):
        keep_results(type(results)(results.outcome, broken), path)
    assert _is_whole(object_store.objects(prefix))
    uploads = object_store.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    assert [upload["Key"] for upload in uploads if upload["Key"].startswith(prefix)] == []


def test_two_tasks_that_keep_the_same_job_at_once(download, object_store, prefix):
    uri = object_store.uri(prefix)
    writers = [_start(download, uri, "at once") for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=300)
        assert writer.returncode == 0, errors
    assert _is_whole(object_store.objects(prefix))
    assert len(list(read_kept_results(ObjectStoragePath(uri)))) == 8


def test_a_truncated_object_is_found_before_the_first_result(results, object_store, prefix):
    path = ObjectStoragePath(object_store.uri(prefix))
    kept = keep_results(results, path)
    content = object_store.objects(prefix)["results.jsonl"]
    object_store.put(f"{prefix}/results.jsonl", content[: -len(content) // 3])
    with pytest.raises(ResultsIncomplete, match="were written"):
        read_kept_results(path)
    with pytest.raises(ResultsIncomplete, match="were written"):
        next(iter(kept))


def test_a_changed_object_is_found_at_the_latest_at_its_end(results, object_store, prefix):
    path = ObjectStoragePath(object_store.uri(prefix))
    keep_results(results, path)
    content = object_store.objects(prefix)["results.jsonl"]
    object_store.put(f"{prefix}/results.jsonl", content.replace(b"00", b"07", 1))
    read = iter(read_kept_results(path))
    assert [next(read).parameter_set for _ in range(8)] == [0, 0, 1, 2, 3, 4, 5, 5]
    with pytest.raises(ResultsIncomplete, match="SHA-256 differs"):
        next(read)
    object_store.put(f"{prefix}/results.jsonl", content.replace(b'"value"', b'"val\nue'))
    with pytest.raises(ResultsIncomplete, match="line 1, is no result"):
        list(read_kept_results(path))


def test_a_store_that_does_not_answer_is_named_and_may_be_tried_again(results, monkeypatch):
    once = {"retries": {"max_attempts": 1}, "connect_timeout": 1}
    # Nobody listens on this port.
    extra = {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1", "config_kwargs": once}
    away = Connection(conn_id="away", conn_type="aws", login="test", password="test", extra=json.dumps(extra))
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", away.as_json())
    path = ObjectStoragePath(f"s3://away@{BUCKET}/{uuid.uuid4()}")
    for use in (read_kept_results, lambda path: keep_results(results, path)):
        with pytest.raises(TransientFederationError, match=rf"Cannot (read|write) .*{BUCKET}.*127\.0\.0\.1:9"):
            use(path)
