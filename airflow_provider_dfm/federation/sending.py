"""Parameter sets that are sent to a pipeline that runs already."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import JobContentConflict, JobNotRunning, PipelineError
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.results import FederationResults, is_pipeline_job

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


def send(
    job_id: str,
    sending: Sending,
    get_job_meta: Callable[[str], JobMeta],
    ask: Callable[..., dict[str, Any]],
    results: Callable[[str], FederationResults],
) -> list[int]:
    """Send parameter sets to a running pipeline, once.

    :param job_id: the job.
    :param sending: what is to be sent.
    :param get_job_meta: asks for the job's meta.
    :param ask: asks the session host.
    :param results: brings what an ended job left.
    :return: the indices of the sets.
    :raises PipelineError: the job is no pipeline that takes further sets.
    :raises JobNotRunning: it was stopped, or has ended.
    :raises JobContentConflict: other sets were sent under this key before.
    """
    meta = get_job_meta(job_id)
    if not is_pipeline_job(meta) or not meta.own.get("open"):
        raise PipelineError(
            f"Job {job_id} ({meta.name}) takes no further parameter sets: it was not submitted as a pipeline with "
            "autostop=False."
        )
    request = sending.request()
    if not meta.has_ended:
        try:
            answer = ask(
                "send_input_params", SEND_SECONDS, job_id=job_id, parameters=meta.own["parameters"], request=request
            )
            return indices(answer)
        except JobNotRunning:
            meta = get_job_meta(job_id)
            if not meta.has_ended:
                raise
    return _sent_before(meta, request, results(job_id))


def indices(sent: dict[str, Any]) -> list[int]:
    """The indices of the sets of a send.

    :param sent: ``first`` and ``count``.
    """
    return list(range(sent["first"], sent["first"] + sent["count"]))


def _sent_before(meta: JobMeta, request: dict[str, Any], results: FederationResults) -> list[int]:
    """What an ended job answered, in case it was its reply that was lost."""
    sends = results.outcome.sends
    noted: Iterable[dict[str, Any]] = [send for send in sends if send["key"] == request["key"]]
    for send in noted:
        if send["content"] != request["content"]:
            raise JobContentConflict(f"Other parameter sets were sent to job {meta.job_id} under the same key before.")
        return indices(send)
    if request["stop"] and not request["sets"] and results.outcome.was_stopped:
        return []
    raise JobNotRunning(
        f"Job {meta.job_id} ({meta.name}) takes no further parameter sets: it is {meta.status}. Submit them as another "
        "job."
    )
