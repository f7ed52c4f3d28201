"""A server that is killed while it sends a job's files, on real federations of two nvflare versions."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.operators.flare import FlareDownloadResultOperator
from demo.demonstration import FEDERATION_PYTHON
from demo.flare_poc import FlarePoc
from tests.large_job import MODEL, write_large_job
from tests.outages.forms import long_form_only

pytestmark = [pytest.mark.federation, pytest.mark.airflow, long_form_only]

MODEL_BYTES = 400_000_000


@pytest.fixture(params=[sys.executable, str(FEDERATION_PYTHON)], ids=["nvflare 2.9", "nvflare 2.6"])
def killable(request, tmp_path, monkeypatch):
    """A federation of its own, and the connection to it."""
    with FlarePoc(tmp_path / "federation", Path(request.param)) as running:
        extra = {"startup_kit": str(running.startup_kit), "python": request.param}
        connection = Connection(conn_id="killable", conn_type="dfm", login=running.admin, extra=json.dumps(extra))
        monkeypatch.setenv("AIRFLOW_CONN_KILLABLE", connection.as_json())
        yield running


def test_a_download_outlives_the_death_of_its_server(killable, tmp_path, monkeypatch):
    with DfmHook("killable") as hook:
        job = hook.submit_job(str(write_large_job(tmp_path / "job", MODEL_BYTES)))
        assert job.wait_until_finished(timeout=600)
        # A server of 2.6 calls a job ended before it has stored it.
        hook.download_job_result(job.job_id, str(tmp_path / "first"))
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(private))
    killed = []

    def kill_server():
        while _size(private) < MODEL_BYTES / 4:
            if ended.wait(0.02):
                return
        killable.kill()
        killed.append(_size(private))
        killable.start_again()

    ended = threading.Event()
    killer = threading.Thread(target=kill_server)
    killer.start()
    download = FlareDownloadResultOperator(
        task_id="download", dfm_conn_id="killable", job_id=job.job_id, destination=str(tmp_path / "second"), paths=MODEL
    )
    try:
        came = download.execute({})
    finally:
        ended.set()
        killer.join()
    assert killed
    assert killed[0] < MODEL_BYTES
    assert (came["files"], came["bytes"]) == (1, MODEL_BYTES)
    whole, again = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("first", "second"))
    assert whole["files"][MODEL] == again["files"][MODEL]


def _size(folder):
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(path, name)).st_size
    return size
