"""Operators for plain FLARE jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.hooks.dfm import DfmHook


class FlareSubmitJobOperator(SubmittingOperator):
    """Submits a FLARE job.

    The task's XCom is the job's id. The task succeeds when FLARE calls the job completed.

    :param job_definition_path: path or URI of the job's folder, or of a zip or tar of it, which is left as it is; or
        ``"package.module:function"``, which is called in the federation's interpreter and returns a ``FedJob`` or a
        recipe. Templated.
    :param job_arguments: keyword arguments of the function. Templated.
    :param meta: what is to be otherwise in the job's ``meta.json``, such as ``name``, ``min_clients``,
        ``mandatory_clients``, ``resource_spec`` or ``custom_props`` (added to those that are there). Templated.

    The rest is as :class:`SubmittingOperator` says.
    """

    template_fields: Sequence[str] = (
        "job_definition_path",
        "job_arguments",
        "meta",
        *SubmittingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"job_arguments": "json", "meta": "json"}

    def __init__(
        self,
        *,
        job_definition_path: str,
        job_arguments: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_definition_path = job_definition_path
        self.job_arguments = job_arguments
        self.meta = meta

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        return hook.submit_job(self.job_definition_path, job_arguments=self.job_arguments, meta=self.meta, **once)
