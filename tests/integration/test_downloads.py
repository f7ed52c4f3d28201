"""The files of plain jobs on real federations of two nvflare versions, brought to a folder and to a real S3 server."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import uuid
from pathlib import Path

import pytest
from airflow.sdk import Connection, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.federation.errors import JobNotFound, ResultsIncomplete, StorageFailed
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.operators.flare import FlareDownloadResultOperator
from tests.integration.test_submit_once import SLEEP

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

ANSWERS = "workspace/app_server/answers.json"
on_one_version = pytest.mark.parametrize("connection_fields", ["nvflare 2.9"], indirect=True)


@pytest.fixture(scope="module", params=["nvflare 2.9", "nvflare 2.6"])
def connection_fields(request):
    if request.param == "nvflare 2.9":
        return request.getfixturevalue("plain_fields")()
    return request.getfixturevalue("fields")(federation="", homesite="", python_path="")


@pytest.fixture
def connect(connection_fields, monkeypatch, tmp_path):
    """Makes the connection ``hospital``."""

    def make(**changes):
        extra = connection_fields | {"results_path": f"file://{tmp_path}/results"} | changes
        connection = Connection(conn_id="hospital", conn_type="dfm", login=extra.pop("user"), extra=json.dumps(extra))
        monkeypatch.setenv("AIRFLOW_CONN_HOSPITAL", connection.as_json())

    make()
    return make


@pytest.fixture(scope="module")
def jobs():
    """Job ids by connection."""
    return {}


@pytest.fixture
def job_id(connect, connection_fields, jobs):
    """A job that has completed, one for all tests of a federation."""
    kit = connection_fields["startup_kit"]
    if kit not in jobs:
        with DfmHook("hospital") as hook:
            job = hook.submit_job(str(SLEEP))
            # While it runs, there is nothing to download.
            with pytest.raises(ResultsIncomplete, match=f"Job {job.job_id} is [A-Z]+: wait until it has finished"):
                hook.download_job_result(job.job_id)
            assert job.wait_until_finished(timeout=240, poll_interval=0.5)
            jobs[kit] = job.job_id
    return jobs[kit]


def _download(job_id, **options):
    operator = FlareDownloadResultOperator(task_id="download", dfm_conn_id="hospital", job_id=job_id, **options)
    return operator.execute({})


def test_a_jobs_files_are_where_its_results_belong_and_the_federation_is_asked_once(job_id, connect, tmp_path):
    came = _download(job_id)
    folder = tmp_path / "results" / job_id / "download"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(files.pop("manifest.json"))
    assert came == {
        "job_id": job_id,
        "uri": f"file://{folder}",
        "files": len(files),
        "bytes": sum(map(len, files.values())),
    }
    assert manifest["files"] == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()
    }
    assert json.loads(files[ANSWERS]) == {"seattle": 5, "san_francisco": 5}
    assert json.loads(files["meta.json"])["job_id"] == job_id
    assert any(name.endswith("/app/custom/sleep_trial.py") for name in files)
    # No session can be opened any more.
    connect(python="/nowhere/python")
    assert _download(job_id) == came
    assert _download(job_id, paths=[ANSWERS])["files"] == 1


def test_wanted_files_come_to_a_store_and_more_are_added(job_id, object_store, monkeypatch):
    for name, value in object_store.connection().items():
        monkeypatch.setenv(name, value)
    prefix = f"jobs/{uuid.uuid4()}"
    uri = object_store.uri(prefix)
    came = _download(job_id, destination=uri, paths=["workspace/app_server/*.json", "meta.json"])
    first = object_store.objects(prefix)
    assert {ANSWERS, "meta.json", "manifest.json"} <= first.keys()
    assert (came["uri"], came["files"]) == (uri, len(first) - 1)
    assert json.loads((ObjectStoragePath(came["uri"]) / ANSWERS).read_text()) == {"seattle": 5, "san_francisco": 5}
    with pytest.raises(
        ResultsIncomplete, match=r"No file of the job matches 'workspace/\*\.npy'\. There are: workspace/"
    ):
        _download(job_id, destination=uri, paths=["workspace/*.npy"])
    came = _download(job_id, destination=uri)
    whole = object_store.objects(prefix)
    assert came["files"] == len(json.loads(whole["manifest.json"])["files"]) == len(whole) - 1
    assert [name for name, content in whole.items() if not content] == [
        name for name in whole if name in ("workspace/error_log.txt", "workspace/log_error.txt")
    ]


@on_one_version
def test_nothing_of_a_download_stays_in_the_session(job_id, tmp_path):
    with DfmHook("hospital") as hook:
        private = hook.get_conn()._session.folder
        hook.get_system_info()
        before = _files(private)
        hook.download_job_result(job_id, str(tmp_path / "there"), "meta.json")
        assert _files(private) == before
        (tmp_path / "file").touch()
        with pytest.raises(StorageFailed, match=r"Cannot read .*file"):
            hook.download_job_result(job_id, str(tmp_path / "file" / "below"))
        assert _files(private) == before


def _files(folder):
    return {str(path) for path in Path(folder).rglob("*") if path.is_file()}


@on_one_version
def test_a_job_that_nobody_knows_and_a_folder_of_another(job_id, tmp_path):
    with pytest.raises(JobNotFound):
        _download(str(uuid.uuid4()))
    with pytest.raises(JobNotFound, match="is not the id of a job"):
        _download("{{ ti.xcom_pull('run') }}")
    _download(job_id, destination=str(tmp_path / "there"))
    with pytest.raises(AirflowFailException, match=f"DestinationConflict: .* that holds job {job_id}"):
        _download(str(uuid.uuid4()), destination=str(tmp_path / "there"))


@on_one_version
def test_a_session_that_dies_is_opened_again(job_id, monkeypatch, tmp_path):
    opened = []
    get_conn = DfmHook.get_conn

    def note(hook):
        session = get_conn(hook)
        host = session._session._host
        if host not in opened:
            opened.append(host)
            if len(opened) == 1:
                os.kill(host._pid, signal.SIGKILL)
        return session

    monkeypatch.setattr(DfmHook, "get_conn", note)
    came = _download(job_id, destination=str(tmp_path / "there"), paths=ANSWERS)
    assert came["files"] == 1
    assert len(opened) == 2
