from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.errors import FederationUnreachable
from airflow_provider_dfm.hooks.log_follower import MAX_SKIPPED, LogFollower

LOG = logging.getLogger("test")


class Federation:
    """Stands in for a hook, with a log that can be made to grow and to fail."""

    def __init__(self, target="flare"):
        self.settings = SimpleNamespace(target=target)
        self.text = ""
        self.trouble = None
        self.asked = []
        self.closed = 0

    def ask(self, method, timeout, job_id, lines):
        assert (method, job_id) == ("tail_job_log", "1")
        self.asked.append(lines)
        if isinstance(self.trouble, Exception):
            raise self.trouble
        return self.trouble or {"text": "".join(self.text.splitlines(keepends=True)[-lines:])}

    def close(self):
        self.closed += 1


@pytest.fixture
def federation():
    return Federation()


@pytest.fixture
def follower(federation):
    return LogFollower(federation, "1", LOG)


@pytest.fixture(autouse=True)
def level(caplog):
    caplog.set_level(logging.DEBUG)


def test_each_line_is_logged_once_at_its_level_and_says_whose_it_is(federation, follower, caplog):
    federation.text = "2026-11-24 18:46:26,074 - AskToTalk - WARNING - careful\n"
    assert follower.follow("RUNNING")
    assert not follower.follow("RUNNING")
    federation.text += "2026-11-24 18:46:27,074 - AskToTalk - INFO - %s done"
    assert follower.follow("FINISHED:COMPLETED")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "server | 2026-11-24 18:46:26,074 - AskToTalk - WARNING - careful"),
        ("INFO", "server | 2026-11-24 18:46:27,074 - AskToTalk - INFO - %s done"),
    ]
    assert follower.shown_lines == {"2026-11-24 18:46:26,074 - AskToTalk - WARNING - careful"}


def test_a_job_that_has_not_started_is_not_asked_for_and_then_shown_from_its_start(federation, follower, caplog):
    assert not follower.follow("SUBMITTED")
    assert federation.asked == []
    federation.text = "".join(f"line {number}\n" for number in range(100))
    follower.follow("RUNNING")
    assert len(caplog.records) == 100
    assert federation.asked == [50, 400]


def test_a_log_that_is_not_there_yet_is_nothing_to_speak_of(federation, follower, caplog):
    federation.trouble = {"unavailable": "tail: cannot open", "kind": "absent"}
    assert not follower.follow("RUNNING")
    assert caplog.records == []


def test_a_user_who_may_not_read_it_is_told_so_once_and_no_more_is_asked(federation, follower, caplog):
    federation.trouble = {"unavailable": "no right to shell_commands", "kind": "denied"}
    for _ in range(3):
        follower.follow("RUNNING")
    assert [record.getMessage() for record in caplog.records] == [
        "The log of job 1 is not shown here: no right to shell_commands"
    ]
    assert federation.asked == [50]
    assert follower.shown_lines is None


@pytest.mark.parametrize(
    "trouble", [FederationUnreachable("gone"), KeyError("odd"), {"unavailable": "no reply", "kind": "fault"}]
)
def test_trouble_is_told_once_and_the_log_asked_for_more_and_more_rarely(federation, follower, caplog, trouble):
    federation.trouble = trouble
    asked = []
    for _ in range(20):
        follower.follow("RUNNING")
        asked.append(len(federation.asked))
    assert [asked.index(number) for number in range(1, 5)] == [0, 2, 5, 10]
    assert len(caplog.records) == 1
    # A session whose host had to be ended is of no use to the next poll.
    assert federation.closed == (len(federation.asked) if isinstance(trouble, FederationUnreachable) else 0)
    federation.trouble, federation.text = None, "one\n"
    for _ in range(MAX_SKIPPED):
        follower.follow("RUNNING")
    assert caplog.records[-1].getMessage() == "server | one"


def test_the_end_is_asked_for_even_after_trouble(federation, follower, caplog):
    federation.trouble = FederationUnreachable("gone")
    follower.follow("RUNNING")
    federation.trouble, federation.text = None, "one\n"
    follower.follow("FINISHED:COMPLETED")
    assert caplog.records[-1].getMessage() == "server | one"


def test_where_the_rest_is_stored_only_that_is_said(federation, follower, caplog):
    federation.text = "one\ntwo"
    follower.follow("RUNNING")
    federation.trouble = {"unavailable": "tail: cannot open", "kind": "absent"}
    follower.follow("FINISHED:COMPLETED")
    assert caplog.records[-1].getMessage() == "server | (the rest of this log is stored with job 1)"
    assert follower.shown_lines == set()


def test_a_local_job_has_no_log_to_follow(caplog):
    federation = Federation(target="local")
    assert not LogFollower(federation, "1", LOG).follow("RUNNING")
    assert federation.asked == []
