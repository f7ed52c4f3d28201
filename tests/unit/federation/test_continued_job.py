from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.continued_job import merge, sets_to_repeat, without_earlier
from airflow_provider_dfm.federation.errors import ResultsIncomplete
from airflow_provider_dfm.federation.results import read_downloaded_job

from .tokens import end, error, meta, token, write_job

CONTENT = "the content"
STOP = end("stop")
ENDS = [end([number]) for number in range(4)]


def _meta(status="FINISHED:COMPLETED", content=CONTENT, **own):
    made = meta(status, sets=4)
    made.custom_props["airflow_provider_dfm"].update({"content": content} | own)
    return made


def _results(folder, *tokens, failures=None, **own):
    return read_downloaded_job(write_job(folder, *tokens, failures=failures), _meta(**own))


@pytest.fixture
def earlier(tmp_path):
    """Sets 0 and 2 were answered, 1 failed, and of 3 there is half."""
    tokens = [token(frame=[0], value="a"), token(frame=[2], value="c"), token(frame=[3], value="half")]
    return _results(tmp_path / "earlier", *tokens, error("no data", [1]), error("no data", [3], "b"), *ENDS, STOP)


def test_only_what_failed_is_to_be_repeated(earlier):
    assert sets_to_repeat(earlier.outcome, CONTENT) == [1, 3]


@pytest.mark.parametrize(
    ("tokens", "failures", "own"),
    [
        ([error("no data", [1]), *ENDS], None, {"content": "another"}),
        ([error("no data", [1]), *ENDS], None, {"status": "FINISHED:ABORTED"}),
        ([error("no data", [1]), *ENDS], None, {"status": "FINISHED:EXECUTION_EXCEPTION"}),
        ([error("no data", [1]), *ENDS], {"seattle": "died"}, {}),
        ([error("no data", "stop"), *ENDS[:2]], None, {}),
        ([error("no data", [number]) for number in range(4)] + ENDS, None, {}),
        ([error("no data", [1]), *ENDS], None, {"open": True}),
    ],
    ids=["other content", "aborted", "failed", "site died", "error without set", "none answered", "open"],
)
def test_all_is_repeated_where_nobody_can_tell_what_failed(tokens, failures, own, tmp_path):
    answered = [token(frame=[0]), token(frame=[2]), token(frame=[3])]
    results = _results(tmp_path / "job", *answered, *tokens, STOP, failures=failures, **own)
    assert sets_to_repeat(results.outcome, CONTENT) is None


def test_all_is_repeated_of_a_job_that_did_not_end_its_pipeline(tmp_path):
    results = _results(tmp_path / "job", token(frame=[0]), ENDS[0])
    assert sets_to_repeat(results.outcome, CONTENT) is None


def test_the_results_of_both_are_the_whole_in_order(earlier, tmp_path):
    tokens = [token(frame=[3], value="d"), token(frame=[1], value="b"), ENDS[1], ENDS[3], STOP]
    later = _results(tmp_path / "later", *tokens, set_numbers=[1, 3], continues="earlier")
    merged = merge(earlier, later, [1, 3])
    assert [(result.parameter_set, result.value) for result in merged] == list(enumerate("abcd"))
    assert [result.value for result in merged] == list("abcd"), "reading takes nothing away"
    assert len(merged) == 4


def test_what_failed_again_can_be_repeated_again(earlier, tmp_path):
    tokens = [token(frame=[3], value="d"), error("still no data", [1]), ENDS[1], ENDS[3], STOP]
    later = _results(tmp_path / "later", *tokens, set_numbers=[1, 3], continues="earlier")
    merged = merge(earlier, later, [1, 3])
    assert merged.outcome.failed_sets() == {1: "site seattle: RuntimeError: still no data"}
    assert [result.value for result in merged.partial()] == ["a", "c", "d"]
    assert sets_to_repeat(merged.outcome, CONTENT) == [1]
    last = _results(tmp_path / "last", token(frame=[1], value="b"), ENDS[1], STOP, set_numbers=[1], continues="later")
    assert [result.value for result in merge(merged, last, [1])] == list("abcd")


def test_without_the_results_of_the_earlier_job_its_sets_are_missing(tmp_path):
    later = _results(tmp_path / "later", token(frame=[1]), ENDS[1], STOP, set_numbers=[1], continues="earlier")
    alone = without_earlier(later, [1])
    with pytest.raises(ResultsIncomplete, match="set 0: answer; set 2: answer; set 3: answer"):
        list(alone)
    assert sets_to_repeat(alone.outcome, CONTENT) == [0, 2, 3]
