"""The operator that asks a federation's sites which values a pipeline's parameters may have."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.xcom_size import MAX_XCOM_BYTES
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind
from airflow_provider_dfm.operators.arguments import take_arguments
from airflow_provider_dfm.operators.dfm_execute import federation_limit
from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.pipeline import PipelineDefinition
    from airflow_provider_dfm.federation.prepared_pipeline import RestrictToSites


class DfmDiscoverOperator(SubmittingOperator):
    """Asks the sites which values the parameters of a pipeline's operations may have, as one job of the federation.

    The task's XCom is ``{"operations", "parameter_sets", "errors"}``, plain data as :class:`Discovery` has it, to
    branch on. Its ``parameter_sets`` are the combinations of values for the pipeline's parameter places. Airflow maps
    over a task's return value only, so a task between hands them to a mapped one:

    .. code-block:: python

        discover = DfmDiscoverOperator(task_id="discover", pipeline="pipelines:measure_discovery")

        @task
        def parameter_sets(discovery):
            return whole(discovery)["parameter_sets"]

        DfmExecuteOperator.partial(task_id="measure", pipeline="pipelines:measure").expand(
            input_params=parameter_sets(discover.output)
        )

    Where it is larger than ``max_xcom_bytes``, or holds what no XCom can hold, its largest parts are references
    ``{"@kept": {"uri": ..., ...}}`` to a file below ``results_path``, and the task's log warns of it; the
    ``parameter_sets`` are among them last, and in 1 MiB stay where they are. ``whole``, of
    ``airflow_provider_dfm.results``, gives all of it in either case.

    :param pipeline: as :class:`DfmExecuteOperator` takes it, of mode ``discovery``: ``Pipeline(mode="discovery")``.
        Fields that are parameters of the pipeline, or ``Advise()``, are advised on; other values are checked.
        Templated.
    :param pipeline_arguments: as :class:`DfmExecuteOperator` takes them. Templated.
    :param restrict_to_sites: as :class:`DfmExecuteOperator` takes it. Templated.
    :param on_error: ``fail`` (default) when an advisor raised something or refused a value, or a site gave no advice;
        or ``list`` it under ``errors``. A retry of a task that failed so asks all of them again. Templated.
    :param max_xcom_bytes: size of the XCom's JSON up to which it is whole; default 48 KiB. Templated.

    The rest is as :class:`SubmittingOperator` says.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "pipeline": kinds.PIPELINE,
        "pipeline_arguments": kinds.FUNCTION_ARGUMENTS,
        "restrict_to_sites": kinds.RESTRICTION,
        "on_error": kinds.choice("fail", "list"),
        "max_xcom_bytes": kinds.whole_number(0),
        **{name: kind for name, kind in SubmittingOperator.arguments.items() if name != "wait_for_completion"},
    }
    template_fields: Sequence[str] = (
        "pipeline",
        "pipeline_arguments",
        "restrict_to_sites",
        "on_error",
        "max_xcom_bytes",
        *SubmittingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"pipeline_arguments": "json"}
    pipeline: PipelineDefinition
    pipeline_arguments: dict[str, Any] | None
    restrict_to_sites: RestrictToSites
    on_error: Literal["fail", "list"]
    max_xcom_bytes: int

    def __init__(
        self,
        *,
        pipeline: PipelineDefinition,
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        on_error: Literal["fail", "list"] = "fail",
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        **kwargs: Any,
    ) -> None:
        super().__init__(wait_for_completion=True, **kwargs)
        take_arguments(
            self,
            pipeline=pipeline,
            pipeline_arguments=pipeline_arguments,
            restrict_to_sites=restrict_to_sites,
            on_error=on_error,
            max_xcom_bytes=max_xcom_bytes,
        )

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        prepared = hook.prepare_discovery(self.pipeline, self.restrict_to_sites, self.pipeline_arguments)
        # Otherwise a retry would find the job that succeeded, and fail by its errors for ever.
        once["claim"] = replace(once["claim"], partial=self.on_error == "list")
        return hook.execute(prepared, options=federation_limit(self.timeout), **once)

    @fails_for_good
    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        job_id = super().execute_complete(context, event)
        # It imports what a DAG file has no need of.
        from airflow_provider_dfm.federation.discovery import read_discovery
        from airflow_provider_dfm.hooks.large_answers import fit_answer

        hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            discovery = read_discovery(hook.results(job_id))
        if self.on_error == "fail":
            discovery.check()
        for error in discovery.errors:
            self.log.warning("Site %s, %s: %s", error["site"], ", ".join(error["operations"]), error["message"])
        lists = (("operations",), ("errors",))
        # At most 1000, and what the next task is for.
        needed = (("parameter_sets",),)
        return fit_answer(discovery.model_dump(), lists, hook, self.max_xcom_bytes, self.log, needed)
