"""The session host as a process, in the interpreter that runs the tests: no federation library is needed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationError, FederationUnreachable
from airflow_provider_dfm.federation.host_process import HostProcess

SETTINGS = {
    "user": "",
    "startup_kit": "",
    "federation": "",
    "homesite": "",
    "target": "local",
    "secure_mode": True,
    "connect_timeout": 5,
}


def _start(folder):
    return HostProcess(sys.executable, (), str(folder), SETTINGS, logging.getLogger("test"))


def _gone(pid, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def folder(tmp_path):
    private = tmp_path / "private"
    private.mkdir()
    (private / "client.key").write_text("secret")
    return private


def test_it_answers_and_ends(folder):
    with _start(folder) as host:
        pid = host._pid
        assert host.ask("connect", 10) == {}
    assert _gone(pid)
    host.end()
    with pytest.raises(FederationUnreachable, match="the session has ended"):
        host.ask("connect", 10)


def test_an_error_that_has_a_name_keeps_it(folder):
    with _start(folder) as host, pytest.raises(FederationError, match="no local job 7") as caught:
        host.ask("get_job_meta", 10, job_id="7")
    assert type(caught.value).__name__ == "JobNotFound"


def test_an_error_of_the_hosts_own_says_where(folder):
    with (
        _start(folder) as host,
        pytest.raises(FederationError, match="no_such_request failed in the session host"),
    ):
        host.ask("no_such_request", 10)


def test_no_reply_in_time_ends_it(folder):
    with _start(folder) as host:
        os.kill(host._pid, signal.SIGSTOP)
        pid = host._pid
        with pytest.raises(CommandTimedOut, match=r"no reply to connect within 0\.5 s"):
            host.ask("connect", 0.5)
        assert _gone(pid)


def test_a_host_that_gets_on_has_time(folder):
    with _start(folder) as host:
        figures = iter((1, 2, 3))
        os.kill(host._pid, signal.SIGSTOP)

        def progress():
            figure = next(figures)
            if figure == 3:
                os.kill(host._pid, signal.SIGCONT)
            return figure

        assert host.ask("connect", 1, progress) == {}


def test_a_host_that_stands_still_is_ended(folder):
    with _start(folder) as host:
        pid = host._pid
        figures = iter((1, 2, 2))
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(CommandTimedOut, match=r"no reply to connect within 0\.5 s"):
            host.ask("connect", 0.5, lambda: next(figures))
        assert _gone(pid)


def test_a_killed_host_is_noticed(folder):
    with _start(folder) as host:
        os.kill(host._pid, signal.SIGKILL)
        with pytest.raises(FederationUnreachable):
            host.ask("connect", 10)


def test_it_dies_with_its_parent_and_takes_the_kit_with_it(folder):
    program = (
        "import sys, logging, time; sys.path.insert(0, sys.argv[1]);"
        "from airflow_provider_dfm.federation.host_process import HostProcess;"
        f"host = HostProcess(sys.executable, (), sys.argv[2], {SETTINGS!r}, logging.getLogger());"
        "print(host._pid, flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", program, os.getcwd(), str(folder)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    assert _gone(pid)
    assert not folder.exists()


def test_airflows_settings_stay_out_of_it(folder, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_WEATHER", "secret")
    with _start(folder) as host, open(f"/proc/{host._pid}/environ", "rb") as file:
        environment = file.read()
    assert b"HOME=" in environment
    assert b"secret" not in environment


def test_log_lines_reach_the_asker(folder, caplog):
    (folder.parent / "noisy.py").write_text(
        "import logging, sys\n"
        "logging.getLogger('library').warning('a record')\n"
        "print('a print')\n"
        "print('an error', file=sys.stderr)\n"
        "raise ImportError('enough')\n"
    )
    settings = SETTINGS | {"federation": "noisy", "homesite": "x"}
    log = logging.getLogger("test")
    with (
        caplog.at_level(logging.INFO),
        HostProcess(sys.executable, (str(folder.parent),), str(folder), settings, log) as host,
        pytest.raises(FederationError),
    ):
        host.ask(
            "prepare",
            10,
            source={"function": "noisy:x", "arguments": {}},
            restrict_to_sites=None,
            debug=False,
        )
    assert [record.getMessage() for record in caplog.records] == [
        "library: a record",
        "stdout: a print",
        "stderr: an error",
    ]
