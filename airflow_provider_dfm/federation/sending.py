"""Parameter sets that are sent to a pipeline that runs already."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, Field

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import (
    JobContentConflict,
    JobMetaError,
    JobNotRunning,
    PipelineError,
    UnreadableAnswer,
)
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.results import FederationResults

# The host's own patience with a job that has not begun, and a reply on top of it.
SEND_SECONDS = 90.0


class Sending(BaseModel, frozen=True):
    """What is to be sent.

    :param key: by which a send that is repeated is known.
    :param sets: the parameter sets.
    :param stop: whether the pipeline is to stop after them.
    """

    key: str
    sets: list[dict[str, Any]]
    stop: bool

    @classmethod
    def of(cls, sets: list[dict[str, Any]], stop: bool, key: str | None) -> Sending:
        """A sending; without a key it gets one that nobody has."""
        return cls(key=key or uuid.uuid4().hex, sets=sets, stop=stop)

    def request(self) -> dict[str, Any]:
        """The same, as it travels, with the SHA-256 of its content."""
        content = json.dumps([self.sets, self.stop], sort_keys=True)
        return {**dict(self), "content": hashlib.sha256(content.encode()).hexdigest()}


def job_parameter_schema(meta: JobMeta, ask: Callable[..., Any], federation: str) -> dict[str, Any]:
    """The JSON schema of the parameter sets that a job's pipeline takes.

    :param meta: the job's.
    :param ask: asks the session host.
    :param federation: see :func:`send`.
    :raises JobMetaError: the job's meta was made up.
    """
    _check_operations(meta, federation)
    return read_answer(dict[str, Any], ask("parameter_schema", parameters=meta.note.parameters), "parameter_schema")


def send(
    job_id: str,
    sending: Sending,
    get_job_meta: Callable[[str], JobMeta],
    ask: Callable[..., dict[str, Any]],
    results: Callable[[str], FederationResults],
    federation: str,
) -> list[int]:
    """Send parameter sets to a running pipeline, once.

    :param job_id: the job.
    :param sending: what is to be sent.
    :param get_job_meta: asks for the job's meta.
    :param ask: asks the session host.
    :param results: brings what an ended job left.
    :param federation: the federation's package, which the job's operations have to be of.
    :return: the indices of the sets.
    :raises PipelineError: the job is no pipeline that takes further sets.
    :raises JobNotRunning: it was stopped, or has ended.
    :raises JobContentConflict: other sets were sent under this key before.
    :raises JobMetaError: the job's meta was made up.
    :raises UnreadableAnswer: the job says that another number of sets came.
    """
    meta = get_job_meta(job_id)
    note = meta.note
    if not note.is_of_pipeline or not note.open:
        raise PipelineError(
            f"Job {job_id} ({meta.name}) takes no further parameter sets: it was not submitted as a pipeline with "
            "autostop=False."
        )
    _check_operations(meta, federation)
    request = sending.request()
    if not meta.has_ended:
        try:
            answer = ask("send_input_params", SEND_SECONDS, job_id=job_id, parameters=note.parameters, request=request)
            return _indices(answer, request)
        except JobNotRunning:
            meta = get_job_meta(job_id)
            if not meta.has_ended:
                raise
    return _sent_before(meta, request, results(job_id))


def _check_operations(meta: JobMeta, federation: str) -> None:
    """Refuse operations of other packages: the session host imports those that the job's meta names."""
    fields = [field for taken in meta.note.parameters.values() for field in taken]
    named = {field.get("operation", "") for field in fields}
    strange = sorted(name for name in named if not name.startswith((f"{federation}.", "nv_dfm_core.")))
    if strange:
        raise JobMetaError(
            f"The meta of job {meta.job_id} ({meta.name}) says that {strange[0]!r:.200} takes its parameters, which is "
            f"no operation of the federation {federation!r}: whoever submitted it made that up. Nothing was sent."
        )


class Sent(BaseModel, frozen=True):
    """Which indices the sets of a send have.

    :param first: the first one's.
    :param count: how many there are.
    """

    first: Annotated[int, Field(ge=0)]
    count: int


def _indices(answer: Any, request: dict[str, Any]) -> list[int]:
    sent = read_answer(Sent, answer, "send_input_params")
    if sent.count != len(request["sets"]):
        raise UnreadableAnswer(
            f"{len(request['sets'])} parameter sets were sent, and {sent.count} are said to have come: the job is not "
            "what this provider submitted, or was changed."
        )
    return list(range(sent.first, sent.first + sent.count))


def _sent_before(meta: JobMeta, request: dict[str, Any], results: FederationResults) -> list[int]:
    """What an ended job answered, in case it was its reply that was lost."""
    sends = results.outcome.sends
    noted: Iterable[dict[str, Any]] = [send for send in sends if send["key"] == request["key"]]
    for send in noted:
        if send["content"] != request["content"]:
            raise JobContentConflict(f"Other parameter sets were sent to job {meta.job_id} under the same key before.")
        return _indices(send, request)
    if request["stop"] and not request["sets"] and results.outcome.was_stopped:
        return []
    raise JobNotRunning(
        f"Job {meta.job_id} ({meta.name}) takes no further parameter sets: it is {meta.status}. Submit them as another "
        "job."
    )
