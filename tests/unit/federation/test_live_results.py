"""What a stream of tokens gives while its job runs. The job is a list here: a real one's order cannot be chosen."""

from __future__ import annotations

import json

import pytest

from airflow_provider_dfm.federation.errors import FederationUnreachable, JobFailed, JobTimedOut, ResultsIncomplete
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.tokens import TokensRead
from tests.unit.federation.tokens import end, error, meta, token, write_job

STOP = end("stop")


class Job:
    """Gives one batch of tokens a poll, and ends when there is none left."""

    def __init__(self, folder, *batches, sets, **meta):
        self._folder = folder
        self._batches = list(batches)
        self._tokens = [each for batch in batches for each in batch]
        self._meta = meta | {"sets": sets}
        self._folder_is_written = False
        self._lines = []

    def get_job_meta(self):
        if not self._batches:
            return meta(**self._meta)
        self._lines += [json.dumps(each) + "\n" for each in self._batches.pop(0)]
        return meta("RUNNING", **self._meta)

    def end(self):
        self._batches = []

    def read_tokens(self, position):
        return TokensRead(text="".join(self._lines[position:]), position=len(self._lines))

    def results(self):
        if not self._folder_is_written:
            write_job(self._folder, *self._tokens)
            self._folder_is_written = True
        return read_downloaded_job(self._folder, meta(**self._meta))

    def live(self, position=0):
        return LiveResults(self.get_job_meta, self.read_tokens, self.results, position)

    def follow(self, timeout=60):
        return self.live().follow(0, timeout)

    @property
    def runs(self):
        return bool(self._batches)


def values(results):
    return [(result.parameter_set, result.value) for result in results]


def test_sets_that_come_out_of_order_are_given_in_order_and_once(tmp_path):
    first = [token(frame=[1], value="b"), end([1])]
    second = [token(frame=[0], value="a"), end([0])]
    third = [token(frame=[2], value="c"), end([2]), STOP]
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


ONE_EACH = {"answer": 1}
TWO_PLACES = {"a": 1, "b": 1}


def items(*numbers, place="answer"):
    return [token(place, frame=[0, number], value=number) for number in numbers]


def test_items_of_a_generator_are_given_while_their_set_goes_on(tmp_path):
    job = Job(tmp_path, items(0), items(2), [*items(1), end([0])], [STOP], sets=1, yields=ONE_EACH)
    live = job.live()
    assert values(live.look()) == [(0, 0)]
    live.given()
    assert live.look() == [], "an item that is missing holds back those after it"
    assert values(live.follow(0, 60)) == [(0, 1), (0, 2)]


def test_what_still_can_come_before_a_value_holds_it_back(tmp_path):
    batches = [
        [token("b", frame=[0], value="single")],
        [token("a", frame=[0, 1], value=1), token("a", frame=[0, 0], value=0)],
        [token("a", frame=[0, 2], value=2), end([0])],
        [STOP],
    ]
    live = Job(tmp_path, *batches, sets=1, yields=TWO_PLACES, places=("a", "b")).live()
    assert live.look() == [], "a might have a single value as well"
    given = [result.value for result in live.look()]
    assert given == ["single", 0, 1]


@pytest.mark.parametrize("yields", [{}, {"answer": 2}, {"other": 1}])
def test_where_the_pipeline_may_yield_more_a_set_is_given_as_a_whole(tmp_path, yields):
    live = Job(tmp_path, items(0), [*items(1), end([0])], [STOP], sets=1, yields=yields).live()
    assert live.look() == []
    assert values(live.look()) == [(0, 0), (0, 1)]


def test_an_error_holds_back_the_rest_of_its_set(tmp_path):
    job = Job(tmp_path, items(0), [error("no data", frame=[0]), *items(1)], [end([0]), STOP], sets=1, yields=ONE_EACH)
    live = job.follow()
    assert values([next(live)]) == [(0, 0)]
    with pytest.raises(JobFailed, match="no data"):
        next(live)


@pytest.mark.parametrize("position", range(6))
def test_results_go_on_from_a_position_while_the_job_runs_and_after(tmp_path, position):
    sets = [[token(frame=[number], value=number), end([number])] for number in range(5)]
    job = Job(tmp_path, *sets, [STOP], sets=5, yields=ONE_EACH)
    live = job.live(position)
    assert [result.value for result in live.follow(0, 60)] == [0, 1, 2, 3, 4][position:]
    assert live.position == 5
    assert [result.value for result in job.live(position).follow(0, 60)] == [0, 1, 2, 3, 4][position:]


def test_what_was_not_handed_on_is_given_again(tmp_path):
    live = Job(tmp_path, [*items(0, 1), end([0])], [STOP], sets=1, yields=ONE_EACH).live()
    assert values(live.look()) == [(0, 0), (0, 1)]
    live.given()
    assert values(live.look()) == [(0, 1)]
    live.given()
    assert live.look() == [], "the job runs still"
    assert (live.position, live.finished) == (2, False)
    assert live.look() == []
    assert (live.position, live.finished) == (2, True)


def test_an_item_that_comes_after_one_behind_it_was_given_is_an_error(tmp_path):
    # Such a job breaks what its meta says: that one statement yields to the place.
    late = [token(frame=[0, 0], value="late", node=1), end([0]), STOP]
    live = Job(tmp_path, items(0, 1), late, sets=1, yields=ONE_EACH).follow()
    assert values([next(live), next(live)]) == [(0, 0), (0, 1)]
    with pytest.raises(ResultsIncomplete, match="after one that comes behind it"):
        list(live)


def test_an_outage_while_the_ended_jobs_results_are_read_loses_none(tmp_path):
    tokens = [[*items(*range(250)), end([0])], [STOP]]
    job = Job(tmp_path, *tokens, sets=1)
    job.end()
    whole = list(job.results())

    def results():
        for number, result in enumerate(whole):
            if number == 120 and outages:
                raise outages.pop()
            yield result

    outages = [FederationUnreachable("away")]
    live = LiveResults(job.get_job_meta, job.read_tokens, results)
    given = []
    while not live.finished:
        try:
            for result in live.look():
                given.append(result)
                live.given()
        except FederationUnreachable:
            assert len(given) == 100
    assert given == whole
