"""The trigger that waits through an outage before a submit, on looks that the test makes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.errors import FederationError, FederationUnreachable, JobNotFound
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.hooks.federation_watch import Fault
from airflow_provider_dfm.triggers import job as triggers_job
from airflow_provider_dfm.triggers import outage as triggers_outage
from airflow_provider_dfm.triggers.outage import FederationOutageTrigger
from airflow_provider_dfm.triggers.task_end import ENDED_BY_A_PERSON

AWAY, ANSWERS = Fault("connection refused"), ["seattle"]
WHOSE = JobIdentity("weather", "d", "r", "t", -1, "salt", 1)


def trigger(not_before=0.0, ends_in=60.0, **options):
    return FederationOutageTrigger("weather", {"started": 1.0}, not_before, time.time() + ends_in, **options)


def looks_until_it_fires(made, *looks):
    """How many looks it takes, and the event; None where these are not enough."""
    taken = []

    async def stream():
        for look in looks:
            taken.append(look)
            yield look

    async def run():
        return [event.payload async for event in made.filter_shared_stream(stream())]

    events = asyncio.run(run())
    return len(taken), next(iter(events), None)


def test_it_fires_once_the_federation_answers_with_what_the_task_gave():
    taken, event = looks_until_it_fires(trigger(), AWAY, AWAY, ANSWERS, ANSWERS)
    assert (taken, event) == (3, {"outage": {"started": 1.0}, "fault": ""})


def test_no_answer_counts_before_the_next_try_may_be():
    assert looks_until_it_fires(trigger(not_before=time.time() + 60), ANSWERS, ANSWERS)[1] is None


def test_a_connection_that_cannot_work_is_for_the_task_to_say():
    event = looks_until_it_fires(trigger(), AWAY, Fault("the kit has expired", "StartupKitError"))[1]
    assert event["fault"] == "the kit has expired"


def test_when_its_time_is_over_the_task_tries_for_the_last_time():
    event = looks_until_it_fires(trigger(not_before=time.time() + 60, ends_in=-1), Fault("a\0b"))[1]
    assert event == {"outage": {"started": 1.0}, "fault": "a\N{REPLACEMENT CHARACTER}b"}


class Log:
    def __init__(self):
        self.lines = []

    def info(self, text, *arguments):
        self.lines.append(text % arguments)


def test_the_tasks_log_says_now_and_then_why_it_still_waits(monkeypatch):
    over = [False, True, False]
    monkeypatch.setattr(triggers_outage.Quiet, "is_over", lambda quiet: over.pop(0))
    made = trigger()
    made._log = Log()
    looks_until_it_fires(made, AWAY, AWAY, AWAY, ANSWERS)
    (still,) = made._log.lines
    assert re.fullmatch(r"Still waiting for the federation, [\d:]+ so far: connection refused", still)


def test_it_survives_a_triggerer():
    made = trigger(jobs=[asdict(WHOSE), "1"])
    path, arguments = made.serialize()
    again = FederationOutageTrigger(**json.loads(json.dumps(arguments)))
    assert path.endswith(f".{FederationOutageTrigger.__name__}")
    assert again.serialize() == made.serialize()


class Aborts:
    """Stands in for what aborts jobs of the connection."""

    def __init__(self):
        self.aborted = []
        self.faults = [FederationUnreachable("connection refused")]

    def abort(self, job):
        if self.faults:
            raise self.faults.pop()
        if job == "gone":
            raise JobNotFound("gone")
        if job == "lost" and not self.aborted:
            raise FederationError("the server does not run it")
        self.aborted.append(job)


@pytest.mark.parametrize(
    ("options", "aborted"),
    [
        ({"jobs": [asdict(WHOSE), asdict(WHOSE.in_cycle(0))]}, [WHOSE, WHOSE.in_cycle(0)]),
        ({"jobs": ["1"]}, ["1"]),
        ({"jobs": ["gone", "1"]}, ["1"]),
        # It is tried again, with all.
        ({"jobs": ["lost", "1"]}, ["1", "lost", "1"]),
        ({}, []),
    ],
    ids=["whose", "which", "one of two", "one refused", "none"],
)
def test_a_person_who_ends_the_task_ends_what_an_earlier_try_may_have_submitted(monkeypatch, options, aborted):
    aborts = Aborts()
    waiting = triggers_job.Waiting("weather")
    waiting.aborts = aborts
    monkeypatch.setattr(triggers_job, "_waiting", {"weather": waiting})

    async def nothing():
        while True:
            await asyncio.sleep(3600)
            yield None

    async def run_trigger(made):
        try:
            async for _ in made.filter_shared_stream(nothing()):
                pass
        finally:
            await made.cleanup()

    async def run():
        task = asyncio.create_task(run_trigger(trigger(**options)))
        await asyncio.sleep(0.05)
        task.cancel(ENDED_BY_A_PERSON)
        await asyncio.wait([task], timeout=60)
        assert task.cancelled()

    asyncio.run(run())
    assert aborts.aborted == aborted


def test_all_tasks_of_a_connection_look_through_one_session(monkeypatch):
    made, answers = [], [AWAY, AWAY, ANSWERS]

    class Watch:
        def __init__(self, hook):
            made.append(hook)

        def poll(self):
            return answers.pop(0)

        def close(self):
            made.append("closed")

    monkeypatch.setattr(triggers_outage, "SiteWatch", Watch)
    monkeypatch.setattr(triggers_outage, "DfmHook", lambda dfm_conn_id: SimpleNamespace(dfm_conn_id=dfm_conn_id))

    async def run():
        async for event in trigger(interval=0.01).run():
            return event.payload

    assert asyncio.run(run())["fault"] == ""
    assert made[0].dfm_conn_id == "weather"
    assert trigger().shared_stream_key() == trigger(interval=5.0, jobs=["1"]).shared_stream_key()


def test_who_wants_no_pause_gets_a_second(monkeypatch):
    """Each look may open a session, and the triggerer has others to look after."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(triggers_outage.asyncio, "sleep", sleep)
    monkeypatch.setattr(triggers_outage.SiteWatch, "poll", lambda watch: AWAY)

    async def run():
        looks = FederationOutageTrigger.open_shared_stream(trigger(interval=0.0).serialize()[1])
        for _ in range(3):
            await looks.__anext__()
        await looks.aclose()

    asyncio.run(run())
    assert pauses == [1.0, 1.0]
