"""How one job ended, and whether all that it was to give is there."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import FederationError, ResultsIncomplete, UnsafeResult, WorkFailed
from airflow_provider_dfm.federation.job_ends import ABORTED, failed_pipeline, first_of, in_words
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.job_status import SUCCESS
from airflow_provider_dfm.federation.tokens import AdapterError


class JobOutcome(BaseModel, frozen=True):
    """How a job ended, and what of it came back.

    :param job_id: the job.
    :param name: its name.
    :param status: FLARE's status.
    :param parameter_sets: how many sets it was given.
    :param places: the places that every set has to give a value to.
    :param yields: all places that can get a value, and how many statements yield there; empty in what was kept without
        it.
    :param results: how many values came.
    :param stopped: whether the pipeline reported its end.
    :param errors: what operations raised.
    :param failed_sites: site to the reason that its part of the job failed.
    :param missing: set to the places that got no value, or to none where the set's end was not reported.
    :param pickles: set to the places and sites of values that came as pickles, of which nothing is read.
    :param content: SHA-256 of what the job was to do.
    :param refusals: why the federation could not run it.
    :param open: whether it took further sets while it ran.
    :param sends: what it was sent so: ``key``, ``content``, ``first`` and ``count`` of the sets, ``stop``.
    :param discovery: of a job that asked for advice: the ``sites`` and ``operations`` that it asked.
    :param accepts_partial: whether the task that submitted it takes it with some of its sets unanswered: it said so
        when it submitted the job, or has taken it so.
    """

    job_id: str
    name: str
    status: str
    parameter_sets: int
    places: tuple[str, ...]
    results: int
    stopped: bool
    errors: tuple[AdapterError, ...] = ()
    failed_sites: dict[str, str] = {}
    missing: dict[int, tuple[str, ...]] = {}
    pickles: dict[int, tuple[str, ...]] = {}
    content: str = ""
    refusals: tuple[str, ...] = ()
    open: bool = False
    sends: tuple[dict[str, Any], ...] = ()
    discovery: dict[str, Any] | None = None
    yields: dict[str, int] = {}
    accepts_partial: bool = False

    @property
    def was_stopped(self) -> bool:
        """Whether somebody has stopped a pipeline that takes further sets; others stop by themselves."""
        return not self.open or any(send["stop"] for send in self.sends)

    def as_meta(self, failed: bool = False) -> JobMeta:
        """What is known of the job.

        :param failed: whether that is not good enough.
        """
        properties: dict[str, Any] = {
            "content": self.content,
            "parameter_sets": self.parameter_sets,
            "places": list(self.places),
            "yields": self.yields,
        }
        if self.open:
            properties["open"] = True
        return JobMeta(
            job_id=self.job_id,
            name=self.name,
            status=self.status,
            custom_props={CUSTOM_PROPERTY: properties},
            failed=failed,
        )

    def failed_sets(self) -> dict[int, str]:
        """The parameter sets that were not answered, each with the reason."""
        reasons: dict[int, list[str]] = {}
        for error in self.errors:
            if error.parameter_set is not None:
                reasons.setdefault(error.parameter_set, []).append(error.reason())
        for index, places in self.missing.items():
            if index not in reasons:
                reasons[index] = [f"no result at {', '.join(places)}" if places else "its end was not reported"]
        for index, places in self.pickles.items():
            reasons.setdefault(index, []).append(f"a pickle at {', '.join(places)}")
        return {index: "; ".join(reasons[index]) for index in sorted(reasons)}

    def is_partial(self) -> bool:
        """Whether some sets were answered and some were not, in a job that nobody aborted."""
        return 0 < len(self.failed_sets()) < self.parameter_sets and self.status != ABORTED

    def acceptance(self) -> str:
        """That some of its sets were not answered, and its submitting task takes that; ``""`` where it is not so."""
        if not (self.accepts_partial and self.is_partial()):
            return ""
        return (
            f"{len(self.failed_sets())} of {self.parameter_sets} parameter sets of job {self.job_id} were not "
            "answered, which the task that submitted the job accepts"
        )

    def check(self, partial: bool | None = None) -> None:
        """Hold the outcome against the promise: every set answered, no error anywhere.

        :param partial: let a job pass that answered some of its sets; None: where its submitting task does.
        :raises JobFailed: a site, an operation or the federation failed, or somebody aborted the job.
        :raises ResultsIncomplete: the job runs still, or results are missing.
        :raises UnsafeResult: a result is a pickle.
        """
        failure = self.failure(partial)
        if failure is not None:
            raise failure

    def failure(self, partial: bool | None = None) -> FederationError | None:
        """What :meth:`check` raises, or None."""
        job = f"Job {self.job_id} ({self.name})"
        if not self.status.startswith("FINISHED"):
            return ResultsIncomplete(f"{job} is {self.status}: wait until it has finished.")
        if (self.accepts_partial if partial is None else partial) and self.is_partial():
            return None
        if self.status != SUCCESS or self.failed_sites or self.errors:
            came = f"{self.results} results came of {self.parameter_sets} parameter sets"
            came += f" ({self.acceptance()})" if self.acceptance() else ""
            return failed_pipeline(job, self.status, self.errors, self.failed_sites, self.refusals, came)
        if not self.was_stopped:
            return WorkFailed(f"{job} ended as {self.status}, though nobody had stopped its pipeline.")
        if self.missing or not self.stopped:
            return ResultsIncomplete(
                f"Results are missing: {first_of(_by_set(self.missing)) or 'the end of the pipeline'}. {job} "
                f"{in_words(self.status)}. Its sites' logs may tell why; run it again."
            )
        if self.pickles:
            return UnsafeResult(
                f"{job} gave pickles, of which nothing is read, as they can run code: "
                f"{first_of(_by_set(self.pickles))}. A site makes what it yields plain, so this job was run by an "
                "earlier release of this provider, or somebody has changed its results. Run it again."
            )
        return None


def _by_set(places: dict[int, tuple[str, ...]]) -> list[str]:
    return [f"set {index}: {', '.join(names) or 'its end'}" for index, names in places.items()]
