"""What came of each parameter set of a job."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Literal

from pydantic import BaseModel

from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.results import FederationResults, JobOutcome
from airflow_provider_dfm.federation.tokens import Result


class SetAnswer(BaseModel, frozen=True):
    """What came of one parameter set.

    :param parameter_set: the set's index.
    :param status: ``answered``, or ``failed``.
    :param reason: why it failed; None where it did not.
    :param values: place to its value, or to the list of its values, in order, where a generator or several statements
        yielded to it; empty for a set that failed.
    """

    parameter_set: int
    status: Literal["answered", "failed"]
    reason: str | None
    values: dict[str, Any]


def set_answer(number: int, results: Sequence[Result], reason: str | None) -> SetAnswer:
    """Put one together.

    :param number: the set's index.
    :param results: its results, in order.
    :param reason: why it failed, or None.
    """
    if reason is not None:
        return SetAnswer(parameter_set=number, status="failed", reason=reason, values={})
    by_place: dict[str, list[Result]] = {}
    for result in results:
        by_place.setdefault(result.place, []).append(result)
    values = {
        place: came[0].value if len(came) == 1 and len(came[0].frame) == 1 else [result.value for result in came]
        for place, came in by_place.items()
    }
    return SetAnswer(parameter_set=number, status="answered", reason=None, values=values)


def set_answers(results: FederationResults) -> Iterator[SetAnswer]:
    """What came of each parameter set of a job that has ended, in order; only one set's results are held at a time.

    :param results: the job's; whether they are good enough is not looked at.
    """
    failed = results.outcome.failed_sets()
    number = 0
    for came, group in itertools.groupby(results.received(), attrgetter("parameter_set")):
        for missing in range(number, came):
            yield set_answer(missing, [], failed.get(missing))
        yield set_answer(came, list(group), failed.get(came))
        number = came + 1
    for missing in range(number, results.outcome.parameter_sets):
        yield set_answer(missing, [], failed.get(missing))


class LiveSets:
    """Gives what came of each parameter set, in order, as soon as it and all before it were answered.

    A set that failed, and those after it, come once the job has ended.

    :param live: the job's results, from the first one on.
    :param outcome: gives the ended job's outcome.
    :param position: how many sets to leave out: those that were given before.
    """

    def __init__(self, live: LiveResults, outcome: Callable[[], JobOutcome], position: int = 0) -> None:
        #: How many sets were handed on so far, those that were left out among them.
        self.position = position
        #: Whether the job was seen to have ended.
        self.job_has_ended = False
        #: Whether all sets were handed on.
        self.finished = False
        self._live = live
        self._outcome = outcome
        self._failed: dict[int, str] = {}
        self._sets = 0
        self._next = 0
        self._results: dict[int, list[Result]] = {}
        self._ready: deque[SetAnswer] = deque()

    def look(self) -> list[SetAnswer]:
        """See :meth:`LiveResults.look`."""
        while not self._ready and not self.finished:
            came = self._live.look()
            if self._live.job_has_ended and not self.job_has_ended:
                outcome = self._outcome()
                self._failed, self._sets, self.job_has_ended = outcome.failed_sets(), outcome.parameter_sets, True
            for result in came:
                self._results.setdefault(result.parameter_set, []).append(result)
                self._live.given()
            self._release(came[-1].parameter_set if came else 0)
            if not self.job_has_ended:
                break
            self.finished = self._live.finished and not self._ready
        return list(self._ready)

    def given(self) -> None:
        """See :meth:`LiveResults.given`."""
        self._ready.popleft()
        self.position += 1

    def _release(self, last: int) -> None:
        """Release what is known to have all its results: the last set that some came of may get more."""
        whole = self._live.whole_sets
        if self.job_has_ended:
            whole = self._sets if self._live.finished else max(whole, last)
        for number in range(self._next, whole):
            answer = set_answer(number, self._results.pop(number, []), self._failed.get(number))
            if number >= self.position + len(self._ready):
                self._ready.append(answer)
        self._next = max(self._next, whole)


def describe_set(answer: SetAnswer) -> str:
    """What a callback was called with."""
    return f"parameter set {answer.parameter_set}, which was {answer.status}"
