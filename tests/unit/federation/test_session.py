from __future__ import annotations

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    ConnectionSettingsError,
    FederationError,
    FederationUnreachable,
    JobNotFound,
    StartupKitError,
)
from airflow_provider_dfm.federation.interpreter import inspect_interpreter
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.prepared_pipeline import PreparedPipeline
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.results_folder import keep_results
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings


def _session(**fields):
    return FederationSession(read_settings({"user": "a", "startup_kit": "/nowhere", **fields}, "x"))


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("/nowhere/python", "cannot run /nowhere/python: No such file"),
        ("/bin/true", "no working Python"),
        ("/bin/sh", "no working Python"),
        ("/bin/cat", "no working Python"),
    ],
)
def test_no_interpreter_there(python, message):
    with pytest.raises(ConnectionSettingsError, match=message):
        _session(python=python).open()


def test_an_interpreter_that_never_answers(tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(CommandTimedOut, match=r"no answer within 0\.5 s"):
        inspect_interpreter(str(tmp_path / "python"), needs_dfm=False, timeout=0.5)


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ETXTBSY])
def test_an_interpreter_that_cannot_be_started_now_is_no_fault_of_the_connection(monkeypatch, number):
    def run(*arguments, **rest):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(FederationUnreachable, match=os.strerror(number)):
        inspect_interpreter(sys.executable, needs_dfm=False, timeout=10)


def test_neither_is_one_that_is_killed(tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\nkill -9 $$\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(FederationUnreachable, match="was ended by SIGKILL"):
        inspect_interpreter(str(tmp_path / "python"), needs_dfm=False, timeout=10)


def test_an_interpreter_whose_answer_is_no_text(tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\nprintf '\\377\\376'\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(ConnectionSettingsError, match="no working Python"):
        inspect_interpreter(str(tmp_path / "python"), needs_dfm=False, timeout=10)


def test_an_interpreter_without_nvflare(tmp_path):
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys._base_executable} -I -S "$@"\n')
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(ConnectionSettingsError, match="has no nvflare"):
        _session(python=str(tmp_path / "python")).open()


def test_airflows_own_interpreter_has_nvflare_but_no_dfm():
    assert inspect_interpreter(sys.executable, needs_dfm=False, timeout=10).nvflare
    with pytest.raises(ConnectionSettingsError, match="no nv-dfm-core"):
        _session(federation="weather", homesite="analyst").open()


def test_the_interpreter_is_asked_without_airflows_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WEATHER", "secret")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nenv > {tmp_path}/seen\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    assert inspect_interpreter(str(python), needs_dfm=False, timeout=10).nvflare
    seen = (tmp_path / "seen").read_text()
    assert "PATH=" in seen
    assert "AIRFLOW" not in seen


def test_a_session_that_is_open_is_not_opened_again():
    settings = read_settings({"user": "a", "startup_kit": "/nowhere", "python": sys.executable}, "x")
    session = FederationSession(settings, log_in=False)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: session.open(), range(8)))
    host, folder = session._session._host, session._session.folder
    session.open()
    assert (session._session._host, session._session.folder) == (host, folder)
    session.close()
    assert not folder.exists()


def test_no_kit_there():
    with pytest.raises(StartupKitError, match="There is no startup kit at /nowhere"):
        _session().open()


def test_a_session_that_is_not_open():
    with pytest.raises(FederationError, match="the session is not open") as raised:
        _session().get_system_info()
    assert type(raised.value) is FederationError


def test_what_is_asked_of_a_session_that_was_closed_may_be_tried_again():
    settings = read_settings({"user": "a", "startup_kit": "/nowhere", "python": sys.executable}, "x")
    with FederationSession(settings, log_in=False) as session:
        pass
    with pytest.raises(FederationUnreachable, match=r"the session was closed\. Open a new one"):
        session.get_system_info()


@pytest.mark.parametrize(("options", "warnings"), [({"task_timeout_s": 60}, 1), ({"task_timeout_s": 0}, 0), (None, 0)])
def test_a_limit_that_the_local_target_does_not_have_is_warned_of(monkeypatch, caplog, options, warnings):
    settings = read_settings({"target": "local", "federation": "weather", "homesite": "analyst"}, "x")
    session = FederationSession(settings)
    monkeypatch.setattr(session._session, "ask", lambda method, *timeout, **arguments: "content")
    pipeline = PreparedPipeline("1", "compare", "1.0.0", ("seattle",), (), ("answer",), "abc")
    session.execute(pipeline, options=options)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == warnings
    assert all("task_timeout_s=60 has no effect" in message for message in warned)


@pytest.mark.parametrize(
    ("flare", "status"),
    [
        ("SUBMITTED", JobStatus.SUBMITTED),
        ("APPROVED", JobStatus.SUBMITTED),
        ("DISPATCHED", JobStatus.SUBMITTED),
        ("RUNNING", JobStatus.RUNNING),
        ("FINISHED:COMPLETED", JobStatus.FINISHED),
        ("FINISHED:ABORTED", JobStatus.ABORTED),
        ("FINISHED:EXECUTION_EXCEPTION", JobStatus.FAILED),
        ("FINISHED:CAN_NOT_SCHEDULE", JobStatus.FAILED),
    ],
)
def test_status(flare, status):
    assert JobStatus.of(flare) is status
    assert status.has_ended is flare.startswith("FINISHED")


def test_nothing_is_left_behind_when_opening_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(StartupKitError):
        _session().open()
    assert list(tmp_path.iterdir()) == []


NO_IDS = [
    "",
    "..",
    "../other",
    "/etc",
    "a/../b",
    "{0}/..",
    "{{{0}}}",
    "urn:uuid:{0}",
    "{0} ",
    "2B7BB1D0-CDBA-4D1C-9F00-28D8A2D0E2CD",
    None,
    7,
]


@pytest.mark.parametrize("given", NO_IDS)
def test_what_is_no_jobs_id_becomes_no_path(given, tmp_path):
    """Ids come from templates, and name the folders that results are kept in."""
    job_id = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
    given = given.format(job_id) if isinstance(given, str) else given
    results_path = tmp_path / "results"
    for folder in (results_path / job_id, tmp_path, tmp_path / "other"):
        keep_results(_results(job_id), folder)
    session = _session(results_path=str(results_path))
    assert session.results(job_id).outcome.results == 0
    for method in (session.results, session.check_job, session.get_job_meta, session.abort_job):
        with pytest.raises(JobNotFound, match="is not the id of a job"):
            method(given)


def _results(job_id):
    outcome = JobOutcome(
        job_id=job_id, name="a", status="FINISHED:COMPLETED", parameter_sets=0, places=(), results=0, stopped=True
    )
    return FederationResults(outcome, lambda: iter(()))
