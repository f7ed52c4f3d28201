from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.discovery import is_good_enough, read_discovery
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.tokens import ERROR_TOKEN, Result

NODE = {"ident": 1}
ASKED = {"sites": ["seattle"], "operations": {"1": {"name": "trial.Measure", "site": "seattle", "places": {}}}}
RAISED = {"token": ERROR_TOKEN, "errors": [{"type": "RuntimeError", "message": "the advisor is out"}]}


def _results(*answers, discovery=ASKED, **changes):
    fields = {"status": "FINISHED:COMPLETED", "parameter_sets": 1, "places": ("advice",), "stopped": True} | changes
    outcome = JobOutcome(job_id="a", name="a", results=len(answers), discovery=discovery, **fields)
    results = [Result(parameter_set=0, frame=(0,), site="seattle", place="advice", value=value) for value in answers]
    return FederationResults(outcome, lambda: iter(results))


@pytest.mark.parametrize(
    ("results", "good", "good_in_part"),
    [
        (_results([[NODE, None]]), True, True),
        (_results(RAISED), False, True),
        (_results(), False, True),
        (_results("unreadable"), False, False),
        (_results([[NODE, None]], status="FINISHED:ABORTED"), False, False),
        (_results("a value", discovery=None), True, True),
    ],
    ids=["advice", "an advisor raised", "no answer", "unreadable", "aborted", "of mode execute"],
)
def test_advice_that_is_not_whole_is_asked_again(results, good, good_in_part):
    assert is_good_enough(results, partial=False) is good
    assert is_good_enough(results, partial=True) is good_in_part


class Counted(int):
    """A value that counts how often it is compared."""

    compared = 0
    __hash__ = int.__hash__

    def __eq__(self, other):
        Counted.compared += 1
        return int(self) == int(other)


def test_advice_with_many_options_is_read_without_comparing_each_with_each():
    values = [Counted(number % 500) for number in range(1000)]
    advice = {"field": "hour", "branches": [[value, None] for value in values]}
    (operation,) = read_discovery(_results([[NODE, advice]])).operations
    assert operation.fields == {"hour": list(range(500))}
    assert Counted.compared < 10_000


def test_what_an_advisor_raises_is_fit_for_a_message_and_a_store():
    raised = RAISED | {"errors": [{"type": "RuntimeError", "message": "\x00\x1b[31m\ud800" + "x" * 100_000}]}
    (error,) = read_discovery(_results(raised)).errors
    assert len(error["message"]) < 5000
    assert error["message"].replace("\n", "").isprintable()
