from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import JobFailed, ResultsIncomplete
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.results_folder import MANIFEST, keep_results, read_kept_results
from airflow_provider_dfm.federation.set_answers import LiveSets, set_answers
from tests.unit.federation.test_live_results import Job
from tests.unit.federation.tokens import end, error, meta, token, write_job

STOP = end("stop")
TOKENS = [
    token(frame=[0, 0], value="a"),
    token(frame=[0, 1], value="b"),
    end([0]),
    error("no data", frame=[1]),
    end([1]),
    token(frame=[2, 0], value="only one"),
    token("other", frame=[2], value="single"),
    end([2]),
    end([3]),
    token(frame=[4], value="last"),
    end([4]),
    STOP,
]
ANSWERS = [
    (0, "answered", None, {"answer": ["a", "b"]}),
    (1, "failed", "site seattle: RuntimeError: no data", {}),
    (2, "answered", None, {"answer": ["only one"], "other": "single"}),
    (3, "failed", "no result at answer", {}),
    (4, "answered", None, {"answer": "last"}),
]


def plain(answers):
    return [tuple(dict(answer).values()) for answer in answers]


def handed_on(sets):
    while answers := sets.look():
        yield answers[0]
        sets.given()


@pytest.fixture
def results(tmp_path):
    return read_downloaded_job(write_job(tmp_path / "download", *TOKENS), meta(sets=5))


def test_each_set_has_its_status_and_its_values(results):
    assert plain(set_answers(results)) == ANSWERS


@pytest.mark.parametrize("position", range(6))
def test_sets_come_one_by_one_from_a_position_on_and_the_failed_ones_at_the_end(tmp_path, position):
    batches = [TOKENS[:2], TOKENS[2:8], TOKENS[8:]]
    job = Job(tmp_path, *batches, sets=5, yields={"answer": 1, "other": 1})
    live = job.live()
    live._results = lambda: job.results().partial()
    sets = LiveSets(live, lambda: job.results().outcome, position)
    assert sets.look() == []
    if position == 0:
        assert plain(sets.look()) == ANSWERS[:1]
        assert job.runs
    given = []
    while not sets.finished:
        given += handed_on(sets)
    assert plain(given) == ANSWERS[position:]
    assert sets.position == 5


def test_a_job_that_failed_ends_the_sets_with_its_error(tmp_path):
    job = Job(tmp_path, TOKENS[:3], TOKENS[3:], sets=5)
    sets = LiveSets(job.live(), lambda: job.results().outcome)
    assert plain(handed_on(sets)) == ANSWERS[:1]
    with pytest.raises(JobFailed, match="no data"):
        sets.look()


def test_one_set_is_read_where_it_was_answered(results, tmp_path):
    keep_results(results, tmp_path / "kept")
    for given in (results, read_kept_results(tmp_path / "kept")):
        assert [result.value for result in given.of_set(0)] == ["a", "b"]
        assert [result.value for result in given.of_set(4)] == ["last"]
        with pytest.raises(JobFailed, match="Parameter set 1 of job 1 failed: site seattle: RuntimeError: no data"):
            given.of_set(1)
        with pytest.raises(ResultsIncomplete, match="no results of parameter set 5: it had 5 sets"):
            given.of_set(5)


def test_one_set_of_many_is_read_without_the_rest(tmp_path):
    count, size = 200, 5_000
    tokens = [token(frame=[number], value=f"{number}:" + "x" * size) for number in range(count)]
    tokens += [end([number]) for number in range(count)]
    whole = read_downloaded_job(write_job(tmp_path / "download", *tokens, STOP), meta(sets=count))
    keep_results(whole, tmp_path / "kept")
    kept = read_kept_results(tmp_path / "kept")
    assert [kept.of_set(number)[0].value.partition(":")[0] for number in range(count)] == list(map(str, range(count)))
    assert (tmp_path / "kept" / MANIFEST).stat().st_size < 5_000
    # What comes long before the set is not even looked at.
    content = (tmp_path / "kept" / "results.jsonl").read_bytes()
    (tmp_path / "kept" / "results.jsonl").write_bytes(b"\n" * (len(content) // 2) + content[len(content) // 2 :])
    assert kept.of_set(199)[0].value.startswith("199:")
    with pytest.raises(ResultsIncomplete):
        kept.of_set(0)
