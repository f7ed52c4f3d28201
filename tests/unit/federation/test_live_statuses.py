"""What a status callback is told of each set. The job is a list here, as in ``test_live_results.py``."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.callback_loop import CallbackLoop
from airflow_provider_dfm.federation.errors import CallbackFailed, CallbackNotFound, JobFailed
from airflow_provider_dfm.federation.frames import Frame
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.live_statuses import LiveStatuses
from airflow_provider_dfm.federation.result_callbacks import CallbackRun, ResultCallbacks, describe_result
from tests.unit.federation.test_live_results import STOP, Job
from tests.unit.federation.tokens import end, error, token

GOOD = [token(frame=[0], value="a"), end([0]), token(frame=[1], value="b"), end([1]), token(frame=[2], value="c")]
WHOLE = ["0 start", "0 'a'", "0 end", "1 start", "1 'b'", "1 end", "2 start", "2 'c'", "2 end", "stop end"]


class Calls(list):
    """Short words for what came; raises once at one of them."""

    def __init__(self, raise_at=None):
        self._raise_at = raise_at

    def status(self, site, node, frame, place, value):
        assert place == "_dfm_status_"
        self._note("stop" if frame.is_stop_frame() else frame[0], value["event"])

    async def result(self, site, node, frame, place, value):
        self._note(frame[0], repr(value))

    def _note(self, number, what):
        if self._raise_at == f"{number} {what}":
            self._raise_at = None
            raise RuntimeError("no room")
        self.append(f"{number} {what}")


def run(job, calls, position=0, partial=False):
    callbacks = ResultCallbacks(calls.result, {"_dfm_status_": calls.status})
    live = job.live()
    if partial:
        live = LiveResults(job.get_job_meta, job.read_tokens, lambda: job.results().partial())
    pending = LiveStatuses(live, lambda: job.results().outcome, position)
    return CallbackRun(pending, callbacks, describe_result)


def follow(made):
    with CallbackLoop() as loop:
        while not made.pending.finished:
            made.process(loop)


def test_each_set_has_its_start_before_its_results_and_its_end_after_them(tmp_path):
    calls = Calls()
    job = Job(tmp_path, GOOD[:1], GOOD[1:3], GOOD[3:], [end([2]), STOP], sets=3)
    made = run(job, calls)
    with CallbackLoop() as loop:
        for _ in range(2):
            made.process(loop)
        assert calls == WHOLE[:3]
        assert job.runs, "a set's end is told as soon as it is known"
    follow(made)
    assert calls == WHOLE
    assert made.pending.position == len(WHOLE)


@pytest.mark.parametrize("position", range(len(WHOLE) + 1))
def test_whoever_goes_on_hears_the_rest(tmp_path, position):
    calls = Calls()
    follow(run(Job(tmp_path, GOOD, [end([2]), STOP], sets=3), calls, position))
    assert calls == WHOLE[position:]


@pytest.mark.parametrize("word", WHOLE)
def test_a_callback_that_raises_is_called_with_the_same_again(tmp_path, word):
    calls = Calls(raise_at=word)
    made = run(Job(tmp_path, GOOD, [end([2]), STOP], sets=3), calls)
    with pytest.raises(CallbackFailed, match="no room"):
        follow(made)
    follow(made)
    assert calls == WHOLE


FAILED = [*GOOD[:2], error("no data", [1]), end([1]), *GOOD[4:], end([2]), STOP]


def test_the_errors_of_a_job_that_failed_come_last_and_do_not_count(tmp_path):
    calls = Calls()
    made = run(Job(tmp_path, FAILED, sets=3), calls)
    noted = []
    made.note = lambda item, position: noted.append(position)
    with pytest.raises(JobFailed, match="parameter set 1"):
        follow(made)
    first, last = calls[: len(noted)], calls[len(noted) :]
    # The job that comes in its place goes on after these.
    assert first == WHOLE[: made.pending.position]
    assert last in (["1 start", "1 error", "stop error"], ["1 error", "stop error"])
    with pytest.raises(JobFailed):
        follow(made)
    assert calls == first + last, "once"


def test_of_a_job_that_is_good_enough_each_set_has_its_end_or_its_error(tmp_path):
    calls = Calls()
    made = run(Job(tmp_path, FAILED, sets=3), calls, partial=True)
    follow(made)
    assert calls == [*WHOLE[:3], "1 start", "1 error", *WHOLE[6:]]
    assert made.pending.position == len(calls)


def test_a_set_that_yields_nothing_has_its_start_and_its_end(tmp_path):
    calls = Calls()
    follow(run(Job(tmp_path, [end([0]), end([1]), STOP], sets=2, places=[]), calls))
    assert calls == ["0 start", "0 end", "1 start", "1 end", "stop end"]


def test_the_default_callback_is_not_called_with_statuses_and_dfms_own_places_are_no_mistake():
    assert not ResultCallbacks(print).want_statuses
    callbacks = ResultCallbacks(None, {"_dfm_status_": print, "_dfm_discovery_": print, "result": print})
    callbacks.check_places(("result",))
    with pytest.raises(CallbackNotFound, match=r"names result, but"):
        callbacks.check_places(("other",))


def test_a_frame_is_a_tuple_with_dfms_names():
    frame, stop = Frame((0, 2)), Frame()
    assert (frame, frame.frame, frame.is_stop_frame()) == ((0, 2), [0, 2], False)
    assert (stop, stop.frame, stop.is_stop_frame()) == ((), "stop", True)
    assert isinstance(frame, tuple)
    assert hash(frame) == hash((0, 2))
