"""A job's results as a task hands them on: lists that fit into an XCom, with references to what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_dfm.federation.job_logs import shortened
from airflow_provider_dfm.federation.kept_reference import KeptReference
from airflow_provider_dfm.federation.plain_json import plain_json
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.set_answers import SetAnswer, set_answers
from airflow_provider_dfm.hooks.bounded_rows import OUTLINE_BYTES, PART_BYTES, RowForms, Version
from airflow_provider_dfm.hooks.xcom_size import fits_xcom, xcom_bytes

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job_outcome import JobOutcome
    from airflow_provider_dfm.federation.tokens import Result

# Of the reason that a set failed for, where the list is large.
REASON_CHARACTERS = 300
# What stands for values while a list is made: those that an XCom cannot hold, and those that it has no room for.
_UNFIT, _TOO_LARGE = object(), object()


def result_row(result: Result, value: Any) -> dict[str, Any]:
    """A result as a row of a list.

    :param result: the result.
    :param value: what is to stand for its value.
    """
    row: dict[str, Any] = {
        "parameter_set": result.parameter_set,
        "frame": list(result.frame),
        "place": result.place,
        "site": result.site,
        "value": None,
        "node": result.node,
    }
    texts = {name: plain_json(part) for name, part in row.items()}
    return texts | {"value": value}


def failed_sets(outcome: JobOutcome) -> dict[str, str]:
    """The parameter sets that were not answered, each with its reason."""
    return {str(index): str(plain_json(reason)) for index, reason in outcome.failed_sets().items()}


class ResultRows:
    """The lists of one job.

    What is larger than they may be has references in the place of the values of more than 256 bytes; what would be
    larger than 1 MiB even so is one reference as a whole. A value that an XCom cannot hold is a reference always.

    :param results: the job's, which are kept.
    :param uri: the folder that keeps them.
    :param max_bytes: how large each list may be as it is.
    """

    def __init__(self, results: FederationResults, uri: str, max_bytes: int) -> None:
        self._results = results
        self._uri = uri
        self._max_bytes = max_bytes
        self._outline_bytes = max(max_bytes, OUTLINE_BYTES)
        #: What the lists that were made have references for, in words.
        self.left_out: list[str] = []

    def failed(self) -> Any:
        """The reason of each set that was not answered, by the set's index as text; or a reference."""
        reasons = failed_sets(self._results.outcome)
        if fits_xcom(reasons, self._max_bytes):
            return reasons
        self.left_out.append(f"the reasons of {len(reasons)} sets that failed")
        return self._all("failed", len(reasons))

    def results_and_sets(self) -> tuple[Any, Any]:
        """All results, a row each, and what came of each set, a row each; or a reference in place of each list.

        They are read once for both.
        """
        rows = RowForms(self._max_bytes, self._outline_bytes)
        answers = set_answers(FederationResults(self._results.outcome, lambda: self._noted(rows)), self._value_of())
        sets = self._set_forms(answers, {}, lambda: rows.is_full)
        return self._best(rows, "results", len(self._results)), self._best_sets(sets)

    def sets(self, about: dict[str, Any]) -> Any:
        """What came of each set, a row each; or a reference.

        :param about: what each row has besides.
        """
        answers = set_answers(self._results, self._value_of())
        return self._best_sets(self._set_forms(answers, about, lambda: True))

    def _value_of(self) -> _BoundedValues:
        return _BoundedValues(self._max_bytes)

    def _best_sets(self, sets: RowForms) -> Any:
        return self._best(sets, "sets", self._results.outcome.parameter_sets)

    def _best(self, forms: RowForms, what: Literal["results", "sets"], count: int) -> Any:
        best = forms.best
        if best is None:
            self.left_out.append(f"all {count} {what}")
            return self._all(what, count)
        if best.left_out:
            parts = "values" if what == "results" else "values and reasons"
            self.left_out.append(f"{best.left_out} {parts} of {count} {what}")
        return best.rows

    def _all(self, rows: Literal["results", "sets", "failed"], count: int) -> dict[str, Any]:
        return KeptReference(uri=self._uri, rows=rows, count=count).as_xcom()

    def _noted(self, rows: RowForms) -> Iterator[Result]:
        """The results, each of which gets its row as it passes."""
        number, before, room = 0, None, self._max_bytes
        for result in self._results.received():
            number = number + 1 if result.parameter_set == before else 0
            before = result.parameter_set
            # Once the list has no room for it as it is, only small values are of interest.
            value, limit = _as_it_came(result), max(room, PART_BYTES)
            size = xcom_bytes(value, limit)
            room -= size or 0
            reference = KeptReference(uri=self._uri, parameter_set=before, number=number).as_xcom()
            kept = Version(result_row(result, reference), 1)
            whole = kept if size is None else Version(result_row(result, value))
            rows.add(
                None if size is not None and size > limit else whole,
                kept if size is None or size > PART_BYTES else whole,
            )
            yield result

    def _set_forms(
        self, answers: Iterator[SetAnswer], about: dict[str, Any], rest_is_full: Callable[[], bool]
    ) -> RowForms:
        """Give each set its row, until there is no room, and nothing else is to be read with them.

        :param about: what each row has besides.
        :param rest_is_full: whether what is read with them has no room either.
        """
        forms = RowForms(self._max_bytes, self._outline_bytes, self._outline_bytes)
        for answer in answers:
            reason = answer.reason and str(plain_json(answer.reason))
            row = {"parameter_set": answer.parameter_set, "status": answer.status, "reason": reason}
            brief = row | {"reason": _in_brief(reason)}
            whole, outline, bare = self._values(answer), self._values(answer, PART_BYTES), self._bare_values(answer)
            cut = brief["reason"] != reason
            has_room = not any(_last(value) is _TOO_LARGE for value in answer.values.values())
            forms.add(
                Version(row | {"values": whole.row} | about, whole.left_out) if has_room else None,
                Version(brief | {"values": outline.row} | about, outline.left_out + cut),
                Version(brief | {"values": bare.row} | about, bare.left_out + cut),
            )
            if forms.is_full and rest_is_full():
                break
        return forms

    def _values(self, answer: SetAnswer, limit: int | None = None) -> Version:
        # The places of a job are what its submitter calls them: with "@kept", its value would pass for a reference.
        if xcom_bytes(dict.fromkeys(answer.values)) is None:
            return self._bare_values(answer)
        values: dict[str, Any] = {}
        left_out = 0
        for place, value in answer.values.items():
            is_there = _last(value) not in (_UNFIT, _TOO_LARGE) and (limit is None or fits_xcom(value, limit))
            left_out += not is_there
            reference = KeptReference(uri=self._uri, parameter_set=answer.parameter_set, place=place)
            values[place] = value if is_there else reference.as_xcom()
        return Version(values, left_out)

    def _bare_values(self, answer: SetAnswer) -> Version:
        if not answer.values:
            return Version({})
        reference = KeptReference(uri=self._uri, parameter_set=answer.parameter_set, count=len(answer.values))
        return Version(reference.as_xcom(), len(answer.values))


class _BoundedValues:
    """The values of sets as far as an XCom can hold them, so that no more of them is held here.

    :param max_bytes: how many bytes in all; after them, small values only.
    """

    def __init__(self, max_bytes: int) -> None:
        self._room = max_bytes
        self._parameter_set: int | None = None
        self._taken: Counter[str] = Counter()
        self._left_out: dict[str, object] = {}

    def __call__(self, result: Result) -> Any:
        if result.parameter_set != self._parameter_set:
            self._parameter_set = result.parameter_set
            self._taken.clear()
            self._left_out.clear()
        # Once one is left out of a place, so are those after it.
        if result.place not in self._left_out:
            limit = max(self._room, PART_BYTES) - self._taken[result.place]
            value = _as_it_came(result)
            size = xcom_bytes(value, limit)
            if size is not None and size <= limit:
                self._taken[result.place] += size
                self._room -= size
                return value
            self._left_out[result.place] = _UNFIT if size is None else _TOO_LARGE
        return self._left_out[result.place]


def _in_brief(reason: str | None) -> str | None:
    return reason if reason is None or len(reason) <= REASON_CHARACTERS else shortened(reason, REASON_CHARACTERS)


def _as_it_came(result: Result) -> Any:
    """A result's value, without reading what of it is in a file of its own."""
    return dict(result)["value"]


def _last(value: Any) -> Any:
    """The last of the values of a place, or its only one."""
    return value[-1] if isinstance(value, list) and value else value
