"""The operator that runs a DFM pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dfm.federation.errors import ConnectionSettingsError
from airflow_provider_dfm.hooks.shown_code import prepare_in_task
from airflow_provider_dfm.hooks.task_callbacks import TaskCallbacks, result_callbacks
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind
from airflow_provider_dfm.operators.arguments import check_arguments, take_arguments
from airflow_provider_dfm.operators.no_sets import OnNoSets, end_without_sets
from airflow_provider_dfm.operators.rendered_params import holds_text, read_rendered
from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.parameter_sets import ParameterSets
    from airflow_provider_dfm.federation.pipeline import PipelineDefinition
    from airflow_provider_dfm.federation.prepared_pipeline import RestrictToSites
    from airflow_provider_dfm.federation.result_callbacks import NamedCallback
    from airflow_provider_dfm.hooks.dfm import DfmHook
    from airflow_provider_dfm.hooks.job_end import OnPartialFailure

# The federation's own limit is a safety net for a task that is no longer there to abort its job.
FEDERATION_GRACE_SECONDS = 60


def federation_limit(timeout: float) -> dict[str, int]:
    """FlareOptions with the federation's own limit for the job of a task.

    :param timeout: the seconds after which the task aborts it.
    """
    return {"task_timeout_s": math.ceil(timeout) + FEDERATION_GRACE_SECONDS}


class DfmExecuteOperator(SubmittingOperator):
    """Runs a DFM pipeline, once for each parameter set, as one job of the federation.

    The task's XCom is the job's id. The task succeeds when every parameter set was answered and no site and no
    operation failed; then the results are kept below the connection's ``results_path``. With the target
    ``local`` the job always runs to its end inside the task.

    :param pipeline: path or URI of a pipeline's JSON file, its JSON, or ``"package.module:function"``, which is
        called in the federation's interpreter. Templated.
    :param input_params: one parameter set (a dict from place to value), a list of them, or None for none, with
        ``autostop=False``; default: one empty set. A place may be left out where the operations that take its value
        have a default. Templated, each value or the whole: text that is the plain form of what the place takes becomes
        that, see :func:`read_rendered`; ``dag.param("size")`` hands on the value itself.
    :param on_no_sets: with an empty list as ``input_params``, ``skip`` the task (default) or ``fail`` it, with nothing
        submitted, or ``succeed``: a job is submitted that has nothing to do, and later tasks find it without results.
        Not looked at with ``autostop=False``. Templated.
    :param pipeline_arguments: keyword arguments of the pipeline function; dates and times arrive as ISO 8601 text.
        Templated.
    :param restrict_to_sites: ``"homesite"`` or a list of sites the pipeline may use; default: all. Not with a pipeline
        that is prepared already. Templated.
    :param on_partial_failure: ``fail`` (default) or ``succeed`` when some of the parameter sets were answered and
        some were not. In the second case the XCom ``failed_parameter_sets`` has the reason for each that was not,
        by its index, and so has the result of a :class:`DfmResultsOperator` with the same setting. Templated.
    :param default_callback: called in the task with each result of a place that ``place_callbacks`` does not name:
        a function of the DAG file or another, or ``"package.module:function"``, sync or async, that takes DFM's
        ``site, node, frame, place, value``; see :class:`ResultCallbacks`. While the task waits in its own process
        results are handed on as they come, otherwise once the job has ended, from the kept results: the same calls in
        the same order. Each result is handed on once over all tries of the task, also when a callback raises; a
        process that is killed can have the results of its last second handed on again. A callback that raises fails
        the task, and leaves the job alone: a retry finds it, and goes on with the result that the callback had.
        Of a job that failed, callbacks have what came before, or nothing; that of ``_dfm_status_`` hears what failed.
    :param place_callbacks: place to the function that is called for it instead.
    :param debug: have DFM print what it does while it prepares the pipeline, and show the code that each site will
        run; both go to the task's log, folded. Templated.
    :param options: DFM's FlareOptions as a mapping: ``task_timeout_s``, the seconds after which the federation itself
        stops the job and fails it; 0: never. Default: a minute more than ``timeout``, for a task that is no longer
        there to abort its job. The target ``local`` has no such limit, and the task's log warns of one that is given;
        its jobs end with their task. Templated.
    :param force_modgen: have each site generate its code anew, though its cache has that of this pipeline. Templated.
    :param autostop: end the pipeline after these sets (default). Otherwise it runs on, takes what
        ``DfmSendParamsOperator`` sends it, and ends when that stops it, or with ``timeout`` after its submit. Clearing
        the task aborts it, and starts another in its place. Not with the target ``local``, whose jobs end with their
        task.
    :param wait_for_completion: see :class:`SubmittingOperator`; default: as ``autostop``, so that the task of a
        pipeline that runs on ends once it is submitted.

    The rest is as :class:`SubmittingOperator` says.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "pipeline": kinds.PIPELINE,
        "input_params": kinds.INPUT_PARAMS,
        "on_no_sets": kinds.choice("skip", "fail", "succeed"),
        "pipeline_arguments": kinds.FUNCTION_ARGUMENTS,
        "restrict_to_sites": kinds.RESTRICTION,
        "on_partial_failure": kinds.choice("fail", "succeed"),
        "default_callback": kinds.CALLBACK,
        "place_callbacks": kinds.CALLBACKS,
        "debug": kinds.FLAG,
        "options": kinds.OPTIONS,
        "force_modgen": kinds.FLAG,
        "autostop": kinds.FLAG,
        **SubmittingOperator.arguments,
        "wait_for_completion": kinds.optional(kinds.FLAG),
    }
    template_fields: Sequence[str] = (
        "pipeline",
        "input_params",
        "on_no_sets",
        "pipeline_arguments",
        "restrict_to_sites",
        "on_partial_failure",
        "debug",
        "options",
        "force_modgen",
        *SubmittingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "input_params": "json",
        "pipeline_arguments": "json",
        "options": "json",
    }
    pipeline: PipelineDefinition
    input_params: ParameterSets
    on_no_sets: OnNoSets
    pipeline_arguments: dict[str, Any] | None
    restrict_to_sites: RestrictToSites
    on_partial_failure: OnPartialFailure
    default_callback: NamedCallback | None
    place_callbacks: Mapping[str, NamedCallback] | None
    debug: bool
    options: dict[str, int]
    force_modgen: bool
    autostop: bool

    def __init__(
        self,
        *,
        pipeline: PipelineDefinition,
        input_params: ParameterSets = {},  # noqa: B006 - never changed; None means no set at all, as in DFM
        on_no_sets: OnNoSets = "skip",
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        on_partial_failure: OnPartialFailure = "fail",
        autostop: bool = True,
        wait_for_completion: bool | None = None,
        default_callback: NamedCallback | None = None,
        place_callbacks: Mapping[str, NamedCallback] | None = None,
        debug: bool = False,
        options: Mapping[str, Any] | None = None,
        force_modgen: bool = False,
        **kwargs: Any,
    ) -> None:
        deciding = {"autostop": autostop, "wait_for_completion": wait_for_completion}
        check_arguments(type(self), {"task_id": kwargs.get("task_id"), **deciding})
        waits = autostop if wait_for_completion is None else wait_for_completion
        super().__init__(wait_for_completion=waits, **kwargs)
        if (default_callback or place_callbacks) and not waits:
            raise ValueError("Callbacks are called by a task that waits: set wait_for_completion.")
        # As it was before Airflow renders it.
        self._written_params = input_params
        take_arguments(
            self,
            autostop=autostop,
            pipeline=pipeline,
            input_params=input_params,
            on_no_sets=on_no_sets,
            pipeline_arguments=pipeline_arguments,
            restrict_to_sites=restrict_to_sites,
            on_partial_failure=on_partial_failure,
            default_callback=default_callback,
            place_callbacks=place_callbacks,
            debug=debug,
            options=options,
            force_modgen=force_modgen,
        )

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        if self.autostop:
            end_without_sets(self.input_params, self.on_no_sets, "submitted", self.log)
        is_local = hook.settings.target == "local"
        if not self.autostop and is_local:
            raise ConnectionSettingsError(
                f"autostop=False needs the target flare: connection {self.dfm_conn_id!r} has the target local, whose "
                "jobs end with their task, so that no later one could send to the pipeline."
            )
        pipeline = prepare_in_task(
            hook, self.log, self.pipeline, self.restrict_to_sites, self.debug, self.pipeline_arguments
        )
        sets = self.input_params
        if holds_text(sets):
            sets = read_rendered(self._written_params, sets, pipeline.parameter_schema)
        job = hook.execute(
            pipeline,
            sets,
            autostop=self.autostop,
            default_callback=self.default_callback,
            place_callbacks=self.place_callbacks,
            options=self.options if is_local else federation_limit(self.timeout) | self.options,
            force_modgen=self.force_modgen,
            **once,
        )
        # They were found to fit the pipeline; the task calls them itself, and notes how far they have come.
        return job.call_back(None)

    def replaces_former(self) -> bool:
        # A pipeline that runs on would wait for ever for sets that go to its successor.
        return super().replaces_former() or not self.autostop

    def callbacks(self, context: Context, hook: DfmHook, job_id: str) -> TaskCallbacks | None:
        partial = self.on_partial_failure == "succeed"
        return result_callbacks(context, hook, job_id, self.default_callback, self.place_callbacks, partial)
