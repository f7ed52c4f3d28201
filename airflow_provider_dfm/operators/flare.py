"""Operators for plain FLARE jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.hooks.dfm import DfmHook


class FlareSubmitJobOperator(SubmittingOperator):
    """Submits a FLARE job.

    The task's XCom is the job's id. The task succeeds when FLARE calls the job completed.

    :param job_definition_path: path or URI of the job's folder, which is left as it is. Templated.

    The rest is as :class:`SubmittingOperator` says.
    """

    template_fields: Sequence[str] = ("job_definition_path", "dfm_conn_id")

    def __init__(self, *, job_definition_path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_definition_path = job_definition_path

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        return hook.submit_job(self.job_definition_path, **once)
