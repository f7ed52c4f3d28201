"""The results of one job, and whether they are all there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from airflow_provider_dfm.federation.answers import describe_misfit
from airflow_provider_dfm.federation.errors import (
    PipelineError,
    ResultsIncomplete,
    UnsafeResult,
    WorkFailed,
)
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import (
    CUSTOM_PROPERTY,
    MAX_EXPECTED_VALUES,
    MAX_PARAMETER_SETS,
    JobNote,
)
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.large_values import DownloadedFiles
from airflow_provider_dfm.federation.token_index import TokenIndex
from airflow_provider_dfm.federation.tokens import Result
from airflow_provider_dfm.remote.value_store import VALUES


class FederationResults:
    """The results of a job, in order: by parameter set, frame and place.

    Iterating checks the whole first, so whoever gets a first result gets the last one too. It can be done as
    often as wanted. Sets that were not answered are an error, except where the task that submitted the job accepts
    that: then ``outcome.failed_sets()`` names them.

    :param outcome: how the job ended.
    :param read: gives the results from the beginning.
    :param read_set: gives those of one parameter set; default: all are read for it.
    """

    def __init__(
        self,
        outcome: JobOutcome,
        read: Callable[[], Iterator[Result]],
        read_set: Callable[[int], Iterator[Result]] | None = None,
    ) -> None:
        self.outcome = outcome
        self._read = read
        self._read_set = read_set

    def __iter__(self) -> Iterator[Result]:
        return self.checked(None)

    def __len__(self) -> int:
        return self.outcome.results

    def partial(self) -> Iterator[Result]:
        """The same, where some of the sets are allowed to have failed; ``outcome.failed_sets()`` names them."""
        return self.checked(partial=True)

    def checked(self, partial: bool | None) -> Iterator[Result]:
        """The same, once they were checked.

        :param partial: see :meth:`JobOutcome.check`.
        """
        self.outcome.check(partial)
        return self._read()

    def of_set(self, parameter_set: int) -> list[Result]:
        """The results of one parameter set, in order, where it was answered; the others may have failed.

        Of kept results, this reads hardly more than it gives.

        :param parameter_set: the set's index.
        :raises JobFailed: the set was not answered.
        :raises ResultsIncomplete: the job has not ended, or has no such set.
        """
        outcome = self.outcome
        reason = outcome.failed_sets().get(parameter_set)
        if reason is not None:
            raise WorkFailed(f"Parameter set {parameter_set} of job {outcome.job_id} failed: {reason}.")
        if not outcome.status.startswith("FINISHED") or not 0 <= parameter_set < outcome.parameter_sets:
            raise ResultsIncomplete(
                f"Job {outcome.job_id} ({outcome.status}) has no results of parameter set {parameter_set}: it had "
                f"{outcome.parameter_sets} sets."
            )
        return list(self.received_of(parameter_set))

    def received_of(self, parameter_set: int) -> Iterator[Result]:
        """What came of one parameter set as data, in order, whether or not it was answered.

        :param parameter_set: the set's index.
        """
        if self._read_set is not None:
            return self._read_set(parameter_set)
        return (result for result in self._read() if result.parameter_set == parameter_set)

    def received(self) -> Iterator[Result]:
        """What came as data, whether or not it is all."""
        return self._read()


def is_pipeline_job(meta: JobMeta) -> bool:
    """Whether this provider made the job from a pipeline, so that its results were kept.

    :param meta: the job's meta, as the server has it.
    :raises JobMetaError: its meta was made up.
    """
    return meta.note.is_of_pipeline


def pipeline_expectation(meta: JobMeta) -> JobNote:
    """What a pipeline has to give.

    :param meta: the job's meta, as the server has it.
    :raises PipelineError: the job was not made by this provider, so that its results are not kept.
    :raises JobMetaError: its meta was made up.
    """
    if not is_pipeline_job(meta):
        raise PipelineError(
            f"Job {meta.job_id} ({meta.name}) is not a pipeline that this provider submitted: it has no "
            "results to read. Download its files instead."
        )
    return meta.note


def read_downloaded_job(folder: Path, meta: JobMeta) -> FederationResults:
    """The results of a job in its downloaded folder; of one that continues another, those of its own sets.

    :param folder: what FLARE's download gave: ``workspace/`` is in it.
    :param meta: the job's meta, as the server has it.
    :raises PipelineError: the job was not made by this provider, so that its results were not kept.
    :raises JobMetaError: the job's meta was made up.
    :raises UnsafeResult: a name in the folder leads out of it.
    """
    expectation = pipeline_expectation(meta)
    index = TokenIndex(_inside(folder, "tokens.jsonl"), DownloadedFiles(_inside(folder, VALUES)))
    sends = _read_sends(_inside(folder, "sends.jsonl"))
    parameter_sets = (expectation.parameter_sets or 0) + sum(send["count"] for send in sends)
    if parameter_sets > MAX_PARAMETER_SETS or parameter_sets * len(expectation.places) > MAX_EXPECTED_VALUES:
        raise ResultsIncomplete(
            f"Job {meta.job_id} ({meta.name}) says that it was sent {parameter_sets} parameter sets, more than can be."
        )
    missing = index.missing(parameter_sets, dict.fromkeys(expectation.places, 1) | expectation.certain)
    if expectation.set_numbers is not None:
        numbers = set(expectation.set_numbers)
        missing = {index: lacking for index, lacking in missing.items() if index in numbers}
    pickles: dict[int, tuple[str, ...]] = {}
    for parameter_set, place, site in index.pickles():
        pickles[parameter_set] = (*pickles.get(parameter_set, ()), f"{place} from site {site}")
    outcome = JobOutcome(
        job_id=meta.job_id,
        name=meta.name,
        status=meta.status,
        parameter_sets=parameter_sets,
        places=expectation.places,
        yields=expectation.yields,
        results=len(index),
        stopped=index.stopped,
        errors=index.errors,
        failed_sites=_read_failures(_inside(folder, "failures.json")),
        missing=missing,
        pickles=pickles,
        content=expectation.content,
        refusals=meta.why_it_could_not_run,
        open=expectation.open,
        discovery=None if expectation.discovery is None else expectation.discovery.model_dump(),
        sends=sends,
        # A clone has the note of its original, whose submitting task has no say in it.
        accepts_partial=expectation.accepts_partial and not meta.cloned_from,
    )
    return FederationResults(outcome, index.results)


def _read_failures(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return TypeAdapter(dict[str, str]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ResultsIncomplete(f"The job's {path.name} cannot be read: {describe_misfit(error)}.") from None


def _read_sends(path: Path) -> tuple[dict[str, Any], ...]:
    """What an open pipeline was sent; a line without an end is that of a send which nobody was told of.

    :raises ResultsIncomplete: there is something else in the file; names the line.
    """
    if not path.exists():
        return ()
    lines = path.read_bytes().split(b"\n")[:-1]
    return tuple(_read_send(line, f"Line {number} of the job's {path.name}") for number, line in enumerate(lines, 1))


def _read_send(line: bytes, where: str) -> dict[str, Any]:
    try:
        send = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ResultsIncomplete(f"{where} is no send that can be read: {type(error).__name__}: {error}.") from None
    if not isinstance(send, dict) or type(send.get("count")) is not int or type(send.get("stop")) is not bool:
        raise ResultsIncomplete(f"{where} is no send that can be read: it has no number of sets.")
    return send


def _inside(folder: Path, name: str) -> Path:
    """A file that the job's controller kept, in the downloaded folder itself: the federation's server laid it out."""
    path = folder.resolve() / "workspace" / "app_server" / CUSTOM_PROPERTY / name
    is_right = path.is_dir() if name == VALUES else path.is_file()
    if path.resolve() != path or (path.exists() and not is_right):
        raise UnsafeResult(f"{name} of the downloaded job is a link or no file: its server does not play fair.")
    return path
