"""Reads what stands behind the references of an XCom, from where it is kept."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.errors import ResultsIncomplete
from airflow_provider_dfm.federation.kept_document import read_document
from airflow_provider_dfm.federation.kept_reference import KeptReference
from airflow_provider_dfm.federation.results_folder import read_kept_results
from airflow_provider_dfm.federation.set_answers import set_answers, values_by_place
from airflow_provider_dfm.hooks.locations import at_uri
from airflow_provider_dfm.hooks.result_rows import failed_sets, result_row

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.federation.tokens import Result

# Of more sets than that, a job's results are read from the first one to the last.
FEW_SETS = 8
Parts = Iterator[tuple[KeptReference, Any]]


def open_job(uri: str) -> FederationResults:
    """A job's kept results.

    :param uri: their folder.
    :raises ResultsIncomplete: nothing is kept there, or it is damaged.
    :raises StorageFailed: it cannot be read.
    """
    kept = read_kept_results(at_uri("The URI of kept results", uri))
    if kept is None:
        raise ResultsIncomplete(
            f"No results are kept at {uri}, as this machine sees it: results_path has to be a place that all workers "
            "reach, and what is below it has to stay there as long as a task may read it."
        )
    return kept


def results_of(reference: KeptReference) -> list[Result]:
    """The results that a reference stands for.

    :param reference: to one set of a job, or to less.
    :raises ResultsIncomplete, StorageFailed: as :func:`open_job`.
    """
    assert reference.parameter_set is not None
    return _meant(reference, open_job(reference.uri).received_of(reference.parameter_set))


def read_parts(references: Collection[KeptReference]) -> dict[KeptReference, Any]:
    """What references stand for, as plain data.

    :param references: of any kind; of those that lead to one place, each file is opened once.
    :raises ResultsIncomplete, StorageFailed: as :func:`open_job`.
    """
    parts: dict[KeptReference, Any] = {}
    by_uri: dict[str, list[KeptReference]] = {}
    for reference in references:
        by_uri.setdefault(reference.uri, []).append(reference)
    for uri, here in by_uri.items():
        parts.update(_of_answer(uri, here) if here[0].path is not None else _of_job(open_job(uri), here))
    return parts


def _of_answer(uri: str, references: Collection[KeptReference]) -> Parts:
    answer = read_document(at_uri("The URI of a kept answer", uri))
    for reference in references:
        part = answer
        for step in reference.path or ():
            part = part[step]
        yield reference, part


def _of_job(results: FederationResults, references: Collection[KeptReference]) -> Parts:
    of_sets: dict[int, list[KeptReference]] = {}
    for reference in references:
        if reference.parameter_set is None:
            yield reference, _rows(results, reference)
        else:
            of_sets.setdefault(reference.parameter_set, []).append(reference)
    for number, came in _sets(results, sorted(of_sets)):
        for reference in of_sets[number]:
            yield reference, _value(reference, _meant(reference, came))


def _rows(results: FederationResults, reference: KeptReference) -> Any:
    if reference.rows == "failed":
        return failed_sets(results.outcome)
    if reference.rows == "sets":
        return [dict(answer) for answer in set_answers(results)]
    return [result_row(result, result.value) for result in results.received()]


def _sets(results: FederationResults, numbers: list[int]) -> Iterator[tuple[int, list[Result]]]:
    """The results of some sets, one set after the other; none of a set that is not there."""
    if len(numbers) <= FEW_SETS:
        yield from ((number, list(results.received_of(number))) for number in numbers)
        return
    wanted = set(numbers)
    for number, came in itertools.groupby(results.received(), attrgetter("parameter_set")):
        if number in wanted:
            wanted.remove(number)
            yield number, list(came)
    yield from ((number, []) for number in sorted(wanted))


def _meant(reference: KeptReference, came: Iterable[Result]) -> list[Result]:
    """Those of a set's results that a reference stands for."""
    if reference.number is not None:
        return list(itertools.islice(came, reference.number, reference.number + 1))
    return [result for result in came if reference.place in (None, result.place)]


def _value(reference: KeptReference, meant: list[Result]) -> Any:
    if not meant:
        raise ResultsIncomplete(
            f"There is no such result as {reference.as_xcom()}: other results of the job are kept there by now."
        )
    if reference.number is not None:
        return meant[0].value
    values = values_by_place(meant)
    return values if reference.place is None else values[reference.place]
