from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from airflow.configuration import get_airflow_home
from airflow.sdk import Connection

from airflow_provider_dfm.federation.errors import CorrectionNeeded, FederationError, FederationUnreachable
from airflow_provider_dfm.federation.results_folder import keep_results
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.patience import patiently
from tests.unit.federation.test_partial_acceptance import partly_answered

LOG = logging.getLogger("test")


class Sessions:
    """Stands in for the sessions that a hook opens, which each takes a moment."""

    def __init__(self, hook, monkeypatch, goes_on=None):
        self.made = []
        self._opens = threading.Event()
        self._goes_on = goes_on
        monkeypatch.setattr(hook, "_new_session", self._new)
        hook.__dict__["settings"] = SimpleNamespace(startup_kit="/kit")

    def _new(self, startup_kit):
        session = SimpleNamespace(closed=False, open=self._open)
        session.close = lambda: setattr(session, "closed", True)
        self.made.append(session)
        return session

    def _open(self):
        self._opens.set()
        if self._goes_on is None:
            threading.Event().wait(0.1)
        else:
            assert self._goes_on.wait(10)

    def wait_for_the_first(self):
        assert self._opens.wait(10)

    def left_open(self):
        return [session for session in self.made if not session.closed]


@pytest.fixture
def hook(monkeypatch):
    connection = Connection(conn_id="shared", conn_type="dfm", login="a", extra='{"startup_kit": "/kit"}')
    monkeypatch.setenv("AIRFLOW_CONN_SHARED", connection.as_json())
    return DfmHook("shared")


def test_a_session_that_is_opened_anew_goes_by_what_the_connection_says_then(monkeypatch):
    def connect(kit):
        connection = Connection(conn_id="changing", conn_type="dfm", login="a", extra=f'{{"startup_kit": "{kit}"}}')
        monkeypatch.setenv("AIRFLOW_CONN_CHANGING", connection.as_json())

    connect("/first")
    hook = DfmHook("changing")
    assert hook.settings.startup_kit == "/first"
    connect("/second")
    assert hook.settings.startup_kit == "/first", "not asked for each command"
    hook.close()
    assert hook.settings.startup_kit == "/second"


def test_a_connection_that_airflow_does_not_give_may_be_there_later():
    with pytest.raises(FederationError, match=r"no connection 'nowhere'.*secrets backend did not answer") as caught:
        _ = DfmHook("nowhere").settings
    assert not isinstance(caught.value, CorrectionNeeded)


def test_a_connection_that_airflow_does_not_give_any_more_is_what_it_was(hook, monkeypatch):
    assert hook.settings.startup_kit == "/kit"
    monkeypatch.delenv("AIRFLOW_CONN_SHARED")
    hook.close_failed()
    assert hook.settings.startup_kit == "/kit"


def test_a_signal_handler_goes_by_what_the_connection_said_without_asking_airflow(hook, monkeypatch):
    hook.hold_settings()
    assert hook.settings.startup_kit == "/kit"
    hook.close_failed()

    def locked(conn_id):
        raise AssertionError("the interrupted request holds Airflow's lock")

    monkeypatch.setattr(DfmHook, "get_connection", locked)
    hook.hold_settings()
    assert hook.settings.startup_kit == "/kit"


def test_a_misspelt_connection_is_not_tried_again_and_again_in_the_worker():
    attempts = []

    def look():
        attempts.append(1)
        return DfmHook("nowhere").settings

    with pytest.raises(FederationError, match="nowhere"):
        patiently(look, SimpleNamespace(close_failed=lambda: None), LOG)
    assert attempts == [1]


def test_threads_that_share_a_hook_share_its_session(hook, monkeypatch):
    sessions = Sessions(hook, monkeypatch)
    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(lambda _: hook.get_conn(), range(4)))
    assert given == sessions.made * 4
    hook.close()
    assert sessions.left_open() == []


def test_a_thread_whose_session_failed_leaves_the_one_that_another_has_opened_since(hook, monkeypatch):
    monkeypatch.setattr("airflow_provider_dfm.hooks.patience.wait_exponential", lambda max: lambda state: 0.01)
    sessions = Sessions(hook, monkeypatch)
    both_have_it = threading.Barrier(2, timeout=10)
    other_has_opened = threading.Event()

    def fail_at_first(is_late):
        session = hook.get_conn()
        if session is not sessions.made[0]:
            return session
        both_have_it.wait()
        if is_late:
            assert other_has_opened.wait(10)
        raise FederationUnreachable("The server is away.")

    def ask(is_late):
        session = patiently(lambda: fail_at_first(is_late), hook, LOG)
        other_has_opened.set()
        return session

    with ThreadPoolExecutor(2) as threads:
        given = list(threads.map(ask, (False, True)))
    assert given == [sessions.made[1]] * 2
    assert sessions.left_open() == [sessions.made[1]]


def test_an_opening_that_failed_leaves_the_session_that_another_thread_has_opened(hook, monkeypatch):
    sessions = Sessions(hook, monkeypatch)
    first = hook.get_conn()
    hook.close()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(hook.get_conn).result()
    hook.close_failed()
    assert first.closed
    assert sessions.left_open() == [sessions.made[1]]


def test_closing_does_not_wait_for_a_session_that_is_being_opened_nor_leave_it(hook, monkeypatch):
    goes_on = threading.Event()
    sessions = Sessions(hook, monkeypatch, goes_on)
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(hook.get_conn)
        sessions.wait_for_the_first()
        hook.close()
        goes_on.set()
        with pytest.raises(FederationUnreachable, match="closed while it was being opened"):
            opening.result(10)
    assert sessions.left_open() == []
    assert hook.get_conn() is sessions.made[1]


@pytest.fixture
def attempts(hook, monkeypatch):
    """The times at which a session was asked for, while the server is away."""
    times = []

    def get_conn():
        times.append(time.monotonic())
        raise FederationUnreachable("The server is away.")

    monkeypatch.setattr(hook, "get_conn", get_conn)
    return times


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_results_are_followed_as_long_as_wanted_while_the_server_is_away(hook, attempts, seconds):
    started = time.monotonic()
    with pytest.raises(FederationUnreachable):
        list(hook.follow_results("1", timeout=seconds))
    # Without that it would be minutes.
    assert seconds <= attempts[-1] - started < seconds + 30
    assert len(attempts) > 1


def test_what_is_pending_is_asked_for_once_while_the_server_is_away(hook, attempts):
    job = hook.reattach("1", default_callback=print)
    with pytest.raises(FederationUnreachable):
        job.process_pending()
    with pytest.raises(FederationUnreachable):
        asyncio.run(job.process_pending_async())
    assert len(attempts) == 2


@pytest.mark.parametrize(
    ("home", "expanded"),
    [
        ("~/airflow", "/home/somebody/airflow"),
        ("$AIRFLOWS/one", "/home/somebody/all/one"),
        ("/opt/airflow", "/opt/airflow"),
        (None, "/home/somebody/airflow"),
    ],
)
def test_results_are_kept_where_airflow_has_its_home(hook, monkeypatch, home, expanded):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("AIRFLOWS", "~/all")
    if home is None:
        monkeypatch.delenv("AIRFLOW_HOME")
    else:
        monkeypatch.setenv("AIRFLOW_HOME", home)
    assert get_airflow_home() == expanded
    assert hook.results_path.path == f"{expanded}/dfm_results"


def test_that_a_loop_leaves_out_what_the_submitting_task_accepts_is_said(tmp_path, monkeypatch, capsys):
    extra = json.dumps({"startup_kit": "/kit", "results_path": str(tmp_path / "kept")})
    connection = Connection(conn_id="partly", conn_type="dfm", login="a", extra=extra)
    monkeypatch.setenv("AIRFLOW_CONN_PARTLY", connection.as_json())
    job_id = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
    keep_results(partly_answered(tmp_path / "job", accepts=True), tmp_path / "kept" / job_id)
    assert [result.value for result in DfmHook("partly").results(job_id)] == [1]
    assert "were not answered, which the task that submitted the job accepts" in capsys.readouterr().out
