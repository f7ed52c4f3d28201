"""Calling back with results. What comes is a list here."""

from __future__ import annotations

import asyncio
import base64
import threading

import pytest

from airflow_provider_dfm.federation.callback_loop import CallbackLoop
from airflow_provider_dfm.federation.errors import CallbackFailed
from airflow_provider_dfm.federation.result_callbacks import (
    CallbackRun,
    ResultCallbacks,
    current_result,
    describe_result,
)
from airflow_provider_dfm.federation.tokens import Result

CALLS = []


def remember(site, node, frame, place, value):
    CALLS.append((site, node, frame, place, value))


async def remember_later(site, node, frame, place, value):
    await asyncio.sleep(0)
    CALLS.append((site, node, frame, place, value, id(asyncio.get_running_loop())))


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


class Came:
    """Results of a job that has ended, two a look."""

    def __init__(self, *results):
        self._results = list(results)
        self.position = 0
        self.job_has_ended = True
        self.finished = False

    def look(self):
        self.finished = self.position == len(self._results)
        return self._results[self.position : self.position + 2]

    def given(self):
        self.position += 1


def result(number, place="answer"):
    return Result(parameter_set=number, frame=(number,), place=place, site="seattle", value=number * 10, node=7)


def run(*results, **callbacks):
    return CallbackRun(Came(*results), ResultCallbacks(**callbacks), describe_result)


def process(callback_run):
    with CallbackLoop() as loop:
        callback_run.process(loop)


def test_callbacks_get_what_dfm_gives_them_in_order_each_at_its_place():
    places = {"second": lambda *result: CALLS.append(("second", result[4]))}
    came = [result(0), result(1, "second"), result(2)]
    notes = []
    handing_on = run(*came, default_callback=remember, place_callbacks=places)
    handing_on.note = lambda result, position: notes.append((result.value, position))
    process(handing_on)
    process(handing_on)
    first, third = (("seattle", 7, (number,), "answer", number * 10) for number in (0, 2))
    assert [first, ("second", 10), third] == CALLS
    assert notes == [(0, 1), (10, 2), (20, 3)]
    assert handing_on.pending.finished


def test_place_callbacks_alone_leave_out_other_places():
    process(run(result(0), result(1, "second"), place_callbacks={"second": remember}))
    assert [call[3] for call in CALLS] == ["second"]


def test_sync_and_async_callbacks_are_mixed_and_the_async_ones_share_a_loop():
    places = {"later": f"{__name__}:remember_later"}
    came = [result(0, "later"), result(1), result(2, "later"), result(3)]
    process(run(*came, default_callback=f"{__name__}:remember", place_callbacks=places))
    assert [call[2] for call in CALLS] == [(0,), (1,), (2,), (3,)]
    assert len({call[5] for call in CALLS if len(call) == 6}) == 1


def test_the_running_loop_calls_both_in_its_own_thread():
    threads = []
    handing_on = run(
        result(0, "later"),
        result(1),
        default_callback=lambda *result: threads.append(threading.current_thread()),
        place_callbacks={"later": remember_later},
    )

    async def wait():
        await handing_on.process_async()
        return id(asyncio.get_running_loop())

    loop = asyncio.run(wait())
    assert CALLS[0][5] == loop
    assert threads == [threading.current_thread()]


def test_a_callback_can_open_what_it_is_called_with():
    def note(site, node, frame, place, value):
        CALLS.append(current_result().content())

    async def note_later(site, node, frame, place, value):
        await asyncio.sleep(0)
        CALLS.append(current_result().content())

    def came(number, place):
        form = {"@bytes": base64.b64encode(b"%d" % number).decode()}
        return Result(parameter_set=number, frame=(number,), place=place, site="seattle", value=form)

    results = [came(number, place) for number, place in enumerate(("now", "later", "later", "now"))]
    callbacks = {"default_callback": note, "place_callbacks": {"later": note_later}}
    process(run(*results, **callbacks))
    asyncio.run(run(*results, **callbacks).process_async())
    assert CALLS == [b"0", b"1", b"2", b"3"] * 2


def test_a_callback_that_raises_says_for_what_and_is_called_again_with_that():
    def fail_once(site, node, frame, place, value):
        if value == 10 and not CALLS:
            CALLS.append("failed")
            raise KeyError("nothing")
        CALLS.append(value)

    CALLS[:] = []
    handing_on = run(result(1), result(2), default_callback=fail_once)
    with pytest.raises(
        CallbackFailed, match=r"KeyError.*parameter set 1 at place 'answer', frame \[1\], after 0 others"
    ):
        process(handing_on)
    assert handing_on.pending.position == 0
    process(handing_on)
    assert CALLS == ["failed", 10, 20]


def test_an_async_callback_that_raises_is_told_in_the_same_way():
    async def fail(*result):
        raise ValueError("no")

    with pytest.raises(CallbackFailed, match="raised ValueError: no"):
        process(run(result(1), default_callback=fail))
    with pytest.raises(CallbackFailed, match="raised ValueError: no"):
        asyncio.run(run(result(1), default_callback=fail).process_async())


def test_an_async_callback_in_a_running_loops_thread_says_what_to_call_instead():
    async def wait():
        process(run(result(1), default_callback=remember_later))

    with pytest.raises(CallbackFailed, match="await the job's wait_until_finished_async"):
        asyncio.run(wait())
    assert CALLS == []


def test_sync_callbacks_need_no_loop_of_their_own():
    async def wait():
        process(run(result(1), default_callback=remember))

    asyncio.run(wait())
    assert len(CALLS) == 1


def test_what_a_callback_leaves_behind_ends_with_the_wait():
    ended = []

    async def background():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def start(*result):
        CALLS.append(asyncio.create_task(background()))
        await asyncio.sleep(0)

    process(run(result(1), default_callback=start))
    assert ended == [True]


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere:function", "Cannot import"), ("os:nothing", "Cannot import"), ("os.path", "give package.module:func")],
)
def test_a_callback_that_is_no_function_is_refused(path, message):
    with pytest.raises(CallbackFailed, match=message):
        ResultCallbacks(path)


def test_a_place_that_the_pipeline_does_not_have_is_refused():
    callbacks = ResultCallbacks(None, {"first": remember, "frist": remember})
    with pytest.raises(CallbackFailed, match="names frist, but the pipeline yields to first, second"):
        callbacks.check_places(["first", "second"])
    callbacks.check_places(["first", "frist"])


def test_no_callbacks_are_none():
    assert not ResultCallbacks()
    assert not ResultCallbacks(None, {})
