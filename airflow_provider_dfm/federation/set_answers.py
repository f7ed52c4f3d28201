"""What came of each parameter set of a job."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Literal

from pydantic import BaseModel

from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.tokens import Result

ValueOf = Callable[[Result], Any]


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


def set_answer(
    number: int, results: Iterable[Result], reason: str | None, value_of: ValueOf = attrgetter("value")
) -> SetAnswer:
    """Put one together.

    :param number: the set's index.
    :param results: its results, in order.
    :param reason: why it failed, or None.
    :param value_of: gives what is to stand for a result's value; default: the value.
    """
    if reason is not None:
        return SetAnswer(parameter_set=number, status="failed", reason=reason, values={})
    return SetAnswer(parameter_set=number, status="answered", reason=None, values=values_by_place(results, value_of))


def values_by_place(results: Iterable[Result], value_of: ValueOf = attrgetter("value")) -> dict[str, Any]:
    """Place to its value, or to the list of its values; see :class:`SetAnswer`.

    :param results: those of one parameter set, in order.
    :param value_of: gives what is to stand for a result's value; default: the value.
    """
    values: dict[str, list[Any]] = {}
    several: set[str] = set()
    for result in results:
        if result.place in values or len(result.frame) > 1:
            several.add(result.place)
        values.setdefault(result.place, []).append(value_of(result))
    return {place: came if place in several else came[0] for place, came in values.items()}


def set_answers(results: FederationResults, value_of: ValueOf = attrgetter("value")) -> Iterator[SetAnswer]:
    """What came of each parameter set of a job that has ended, in order; only one set's values are held at a time.

    :param results: the job's; whether they are good enough is not looked at.
    :param value_of: gives what is to stand for a result's value; default: the value.
    """
    failed = results.outcome.failed_sets()
    number = 0
    for came, group in itertools.groupby(results.received(), attrgetter("parameter_set")):
        for missing in range(number, came):
            yield set_answer(missing, [], failed.get(missing))
        yield set_answer(came, group, failed.get(came), value_of)
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
