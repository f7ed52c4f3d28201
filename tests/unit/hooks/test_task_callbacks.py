"""A task's callbacks over its tries. The job is a list here: no real one fails on demand."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.errors import CallbackFailed, FederationUnreachable, JobFailed
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.result_callbacks import CallbackRun
from airflow_provider_dfm.hooks.task_callbacks import STATE_KEY, Progress, TaskCallbacks
from tests.unit.hooks.test_task_identity import Store, context

LOG = logging.getLogger(__name__)


class Hook:
    """A connection's hook, of which only the target is asked."""

    def __init__(self, target="flare"):
        self.settings = SimpleNamespace(target=target)
        self.closed = 0

    def close(self):
        self.closed += 1

    close_failed = close


@dataclass(frozen=True)
class Number:
    """A result: the tens of its value are its parameter set."""

    value: int

    @property
    def parameter_set(self):
        return self.value // 10


class Numbers:
    """Gives numbers, or raises an error where one stands."""

    def __init__(self, *numbers, position=0):
        self._numbers = [each if isinstance(each, Exception) else Number(each) for each in numbers]
        self.position = position
        self.job_has_ended = True
        self.finished = False

    def look(self):
        rest = self._numbers[self.position :]
        if rest and isinstance(rest[0], Exception):
            raise self._numbers.pop(self.position)
        return rest[:1]

    def given(self):
        self.position += 1


class Task:
    """One try of a task after another, with one store."""

    def __init__(self, target="flare"):
        self.store = Store()
        self.hook = Hook(target)
        self.jobs = {}
        self.calls = []
        self.fails_at = None

    def callbacks(self, *numbers, job_id="1", **changes):
        progress = Progress(context(self.store, **changes), "c", job_id, "results", self.jobs.get)
        run = CallbackRun(Numbers(*numbers, position=progress.position), self.call, str)
        return TaskCallbacks(self.hook, LOG, run, progress)

    def call(self, number):
        if number.value == self.fails_at:
            self.fails_at = None
            raise RuntimeError("no room")
        self.calls.append(number.value)

    @property
    def noted(self):
        return self.store.get(STATE_KEY, {}).get("position")


def test_a_retry_goes_on_where_the_callback_failed():
    task = Task()
    task.fails_at = 2
    first = task.callbacks(1, 2, 3)
    with pytest.raises(CallbackFailed, match="no room"):
        first.follow()
    first.close()
    second = task.callbacks(1, 2, 3, try_number=2)
    second.finish()
    second.close()
    assert (task.calls, task.noted) == ([1, 2, 3], 3)


def test_a_cleared_task_and_another_job_start_anew():
    task = Task()
    task.callbacks(1, 2).finish()
    task.callbacks(1, 2, try_number=2, max_tries=3).finish()
    task.callbacks(1, 2, try_number=2, max_tries=3, job_id="2").finish()
    assert task.calls == [1, 2] * 3


def test_a_local_job_ends_before_its_callback_fails_the_task_and_nothing_is_noted_before():
    task = Task("local")
    task.fails_at = 2
    callbacks = task.callbacks(1, 2, 3)
    callbacks.follow()
    callbacks.follow()
    assert (task.calls, task.noted) == ([1], None)
    with pytest.raises(CallbackFailed, match="no room"):
        callbacks.finish()
    callbacks.close()
    assert task.noted == 1
    task.callbacks(1, 2, 3, try_number=2).finish()
    assert task.calls == [1, 2, 3]


def test_a_local_job_that_is_lost_leaves_no_note():
    task = Task("local")
    callbacks = task.callbacks(1, 2)
    callbacks.follow()
    callbacks.close()
    assert (task.calls, task.noted) == ([1, 2], None)


def test_a_federation_that_is_away_or_a_job_that_failed_is_left_to_who_waits_for_it():
    task = Task()
    callbacks = task.callbacks(1, FederationUnreachable("away"), JobFailed("failed"), 2)
    callbacks.follow()
    assert (task.calls, task.hook.closed) == ([1], 1)
    callbacks.follow()
    callbacks.follow()
    assert (task.calls, task.hook.closed) == ([1, 2], 1)


def test_progress_is_noted_about_once_a_second(monkeypatch):
    task = Task()
    writes = []
    monkeypatch.setattr(task.store, "set", lambda key, value, retention: writes.append((key, value)))
    clock = iter(range(0, 10**6))
    monkeypatch.setattr("airflow_provider_dfm.hooks.task_callbacks.time.monotonic", lambda: next(clock) / 4)
    callbacks = task.callbacks(*range(100))
    callbacks.follow()
    positions = [value["position"] for key, value in writes if key == STATE_KEY]
    assert 10 < len(positions) < 60
    assert positions == sorted(positions)
    callbacks.close()
    assert writes[-1][1]["position"] == 100


def continuing(job_id, set_numbers):
    own = {"parameter_sets": 4, "continues": job_id, "set_numbers": set_numbers}
    return JobMeta(job_id="2", status="RUNNING", custom_props={CUSTOM_PROPERTY: own})


@pytest.mark.parametrize(
    ("given", "repeated", "rest"),
    [
        # Set 1 failed after its first result was handed on; set 3 failed as well.
        ([0, 1, 10], [1, 3], [10, 11, 20, 30]),
        # What was handed on ends with an answered set.
        ([0, 1], [1, 3], [10, 11, 20, 30]),
        ([], [1, 3], [0, 1, 10, 11, 20, 30]),
    ],
)
def test_a_job_that_does_only_the_failed_sets_again_goes_on_after_what_was_answered(given, repeated, rest):
    task = Task()
    first = task.callbacks(*given, JobFailed("failed"))
    first.follow()
    first.close()
    task.calls.clear()
    task.jobs["2"] = continuing("1", repeated)
    task.callbacks(0, 1, 10, 11, 20, 30, job_id="2", try_number=2).finish()
    assert task.calls == rest


@pytest.mark.parametrize("ends", ["as it should", "killed"])
def test_a_third_job_goes_on_where_the_first_one_was_left(ends):
    task = Task()
    first = task.callbacks(0, 1, 10, JobFailed("failed"))
    first.follow()
    first.close()
    task.jobs["2"] = continuing("1", [2])
    # It failed before it gave anything that the first had not.
    second = task.callbacks(0, 1, 10, JobFailed("failed"), job_id="2", try_number=2)
    second.follow()
    if ends != "killed":
        second.close()
    task.jobs["3"] = continuing("2", [2])
    task.callbacks(0, 1, 10, 20, job_id="3", try_number=3).finish()
    assert task.calls == [0, 1, 10, 20]


def test_a_job_that_continues_another_one_than_was_noted_starts_anew():
    task = Task()
    task.callbacks(0, 1).finish()
    task.calls.clear()
    task.jobs["2"] = continuing("0", [1])
    task.callbacks(0, 1, job_id="2", try_number=2).finish()
    assert task.calls == [0, 1]
