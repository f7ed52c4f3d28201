"""Startup kit and results in an object store: a real S3 server, Airflow's own way to it, real jobs."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.federation.errors import JobNotFound, ResultsIncomplete, StartupKitError
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.operators.dfm import DfmResultsOperator
from airflow_provider_dfm.results import kept_results, whole

pytestmark = [pytest.mark.federation, pytest.mark.airflow]


@pytest.fixture
def prefix():
    return str(uuid.uuid4())


@pytest.fixture
def connect(object_store, prefix, monkeypatch):
    """Makes the connection ``trials``, whose results are kept in the store."""
    for name, value in object_store.connection().items():
        monkeypatch.setenv(name, value)

    def make(fields):
        login = fields.pop("user", None)
        extra = json.dumps(fields | {"results_path": object_store.uri(f"{prefix}/results")})
        connection = Connection(conn_id="trials", conn_type="dfm", login=login, extra=extra)
        monkeypatch.setenv("AIRFLOW_CONN_TRIALS", connection.as_json())

    return make


def _run(*values):
    """Run a pipeline to its end in a session of its own; gives the job's id."""
    with DfmHook("trials") as hook:
        job = hook.execute("trial_pipelines:echo", [{"value": value} for value in values])
        assert job.wait_until_finished(timeout=240, poll_interval=0.5)
        assert [result.value for result in job.results()] == list(values)
    return job.job_id


def _read(job_id):
    with DfmHook("trials") as hook:
        return [result.value for result in hook.reattach(job_id).results()]


def test_a_local_jobs_results_outlive_its_session_in_the_store(
    connect, object_store, prefix, local_fields, monkeypatch
):
    connect(local_fields())
    values = ["ä€", 2**60 + 1, {"a": [None, 0.1]}]
    job_id = _run(*values)
    objects = object_store.objects(f"{prefix}/results/{job_id}")
    manifest = json.loads(objects["manifest.json"])
    content = objects["results.jsonl"]
    assert manifest["outcome"]["results"] == len(content.splitlines()) == 3
    assert manifest["files"]["results.jsonl"] == {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert _read(job_id) == values
    read = DfmResultsOperator(task_id="read", job_id=job_id, dfm_conn_id="trials").execute({})
    assert (read["count"], read["uri"]) == (3, object_store.uri(f"{prefix}/results/{job_id}"))
    assert [row["value"] for row in read["results"]] == values
    # Another task opens them by the URI alone, which has the id of the store's connection.
    monkeypatch.delenv("AIRFLOW_CONN_TRIALS")
    assert [result.value for result in kept_results(read)] == [result.value for result in kept_results(read["uri"])]
    assert [result.value for result in kept_results(read["uri"])] == values
    reference = {"@kept": {"uri": read["uri"], "parameter_set": 2, "number": 0}}
    assert whole([reference]) == values[2:]


def test_a_local_jobs_truncated_results_are_found(connect, object_store, prefix, local_fields):
    connect(local_fields())
    job_id = _run("a", "b")
    path = f"{prefix}/results/{job_id}"
    object_store.put(f"{path}/results.jsonl", object_store.objects(path)["results.jsonl"][:-5])
    with pytest.raises(ResultsIncomplete, match="were written"):
        _read(job_id)


@pytest.mark.parametrize("job_id", ["../other", "..", "{{ ti.xcom_pull('run') }}"])
def test_an_id_that_is_none_fails_the_task_before_anything_is_read(connect, local_fields, job_id):
    connect(local_fields())
    with pytest.raises(JobNotFound, match="is not the id of a job"):
        DfmResultsOperator(task_id="read", job_id=job_id, dfm_conn_id="trials").execute({})


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_kit_from_the_store(connect, object_store, prefix, federation, fields, form, tmp_path):
    if form == "zip":
        archive = shutil.make_archive(str(tmp_path / "kit"), "zip", federation.startup_kit)
        with open(archive, "rb") as file:
            object_store.put(f"{prefix}/kit.zip", file.read())
    else:
        for file in federation.startup_kit.rglob("*"):
            if file.is_file():
                object_store.put(f"{prefix}/kit/{file.relative_to(federation.startup_kit)}", file.read_bytes())
    connect(fields(startup_kit=object_store.uri(f"{prefix}/kit{'.zip' if form == 'zip' else ''}")))
    with DfmHook("trials") as hook:
        assert hook.get_system_info().site_names == ["san_francisco", "seattle"]


def test_no_kit_in_the_store(connect, object_store, prefix, fields):
    connect(fields(startup_kit=object_store.uri(f"{prefix}/none")))
    with pytest.raises(StartupKitError, match="There is no startup kit at s3://"):
        DfmHook("trials").get_conn()


@pytest.mark.parametrize("damage", ["truncated", "gone", "no manifest of ours"])
def test_damaged_results_are_brought_anew_from_the_federation(connect, object_store, prefix, fields, damage):
    connect(fields(federation="trials"))
    job_id = _run("a", "b")
    path = f"{prefix}/results/{job_id}"
    whole = object_store.objects(path)
    if damage == "truncated":
        object_store.put(f"{path}/results.jsonl", whole["results.jsonl"][:-5])
    elif damage == "gone":
        object_store.client.delete_object(Bucket="federation", Key=f"{path}/results.jsonl")
    else:
        object_store.put(f"{path}/manifest.json", b"{}")
    assert _read(job_id) == ["a", "b"]
    assert object_store.objects(path) == whole


def test_a_large_array_is_an_object_of_its_own_and_opened_without_a_session(
    connect, object_store, prefix, local_fields
):
    connect(local_fields())
    with DfmHook("trials") as hook:
        job = hook.execute("trial_pipelines:give", {"kind": "numbers", "size": 2_000_000})
        assert job.wait_until_finished(timeout=240, poll_interval=0.5)
        job_id = job.job_id
    objects = object_store.objects(f"{prefix}/results/{job_id}")
    (name,) = (name.partition("/")[2] for name in objects if name.startswith("values/"))
    assert hashlib.sha256(objects[f"values/{name}"]).hexdigest() == name
    assert json.loads(objects["manifest.json"])["files"][f"values/{name}"] == {"bytes": 16_000_000, "sha256": name}
    assert len(objects["results.jsonl"]) < 1000
    (result,) = DfmHook("trials").results(job_id)
    assert result.files.path(name) is None
    assert result.array().sum() == 2_000_000 * 1_999_999 / 2
