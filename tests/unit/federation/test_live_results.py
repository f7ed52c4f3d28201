"""What a stream of tokens gives while its job runs. The job is a list here: a real one's order cannot be chosen."""

from __future__ import annotations

import json

import pytest

from airflow_provider_dfm.federation.errors import JobFailed, JobTimedOut, ResultsIncomplete
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.results import read_downloaded_job
from tests.unit.federation.tokens import end, error, meta, token, write_job

STOP = end("stop")


class Job:
    """Gives one batch of tokens a poll, and ends when there is none left."""

    def __init__(self, folder, *batches, sets):
        self._folder = folder
        self._batches = list(batches)
        self._tokens = [each for batch in batches for each in batch]
        self._sets = sets
        self._lines = []
        self.seen_while_running = None

    def get_job_meta(self):
        if not self._batches:
            return meta(sets=self._sets)
        self._lines += [json.dumps(each) + "\n" for each in self._batches.pop(0)]
        return meta("RUNNING", sets=self._sets)

    def read_tokens(self, position):
        return {"text": "".join(self._lines[position:]), "position": len(self._lines)}

    def results(self):
        return read_downloaded_job(write_job(self._folder, *self._tokens), meta(sets=self._sets))

    def follow(self, timeout=60):
        return LiveResults(self.get_job_meta, self.read_tokens, self.results).follow(0, timeout)

    @property
    def runs(self):
        return bool(self._batches)


def values(results):
    return [(result.parameter_set, result.value) for result in results]


def test_sets_that_come_out_of_order_are_given_in_order_and_once(tmp_path):
    first = [token(frame=[1], value="b"), end([1])]
    second = [token(frame=[0], value="a"), end([0]), end([0])]
    third = [token(frame=[2], value="c"), token(frame=[0], value="a"), end([2]), STOP]
    job = Job(tmp_path, first, second, third, sets=3)
    live = job.follow()
    assert values([next(live), next(live)]) == [(0, "a"), (1, "b")]
    assert job.runs, "a set is given as soon as those before it are whole"
    assert values(live) == [(2, "c")]


def test_a_set_is_given_when_its_end_and_all_its_places_are_there(tmp_path):
    job = Job(tmp_path, [end([0])], [token(frame=[0], value="a")], [STOP], sets=1)
    assert values(job.follow()) == [(0, "a")]


def test_items_of_a_generator_come_in_their_order(tmp_path):
    items = [token(frame=[0, number], value=number) for number in (2, 0, 1)]
    assert values(Job(tmp_path, [*items, end([0])], [STOP], sets=1).follow()) == [(0, 0), (0, 1), (0, 2)]


def test_a_set_that_failed_holds_back_those_after_it_till_the_job_has_ended(tmp_path):
    failed = [error("no data", frame=[1]), end([1])]
    others = [token(frame=[number], value=number) for number in (0, 2)]
    job = Job(tmp_path, [*others, end([0]), end([2]), *failed], [STOP], sets=3)
    live = job.follow()
    assert values([next(live)]) == [(0, 0)]
    with pytest.raises(JobFailed, match="parameter set 1"):
        next(live)


def test_a_value_that_comes_after_its_sets_end_was_given_is_an_error_and_never_out_of_order(tmp_path):
    whole = [token(frame=[0], value="a"), end([0])]
    job = Job(tmp_path, whole, [token(frame=[0, 0], value="late"), STOP], sets=1)
    with pytest.raises(ResultsIncomplete, match="after it had reported the end of that set"):
        list(job.follow())


def test_a_job_that_does_not_end_in_time(tmp_path):
    with pytest.raises(JobTimedOut):
        list(Job(tmp_path, [], [], [], sets=1).follow(timeout=0))
