"""Callbacks and followers of one job, many at once: while it runs, after it, in this process and in another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.federation.errors import CallbackFailed, JobFailed
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.operators.dfm import DfmResultsOperator
from demo.demonstration import ROOT
from tests.integration import reattach

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

UNKNOWN_JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
# Frame, place and value of all results of the job below, but for the text at the place of that name.
NUMBERS = [((0, 0), 0), ((0, 1), 1), ((0, 2), 2), ((0, 3), 3), ((1, 0), 0), ((1, 1), 1)]


def expected(until):
    def result(frame, place, value):
        return ("seattle" if place == "numbers" else "san_francisco", frame, place, value)

    numbers = [result(frame, "numbers", value) for frame, value in NUMBERS]
    return [result((0,), "text", until), *numbers[:4], result((1,), "text", ""), *numbers[4:]]


class Calls(list):
    """What callbacks were called with, but for the node."""

    def now(self, site, node, frame, place, value):
        assert isinstance(node, int), "DFM's node"
        self.append((site, frame, place, value))

    async def later(self, *result):
        await asyncio.sleep(0)
        self.now(*result)


def start_another_process(job_id):
    """Reattach to a job in another process; it prints what its callback was called with."""
    command = [sys.executable, "-m", reattach.__name__, job_id]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)


def printed(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return [(site, tuple(frame), place, value) for site, frame, place, value in map(json.loads, output.splitlines())]


def follow_in_a_session_of_its_own(job_id):
    calls = Calls()
    with DfmHook("watched") as hook:
        job = hook.reattach(job_id, default_callback=calls.now, place_callbacks={"text": calls.later})
        assert job.wait_until_finished(timeout=120, poll_interval=0.3)
    return calls


def until_called(job, calls, times):
    deadline = time.monotonic() + 60
    while len(calls) < times:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        job.process_pending()


@pytest.fixture(scope="module", params=["local", "flare"])
def watched(request, tmp_path_factory, local_fields):
    """What came of a job that was watched in all ways at once; its first set waited until all of them were there."""
    on_flare = request.param == "flare"
    made = request.getfixturevalue("fields")(federation="trials") if on_flare else local_fields()
    folder = tmp_path_factory.mktemp("watched")
    extra = made | {"results_path": f"file://{folder}/results"}
    connection = Connection(conn_id="watched", conn_type="dfm", login=extra.pop("user", None), extra=json.dumps(extra))
    seen = SimpleNamespace(on_flare=on_flare, until=str(folder / "until"), pending=Calls())
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as threads, contextlib.ExitStack() as closing:
        patch.setenv("AIRFLOW_CONN_WATCHED", connection.as_json())
        hook = closing.enter_context(DfmHook("watched"))
        sets = [{"count": 4, "until": seen.until}, {"count": 2, "until": ""}]
        callbacks = {"default_callback": seen.pending.later, "place_callbacks": {"numbers": seen.pending.now}}
        job = hook.execute("trial_pipelines:count_and_echo", sets, **callbacks)
        seen.job_id = job.job_id
        if on_flare:
            another = start_another_process(job.job_id)
            others = [threads.submit(follow_in_a_session_of_its_own, job.job_id) for _ in range(2)]
        until_called(job, seen.pending, 4)
        seen.first = list(seen.pending)
        seen.status = hook.reattach(job.job_id).get_status()
        follower = hook.follow_results(job.job_id, position=2, poll_interval=0.3, timeout=120)
        seen.followed = [next(follower), next(follower)]
        if on_flare:
            # The session host dies with all that it knows.
            os.kill(hook.get_conn()._session._host._pid, signal.SIGKILL)
        Path(seen.until).touch()
        assert job.wait_until_finished(timeout=120, poll_interval=0.3)
        seen.followed += follower
        assert job.wait_until_finished(), "again, with nothing left to call back for"
        if on_flare:
            seen.another = printed(another)
            seen.others = [other.result() for other in others]
        seen.node = {result.node for result in job.results()}
        yield seen


def test_items_of_a_generator_are_called_back_while_their_set_goes_on(watched):
    assert watched.first == expected(watched.until)[:4]
    assert watched.status is JobStatus.RUNNING


def test_each_result_is_called_back_once_and_in_order_over_a_lost_connection(watched):
    assert watched.pending == expected(watched.until)


def test_a_follower_goes_on_from_a_position(watched):
    followed = [(result.site, result.frame, result.place, result.value) for result in watched.followed]
    assert followed == expected(watched.until)[2:]


def test_the_results_name_the_nodes_of_the_pipeline(watched):
    assert len(watched.node) == 2
    assert None not in watched.node


def test_others_get_the_same_at_the_same_time(watched):
    if not watched.on_flare:
        pytest.skip("a job of the target local can be watched by its own session only")
    assert [*watched.others, watched.another] == [expected(watched.until)] * 3


def test_after_the_end_another_session_gets_the_same(watched):
    calls = Calls()

    async def wait():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        finished = await hook.reattach(watched.job_id, calls.later).wait_until_finished_async(60)
        ticking.cancel()
        return finished, ticks

    with DfmHook("watched") as hook:
        finished, ticks = asyncio.run(wait())
        assert finished
        assert ticks > 1, "the loop goes on meanwhile"
        assert (
            list(hook.follow_results(watched.job_id, position=7)) == list(hook.reattach(watched.job_id).results())[7:]
        )
    assert calls == expected(watched.until)
    assert printed(start_another_process(watched.job_id)) == expected(watched.until)


def test_an_unknown_job_is_unknown(watched):
    with DfmHook("watched") as hook:
        job = hook.reattach(UNKNOWN_JOB, default_callback=print)
        assert (job.get_status(), job.was_found) == (JobStatus.UNKNOWN, False)
        assert hook.reattach(watched.job_id).was_found


def test_a_callback_for_no_place_of_the_pipeline_is_refused_before_the_submit(watched):
    with DfmHook("watched") as hook:
        with pytest.raises(CallbackFailed, match="names result, but the pipeline yields to numbers, text"):
            hook.execute("trial_pipelines:count_and_echo", {}, place_callbacks={"result": print})
        with pytest.raises(CallbackFailed, match="names result, but the pipeline yields to numbers, text"):
            hook.reattach(watched.job_id, place_callbacks={"result": print}).process_pending()
        operator = DfmResultsOperator(
            task_id="read", job_id=watched.job_id, dfm_conn_id="watched", place_callbacks={"result": print}
        )
        expected = r"CallbackNotFound: .* names result, but the pipeline yields to numbers, text"
        with pytest.raises(AirflowFailException, match=expected):
            operator.execute({})


def test_a_failed_job_fails_the_wait_after_what_came_before(watched):
    if watched.on_flare:
        pytest.skip("the same code, and one job less")
    values = []
    with DfmHook("watched") as hook:
        messages = [{"message": message} for message in ("", "no data", "")]
        job = hook.execute("trial_pipelines:fail", messages, default_callback=lambda *result: values.append(result[4]))
        with pytest.raises(JobFailed, match="parameter set 1, site seattle: RuntimeError: no data"):
            job.wait_until_finished(timeout=60, poll_interval=0.1)
        assert values in ([], ["fine"])
        assert job.get_status().has_ended


def test_the_wait_ends_when_its_time_is_over_and_goes_on_later(watched):
    if watched.on_flare:
        pytest.skip("the same code, and one job less")
    calls = Calls()
    with DfmHook("watched") as hook:
        job = hook.execute("trial_pipelines:sleep", [{"seconds": 2.0}], force_modgen=True, default_callback=calls.now)
        assert not job.wait_until_finished(timeout=0.2)
        assert calls == []
        assert job.wait_until_finished(timeout=60, poll_interval=0.1)
        assert len(calls) == 1
        job.detach()
        job.detach()
        with pytest.raises(RuntimeError, match=f"Cannot perform operation on detached job {job.job_id}"):
            job.get_status()


def test_force_modgen_has_the_sites_generate_their_code_anew(watched, tmp_path, monkeypatch):
    if watched.on_flare:
        pytest.skip("the sites of a FLARE federation keep their caches to themselves")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with DfmHook("watched") as hook:

        def echo(**how):
            job = hook.execute("trial_pipelines:echo", {"value": 1}, **how)
            assert job.wait_until_finished(timeout=60, poll_interval=0.1)
            return [result.value for result in job.results()]

        assert echo() == [1]
        generated = list(tmp_path.rglob("*.py"))
        assert generated
        for path in generated:
            path.write_text("raise RuntimeError('stale')")
        assert echo(force_modgen=True) == [1]
        assert not any("stale" in path.read_text() for path in generated)
