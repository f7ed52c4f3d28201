"""A job that does again only those parameter sets which the job before it did not answer."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from airflow_provider_dfm.federation.job_identity import is_same_content
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.job_status import SUCCESS
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.tokens import Result


def sets_to_repeat(outcome: JobOutcome, content: str) -> list[int] | None:
    """The sets that a job has to do after one that failed.

    :param outcome: how the one before ended.
    :param content: SHA-256 of what both are to do, see :func:`is_same_content`.
    :return: None: all, since nobody can tell which of them the one before did not answer, or there is none it did.
    """
    # An error without a set, or a site's, may have kept any set from being answered as it should.
    certain = outcome.status == SUCCESS and outcome.stopped and not outcome.failed_sites
    certain = certain and all(error.parameter_set is not None for error in outcome.errors)
    certain = certain and not outcome.open and is_same_content(outcome.content, content)
    if not certain or not outcome.is_partial():
        return None
    return list(outcome.failed_sets())


def merge(earlier: FederationResults, later: FederationResults, set_numbers: Sequence[int]) -> FederationResults:
    """The results of both as those of the later job, which thus has all that it was to give.

    :param earlier: what the job before it gave; of the sets that were done again, nothing counts.
    :param later: what the later job gave.
    :param set_numbers: the sets that it did.
    """
    repeated = frozenset(set_numbers)

    def answered() -> Iterator[Result]:
        return (result for result in earlier.received() if result.parameter_set not in repeated)

    def read() -> Iterator[Result]:
        # Both are in order, and no set is in both.
        return heapq.merge(answered(), later.received(), key=lambda result: result.parameter_set)

    missing = {index: places for index, places in earlier.outcome.missing.items() if index not in repeated}
    changes = {
        "results": sum(1 for _ in answered()) + later.outcome.results,
        "missing": dict(sorted((missing | later.outcome.missing).items())),
    }
    return FederationResults(later.outcome.model_copy(update=changes), read)


def without_earlier(later: FederationResults, set_numbers: Sequence[int]) -> FederationResults:
    """The results of a job that continues one whose results are gone: those of all other sets are missing.

    :param later: what the job gave.
    :param set_numbers: the sets that it did.
    """
    outcome = later.outcome
    done = set(set_numbers)
    gone = {index: outcome.places for index in range(outcome.parameter_sets) if index not in done}
    missing = dict(sorted((gone | outcome.missing).items()))
    return FederationResults(outcome.model_copy(update={"missing": missing}), later.received)
