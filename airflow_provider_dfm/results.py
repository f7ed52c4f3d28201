"""Opens in a task what another task of this provider has handed on, small or large alike, without the federation.

.. code-block:: python

    from airflow_provider_dfm.results import kept_results

    @task
    def report(read):
        for result in kept_results(read):
            print(result.parameter_set, result.place, result.value)

    report(DfmResultsOperator(task_id="read", ...).output)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.kept_reference import KeptReference, read_reference

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.federation.tokens import Result

Row = Mapping[str, Any]


class KeptResults:
    """The results of a job, or of one of its sets, read from where they are kept, as often as wanted.

    Iterating gives each as a ``Result``, in order, and holds one at a time.

    :param results: the job's.
    :param parameter_set: only those of this set; None: all.
    :param partial: the task that read them has taken a job that answered only some of its sets.
    """

    def __init__(self, results: FederationResults, parameter_set: int | None = None, partial: bool = False) -> None:
        self._results = results
        self._parameter_set = parameter_set
        self._partial = partial
        #: How the job ended; ``outcome.failed_sets()`` has the reason of each set that was not answered.
        self.outcome = results.outcome

    def __iter__(self) -> Iterator[Result]:
        if self._parameter_set is not None:
            return iter(self._results.of_set(self._parameter_set))
        return self._results.partial() if self._partial else iter(self._results)

    def __len__(self) -> int:
        return len(self._results) if self._parameter_set is None else sum(1 for _ in self)

    def of_set(self, parameter_set: int) -> list[Result]:
        """The results of one parameter set, in order; this reads hardly more than it gives.

        :param parameter_set: the set's index.
        :raises JobFailed: the set was not answered.
        :raises ResultsIncomplete: the job has no such set.
        """
        return self._results.of_set(parameter_set)


def kept_results(xcom: Row | str) -> KeptResults:
    """The results that an XCom of a :class:`DfmResultsOperator` stands for.

    :param xcom: the task's XCom: those of its job; with ``output="sets"``, one of the list, as a mapped task gets it:
        those of that set. Or the URI of a job's kept results, ``<results_path>/<job id>``.
    :raises ResultsIncomplete: nothing is kept there, as this machine sees it, or it is damaged.
    :raises StorageFailed: it cannot be read.
    :raises TypeError: it is something else.
    """
    # It imports what a DAG file has no need of.
    from airflow_provider_dfm.hooks.kept_parts import open_job

    if isinstance(xcom, str):
        return KeptResults(open_job(xcom))
    if not isinstance(xcom, Mapping) or not isinstance(xcom.get("uri"), str):
        raise TypeError(
            f"{xcom!r:.200} is no XCom of a DfmResultsOperator, and no URI of kept results. Give the task's whole "
            'XCom, or one of the list where it has output="sets"; whole() opens any part of one.'
        )
    return KeptResults(open_job(xcom["uri"]), xcom.get("parameter_set"), partial=bool(xcom.get("failed")))


def kept_result(part: Row) -> Result:
    """One result, for ``.array()`` and the like.

    :param part: a row of an XCom's ``results``, or the reference that stands for a value.
    :raises ResultsIncomplete, StorageFailed: as :func:`kept_results`.
    :raises TypeError: it is something else, or stands for several results.
    """
    from airflow_provider_dfm.federation.tokens import Result
    from airflow_provider_dfm.hooks.kept_parts import results_of

    row = part if isinstance(part, Mapping) else {}
    reference = read_reference(part) or read_reference(row.get("value"))
    if reference is None and "frame" in row:
        return Result.model_validate(dict(row))
    found = [] if reference is None or reference.parameter_set is None else results_of(reference)
    if len(found) != 1:
        raise TypeError(f"{part!r:.200} does not stand for one result: kept_results() or whole() may open it.")
    return found[0]


def whole(xcom: Any) -> Any:
    """The same plain data, with all that was left out of it; it is held in memory whole.

    Use it on what operators of this provider hand on, where only they write references, and not on what it gave, or on
    the value of a :class:`Result`: that is of a site, which can write what looks like a reference to anything.

    :param xcom: an XCom of an operator of this provider, or any part of one, or the XComs of a mapped one; what lacks
        nothing comes back as it is.
    :raises ResultsIncomplete: what was left out is not where it was kept, as this machine sees it, or is damaged.
    :raises StorageFailed: it cannot be read.
    """
    if isinstance(xcom, Sequence) and not isinstance(xcom, (str, bytes, list)):
        # Airflow asks its server for each XCom of a mapped task, each time.
        xcom = list(xcom)
    references: set[KeptReference] = set()
    _collect(xcom, references)
    if not references:
        return xcom
    from airflow_provider_dfm.hooks.kept_parts import read_parts

    return _filled(xcom, read_parts(references))


def _collect(part: Any, references: set[KeptReference]) -> None:
    reference = read_reference(part)
    if reference is not None:
        references.add(reference)
    elif isinstance(part, (list, Mapping)):
        for inner in part.values() if isinstance(part, Mapping) else part:
            _collect(inner, references)


def _filled(part: Any, values: Mapping[KeptReference, Any]) -> Any:
    reference = read_reference(part)
    if reference is not None:
        return values[reference]
    if isinstance(part, Mapping):
        return {key: _filled(inner, values) for key, inner in part.items()}
    if isinstance(part, list):
        return [_filled(inner, values) for inner in part]
    return part
