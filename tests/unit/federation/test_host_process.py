"""The session host as a process, in the interpreter that runs the tests: no federation library is needed."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import execnet
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


def test_a_forked_process_can_neither_use_it_nor_end_it(folder):
    def in_child():
        try:
            host.ask("connect", 60)
        except FederationUnreachable as error:
            host.end()
            vars(host).clear()
            gc.collect()
            return str(error)
        return "no error"

    with _start(folder) as host:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, in_child().encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert "belongs to the process that this one was forked from" in os.read(reading, 10000).decode()
        os.close(reading)
        os.close(writing)
        assert host.ask("connect", 10) == {}


def test_an_error_that_has_a_name_keeps_it(folder):
    with _start(folder) as host, pytest.raises(FederationError, match="no local job 7") as caught:
        host.ask("get_job_meta", 10, job_id="7")
    assert type(caught.value).__name__ == "JobNotFound"


ODD = r"""
print("a\0b\ud800c")
raise ImportError("d\0e\udffff")
"""


def test_what_it_says_can_go_into_a_database_and_a_log_file(folder, caplog):
    """PostgreSQL's JSONB takes no NUL, and UTF-8 no half of a surrogate pair."""
    caplog.set_level(logging.INFO)
    (folder.parent / "odd.py").write_text(ODD)
    settings = SETTINGS | {"federation": "odd", "homesite": "x"}
    log = logging.getLogger("test")
    with (
        HostProcess(sys.executable, (str(folder.parent),), str(folder), settings, log) as host,
        pytest.raises(FederationError) as raised,
    ):
        host.ask("prepare", 30, source={"function": "odd:x", "arguments": {}}, restrict_to_sites=None, debug=False)
    assert "d\N{REPLACEMENT CHARACTER}e\N{REPLACEMENT CHARACTER}f" in str(raised.value)
    assert "stdout: a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c" in caplog.messages


def test_an_error_of_the_hosts_own_says_where(folder):
    with (
        _start(folder) as host,
        pytest.raises(FederationError, match="no_such_request failed in the session host"),
    ):
        host.ask("no_such_request", 10)


SLOW = """
import sys, time
print("begun", file=sys.stderr)
time.sleep(0.7)
print("done", file=sys.stderr)
raise ImportError("enough")
"""


@pytest.fixture
def start_slow(folder):
    """Starts a host whose request ``prepare`` takes a while; what it logs is put into a list of the asker's."""
    (folder.parent / "slow.py").write_text(SLOW)

    class Log(logging.Handler):
        def __init__(self):
            super().__init__()
            self.lines = []

        def emit(self, record):
            self.lines.append((threading.current_thread().name, record.getMessage()))

    def start(target):
        log, handler = logging.Logger("slow"), Log()
        log.addHandler(handler)
        settings = SETTINGS | {"federation": "slow", "homesite": "x", "target": target, "connect_timeout": 5.0}
        host = HostProcess(sys.executable, (str(folder.parent),), str(folder), settings, log)
        return host, handler.lines

    return start


def _prepare(host):
    source = {"function": "slow:x", "arguments": {}}
    with pytest.raises(FederationError, match="enough"):
        host.ask("prepare", 30, source=source, restrict_to_sites=None, debug=False)


@pytest.mark.parametrize("target", ["flare", "local"])
def test_a_signal_handler_that_asks_within_a_request_gets_its_own_reply(start_slow, target):
    host, lines = start_slow(target)
    answers = []

    def handler(number, frame):
        with pytest.raises(FederationError) as caught:
            host.ask("get_job_meta", 30, job_id="7")
        answers.append(str(caught.value))

    def interrupt():
        while not lines:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        with host:
            _prepare(host)
            assert len(answers) == 1
            assert "7" in answers[0] or "no FLARE session" in answers[0]
            _prepare(host)
    finally:
        interrupting.join()
        signal.signal(signal.SIGUSR1, before)


def test_an_abort_does_not_wait_for_what_another_thread_asked_for(start_slow):
    host, lines = start_slow("flare")
    with host, ThreadPoolExecutor(1, thread_name_prefix="prepares") as pool:
        preparing = pool.submit(_prepare, host)
        while not lines:
            time.sleep(0.01)
        with pytest.raises(FederationError, match="no FLARE session"):
            host.ask("abort_jobs", 30, job_ids=["1"])
        assert not preparing.done()
        preparing.result(timeout=30)
    assert [(thread.partition("_")[0], line) for thread, line in lines] == [
        ("prepares", "stderr: begun"),
        ("prepares", "stderr: done"),
    ]


@pytest.mark.parametrize("waiting", [1, 8])
def test_the_time_of_a_request_begins_when_its_turn_comes(start_slow, waiting):
    host, lines = start_slow("local")

    def ask(number):
        with pytest.raises(FederationError, match=f"no local job {number}"):
            host.ask("get_job_meta", 0.5, job_id=str(number))

    with host, ThreadPoolExecutor(1 + waiting) as pool:
        preparing = [pool.submit(_prepare, host)]
        while not lines:
            time.sleep(0.01)
        for asked in [pool.submit(ask, number) for number in range(waiting)] + preparing:
            asked.result(timeout=30)


def test_a_signal_handler_does_not_wait_for_ever_for_the_request_that_it_interrupts(start_slow):
    host, lines = start_slow("local")
    pid = host._pid

    def interrupt():
        while not lines:
            time.sleep(0.01)
        os.kill(host._pid, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGUSR1)

    def handler(number, frame):
        with pytest.raises(CommandTimedOut):
            host.ask("get_job_meta", 0.3, job_id="7")

    before = signal.signal(signal.SIGUSR1, handler)
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        with host, pytest.raises(FederationUnreachable):
            host.ask("prepare", 30, source={"function": "slow:x", "arguments": {}}, restrict_to_sites=None, debug=False)
        assert _gone(pid)
    finally:
        interrupting.join()
        signal.signal(signal.SIGUSR1, before)


def test_all_threads_that_wait_are_told_of_its_end(start_slow):
    host, lines = start_slow("flare")

    def prepare():
        source = {"function": "slow:x", "arguments": {}}
        with pytest.raises(FederationUnreachable):
            host.ask("prepare", 30, source=source, restrict_to_sites=None, debug=False)

    with host, ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(prepare) for _ in range(8)]
        while not lines:
            time.sleep(0.01)
        os.kill(host._pid, signal.SIGKILL)
        for one in waiting:
            one.result(timeout=30)


def test_nothing_of_it_stays_in_this_process(folder):
    def groups():
        gc.collect()
        return sum(isinstance(thing, execnet.Group) for thing in gc.get_objects())

    before = groups()
    with _start(folder) as host:
        host.ask("connect", 10)
        assert groups() == before + 1
    del host
    ends = time.monotonic() + 30
    # Its threads may be ending still.
    while groups() > before and time.monotonic() < ends:
        time.sleep(0.1)
    assert groups() == before


def test_no_reply_in_time_ends_it(folder):
    with _start(folder) as host:
        os.kill(host._pid, signal.SIGSTOP)
        pid = host._pid
        with pytest.raises(CommandTimedOut, match=r"no reply to connect within 0\.5 s"):
            host.ask("connect", 0.5)
        assert _gone(pid)


def test_no_reply_in_time_ends_it_also_after_another_threads_request(folder):
    with _start(folder) as host, ThreadPoolExecutor(1) as other:
        assert other.submit(host.ask, "connect", 10).result() == {}
        os.kill(host._pid, signal.SIGSTOP)
        with pytest.raises(CommandTimedOut):
            host.ask("connect", 0.5)


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
