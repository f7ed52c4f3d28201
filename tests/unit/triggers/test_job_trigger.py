"""The job trigger as Airflow's triggerer treats it: cancelled each second until it has ended."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from airflow.jobs import triggerer_job_runner

from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.triggers import job as triggers_job
from airflow_provider_dfm.triggers import task_end
from airflow_provider_dfm.triggers.job import FederationJobTrigger
from airflow_provider_dfm.triggers.task_end import ENDED_BY_A_PERSON


class Aborts:
    """Stands in for a connection whose aborts take as long as the test wants."""

    def __init__(self):
        self.begun = []
        self.done = []
        self.go_on = threading.Event()

    def abort(self, job_id):
        self.begun.append(job_id)
        assert self.go_on.wait(60)
        self.done.append(job_id)


@pytest.fixture
def aborts(monkeypatch):
    made = Aborts()
    waiting = triggers_job.Waiting("weather")
    waiting.aborts = made
    monkeypatch.setattr(triggers_job, "_waiting", {"weather": waiting})
    return made


def test_the_message_is_airflows():
    assert triggerer_job_runner._USER_ACTION_CANCEL_MSG == ENDED_BY_A_PERSON


async def nothing():
    while True:
        await asyncio.sleep(3600)
        yield None


async def as_the_triggerer_runs(trigger, clogged=False):
    """What airflow/jobs/triggerer_job_runner.py, run_trigger, does with a trigger."""
    try:
        async for _ in trigger.filter_shared_stream(nothing()):
            pass
    except asyncio.CancelledError as error:
        if error.args and error.args[0] == ENDED_BY_A_PERSON:
            # Airflow's own log line, which needs a thread of the default pool.
            await (asyncio.sleep(3600) if clogged else asyncio.sleep(0))
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(trigger.on_kill(), timeout=30)
        raise
    finally:
        await trigger.cleanup()


async def cancelled_again_and_again(task, until):
    while not task.done() and not until():
        task.cancel(ENDED_BY_A_PERSON)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("clogged", [False, True], ids=["", "while all threads for log lines are busy"])
def test_fifty_that_are_cancelled_again_and_again_abort_fifty_jobs(aborts, clogged):
    async def run():
        triggers = [FederationJobTrigger("weather", str(number)) for number in range(50)]
        tasks = [asyncio.create_task(as_the_triggerer_runs(trigger, clogged)) for trigger in triggers]
        await asyncio.sleep(0.05)
        await asyncio.gather(*(cancelled_again_and_again(task, lambda: len(aborts.begun) == 50) for task in tasks))
        assert not any(task.done() for task in tasks), "each stays until its job is aborted"
        aborts.go_on.set()
        await asyncio.wait(tasks, timeout=60)
        assert all(task.cancelled() for task in tasks)

    asyncio.run(run())
    assert sorted(aborts.done, key=int) == [str(number) for number in range(50)]


def test_nothing_waits_in_the_loops_default_pool(aborts):
    async def run():
        pool = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(pool)
        clogged = threading.Event()
        pool.submit(clogged.wait)
        task = asyncio.create_task(as_the_triggerer_runs(FederationJobTrigger("weather", "1")))
        await asyncio.sleep(0.05)
        aborts.go_on.set()
        task.cancel(ENDED_BY_A_PERSON)
        await asyncio.wait([task], timeout=60)
        clogged.set()

    asyncio.run(run())
    assert aborts.done == ["1"]


def test_a_triggerer_that_shuts_down_aborts_nothing(aborts):
    async def run():
        task = asyncio.create_task(as_the_triggerer_runs(FederationJobTrigger("weather", "1")))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task], timeout=60)

    asyncio.run(run())
    assert aborts.begun == []


def test_a_triggerer_that_shuts_down_stays_a_moment_for_an_abort_under_way(aborts, monkeypatch):
    monkeypatch.setattr(task_end, "SHUTDOWN_SECONDS", 0.05)

    async def run():
        task = asyncio.create_task(as_the_triggerer_runs(FederationJobTrigger("weather", "1")))
        await asyncio.sleep(0.05)
        await cancelled_again_and_again(task, lambda: bool(aborts.begun))
        task.cancel()
        await asyncio.wait([task], timeout=60)
        assert task.cancelled()

    asyncio.run(run())
    aborts.go_on.set()


def test_a_trigger_that_only_watches_leaves_the_job_alone(aborts):
    async def run():
        trigger = FederationJobTrigger("weather", "1", cancel_on_kill=False)
        task = asyncio.create_task(as_the_triggerer_runs(trigger))
        await asyncio.sleep(0.05)
        await cancelled_again_and_again(task, lambda: False)

    asyncio.run(run())
    assert aborts.begun == []


class SilentHook:
    """Stands in for a hook whose server takes each request and says nothing, or for one that answers."""

    settings = SimpleNamespace(target="flare")
    heard = threading.Event()

    def __init__(self, dfm_conn_id):
        self.is_silent = dfm_conn_id.startswith("silent")

    def find_job(self, job_id):
        if self.is_silent:
            assert self.heard.wait(60)
        return JobMeta(job_id=job_id, status="FINISHED:COMPLETED")

    def close(self):
        pass

    close_failed = close


def test_silent_servers_keep_no_other_connection_from_its_looks(monkeypatch):
    monkeypatch.setattr(triggers_job, "DfmHook", SilentHook)
    monkeypatch.setattr(triggers_job, "_waiting", {})
    ended = []

    async def wait_for(conn_id):
        trigger = FederationJobTrigger(conn_id, "1", poll_interval=0.01)
        stream = FederationJobTrigger.open_shared_stream({"dfm_conn_id": conn_id})
        async for event in trigger.filter_shared_stream(stream):
            ended.append((conn_id, event.payload["status"]))

    async def run():
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        silent = [asyncio.create_task(wait_for(f"silent_{number}")) for number in range(6)]
        await asyncio.sleep(0.1)
        await asyncio.wait_for(wait_for("weather"), timeout=60)
        assert ended == [("weather", "FINISHED:COMPLETED")]
        SilentHook.heard.set()
        await asyncio.wait_for(asyncio.gather(*silent), timeout=60)

    asyncio.run(run())
    assert len(ended) == 7


class CountingHook(SilentHook):
    polls = 0

    def find_job(self, job_id):
        type(self).polls += 1
        return JobMeta(job_id=job_id, status="RUNNING")

    def get_system_info(self):
        return SimpleNamespace(running_jobs=[SimpleNamespace(job_id=str(number)) for number in range(9)])


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(triggers_job, "DfmHook", CountingHook)
    monkeypatch.setattr(triggers_job, "_waiting", {})
    monkeypatch.setattr(triggers_job, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(CountingHook, "polls", 0)
    return CountingHook


async def subscribed(trigger, queue):
    """What the triggerer does with a trigger of a shared stream."""

    async def stream():
        while True:
            yield await queue.get()

    async for event in trigger.filter_shared_stream(stream()):
        return event.payload


async def poll_for(conn_id, queues):
    async for snapshot in FederationJobTrigger.open_shared_stream({"dfm_conn_id": conn_id}):
        for queue in queues:
            queue.put_nowait(snapshot)


def test_who_joins_a_stream_that_rests_is_looked_after_in_time(counted):
    async def run():
        queues = [asyncio.Queue(), asyncio.Queue()]
        patient = FederationJobTrigger("weather", "1", poll_interval=3600)
        tasks = [asyncio.create_task(subscribed(patient, queues[0])), asyncio.create_task(poll_for("weather", queues))]
        while not counted.polls:
            await asyncio.sleep(0.01)
        late = FederationJobTrigger("weather", "2", poll_interval=3600, ends_at=time.time() + 0.5)
        event = await asyncio.wait_for(subscribed(late, queues[1]), timeout=60)
        assert event["timed_out"]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    asyncio.run(run())


def test_a_deadline_that_is_over_is_no_reason_to_poll_without_pause(counted):
    async def run():
        busy = FederationJobTrigger("weather", "1", poll_interval=3600, ends_at=time.time() - 1)
        triggers_job.waiting_at("weather").join(busy)
        polling = asyncio.create_task(poll_for("weather", []))
        while not counted.polls:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        polling.cancel()
        await asyncio.wait([polling])

    asyncio.run(run())
    assert counted.polls == 1


def test_a_task_that_is_ended_while_its_callback_is_imported_aborts_its_job(aborts, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def load(path, arguments):
        begun.set()
        assert go_on.wait(60)

    monkeypatch.setattr(triggers_job, "load_callback", load)

    async def run():
        trigger = FederationJobTrigger("weather", "1", callback="some.module:function")
        task = asyncio.create_task(as_the_triggerer_runs(trigger, clogged=True))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        aborts.go_on.set()
        await cancelled_again_and_again(task, lambda: bool(aborts.done))
        await asyncio.wait([task], timeout=60)

    asyncio.run(run())
    go_on.set()
    assert aborts.done == ["1"]
